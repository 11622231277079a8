// Group cancel: work stops when progress() says so, and asks often enough.

#include <array>
#include <chrono>

#include <fmt/format.h>

#include "target/check/drive.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

using Seconds = std::chrono::duration<double>;
constexpr Seconds kLongestStop{1};

/// One function of the plugin that takes a call, run with the recorder's rules.
using Work = std::function<nt_code(Recorder&)>;

/// Stops the work at one of its calls of progress, and judges how it stops.
void stop_at(Trial& trial, const std::string& what, const CallRules& rules, std::int64_t at,
             const Work& work) {
  CallRules stopping = rules;
  stopping.stop_at = at;
  Recorder recorder(stopping);
  const auto start = std::chrono::steady_clock::now();
  const nt_code code = work(recorder);
  const auto end = std::chrono::steady_clock::now() - start;
  if (!recorder.said_stop) return;  // it took another way this time
  const Seconds after = end - recorder.progress_times[static_cast<std::size_t>(at)];
  if (code != NT_CANCELLED) {
    trial.fail(
        fmt::format("{}: progress() answered 'cancelled' the {}. time, and the call ends with "
                    "'{}'",
                    what, at + 1, code_text(code)));
  }
  if (after > kLongestStop) {
    trial.fail(fmt::format("{}: it takes {:.1f} s to stop; the limit is 1 s", what, after.count()));
  }
}

/// Runs the work to its end, then stops it at the first, the middle and the last call of progress.
/// False: it never asked.
bool stop_everywhere(Trial& trial, const std::string& what, const CallRules& rules,
                     const Work& work) {
  Recorder whole(rules);
  if (work(whole) != NT_OK || whole.progress_times.empty()) return false;
  const auto count = static_cast<std::int64_t>(whole.progress_times.size());
  stop_at(trial, what, rules, 0, work);
  if (count > 2) stop_at(trial, what, rules, count / 2, work);
  if (count > 1) stop_at(trial, what, rules, count - 1, work);
  return true;
}

Result<> stop_compile(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    bool asks = false;
    NT_TRY_VOID(for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      const CallRules rules{.graph = &work.exhibit.graph};
      const bool asked = stop_everywhere(
          trial, fmt::format("compile() of graph '{}'", work.exhibit.name), rules,
          [&](Recorder& recorder) { return Compiled(work.target, recorder, work.face).code(); });
      asks = asks || asked;
      return {};
    }));
    if (asks) trial.looked();
    if (!asks) trial.skip("compile() of small graphs never calls progress()");
    return {};
  });
}

Result<> stop_run(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    if (!offer.simulate) {
      trial.skip("it does not simulate");
      return {};
    }
    bool asks = false;
    NT_TRY_VOID(for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      const SimulateRequest request = request_for(work.exhibit);
      const CallRules rules{.graph = &work.exhibit.graph, .request = &request};
      const bool asked =
          stop_everywhere(trial, fmt::format("run() of graph '{}'", work.exhibit.name), rules,
                          [&](Recorder& recorder) {
                            return simulate(offer, work.program.handle(), request, recorder);
                          });
      asks = asks || asked;
      return {};
    }));
    if (asks) trial.looked();
    if (!asks) trial.skip("run() of small graphs never calls progress()");
    return {};
  });
}

/// A run can be stopped and the program used again: nothing of the stopped run is left in it.
Result<> run_after_stop(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    if (!offer.simulate) {
      trial.skip("it does not simulate");
      return {};
    }
    trial.looked();
    return for_each_accepted(offer, [&](const Accepted& work) -> Result<> {
      const SimulateRequest request = request_for(work.exhibit);
      const Result<Observed> before = run_once(work, request);
      if (!before) return {};
      Recorder stopped({.graph = &work.exhibit.graph, .request = &request, .stop_at = 0});
      simulate(offer, work.program.handle(), request, stopped);
      NT_TRY(const Observed after, run_once(work, request));
      if (after != *before) {
        trial.fail(fmt::format("graph '{}' gives other results after a stopped run: {}",
                               work.exhibit.name,
                               first_difference(*before, after, work.exhibit.graph)));
      }
      return {};
    });
  });
}

/// The longest time between two calls of progress, the ends of the call included.
Seconds longest_gap(const Recorder& recorder, Seconds whole) {
  Seconds longest{0}, last{0};
  for (const auto& time : recorder.progress_times) {
    longest = std::max(longest, Seconds(time) - last);
    last = Seconds(time);
  }
  return std::max(longest, whole - last);
}

/// Runs a graph for twice the steps until one run takes half a second; small runs tell nothing.
void measure_pace(Trial& trial, const OpenTarget& target, const ZooGraph& exhibit) {
  const GraphFace face(exhibit.graph);
  Recorder compiling({.graph = &exhibit.graph});
  const Compiled program(target, compiling, face);
  if (program.code() != NT_OK) return;
  SimulateRequest request = request_for(exhibit);
  request.probes.clear();
  for (;; request.steps *= 4) {
    Recorder recorder({.graph = &exhibit.graph, .request = &request});
    const auto start = std::chrono::steady_clock::now();
    const nt_code code = simulate(target.offer(), program.handle(), request, recorder);
    const Seconds taken = std::chrono::steady_clock::now() - start;
    if (code != NT_OK) return;
    trial.looked();
    if (taken < Seconds(0.5) && request.steps < (std::uint64_t{1} << 20)) continue;
    const Seconds gap = longest_gap(recorder, taken);
    if (gap > kLongestStop) {
      trial.fail(
          fmt::format("a run of {:.1f} s calls progress() {} times, with {:.1f} s between two "
                      "of them; ten times a second lets people stop it",
                      taken.count(), recorder.progress_times.size(), gap.count()));
    } else if (gap > Seconds(0.4) && taken > Seconds(0.5)) {
      trial.warn(fmt::format("a run of {:.1f} s goes {:.1f} s without progress()", taken.count(),
                             gap.count()));
    }
    return;
  }
}

Result<> pace(Trial& trial) {
  return for_each_target(trial, [&](const Offer& offer) -> Result<> {
    NT_TRY(const OpenTarget target, OpenTarget::open(offer));
    for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kInteger}) {
      const ZooGraph exhibit = million_synapses(arithmetic);
      if (offer.simulate && offer.takes(exhibit.graph)) measure_pace(trial, target, exhibit);
    }
    trial.skip("it does not simulate the large graph");
    return {};
  });
}

constexpr std::array kChecks{
    Check{{"cancel", "cancel.compile", "compile() stops when progress() says so."},
          stop_compile,
          "simulate.runs"},
    Check{{"cancel", "cancel.run", "run() stops when progress() says so."},
          stop_run,
          "simulate.runs"},
    Check{{"cancel", "cancel.again", "A stopped run leaves nothing in the program."},
          run_after_stop,
          "simulate.runs"},
    Check{{"cancel", "cancel.pace", "A long run calls progress() often enough."},
          pace,
          "simulate.runs"},
};

}  // namespace

std::span<const Check> cancel_checks() { return kChecks; }

}  // namespace neurotool::conformance
