// The steps that need data: what the float network scores, what the spiking one scores, and the
// folder that says so.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "frontend/onnx/export.hpp"
#include "session/doctor/advice.hpp"
#include "session/doctor/examine.hpp"
#include "session/execution.hpp"
#include "session/findings.hpp"
#include "session/lock.hpp"
#include "session/metrics.hpp"
#include "session/raster.hpp"
#include "session/report_rows.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMostAdvice = 3;

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

/// What the report shows of the network and of its first sample. A target that does not tell its
/// spikes costs a drawing, not the run.
void Execution::draw_figures() {
  if (!folder_.wanted()) return;
  std::vector<Figure>& figures = result_.report.figures;
  const std::string title = report_title(result_.report);
  const auto raster =
      record_raster(*program_, *graph_, *test_, result_.report.steps, config_.seed.value, clock_);
  if (!raster) {
    report_once(diagnostics_, note("report.no-raster", {},
                                   "the report has no spike raster: " + raster.error().message));
  } else if (std::string chart = raster_chart(*raster, title); !chart.empty()) {
    figures.push_back({"raster.svg", "Spikes of one sample", std::move(chart)});
  }
  if (std::string chart = weights_chart(*graph_, title); !chart.empty()) {
    figures.push_back({"weights.svg", "Weights of each projection", std::move(chart)});
  }
}

Result<> Execution::count_neurobench() {
  const std::int64_t samples = std::min(config_.neurobench_samples.value, test_->size());
  const std::int64_t batch = std::min(samples, config_.batch.value);
  Report& report = result_.report;
  clock_.stage("neurobench");
  if (imported_) {
    report.neurobench_float = neurobench::describe(lowered_ ? *lowered_ : *imported_);
    report.neurobench_float->accuracy = report.float_accuracy->share();
  }
  report.neurobench_spiking = neurobench::describe(*graph_);
  report.neurobench_spiking->accuracy = report.spiking_accuracy->share();
  if (samples == 0) return {};
  if (lowered_) {
    NT_TRY_VOID(neurobench::run_float(*lowered_, *test_, samples, batch, *report.neurobench_float));
  }
  return neurobench::run_spiking(
      {.graph = *graph_, .program = *program_, .steps = report.steps, .seed = config_.seed.value},
      *test_, samples, batch, diagnostics_, clock_, *report.neurobench_spiking);
}

Result<> Execution::examine_layers() {
  const std::int64_t samples = std::min(config_.doctor_samples.value, test_->size());
  if (samples == 0) return {};
  if (!lowered_) {
    return error("doctor.no-float-network", config_.doctor_samples.at,
                 "the run started from a spiking network, and the doctor compares with a float one",
                 "start from the trained network, or leave report.doctor out");
  }
  clock_.stage("examine layers");
  const Patient patient{.network = *lowered_,
                        .graph = *graph_,
                        .program = *program_,
                        .data = *test_,
                        .samples = samples,
                        .steps = result_.report.steps,
                        .seed = config_.seed.value};
  NT_TRY(result_.report.diagnosis, examine(patient, diagnostics_, clock_));
  clock_.stage("try settings");
  doctor::Trial trial;
  if (config_.doctor_trials.value) {
    trial = [this](const PipelineConfig& config) { return try_settings(config); };
  }
  Diagnosis& diagnosis = *result_.report.diagnosis;
  doctor::advise(diagnosis, doctor::remedies(diagnosis, result_.resolved, kMostAdvice), trial);
  if (clock_.cancelled()) return error("run.interrupted", {}, "interrupted while trying settings");
  return {};
}

Result<Accuracy> Execution::try_settings(const PipelineConfig& config) {
  PipelineConfig small = config;
  small.mode = {RunMode::kSimulate, {}};
  small.test.count.value = result_.report.diagnosis->samples;
  small.doctor_samples.value = 0;
  small.neurobench_samples.value = 0;
  small.report_directory = {};
  small.model_reference = {};
  small.expect.clear();
  SessionOptions options = options_;
  options.dump_ir.reset();
  Diagnostics found;
  const SessionResult tried = Execution(small, options, Depth::kRun, found, clock_).finish();
  if (tried.report.spiking_accuracy && !found.has_errors()) return *tried.report.spiking_accuracy;
  if (found.has_errors()) return found.first_error();
  return error("run.interrupted", {}, "interrupted while trying settings");
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
