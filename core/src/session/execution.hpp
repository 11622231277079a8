// One walk through the steps of a session, and what they hand to each other. Private to session.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/pipeline.hpp"
#include "passes/manager.hpp"
#include "session/clock.hpp"
#include "session/evaluate.hpp"
#include "session/nir_export.hpp"
#include "session/report_folder.hpp"
#include "session/session.hpp"

namespace neurotool {

/// A plan sees no data and writes nothing; everything else is the same code.
enum class Depth { kPlan, kRun };

class Execution {
 public:
  Execution(const PipelineConfig& config, const SessionOptions& options, Depth depth,
            Diagnostics& diagnostics, Progress& progress);

  /// Runs every step; failures, cancellation and exceptions end up in the result's outcome.
  SessionResult finish();

 private:
  Result<> all_steps();

  // execution_plan.cpp: up to a network that the target accepts.
  Result<> check_request();
  Result<> load();
  Result<> check_reference();
  Result<> plan();
  Result<> open_target();
  Result<> open_data();
  Result<std::unique_ptr<SampleSource>> open_role(const DataConfig& data, std::string_view key,
                                                  const Shape& shape) const;
  Result<> check_training() const;
  Result<> run_passes();
  Result<> choose_steps();
  Result<> check_target();

  // execution_export.cpp: the network as a file for other programs.
  bool exports_nir() const { return !config_.export_nir.profile.value.empty(); }
  bool exports_netx() const { return !config_.export_netx.file.value.empty(); }
  Result<> check_export_request();
  Result<> prepare_export();
  Result<> export_nir();
  Result<> export_netx();
  FidelityRun fidelity_run() const;
  Result<> write_artifacts(const std::string& bytes);
  /// `wanted` is the key that names the file.
  Result<> write_artifact(const std::string& name, std::string_view bytes, std::string_view wanted,
                          const Location& at);

  // execution_run.cpp: from there to the report.
  Result<> evaluate_float();
  Result<> compile();
  Result<> simulate();
  void judge_expectations();
  Result<> write_report();

  // execution_examine.cpp: what the report says beyond the totals.
  void draw_figures();
  Result<> count_neurobench();
  Result<> examine_layers();
  Result<Accuracy> try_settings(const PipelineConfig& config);

  bool wants(RunMode mode) const;
  bool uses_data() const { return depth_ == Depth::kRun; }
  PluginCall call(std::filesystem::path artifacts = {}) {
    return {diagnostics_, clock_, std::move(artifacts)};
  }
  void add_instruments(PassManager& manager);
  void describe_model();
  Location lowering_place() const;  ///< of the pass that chose thresholds and steps
  void complete_report();           ///< what is known only at the end: findings and times
  void end_with(Error reason);
  void end_with_bug(std::string_view code, std::string message);

  const PipelineConfig& config_;
  const SessionOptions& options_;
  const Depth depth_;
  Diagnostics& diagnostics_;
  StageClock clock_;

  SessionResult result_;
  ReportFolder folder_;
  Model model_;
  std::optional<TensorGraph> imported_;   ///< what float accuracy is measured on
  std::optional<TensorGraph> changed_;    ///< what tensor passes made of it, where that differs
  std::optional<TensorGraph> lowered_;    ///< as the lowering pass saw it
  std::optional<TensorGraph> unrounded_;  ///< before activations got levels
  std::vector<PlannedPass> passes_;
  TargetRegistry registry_;
  std::optional<Target> target_;
  std::shared_ptr<const SpikeGraph> graph_;
  std::optional<Program> program_;
  std::optional<to_nir::Exported> exported_;
  std::string netx_bytes_;  ///< of the Lava network, if one is asked for
  std::unique_ptr<SampleSource> test_, calibration_, train_;
  std::optional<Model> tuned_;  ///< as the last pass that trains left it
  std::optional<Predictions> float_classes_;

  // The scene of a bug: what ran last, on what.
  std::string step_;
  std::optional<Model> before_step_;
};

}  // namespace neurotool
