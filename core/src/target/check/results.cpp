// Group results: what is pushed during a whole life keeps the rules of nt_results_api.

#include <array>
#include <set>

#include <fmt/format.h>

#include "target/check/drive.hpp"
#include "target/check/trial.hpp"

namespace neurotool::conformance {
namespace {

/// The breaches of one topic over the zoo, and whether anything was pushed that could break it.
struct Survey {
  std::set<std::string> breaches;
  std::size_t pushed = 0;
};

std::size_t pushed_count(const Recorder& recorder, Topic topic) {
  switch (topic) {
    case Topic::kDiagnostic:
      return recorder.diagnostics.size();
    case Topic::kMetric:
      return recorder.metrics.size();
    case Topic::kPlacement:
      return recorder.placements.size();
    case Topic::kArtifact:
    case Topic::kWriter:
      return recorder.artifacts.size();
    case Topic::kSpikes:
      return recorder.spike_records.size();
    case Topic::kValues:
      return recorder.value_records.size();
    case Topic::kCall:
      return 1;
    case Topic::kTwice:
      return recorder.metrics.size() + recorder.spike_records.size() +
             recorder.value_records.size();
  }
  return 0;
}

Result<> look_at(Trial& trial, Topic topic, std::string_view what) {
  Survey survey;
  NT_TRY_VOID(live(trial, {}, [&](const Recorder& recorder) {
    survey.pushed += pushed_count(recorder, topic);
    for (const Offence& offence : recorder.offences)
      if (offence.topic == topic) survey.breaches.insert(offence.text);
  }));
  if (topic == Topic::kCall)
    for (const std::string& text : stray_calls()) survey.breaches.insert(text);
  for (const std::string& text : survey.breaches) trial.fail(text);
  if (survey.breaches.empty() && survey.pushed == 0)
    trial.skip(fmt::format("it pushes no {}", what));
  return {};
}

Result<> calls(Trial& trial) { return look_at(trial, Topic::kCall, "results"); }
Result<> diagnostics(Trial& trial) { return look_at(trial, Topic::kDiagnostic, "diagnostics"); }
Result<> metrics(Trial& trial) { return look_at(trial, Topic::kMetric, "metrics"); }
Result<> placements(Trial& trial) { return look_at(trial, Topic::kPlacement, "placements"); }
Result<> artifacts(Trial& trial) { return look_at(trial, Topic::kArtifact, "artifacts"); }
Result<> writers(Trial& trial) { return look_at(trial, Topic::kWriter, "artifacts"); }
Result<> spikes(Trial& trial) { return look_at(trial, Topic::kSpikes, "spikes"); }
Result<> values(Trial& trial) { return look_at(trial, Topic::kValues, "values"); }
Result<> once(Trial& trial) { return look_at(trial, Topic::kTwice, "results"); }

constexpr std::array kChecks{
    Check{{"results", "results.calls", "Calls are used until they return, and no longer."},
          calls,
          "simulate.runs"},
    Check{{"results", "results.diagnostics", "Diagnostics have a code, a message and a subject."},
          diagnostics,
          "simulate.runs"},
    Check{{"results", "results.metrics", "Metrics have a name, a unit and an honest origin."},
          metrics,
          "simulate.runs"},
    Check{{"results", "results.placements", "Placements name neurons that exist."},
          placements,
          "simulate.runs"},
    Check{{"results", "results.artifacts", "Artifacts have plain relative names."},
          artifacts,
          "simulate.runs"},
    Check{{"results", "results.writers", "Writers are closed in the call that opened them."},
          writers,
          "simulate.runs"},
    Check{{"results", "results.spikes", "Spikes are asked for, in range and ascending."},
          spikes,
          "simulate.runs"},
    Check{{"results", "results.values", "Values are asked for, in range and of the right size."},
          values,
          "simulate.runs"},
    Check{{"results", "results.once", "Nothing is pushed twice."}, once, "simulate.runs"},
};

}  // namespace

std::span<const Check> results_checks() { return kChecks; }

}  // namespace neurotool::conformance
