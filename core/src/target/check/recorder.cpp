// Checks, keeps, and never trusts a pointer that came back: handles are looked up among the living.

#include "target/check/recorder.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "target/artifacts.hpp"

namespace neurotool::conformance {
namespace {

constexpr std::size_t kMostText = 4096, kMostLog = 65536;

/// Every handle that is good now, and the misuse of those that were.
struct Living {
  std::mutex mutex;
  std::set<const void*> calls;
  std::map<const void*, WriterEnd> writers;
  std::vector<std::string> stray;
};
Living& living() {
  static Living* const everything = new Living;  // outlives the plugin's exit handlers
  return *everything;
}

bool known_severity(std::int32_t severity) {
  return severity == NT_NOTE || severity == NT_WARNING || severity == NT_ERROR;
}

}  // namespace

Recorder::Recorder(CallRules rules) : rules_(rules), start_(std::chrono::steady_clock::now()) {
  results_ = std::make_unique<Results>(rules_.graph != nullptr ? *rules_.graph : no_graph_,
                                       rules_.request, false);
  const std::lock_guard lock(living().mutex);
  living().calls.insert(this);
}

Recorder::~Recorder() {
  const std::lock_guard lock(living().mutex);
  living().calls.erase(this);
  for (const PushedArtifact& artifact : artifacts) living().writers.erase(&artifact);
}

void Recorder::breach(Topic topic, std::string text) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const Offence& o) { return o.topic == topic && o.text == text; };
  if (std::ranges::none_of(offences, same)) offences.push_back({topic, std::move(text)});
}

bool Recorder::may(bool allowed, Topic topic, std::string_view what) {
  if (ended_) {
    const std::lock_guard lock(living().mutex);
    living().stray.push_back(fmt::format("{} was pushed after its call had returned", what));
  }
  if (!allowed) breach(topic, fmt::format("{} was pushed in a call that does not take it", what));
  return allowed && !ended_;
}

nt_code Recorder::take(Topic topic, const Result<>& result) {
  if (result) return NT_OK;
  breach(topic, result.error().message);
  return NT_BAD_ARGUMENT;
}

void Recorder::log(std::int32_t level, nt_str message) {
  may(true, Topic::kCall, "a log message");
  if (level < NT_LOG_DEBUG || level > NT_LOG_WARNING || !text_of(message, kMostLog))
    breach(Topic::kCall, "a log message has an unknown level, or is not UTF-8");
}

void Recorder::diagnose(const nt_diagnostic* given) {
  may(true, Topic::kDiagnostic, "a diagnostic");
  const auto copy = copied(given);
  if (!copy)
    return breach(Topic::kDiagnostic, "a diagnostic's struct_size is less than version 0.1's");
  PushedDiagnostic pushed{copy->severity, copy->subject, copy->subject_index, {}, {}, {}, {}};
  const auto text = [&](nt_str raw, std::string& into, const char* what) {
    const auto good = text_of(raw, kMostText);
    if (!good)
      breach(Topic::kDiagnostic,
             fmt::format("a diagnostic's {} is not UTF-8 of up to {} bytes", what, kMostText));
    into = good ? *good : message_of(raw, kMostText);
  };
  text(copy->subject_key, pushed.subject_key, "subject_key");
  text(copy->code, pushed.code, "code");
  text(copy->message, pushed.message, "message");
  text(copy->help, pushed.help, "help");
  if (!known_severity(pushed.severity)) {
    breach(Topic::kDiagnostic, fmt::format("a diagnostic has severity {}", pushed.severity));
  }
  if (!is_dotted_name(pushed.code) || pushed.code.find('.') == std::string::npos) {
    breach(Topic::kDiagnostic, fmt::format("a diagnostic's code is '{}'; codes look like "
                                           "'loihi2.fan-in'",
                                           pushed.code));
  }
  if (pushed.message.empty()) {
    breach(Topic::kDiagnostic, fmt::format("the diagnostic '{}' has no message", pushed.code));
  }
  check_subject(*copy);
  const std::lock_guard lock(mutex_);
  diagnostics.push_back(std::move(pushed));
}

void Recorder::check_subject(const nt_diagnostic& given) {
  const std::size_t populations = rules_.graph != nullptr ? rules_.graph->populations.size() : 0;
  const std::size_t projections = rules_.graph != nullptr ? rules_.graph->projections.size() : 0;
  if (given.subject == NT_POPULATION && given.subject_index >= populations) {
    breach(Topic::kDiagnostic, fmt::format("a diagnostic is about population {} of {}",
                                           given.subject_index, populations));
  } else if (given.subject == NT_PROJECTION && given.subject_index >= projections) {
    breach(Topic::kDiagnostic, fmt::format("a diagnostic is about projection {} of {}",
                                           given.subject_index, projections));
  } else if (given.subject < 0 || given.subject > NT_OPTION) {
    breach(Topic::kDiagnostic, fmt::format("a diagnostic has subject {}", given.subject));
  } else if (given.subject == NT_OPTION && given.subject_key.size == 0) {
    breach(Topic::kDiagnostic, "a diagnostic is about an option, but has no subject_key");
  }
  if (given.reserved != 0) breach(Topic::kDiagnostic, "a diagnostic's reserved field is not 0");
}

nt_code Recorder::progress(double fraction) {
  may(true, Topic::kCall, "progress");
  if (std::isnan(fraction) || fraction > 1) {
    breach(Topic::kCall, fmt::format("progress was told the fraction {}", fraction));
  }
  const std::lock_guard lock(mutex_);
  const auto number = static_cast<std::int64_t>(progress_times.size());
  progress_times.push_back(std::chrono::steady_clock::now() - start_);
  if (rules_.stop_at < 0 || number < rules_.stop_at) return NT_OK;
  said_stop = true;
  return NT_CANCELLED;
}

nt_code Recorder::metric(const nt_metric* given) {
  if (!may(rules_.graph != nullptr, Topic::kMetric, "a metric")) return NT_BAD_ARGUMENT;
  const auto copy = copied(given);
  if (!copy) {
    breach(Topic::kMetric, "a metric's struct_size is less than version 0.1's");
    return NT_BAD_ARGUMENT;
  }
  if (copy->reserved != 0) breach(Topic::kMetric, "a metric's reserved field is not 0");
  return take(Topic::kMetric, results_->add(*copy));
}

nt_code Recorder::placement(const nt_placement* given) {
  if (!may(rules_.graph != nullptr, Topic::kPlacement, "a placement")) return NT_BAD_ARGUMENT;
  const auto copy = copied(given);
  if (!copy) {
    breach(Topic::kPlacement, "a placement's struct_size is less than version 0.1's");
    return NT_BAD_ARGUMENT;
  }
  if (copy->reserved != 0) breach(Topic::kPlacement, "a placement's reserved field is not 0");
  return take(Topic::kPlacement, results_->add(*copy));
}

nt_code Recorder::artifact_open(nt_str name, nt_str media_type, nt_writer** out) {
  if (out == nullptr) {
    breach(Topic::kArtifact, "artifact_open was called without a place for the writer");
    return NT_BAD_ARGUMENT;
  }
  *out = nullptr;
  may(true, Topic::kArtifact, "an artifact");
  if (!rules_.takes_artifacts) return NT_UNSUPPORTED;
  const std::string text = message_of(name, kMostText);
  if (const std::string refusal = artifact_name_refusal(text); !refusal.empty()) {
    breach(Topic::kArtifact, fmt::format("the artifact '{}' {}", text, refusal));
    return NT_BAD_ARGUMENT;
  }
  const std::lock_guard lock(mutex_);
  for (const PushedArtifact& other : artifacts) {
    if (other.name != text) continue;
    offences.push_back({Topic::kArtifact, fmt::format("the artifact '{}' was opened twice", text)});
    return NT_BAD_ARGUMENT;
  }
  PushedArtifact& made = artifacts.emplace_back();
  made.name = text;
  made.media_type = message_of(media_type, kMostText);
  const std::lock_guard all(living().mutex);
  living().writers[&made] = {this, &made};
  *out = reinterpret_cast<nt_writer*>(&made);
  return NT_OK;
}

nt_code Recorder::artifact_write(PushedArtifact& artifact, const void* data, std::size_t size) {
  may(true, Topic::kWriter, "a part of an artifact");
  if (artifact.closed || (data == nullptr && size > 0)) {
    breach(Topic::kWriter,
           fmt::format("{} bytes for '{}' {}", size, artifact.name,
                       artifact.closed ? "came after it was closed" : "are at NULL"));
    return NT_BAD_ARGUMENT;
  }
  const std::lock_guard lock(mutex_);
  if (size > 0) artifact.content.append(static_cast<const char*>(data), size);
  return NT_OK;
}

nt_code Recorder::artifact_close(PushedArtifact& artifact) {
  if (artifact.closed) {
    breach(Topic::kWriter, fmt::format("'{}' was closed twice", artifact.name));
    return NT_BAD_ARGUMENT;
  }
  artifact.closed = true;
  return NT_OK;
}

nt_code Recorder::spikes(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                         const std::uint32_t* neurons, const std::int32_t* payloads,
                         std::size_t count) {
  if (!may(rules_.request != nullptr, Topic::kSpikes, "a spike")) return NT_BAD_ARGUMENT;
  return take(Topic::kSpikes,
              results_->add_spikes(sample, population, step, neurons, payloads, count));
}

nt_code Recorder::values(std::uint64_t sample, std::uint32_t population, nt_str variable,
                         std::uint64_t step, const nt_tensor* value) {
  if (!may(rules_.request != nullptr, Topic::kValues, "a value")) return NT_BAD_ARGUMENT;
  return take(Topic::kValues, results_->add_values(sample, population, variable, step, value));
}

void Recorder::end() {
  take(Topic::kTwice, results_->order());
  metrics = results_->take_metrics();
  placements = results_->take_placements();
  spike_records = results_->take_spikes();
  value_records = results_->take_values();
  for (const PushedArtifact& artifact : artifacts) {
    if (!artifact.closed) {
      breach(Topic::kWriter,
             fmt::format("'{}' was still open when the call returned", artifact.name));
    }
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
}

bool Recorder::has_error() const {
  return std::ranges::any_of(diagnostics, [](const auto& d) { return d.severity == NT_ERROR; });
}

bool Recorder::has_subject() const {
  return std::ranges::any_of(
      diagnostics, [](const auto& d) { return d.severity == NT_ERROR && d.subject != 0; });
}

std::string Recorder::errors_text() const {
  std::string text;
  for (const PushedDiagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity != NT_ERROR) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", diagnostic.code, diagnostic.message);
  }
  return text.empty() ? "no diagnostic" : text;
}

Recorder* recorder_of(nt_call* handle) {
  const std::lock_guard lock(living().mutex);
  if (living().calls.contains(handle)) return reinterpret_cast<Recorder*>(handle);
  living().stray.push_back(handle == nullptr ? "a function of the host was called without a call"
                                             : "a call was used after it had returned");
  return nullptr;
}

WriterEnd writer_of(nt_writer* handle) {
  const std::lock_guard lock(living().mutex);
  const auto found = living().writers.find(handle);
  if (found != living().writers.end()) return found->second;
  living().stray.push_back(handle == nullptr ? "a writer was used that was never opened"
                                             : "a writer was used after its call had returned");
  return {};
}

std::vector<std::string> stray_calls() {
  const std::lock_guard lock(living().mutex);
  return living().stray;
}

}  // namespace neurotool::conformance
