// Group lifecycle: init, open, close and shutdown, in every order that the ABI allows.

#include <array>
#include <vector>

#include <fmt/format.h>

#include "target/check/guest.hpp"
#include "target/check/process_state.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

Result<> init_and_shutdown(Trial& trial) {
  NT_TRY(Guest guest, Guest::load(trial.file()));
  NT_TRY_VOID(guest.init());
  guest.shutdown();
  return {};
}

Result<> open_with_defaults(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    NT_TRY_VOID(OpenTarget::open(offer));
    return {};
  });
}

/// Opens with one option at an end of its range. A target may refuse it, with a diagnostic.
void open_at(Trial& trial, const Offer& offer, const OptionInfo& option, const OptionValue& value) {
  std::vector<CheckedOption> options = default_options(offer);
  for (CheckedOption& each : options)
    if (each.key == option.key) each.value = value;
  Recorder recorder({});
  const auto opened = OpenTarget::open(offer, options, recorder);
  if (!opened && !recorder.has_error()) {
    trial.fail(fmt::format("{} = {} is within its row, but open() refuses it without a diagnostic",
                           option.key, value_text(value)));
  } else if (!opened) {
    trial.warn(fmt::format("{} = {} is within its row, but {}", option.key, value_text(value),
                           opened.error().message));
  }
}

Result<> open_at_limits(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    std::size_t tried = 0;
    for (const OptionInfo& option : offer.options) {
      for (const OptionValue& value : extreme_values(option)) {
        open_at(trial, offer, option, value);
        ++tried;
      }
    }
    if (tried == 0) trial.skip("no option has limits");
    if (tried > 0) trial.looked();
    return {};
  });
}

Result<> open_again_and_again(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    constexpr std::size_t kWarmUp = 10, kTimes = 100, kBytesEach = 8;  // less is somebody's cache
    for (std::size_t i = 0; i < kWarmUp; ++i) NT_TRY_VOID(OpenTarget::open(offer));
    const ProcessState state = ProcessState::now();
    const auto once = [&]() -> Result<> {
      NT_TRY_VOID(OpenTarget::open(offer));
      return {};
    };
    Result<> opened;
    const std::size_t left = bytes_left_by(
        [&] {
          if (opened) opened = once();
        },
        kTimes, kBytesEach * kTimes);
    NT_TRY_VOID(opened);
    if (left > kBytesEach * kTimes) {
      trial.fail(fmt::format("opening and closing {} times leaves {} bytes behind", kTimes, left));
    }
    const ProcessState later = ProcessState::now();
    if (later.threads > state.threads || later.files.size() > state.files.size()) {
      trial.fail(fmt::format(
          "opening and closing {} times leaves {} threads and {} open files behind", kTimes,
          later.threads - state.threads, later.files.size() - state.files.size()));
    }
    return {};
  });
}

Result<> two_at_once(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    NT_TRY(auto first, OpenTarget::open(offer));
    NT_TRY(auto second, OpenTarget::open(offer));
    if (first.handle() == second.handle()) trial.fail("two opened targets are the same object");
    return {};
  });
}

Result<> close_in_any_order(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    constexpr std::array<std::array<int, 3>, 3> kOrders{{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}}};
    for (const std::array<int, 3>& order : kOrders) {
      std::array<std::unique_ptr<OpenTarget>, 3> targets;
      for (auto& target : targets) {
        NT_TRY(auto opened, OpenTarget::open(offer));
        target = std::make_unique<OpenTarget>(std::move(opened));
      }
      for (const int i : order) targets[static_cast<std::size_t>(i)].reset();
    }
    return {};
  });
}

/// The process of this check ends through exit(): destructors and exit handlers of the library run.
Result<> leave_in_peace(Trial& trial) {
  const Result<> lived = for_each_target(trial, [&](const Offer& offer) -> Result<> {
    NT_TRY_VOID(OpenTarget::open(offer));
    return {};
  });
  for (const std::string& text : stray_calls()) trial.fail(text);
  return lived;
}

constexpr std::array kChecks{
    Check{{"lifecycle", "lifecycle.init", "init() succeeds, and shutdown() after it."},
          init_and_shutdown,
          "describe.options"},
    Check{{"lifecycle", "lifecycle.open", "A target opens with its defaults and closes."},
          open_with_defaults,
          "lifecycle.init"},
    Check{{"lifecycle", "lifecycle.limits", "A target opens with every option at its limits."},
          open_at_limits,
          "lifecycle.open"},
    Check{{"lifecycle", "lifecycle.repeat", "Opening a hundred times leaves nothing behind."},
          open_again_and_again,
          "lifecycle.open"},
    Check{{"lifecycle", "lifecycle.two", "Two targets can be open at once."},
          two_at_once,
          "lifecycle.open"},
    Check{{"lifecycle", "lifecycle.order", "Targets close in any order."},
          close_in_any_order,
          "lifecycle.open"},
    Check{{"lifecycle", "lifecycle.exit", "After shutdown() the process ends in peace."},
          leave_in_peace,
          "lifecycle.open",
          Leave::kWithHandlers},
};

}  // namespace

std::span<const Check> lifecycle_checks() { return kChecks; }

}  // namespace neurotool::conformance
