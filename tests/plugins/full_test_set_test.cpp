// The first promise, on full test sets: the cpu plugin, loaded through the ABI like anybody's,
// sends the same spikes as the oracle, for every image, neuron and step. Shipped pipelines, shipped
// data.

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>

#include "base/parallel.hpp"
#include "eval/spike_eval.hpp"
#include "pipeline_on_cpu.hpp"

namespace neurotool {
namespace {

constexpr std::int64_t kBatch = 50;

/// Spikes by (sample, step, population): neuron to payload.
using Spikes = std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>,
                        std::vector<std::pair<std::uint32_t, std::int64_t>>>;

Spikes spikes_of(const RunResult& run) {
  Spikes spikes;
  for (const SpikeRecord& record : run.spikes) {
    auto& list = spikes[{record.sample, record.step, record.population.index}];
    for (std::size_t i = 0; i < record.neurons.size(); ++i)
      list.emplace_back(record.neurons[i], record.payloads.empty() ? 1 : record.payloads[i]);
  }
  return spikes;
}

/// One sample through the oracle; adds to `spikes` what the firing populations send.
void run_oracle(const SpikeEvaluator& oracle, const SpikeGraph& graph, const BatchStimulus& batch,
                std::uint64_t sample, Spikes& spikes) {
  const std::int64_t size = graph[batch.population].size();
  const auto slice = [&](auto values) {
    using T = std::remove_cvref_t<decltype(values[0])>;
    const auto begin = values.begin() + static_cast<std::int64_t>(sample) * size;
    return Tensor::from<T>({size}, std::vector<T>(begin, begin + size));
  };
  const Stimulus stimulus{batch.population, batch.value.dtype() == DType::kInt32
                                                ? slice(batch.value.as<std::int32_t>())
                                                : slice(batch.value.as<float>())};
  SpikeState state = oracle.initial_state();
  const Result<> result =
      oracle.run(state, std::span(&stimulus, 1), graph.steps, [&](const StepRecord& record) {
        if (firing_of(graph[record.population].neuron) == nullptr) return;
        std::vector<std::pair<std::uint32_t, std::int64_t>> list;
        const auto note = [&](auto payloads) {
          for (std::size_t i = 0; i < payloads.size(); ++i)
            if (payloads[i] != 0)
              list.emplace_back(static_cast<std::uint32_t>(i),
                                static_cast<std::int64_t>(payloads[i]));
        };
        record.payload_i.empty() ? note(record.payload_f) : note(record.payload_i);
        if (!list.empty()) spikes[{sample, record.step, record.population.index}] = std::move(list);
      });
  ASSERT_TRUE(result.has_value()) << to_string(result.error());
}

class FullTestSet : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(FullTestSet, SendsTheSpikesOfTheOracle) {
  const auto& [file, model_path] = GetParam();
  const auto configs = std::filesystem::path(NEUROTOOL_TESTS_DIR).parent_path() / "configs";
  test::PipelineOnCpu pipeline;
  const Result<> opened = pipeline.open(file, {{1, "model.path", (configs / model_path).string()}});
  ASSERT_TRUE(opened.has_value()) << to_string(opened.error());

  const SpikeGraph& graph = pipeline.graph();
  const std::vector<Probe> probes = pipeline.spike_probes();
  const SpikeEvaluator oracle(graph);
  const std::int64_t samples = pipeline.samples();
  std::atomic<std::int64_t> equal{0}, spikes_seen{0};
  parallel_for(static_cast<std::size_t>(samples / kBatch),
               [&](std::size_t first, std::size_t last) {
                 for (std::size_t i = first; i < last; ++i) {
                   const std::int64_t start = static_cast<std::int64_t>(i) * kBatch;
                   const auto batch = pipeline.simulate(start, kBatch, probes);
                   ASSERT_TRUE(batch.has_value()) << to_string(batch.error());
                   const Spikes found = spikes_of(batch->run);
                   Spikes wanted;
                   for (std::uint64_t sample = 0; sample < kBatch; ++sample)
                     run_oracle(oracle, graph, batch->stimulus, sample, wanted);
                   ASSERT_EQ(found == wanted, true)
                       << "a spike differs in samples " << start << " to " << start + kBatch - 1;
                   equal += kBatch;
                   for (const auto& [place, list] : wanted)
                     spikes_seen += static_cast<std::int64_t>(list.size());
                 }
               });
  EXPECT_EQ(equal, samples);
  EXPECT_EQ(samples, 10000);
  EXPECT_GT(spikes_seen, samples);
  RecordProperty("spikes", static_cast<int>(spikes_seen / 1000));
}

INSTANTIATE_TEST_SUITE_P(
    Mnist, FullTestSet,
    testing::Values(std::pair{"mnist_cpu_int8.yaml", "models/mnist_mlp_784_128_10.onnx"},
                    std::pair{"mnist_cpu_int8.yaml", "models/mnist_cnn_avg_bn.onnx"},
                    std::pair{"mnist_cpu.yaml", "models/mnist_mlp_784_128_10.onnx"}),
    [](const auto& test) {
      std::string name = std::string(test.param.first) + "_" + test.param.second;
      for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
      return name;
    });

}  // namespace
}  // namespace neurotool
