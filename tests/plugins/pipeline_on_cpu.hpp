// A shipped pipeline on the cpu plugin, loaded through the ABI like anybody's: converted, compiled,
// and ready to simulate any part of its test set.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "config/pipeline.hpp"
#include "passes/pass.hpp"
#include "target/target.hpp"

namespace neurotool::test {

class PipelineOnCpu {
 public:
  PipelineOnCpu() : registry_({.files = {}, .folders = {NEUROTOOL_PLUGIN_FOLDER}}) {}

  /// `file` is relative to configs/. All else may be called once this has succeeded.
  Result<> open(const std::string& file, const std::vector<Override>& overrides);

  const SpikeGraph& graph() const { return *graph_; }
  PopulationId input() const { return input_; }
  std::int64_t samples() const { return test_->size(); }
  /// Of every population that fires.
  std::vector<Probe> spike_probes() const;

  struct Batch {
    BatchStimulus stimulus;
    RunResult run;
  };
  /// Samples of the test set. May be called from several threads.
  Result<Batch> simulate(std::int64_t first, std::int64_t count,
                         const std::vector<Probe>& probes) const;

 private:
  PluginCall call() const {
    return {.diagnostics = findings_, .progress = progress_, .artifacts = {}};
  }
  Result<> convert(const PipelineConfig& config);
  Result<> compile();

  mutable Diagnostics findings_;
  mutable NoProgress progress_;
  TargetRegistry registry_;
  std::unique_ptr<SampleSource> test_;
  std::shared_ptr<const SpikeGraph> graph_;
  PopulationId input_;
  std::optional<Target> target_;
  std::optional<Program> program_;
};

}  // namespace neurotool::test
