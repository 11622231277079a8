// The steps of a session up to the compiled program, without a report.
#include "pipeline_on_cpu.hpp"

#include <filesystem>
#include <utility>

#include "frontend/frontend.hpp"
#include "passes/manager.hpp"
#include "session/inputs.hpp"
#include "session/stimulus.hpp"

namespace neurotool::test {

Result<> PipelineOnCpu::open(const std::string& file, const std::vector<Override>& overrides) {
  const auto configs = std::filesystem::path(NEUROTOOL_TESTS_DIR).parent_path() / "configs";
  NT_TRY(const PipelineConfig config, read_pipeline(configs / file, overrides, findings_));
  NT_TRY_VOID(convert(config));
  return compile();
}

Result<> PipelineOnCpu::convert(const PipelineConfig& config) {
  NT_TRY(Model model, load_model(config.model.value, findings_));
  NT_TRY(const Shape shape, sample_shape(model, 0));
  NT_TRY(const auto calibration, open_samples(config.calibration, config.preprocess, shape));
  NT_TRY(test_, open_samples(config.test, config.preprocess, shape));
  NT_TRY(auto passes, plan_passes(config.passes, Level::kTensor, findings_));
  Context context{
      .diagnostics = findings_, .progress = progress_, .calibration = calibration.get()};
  PassManager manager;
  NT_TRY_VOID(manager.run(passes, model, context));
  graph_ = std::make_shared<const SpikeGraph>(std::move(model.spike()));
  NT_TRY(input_, only_input(*graph_));
  return {};
}

Result<> PipelineOnCpu::compile() {
  NT_TRY(target_, registry_.open({.name = "cpu"}, {}, "target.options", call()));
  NT_TRY(program_, target_->compile(graph_, call()));
  return {};
}

std::vector<Probe> PipelineOnCpu::spike_probes() const {
  std::vector<Probe> probes;
  for (const PopulationId id : graph_->live_populations()) {
    if (firing_of((*graph_)[id].neuron) != nullptr) probes.push_back({id, "spikes"});
  }
  return probes;
}

Result<PipelineOnCpu::Batch> PipelineOnCpu::simulate(std::int64_t first, std::int64_t count,
                                                     const std::vector<Probe>& probes) const {
  NT_TRY(const Tensor data, test_->batch(first, count));
  NT_TRY(BatchStimulus stimulus, make_stimulus(*graph_, input_, data, first));
  NT_TRY(RunResult run, program_->simulate({.samples = static_cast<std::uint64_t>(count),
                                            .steps = graph_->steps,
                                            .seed = 1,
                                            .stimuli = {stimulus},
                                            .probes = probes},
                                           call()));
  return Batch{std::move(stimulus), std::move(run)};
}

}  // namespace neurotool::test
