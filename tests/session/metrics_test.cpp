#include "session/metrics.hpp"

#include <gtest/gtest.h>

#include "support/graphs.hpp"

namespace neurotool {
namespace {

Metric simulated(std::string name, double value) {
  return {.name = std::move(name), .unit = "1", .value = value, .origin = Origin::kSimulated};
}

TEST(AddMetrics, AddsWhatHasTheSameName) {
  std::vector<Metric> sums;
  add_metrics(sums, std::vector{simulated("a", 1), simulated("b", 10)});
  add_metrics(sums, std::vector{simulated("b", 20), simulated("c", 5)});
  ASSERT_EQ(sums.size(), 3u);
  EXPECT_EQ(sums[0].value, 1);
  EXPECT_EQ(sums[1].value, 30);
  EXPECT_EQ(sums[2].name, "c");
}

TEST(AddMetrics, KeepsTheWeakestOrigin) {
  std::vector<Metric> sums{simulated("a", 1)};
  Metric modelled = simulated("a", 1);
  modelled.origin = Origin::kModelled;
  add_metrics(sums, std::vector{modelled});
  EXPECT_EQ(sums.front().origin, Origin::kModelled);
}

TEST(InputMacs, CountsSynapsesOfHeldInputs) { EXPECT_EQ(input_macs(test::small_mlp()), 6); }

TEST(InputMacs, FollowsRelaysUpToTheFirstNeurons) {
  SpikeGraph graph;
  const PopulationId image = graph.add(build::input_population("image", {1, 2, 2}));
  const PopulationId pool = graph.add(build::relay_population("pool", {1, 1, 1}));
  const PopulationId hidden = graph.add(build::if_population("hidden", {3}, 1.0f));
  const PopulationId out = graph.add(build::readout_population("out", {2}));
  SumPool2d window;
  window.kernel = {2, 2};
  window.stride = {2, 2};
  graph.connect(image, pool, window);
  graph.connect(pool, hidden, build::dense(3, 1, std::vector<float>{1, 1, 1}));
  graph.connect(hidden, out, build::dense(2, 3, std::vector<float>(6, 1)));
  EXPECT_EQ(input_macs(graph), 4 + 3);
}

Report simulated_report(const SpikeGraph& graph, std::span<const Metric> totals) {
  Report report;
  report.samples = 10;
  report.steps = 4;
  describe_graph(graph, report);
  derive_metrics(graph, totals, report);
  return report;
}

TEST(DeriveMetrics, DividesBySamplesNeuronsThatCanFireAndSteps) {
  const SpikeGraph graph = test::small_mlp();  // 3 neurons fire, 2 only read out
  const Report report = simulated_report(
      graph, std::vector{simulated("spikes.total", 60), simulated("synaptic_ops.total", 120)});
  EXPECT_EQ(report.neurons, 5);
  EXPECT_EQ(report.spiking_neurons, 3);
  EXPECT_DOUBLE_EQ(find_metric(report, "events_per_neuron")->value, 2);
  EXPECT_DOUBLE_EQ(find_metric(report, "events_per_neuron_step")->value, 0.5);
  EXPECT_DOUBLE_EQ(find_metric(report, "activation_sparsity")->value, 0.5);
  EXPECT_DOUBLE_EQ(find_metric(report, "synaptic_operations_per_sample")->value, 12);
  EXPECT_EQ(find_metric(report, "events_per_neuron")->origin, Origin::kSimulated);
}

TEST(DeriveMetrics, LeavesTheEventsOfInputsOutOfRatesAndSparsity) {
  SpikeGraph graph = test::small_mlp();
  Input coded{.held = false};
  coded.encoder.coding = Coding::kPoisson;
  graph.populations[0].neuron = coded;
  const Report report = simulated_report(
      graph, std::vector{simulated("spikes.total", 100), simulated("population.0.spikes", 40)});
  EXPECT_EQ(report.populations[0].model, "input (poisson)");
  EXPECT_DOUBLE_EQ(find_metric(report, "events_per_sample")->value, 10);
  EXPECT_DOUBLE_EQ(find_metric(report, "events_per_neuron")->value, 2);
  EXPECT_DOUBLE_EQ(find_metric(report, "activation_sparsity")->value, 0.5);
  EXPECT_EQ(find_metric(report, "input_macs_per_sample")->value, 0);
}

TEST(DeriveMetrics, CallsInputMacsModelledUnlessTheTargetCountedThem) {
  const SpikeGraph graph = test::small_mlp();
  const Report counted_here = simulated_report(graph, {});
  EXPECT_EQ(find_metric(counted_here, "input_macs_per_sample")->origin, Origin::kModelled);
  EXPECT_EQ(find_metric(counted_here, "input_macs_per_sample")->value, 6);
  const Report counted_there =
      simulated_report(graph, std::vector{simulated("input_macs.total", 50)});
  EXPECT_EQ(find_metric(counted_there, "input_macs_per_sample")->origin, Origin::kSimulated);
  EXPECT_EQ(find_metric(counted_there, "input_macs_per_sample")->value, 5);
}

TEST(DeriveMetrics, LatencyIsOfOneSampleHoweverManyBatchesThereWere) {
  std::vector<Metric> sums;
  add_metrics(sums, std::vector{simulated("latency.total", 0.5)});
  add_metrics(sums, std::vector{simulated("latency.total", 0.25)});
  const Report report = simulated_report(test::small_mlp(), sums);
  EXPECT_DOUBLE_EQ(find_metric(report, "latency_per_sample")->value, 0.075);
}

TEST(DeriveMetrics, LeavesOutWhatTheTargetDidNotCount) {
  const Report report = simulated_report(test::small_mlp(), {});
  EXPECT_EQ(find_metric(report, "events_per_neuron"), nullptr);
  EXPECT_EQ(find_metric(report, "activation_sparsity"), nullptr);
  EXPECT_FALSE(report.populations[1].events_per_neuron.has_value());
}

TEST(DeriveMetrics, SaysNothingOfSilentStepsWhereANeuronSendsSeveralEventsInOne) {
  SpikeGraph graph = test::small_mlp();
  firing_of(graph.populations[1].neuron)->emission.max_per_step = 4;
  const Report report = simulated_report(graph, std::vector{simulated("spikes.total", 240)});
  EXPECT_DOUBLE_EQ(find_metric(report, "events_per_neuron_step")->value, 2);
  EXPECT_EQ(find_metric(report, "activation_sparsity"), nullptr);
}

TEST(DeriveMetrics, GivesPopulationsTheirShare) {
  const Report report =
      simulated_report(test::small_mlp(), std::vector{simulated("population.1.spikes", 60),
                                                      simulated("population.2.synaptic_ops", 120)});
  EXPECT_DOUBLE_EQ(*report.populations[1].events_per_neuron, 2);
  EXPECT_DOUBLE_EQ(*report.populations[1].events_per_neuron_step, 0.5);
  EXPECT_DOUBLE_EQ(*report.populations[2].synaptic_operations, 12);
}

}  // namespace
}  // namespace neurotool
