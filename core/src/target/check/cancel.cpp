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

/// How the work ends when it is stopped at one of its calls of progress.
struct Stop {
  bool said = false;  ///< false: it took another way this time
  nt_code code = NT_OK;
  Seconds after{0};
};

Stop stop_once(CallRules rules, std::int64_t at, const Work& work) {
  rules.stop_at = at;
  Recorder recorder(rules);
  const auto start = std::chrono::steady_clock::now();
  Stop stop;
  stop.code = work(recorder);
  const auto end = std::chrono::steady_clock::now() - start;
  stop.said = recorder.said_stop;
  if (stop.said) stop.after = end - recorder.progress_times[static_cast<std::size_t>(at)];
  return stop;
}

void stop_at(Trial& trial, const std::string& what, const CallRules& rules, std::int64_t at,
             const Work& work) {
  Stop stop = stop_once(rules, at, work);
  // A busy machine may be slow once.
  for (int again = 0; again < 2 && stop.after > kLongestStop; ++again)
    stop = stop_once(rules, at, work);
  if (!stop.said) return;
  if (stop.code != NT_CANCELLED) {
    trial.fail(fmt::format(
        "{}: progress() answered 'cancelled' at call {}, and the function ends with '{}'", what,
        at + 1, code_text(stop.code)));
  }
  if (stop.after > kLongestStop) {
    trial.fail(
        fmt::format("{}: it takes {:.1f} s to stop; the limit is 1 s", what, stop.after.count()));
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

struct Pace {
  nt_code code = NT_OK;
  Seconds taken{0}, gap{0};
  std::size_t calls = 0;
};

Pace pace_of(const Offer& offer, nt_program* program, const ZooGraph& exhibit,
             const SimulateRequest& request) {
  Recorder recorder({.graph = &exhibit.graph, .request = &request});
  const auto start = std::chrono::steady_clock::now();
  Pace pace;
  pace.code = simulate(offer, program, request, recorder);
  pace.taken = std::chrono::steady_clock::now() - start;
  pace.gap = longest_gap(recorder, pace.taken);
  pace.calls = recorder.progress_times.size();
  return pace;
}

void judge_pace(Trial& trial, const Pace& pace) {
  if (pace.gap > kLongestStop) {
    trial.fail(fmt::format(
        "a run of {:.1f} s calls progress() {} times and goes {:.1f} s without; ten times a second "
        "lets people stop it",
        pace.taken.count(), pace.calls, pace.gap.count()));
  } else if (pace.gap > Seconds(0.4)) {
    trial.warn(fmt::format("a run of {:.1f} s goes {:.1f} s without progress()", pace.taken.count(),
                           pace.gap.count()));
  }
}

/// Runs a graph for ever more steps until one run takes long enough to tell something.
void measure_pace(Trial& trial, const OpenTarget& target, const ZooGraph& exhibit) {
  const GraphFace face(exhibit.graph);
  Recorder compiling({.graph = &exhibit.graph});
  const Compiled program(target, compiling, face);
  if (program.code() != NT_OK) return;
  SimulateRequest request = request_for(exhibit);
  request.probes.clear();
  constexpr std::uint64_t kMostSteps = std::uint64_t{1} << 20;
  Pace pace = pace_of(target.offer(), program.handle(), exhibit, request);
  while (pace.code == NT_OK && pace.taken < Seconds(1.5) && request.steps < kMostSteps) {
    request.steps *= pace.taken < Seconds(0.3) ? 4 : 2;
    pace = pace_of(target.offer(), program.handle(), exhibit, request);
  }
  if (pace.code != NT_OK) return;
  trial.looked();
  // A busy machine may be slow once.
  for (int again = 0; again < 2 && pace.gap > Seconds(0.4); ++again) {
    const Pace other = pace_of(target.offer(), program.handle(), exhibit, request);
    if (other.gap < pace.gap) pace = other;
  }
  judge_pace(trial, pace);
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
