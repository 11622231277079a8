// What a report says beyond the totals of a run: drawings, the NeuroBench metrics, the doctor.
#include <fmt/format.h>

#include <algorithm>

#include "session/doctor/advice.hpp"
#include "session/doctor/examine.hpp"
#include "session/execution.hpp"
#include "session/findings.hpp"
#include "session/raster.hpp"
#include "session/report_rows.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMostAdvice = 3;

}  // namespace

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
  const Patient patient{.network = unrounded_ ? *unrounded_ : *lowered_,
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
  small.export_nir = {};
  small.export_netx = {};
  small.expect.clear();
  SessionOptions options = options_;
  options.dump_ir.reset();
  Diagnostics found;
  const SessionResult tried = Execution(small, options, Depth::kRun, found, clock_).finish();
  if (tried.report.spiking_accuracy && !found.has_errors()) return *tried.report.spiking_accuracy;
  if (found.has_errors()) return found.first_error();
  return error("run.interrupted", {}, "interrupted while trying settings");
}

}  // namespace neurotool
