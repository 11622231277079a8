// The promise of `exact`, on shipped pipelines and data: the cpu plugin, loaded through the ABI,
// reaches every count of the integer reference, in every realisation. "some" looks at the first
// samples, "full" at whole test sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "eval/integer_eval.hpp"
#include "pipeline_on_cpu.hpp"

namespace neurotool {
namespace {

constexpr std::int64_t kBatch = 20;

struct Case {
  const char* config;
  const char* realisation;
  std::int64_t samples;  ///< 0: all
};

/// What a spike of this step adds to its neuron's count.
std::int64_t worth(const Firing& firing, std::uint64_t step) {
  if (firing.radix_bits == 0) return 1;
  return std::int64_t{1} << (firing.radix_bits - 1 - (step - firing.window.fire_begin));
}

/// Counts and readouts of a run, as the reference has them; nothing for inputs and relays.
IntegerCounts counts_of(const SpikeGraph& graph, const RunResult& run, std::int64_t samples) {
  IntegerCounts counts(graph.populations.size());
  for (std::uint32_t p = 0; p < counts.size(); ++p) {
    const Population& population = graph.populations[p];
    if (firing_of(population.neuron) == nullptr) continue;
    counts[p].assign(static_cast<std::size_t>(population.size() * samples), 0);
  }
  for (const SpikeRecord& record : run.spikes) {
    const Population& population = graph[record.population];
    const std::int64_t weight = worth(*firing_of(population.neuron), record.step);
    const std::size_t first = record.sample * static_cast<std::size_t>(population.size());
    for (std::size_t i = 0; i < record.neurons.size(); ++i) {
      const std::int64_t payload = record.payloads.empty() ? 1 : record.payloads[i];
      counts[record.population.index][first + record.neurons[i]] += payload * weight;
    }
  }
  for (const ValueRecord& record : run.values) {
    auto& list = counts[record.population.index];
    for (std::int64_t i = 0; i < record.value.size(); ++i) {
      list.push_back(static_cast<std::int64_t>(record.value.at(i)));
    }
  }
  return counts;
}

/// How many counts differ, with the place of the first.
std::int64_t mismatches(const SpikeGraph& graph, const IntegerCounts& wanted,
                        const IntegerCounts& found, std::int64_t first_sample, std::string& first) {
  std::int64_t different = 0;
  for (std::uint32_t p = 0; p < found.size(); ++p) {
    if (found[p].empty()) continue;
    const auto size = static_cast<std::size_t>(graph.populations[p].size());
    EXPECT_EQ(found[p].size(), wanted[p].size());
    for (std::size_t i = 0; i < found[p].size(); ++i) {
      if (found[p][i] == wanted[p][i]) continue;
      if (different++ > 0 || !first.empty()) continue;
      first = "neuron " + std::to_string(i % size) + " of " + graph.populations[p].name +
              " reaches " + std::to_string(found[p][i]) + " instead of " +
              std::to_string(wanted[p][i]) + " on sample " +
              std::to_string(first_sample + static_cast<std::int64_t>(i / size));
    }
  }
  return different;
}

class ExactCounts : public testing::TestWithParam<Case> {};

TEST_P(ExactCounts, AreThoseOfTheIntegerReference) {
  const Case& at = GetParam();
  test::PipelineOnCpu pipeline;
  const Result<> opened = pipeline.open(
      std::string("conversion/") + at.config,
      {{1, "passes.exact.realisation", at.realisation}, {2, "passes.certify.samples", "0"}});
  ASSERT_TRUE(opened.has_value()) << to_string(opened.error());
  const SpikeGraph& graph = pipeline.graph();
  const auto reference = IntegerReference::create(graph);
  ASSERT_TRUE(reference.has_value()) << to_string(reference.error());

  std::vector<Probe> probes = pipeline.spike_probes();
  std::int64_t neurons = 0;
  for (const PopulationId id : graph.live_populations()) {
    const bool fires = firing_of(graph[id].neuron) != nullptr;
    if (graph[id].output) probes.push_back({id, "readout"});
    if (fires || graph[id].output) neurons += graph[id].size();
  }
  const std::int64_t samples = at.samples > 0 ? at.samples : pipeline.samples();
  std::int64_t different = 0, total = 0;
  std::string first;
  for (std::int64_t start = 0; start < samples; start += kBatch) {
    const std::int64_t count = std::min(kBatch, samples - start);
    const auto batch = pipeline.simulate(start, count, probes);
    ASSERT_TRUE(batch.has_value()) << to_string(batch.error());
    const Stimulus whole{pipeline.input(), batch->stimulus.value};
    const auto wanted = reference->run({&whole, 1}, count);
    ASSERT_TRUE(wanted.has_value()) << to_string(wanted.error());
    different += mismatches(graph, *wanted, counts_of(graph, batch->run, count), start, first);
    total += neurons * count;
  }
  EXPECT_EQ(different, 0) << "of " << total << " counts; " << first;
  EXPECT_GT(total, 0);
  RecordProperty("counts", std::to_string(total));
  std::cout << at.config << " " << at.realisation << ": " << samples << " samples, " << total
            << " counts, " << different << " mismatches\n";
}

std::vector<Case> cases(bool all) {
  std::vector<Case> list;
  for (const char* realisation : {"two_phase", "radix", "st_bif", "graded", "sigma_delta"}) {
    list.push_back({"mnist_cnn_exact.yaml", realisation, all ? 0 : 100});
    list.push_back({"fashion_cnn_exact.yaml", realisation, all ? 0 : 40});
    list.push_back({"cifar_resnet20_exact.yaml", realisation, all ? 0 : 20});
    list.push_back({"mnist_cnn_gelu_exact.yaml", realisation, all ? 0 : 20});
  }
  return list;
}

std::string name_of(const testing::TestParamInfo<Case>& test) {
  const std::string config = test.param.config;
  return config.substr(0, config.find("_exact")) + "_" + test.param.realisation;
}

INSTANTIATE_TEST_SUITE_P(some, ExactCounts, testing::ValuesIn(cases(false)), name_of);
INSTANTIATE_TEST_SUITE_P(full, ExactCounts, testing::ValuesIn(cases(true)), name_of);

}  // namespace
}  // namespace neurotool
