// The steps that need data: what the float network scores, what the spiking one scores, and the
// folder that says so.
#include <fmt/format.h>

#include "base/text.hpp"
#include "frontend/onnx/export.hpp"
#include "session/execution.hpp"
#include "session/findings.hpp"
#include "session/lock.hpp"
#include "session/metrics.hpp"

namespace neurotool {
namespace {

bool compares(double found, std::string_view comparison, double wanted) {
  if (comparison == ">=") return found >= wanted;
  if (comparison == ">") return found > wanted;
  if (comparison == "<=") return found <= wanted;
  if (comparison == "<") return found < wanted;
  return found == wanted;
}

std::optional<double> value_of(const Report& report, std::string_view metric) {
  if (metric == "gap") return accuracy_gap(report);
  const auto& accuracy = metric == "accuracy"          ? report.spiking_accuracy
                         : metric == "tensor_accuracy" ? report.tensor_accuracy
                                                       : report.float_accuracy;
  if (!accuracy) return std::nullopt;
  return accuracy->share();
}

}  // namespace

Result<> Execution::evaluate_float() {
  if (!imported_) return {};  // the run started from a spiking network
  clock_.stage("float accuracy");
  NT_TRY(float_classes_, float_predictions(*imported_, *test_, config_.batch.value, clock_));
  NT_TRY(result_.report.float_accuracy, judge(*float_classes_, *test_, config_.test.at));
  if (!changed_) return {};
  NT_TRY(const Predictions changed,
         float_predictions(*changed_, *test_, config_.batch.value, clock_));
  NT_TRY(result_.report.tensor_accuracy, judge(changed, *test_, config_.test.at));
  return {};
}

Result<> Execution::compile() {
  clock_.stage("compile");
  std::filesystem::path artifacts;
  if (folder_.wanted()) {
    NT_TRY(artifacts, folder_.folder("artifacts"));
  }
  NT_TRY(program_, target_->compile(graph_, call(artifacts)));
  const CompileResult& compiled = program_->compiled();
  result_.report.metrics = compiled.metrics;
  result_.report.artifacts = compiled.artifacts;
  if (!folder_.wanted()) return {};
  for (const std::string& format : target_->description().codegen_formats) {
    NT_TRY(const std::vector<std::string> written, program_->emit(format, call(artifacts)));
    result_.report.artifacts.insert(result_.report.artifacts.end(), written.begin(), written.end());
  }
  return {};
}

Result<> Execution::simulate() {
  clock_.stage("simulate");
  const SpikingRequest request{
      .batch = config_.batch.value, .steps = result_.report.steps, .seed = config_.seed.value};
  NT_TRY(const SpikingRun run,
         spiking_predictions(*program_, *graph_, *test_, request, diagnostics_, clock_));
  if (diagnostics_.has_errors()) return diagnostics_.first_error();
  NT_TRY(result_.report.spiking_accuracy, judge(run.predictions, *test_, config_.test.at));
  if (float_classes_) {
    result_.report.agreement = count_agreement(*float_classes_, run.predictions);
  }
  std::vector<Metric> compile_metrics = std::move(result_.report.metrics);
  result_.report.metrics.clear();
  derive_metrics(*graph_, run.totals, result_.report);
  result_.report.metrics.insert(result_.report.metrics.end(), compile_metrics.begin(),
                                compile_metrics.end());
  draw_figures();
  return {};
}

void Execution::judge_expectations() {
  for (const Expectation& wanted : config_.expect) {
    const std::optional<double> found = value_of(result_.report, wanted.metric);
    if (!found) {
      report_once(diagnostics_,
                  error("run.expect-mode", wanted.at,
                        fmt::format("'{}' is not known in this run", wanted.metric),
                        wanted.metric == "tensor_accuracy"
                            ? "only passes that quantise, prune or train make another network"
                            : "a run that starts from a spiking network has no float accuracy"));
      continue;
    }
    const bool met = compares(*found, wanted.comparison, wanted.value);
    result_.report.expectations.push_back(
        {wanted.metric, wanted.comparison, wanted.value, *found, met});
    if (met) continue;
    report_once(diagnostics_,
                error("run.expect", wanted.at,
                      fmt::format("{} is {}, expected {} {}", wanted.metric, number_text(*found),
                                  wanted.comparison, number_text(wanted.value)),
                      "the report is written; look at the gap and the facts of the passes there"));
  }
}

Result<> Execution::write_report() {
  if (!clock_.update(1, {})) return error("run.interrupted", {}, "interrupted before the report");
  clock_.stage("report");
  if (!folder_.wanted()) return {};
  complete_report();
  const Report& report = result_.report;
  NT_TRY_VOID(folder_.write("report.json", report_json(report).dump() + "\n"));
  NT_TRY_VOID(folder_.write("report.md", report_markdown(report)));
  NT_TRY_VOID(folder_.write("pipeline.lock.yaml",
                            lock_text(result_.resolved, report, folder_.final_path())));
  if (tuned_) {
    NT_TRY(const std::string tuned, write_onnx(*tuned_));
    NT_TRY_VOID(folder_.write("tuned.onnx", tuned));
  }
  if (const std::string chart = report_chart(report); !chart.empty()) {
    NT_TRY_VOID(folder_.write("events.svg", chart));
  }
  if (report.diagnosis) {
    NT_TRY_VOID(folder_.write("doctor.svg", diagnosis_chart(*report.diagnosis)));
  }
  for (const Figure& figure : report.figures) {
    NT_TRY_VOID(folder_.write(figure.file, figure.content));
  }
  return folder_.commit();
}

}  // namespace neurotool
