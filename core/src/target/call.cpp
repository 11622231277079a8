// Findings are kept until the call returns: then they are ordered by what they are about, given
// their places in the model and the pipeline file, and handed on.
#include "target/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/log.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMostFindings = 1000;
constexpr std::size_t kMostMessage = 4096;
constexpr std::size_t kMostOrigins = 4;
constexpr std::string_view kTellAuthor = "this is a bug in the plugin; tell its author";

std::string_view doing(Stage stage) {
  switch (stage) {
    case Stage::kOpen:
      return "opening";
    case Stage::kCheck:
      return "checking the graph";
    case Stage::kCompile:
      return "compiling";
    case Stage::kSimulate:
      return "simulating";
    case Stage::kEmit:
      return "writing code";
  }
  return {};
}

Severity severity_of(std::int32_t severity) {
  if (severity == NT_NOTE) return Severity::kNote;
  if (severity == NT_WARNING) return Severity::kWarning;
  return Severity::kError;
}

/// Names the node, and the nodes of the model file that it came from.
template <class Node>
void place_at_node(Diagnostic& diagnostic, const Node& node) {
  diagnostic.at = ModelNode{{}, node.name};
  for (std::size_t i = 0; i < std::min(node.origins.size(), kMostOrigins); ++i) {
    diagnostic.notes.push_back(
        {ModelNode{{}, node.origins[i]}, fmt::format("'{}' was made from this node", node.name)});
  }
}

}  // namespace

ActiveCall::ActiveCall(Stage stage, CallSubject subject, PluginCall call)
    : stage_(stage), subject_(std::move(subject)), call_(call), artifacts_(call.artifacts) {
  if (subject_.graph != nullptr) results_.emplace(*subject_.graph, subject_.request, false);
}

void ActiveCall::log(std::int32_t level, nt_str message) {
  const LogLevel kept = level == NT_LOG_DEBUG     ? LogLevel::kDebug
                        : level == NT_LOG_WARNING ? LogLevel::kWarning
                                                  : LogLevel::kInfo;
  neurotool::log(kept, fmt::format("[{}] {}", subject_.target, message_of(message, kMostMessage)));
}

void ActiveCall::diagnose(const nt_diagnostic* given) {
  const auto diagnostic = copied(given);
  if (!diagnostic) {
    return misbehaved(fmt::format("'{}' reports a diagnostic without a size", subject_.target));
  }
  add(finding_of(*diagnostic));
}

void ActiveCall::add(Finding finding) {
  // Counted apart, so that no flood of warnings can hide an error.
  const bool is_error = finding.diagnostic.severity == Severity::kError;
  const std::lock_guard lock(mutex_);
  std::size_t& count = is_error ? errors_ : others_;
  if (count++ < kMostFindings) findings_.push_back(std::move(finding));
}

ActiveCall::Finding ActiveCall::finding_of(const nt_diagnostic& given) const {
  Finding finding{given.subject, given.subject_index, {}};
  Diagnostic& made = finding.diagnostic;
  made.severity = severity_of(given.severity);
  made.code = message_of(given.code, 128);
  if (!is_dotted_name(made.code)) made.code = "plugin.uncoded";
  made.message = message_of(given.message, kMostMessage);
  if (made.message.empty()) {
    made.message = fmt::format("'{}' has a finding without words", subject_.target);
  }
  made.help = message_of(given.help, kMostMessage);
  const SpikeGraph* graph = subject_.graph;
  const std::uint32_t index = given.subject_index;
  if (given.subject == NT_POPULATION && graph != nullptr && index < graph->populations.size()) {
    place_at_node(made, graph->populations[index]);
  } else if (given.subject == NT_PROJECTION && graph != nullptr &&
             index < graph->projections.size()) {
    place_at_node(made, graph->projections[index]);
  } else if (given.subject == NT_OPTION) {
    place_at_option(finding, given.subject_key);
  }
  return finding;
}

void ActiveCall::place_at_option(Finding& finding, nt_str key) const {
  const std::string name = message_of(key, 256);
  const auto option = std::ranges::find(subject_.options, name, &CheckedOption::key);
  if (option == subject_.options.end()) return;
  finding.index = static_cast<std::uint32_t>(option - subject_.options.begin());
  finding.diagnostic.at = option->at;
  if (std::holds_alternative<std::monostate>(option->at)) {
    finding.diagnostic.notes.push_back(
        {{}, fmt::format("option '{}' has its default, {}", name, value_text(option->value))});
  }
}

void ActiveCall::misbehaved(std::string message) {
  add({0, 0, error("target.misbehaved", {}, std::move(message), std::string(kTellAuthor))});
}

nt_code ActiveCall::progress(double fraction, nt_str activity) {
  const double shown = std::isnan(fraction) ? -1 : std::clamp(fraction, -1.0, 1.0);
  if (!call_.progress.update(shown, message_of(activity, 200))) cancelled_ = true;
  return cancelled_ ? NT_CANCELLED : NT_OK;
}

nt_code ActiveCall::answer(Result<> result) {
  if (result) return NT_OK;
  const std::string code = result.error().code;
  add({0, 0, std::move(result).error()});
  if (code == "target.misbehaved") return NT_BAD_ARGUMENT;
  return code == "target.too-much" ? NT_NO_ROOM : NT_FAILED;
}

nt_code ActiveCall::only_while(bool allowed, std::string_view what) {
  if (allowed) return NT_OK;
  misbehaved(fmt::format("'{}' pushed {} while {}", subject_.target, what, doing(stage_)));
  return NT_BAD_ARGUMENT;
}

nt_code ActiveCall::metric(const nt_metric* given) {
  const bool allowed = results_ && stage_ != Stage::kEmit;
  if (const nt_code code = only_while(allowed, "a metric")) return code;
  const auto metric = copied(given);
  if (!metric) return answer(error("target.misbehaved", {}, "a metric without a size"));
  return answer(results_->add(*metric));
}

nt_code ActiveCall::placement(const nt_placement* given) {
  // check() may share its code with compile(); what it pushes is checked, and dropped.
  const bool allowed = stage_ == Stage::kCompile || stage_ == Stage::kCheck;
  if (const nt_code code = only_while(allowed, "a placement")) return code;
  const auto placement = copied(given);
  if (!placement) return answer(error("target.misbehaved", {}, "a placement without a size"));
  return answer(results_->add(*placement));
}

nt_code ActiveCall::artifact_open(nt_str name, nt_writer** out) {
  const bool allowed = stage_ == Stage::kCompile || stage_ == Stage::kEmit;
  if (const nt_code code = only_while(allowed, "an artifact")) return code;
  if (out == nullptr) return NT_BAD_ARGUMENT;
  if (call_.artifacts.empty()) {
    artifacts_refused_ = true;
    return NT_UNSUPPORTED;
  }
  auto file = artifacts_.open(message_of(name, kMostMessage));
  if (!file) return answer(std::move(file).error());
  const std::lock_guard lock(mutex_);
  *out = reinterpret_cast<nt_writer*>(&writers_.emplace_back(*this, **file));
  return NT_OK;
}

nt_code ActiveCall::artifact_write(Artifacts::Writer& writer, const void* data, std::size_t size) {
  return answer(artifacts_.write(writer, data, size));
}

nt_code ActiveCall::artifact_close(Artifacts::Writer& writer) {
  return answer(artifacts_.close(writer));
}

nt_code ActiveCall::spikes(std::uint64_t sample, std::uint32_t population, std::uint64_t step,
                           const std::uint32_t* neurons, const std::int32_t* payloads,
                           std::size_t count) {
  if (const nt_code code = only_while(stage_ == Stage::kSimulate, "spikes")) return code;
  return answer(results_->add_spikes(sample, population, step, neurons, payloads, count));
}

nt_code ActiveCall::values(std::uint64_t sample, std::uint32_t population, nt_str variable,
                           std::uint64_t step, const nt_tensor* value) {
  if (const nt_code code = only_while(stage_ == Stage::kSimulate, "values")) return code;
  return answer(results_->add_values(sample, population, variable, step, value));
}

bool ActiveCall::has_error() const {
  const std::lock_guard lock(mutex_);
  return errors_ > 0;
}

/// A code without a reason gets one from the host, which says that the plugin gave none.
void ActiveCall::explain(nt_code code) {
  const std::string what = fmt::format("while {}, and did not say why", doing(stage_));
  const auto because = [&](std::string_view slug, std::string_view verb) {
    add({0, 0,
         error(slug, {}, fmt::format("'{}' {} {}", subject_.target, verb, what),
               "the plugin's author can say more; a plugin must explain every refusal")});
  };
  if (code == NT_UNSUPPORTED && artifacts_refused_) {
    return add({0, 0,
                error("target.no-folder", {},
                      fmt::format("'{}' writes files while {}, and there is no folder for them",
                                  subject_.target, doing(stage_)),
                      "set report.directory")});
  }
  switch (code) {
    case NT_UNSUPPORTED:
      return because("target.unsupported", "refused the request");
    case NT_NO_ROOM:
      return because("target.no-room", "found no room");
    case NT_FAILED:
      return because("target.failed", "failed");
    case NT_INTERNAL:
      return because("target.failed", "met a bug of its own");
    case NT_BAD_ARGUMENT:
      return because("target.failed", "refused an argument of neurotool's");
    default:
      break;
  }
  misbehaved(code == NT_CANCELLED
                 ? fmt::format("'{}' stopped as if cancelled while {}, though nobody had asked",
                               subject_.target, doing(stage_))
                 : fmt::format("'{}' answered {} while {}, which no plugin may answer",
                               subject_.target, code_text(code), doing(stage_)));
}

Result<> ActiveCall::finish(nt_code code) {
  const bool cancelled = code == NT_CANCELLED && cancelled_;
  if (cancelled) {
    add({0, 0,
         error("target.cancelled", {},
               fmt::format("'{}' was stopped while {}", subject_.target, doing(stage_)))});
  } else if (code != NT_OK && !has_error()) {
    explain(code);
  }
  if (code == NT_OK && results_) answer(results_->order());
  answer(artifacts_.finish(code == NT_OK && !has_error()));

  const std::lock_guard lock(mutex_);
  std::ranges::stable_sort(findings_, {}, [](const Finding& finding) {
    const Diagnostic& item = finding.diagnostic;
    return std::tuple(finding.subject, finding.index, -static_cast<int>(item.severity),
                      std::string_view(item.code), std::string_view(item.message));
  });
  std::optional<Error> first;
  for (const Finding& finding : findings_) {
    const Diagnostic& item = finding.diagnostic;
    const bool decides = item.severity == Severity::kError &&
                         (!first || (cancelled && item.code == "target.cancelled"));
    if (decides) first = item;
    call_.diagnostics.report(item);
  }
  if (first) return *std::move(first);
  return {};
}

nt_call* ActiveCall::handle() { return reinterpret_cast<nt_call*>(this); }

ActiveCall* call_of(nt_call* handle) { return reinterpret_cast<ActiveCall*>(handle); }

CallWriter* writer_of(nt_writer* handle) { return reinterpret_cast<CallWriter*>(handle); }

}  // namespace neurotool
