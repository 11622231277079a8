// Clean-up passes of the spiking level: outputs keep every payload and membrane of every step, on
// random graphs in both arithmetics and on small ones where what goes is plain to see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "eval/spike_eval.hpp"
#include "ir/builder.hpp"
#include "ir/print.hpp"
#include "passes/pass_tools.hpp"
#include "support/golden.hpp"
#include "support/graphs.hpp"
#include "support/random_graphs.hpp"

namespace neurotool {
namespace {

using test::run_passes;
using testing::ElementsAre;

/// Everything that the outputs did, step by step, by name.
std::map<std::string, std::vector<double>> outputs_of(const SpikeGraph& graph,
                                                      const std::vector<Stimulus>& stimuli,
                                                      std::uint32_t steps) {
  std::map<std::string, std::vector<double>> seen;
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const auto done = evaluator.run(state, stimuli, steps, [&](const StepRecord& record) {
    if (!graph[record.population].output) return;
    auto& list = seen[graph[record.population].name];
    for (const float value : record.payload_f) list.push_back(double{value});
    for (const float value : record.membrane_f) list.push_back(double{value});
    for (const auto value : record.payload_i) list.push_back(static_cast<double>(value));
    for (const auto value : record.membrane_i) list.push_back(static_cast<double>(value));
  });
  EXPECT_TRUE(done.has_value()) << to_string(done.error());
  return seen;
}

/// Inputs by name: ids change when populations go.
std::vector<Stimulus> moved(const std::vector<Stimulus>& stimuli, const SpikeGraph& from,
                            const SpikeGraph& to) {
  std::vector<Stimulus> result = stimuli;
  for (Stimulus& stimulus : result) stimulus.population = to.find(from[stimulus.population].name);
  return result;
}

void scale_threshold(Population& population, std::int64_t channel, double factor) {
  Firing& firing = *firing_of(population.neuron);
  const std::int64_t channels = population.shape[0];
  const auto old = [&](std::int64_t c) {
    const Tensor& theta = firing.threshold;
    return theta.rank() == 0 ? theta.at(0) : theta.at(c * (theta.size() / channels));
  };
  const bool whole = firing.threshold.dtype() == DType::kInt32;
  std::vector<float> real;
  std::vector<std::int32_t> integers;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double value = old(c) * (c == channel ? factor : 1);
    real.push_back(static_cast<float>(value));
    integers.push_back(static_cast<std::int32_t>(std::min(value, 2e9)));
  }
  firing.threshold = whole ? Tensor::from<std::int32_t>({channels}, std::move(integers))
                           : Tensor::from<float>({channels}, std::move(real));
}

bool can_be_changed(const SpikeGraph& graph, PopulationId id) {
  const Population& population = graph[id];
  return firing_of(population.neuron) != nullptr && !population.output;
}

/// A copy of the population that takes over every second of its outgoing projections.
void split(SpikeGraph& graph, PopulationId id) {
  for (const ProjectionId p : graph.incoming(id)) {
    if (graph[p].source == id) return;
  }
  Population copy = graph[id];
  const auto incoming = graph.incoming(id), outgoing = graph.outgoing(id);
  const PopulationId twin = graph.add(copy);
  for (const ProjectionId p : incoming) {
    const Projection old = graph[p];
    const ProjectionId added = graph.connect(old.source, twin, old.connectivity, old.delay_steps);
    graph[added].shift = old.shift;
    graph[added].target_port = old.target_port;
  }
  for (std::size_t i = 0; i < outgoing.size(); i += 2) graph[outgoing[i]].source = twin;
}

/// A relay in the middle of a projection.
void relay_into(SpikeGraph& graph, ProjectionId p) {
  const PopulationId source = graph[p].source;
  const PopulationId relay =
      graph.add(build::relay_population("between", Shape(graph[source].shape)));
  const bool whole = graph.arithmetic == Arithmetic::kInteger;
  graph.connect(source, relay,
                OneToOne{whole ? Tensor::scalar(std::int8_t{1}) : Tensor::scalar(1.0f)});
  graph[p].source = relay;
}

/// A random graph with something to do for every pass.
SpikeGraph cluttered(std::uint64_t seed, Arithmetic arithmetic) {
  test::RandomGraphOptions options;
  options.seed = seed;
  options.arithmetic = arithmetic;
  SpikeGraph graph = test::random_graph(options);
  graph.steps = test::kRandomGraphSteps;
  RandomStream random(seed, "test", "clutter");
  const auto ids = graph.live_populations();
  for (const PopulationId id : ids) {
    if (!can_be_changed(graph, id)) continue;
    switch (random.below(4)) {
      case 0:
        split(graph, id);
        break;
      case 1:
        if (firing_of(graph[id].neuron)->radix_bits == 0) {
          scale_threshold(graph[id], 0, 1e6);
        }
        break;
      case 2:
        for (const ProjectionId p : graph.outgoing(id)) {
          if (graph[p].delay_steps == 0 && graph[p].target != id) relay_into(graph, p);
        }
        break;
      default:
        break;
    }
  }
  const PopulationId dead = graph.add(arithmetic == Arithmetic::kInteger
                                          ? build::if_population("dead", {3}, std::int32_t{5})
                                          : build::if_population("dead", {3}, 0.5f));
  Sparse none;
  none.row_begin = Tensor::from<std::int64_t>(
      {graph[ids[0]].size() + 1},
      std::vector<std::int64_t>(static_cast<std::size_t>(graph[ids[0]].size() + 1), 0));
  none.targets = Tensor::from<std::int32_t>({0}, {});
  none.weight = arithmetic == Arithmetic::kInteger ? Tensor::from<std::int8_t>({0}, {})
                                                   : Tensor::from<float>({0}, {});
  graph.connect(ids[0], dead, none);
  graph.compact();
  return graph;
}

class CleanUp : public testing::TestWithParam<std::uint64_t> {};

TEST_P(CleanUp, KeepsWhatTheOutputsDo) {
  for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kInteger}) {
    const SpikeGraph before = cluttered(GetParam(), arithmetic);
    ASSERT_THAT(test::violations(test::spike_model(before)), ElementsAre());
    const auto stimuli = test::random_stimuli(before, GetParam(), test::kRandomGraphSteps);
    const auto wanted = outputs_of(before, stimuli, test::kRandomGraphSteps);
    for (const char* pass :
         {"remove_dead", "merge_equal", "merge_relays", "pack_silent", "fuse_constant_input",
          "merge_relays,merge_equal,pack_silent,remove_dead"}) {
      Model model = test::spike_model(before);
      const auto run = run_passes(model, pass);
      ASSERT_TRUE(run.result.has_value()) << pass << ": " << to_string(run.result.error());
      const SpikeGraph& after = model.spike();
      EXPECT_LE(after.populations.size(), before.populations.size());
      EXPECT_EQ(outputs_of(after, moved(stimuli, before, after), test::kRandomGraphSteps), wanted)
          << pass << " changed the outputs of seed " << GetParam();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CleanUp, testing::Range<std::uint64_t>(1, 61));

TEST(RemoveDead, TakesWhatLeadsNowhereButKeepsInputs) {
  SpikeGraph graph;
  graph.steps = 4;
  const PopulationId input = graph.add(build::input_population("input", {2}));
  const PopulationId lost = graph.add(build::input_population("lost", {2}));
  const PopulationId a = graph.add(build::if_population("a", {2}, 1.0f));
  const PopulationId dead = graph.add(build::if_population("dead", {2}, 1.0f));
  const PopulationId out = graph.add(build::readout_population("out", {1}));
  graph.connect(input, a, OneToOne{Tensor::scalar(1.0f)});
  graph.connect(a, out, build::dense(1, 2, std::vector<float>{1, 1}));
  graph.connect(a, dead, OneToOne{Tensor::scalar(1.0f)});
  graph.connect(lost, dead, OneToOne{Tensor::scalar(1.0f)});
  Model model = test::spike_model(graph);
  const auto run = run_passes(model, "remove_dead");
  ASSERT_TRUE(run.result.has_value());
  EXPECT_EQ(run.fact("", "removed_populations"), 1);
  EXPECT_TRUE(model.spike().find("lost").valid());
  EXPECT_FALSE(model.spike().find("dead").valid());
}

/// input -> relay (x 2) -> a -> relay -> out
SpikeGraph relayed() {
  SpikeGraph graph;
  graph.steps = 8;
  const PopulationId input = graph.add(build::input_population("input", {2}, false));
  const PopulationId a = graph.add(build::if_population("a", {2}, 1.0f));
  const PopulationId twice = graph.add(build::relay_population("twice", {2}));
  const PopulationId same = graph.add(build::relay_population("same", {2}));
  const PopulationId out = graph.add(build::readout_population("out", {1}));
  graph.connect(input, a, OneToOne{Tensor::scalar(1.0f)});
  graph.connect(a, twice, OneToOne{Tensor::from<float>({2}, {2, 0.5f})}, 1);
  graph.connect(twice, same, OneToOne{Tensor::scalar(1.0f)}, 2);
  graph.connect(same, out, build::dense(1, 2, std::vector<float>{3, 5}));
  return graph;
}

TEST(MergeRelays, AddsDelaysAndMovesScales) {
  Model model = test::spike_model(relayed());
  const auto run = run_passes(model, "merge_relays");
  ASSERT_TRUE(run.result.has_value());
  EXPECT_EQ(run.fact("", "removed_identities"), 1);
  EXPECT_EQ(run.fact("", "removed_scales"), 1);
  const SpikeGraph& graph = model.spike();
  ASSERT_EQ(graph.projections.size(), 2u);
  EXPECT_EQ(graph.projections[1].delay_steps, 3u);
  EXPECT_EQ(weight_of(graph.projections[1].connectivity)->at(0), 6);
  EXPECT_EQ(weight_of(graph.projections[1].connectivity)->at(1), 2.5);
}

TEST(MergeRelays, LeavesScalesThatWouldRound) {
  SpikeGraph graph = relayed();
  std::get<OneToOne>(graph.projections[1].connectivity).weight = Tensor::scalar(0.3f);
  Model model = test::spike_model(graph);
  const auto run = run_passes(model, "merge_relays");
  EXPECT_EQ(run.fact("", "removed_scales"), 0);
}

/// Three neurons: one that cannot fire, one that always does, one that depends on the input.
SpikeGraph three_kinds() {
  SpikeGraph graph;
  graph.arithmetic = Arithmetic::kInteger;
  graph.steps = 8;
  Population in = build::input_population("input", {1});
  std::get<Input>(in.neuron).bits = 4;
  const PopulationId input = graph.add(in);
  Population always = build::if_population("always", {2}, std::int32_t{3});
  always.bias = Tensor::from<std::int32_t>({2}, {3, -1});
  const PopulationId bias = graph.add(always);
  const PopulationId a = graph.add(build::if_population("a", {2}, std::int32_t{1000}));
  std::get<If>(graph[a].neuron).firing.threshold = Tensor::from<std::int32_t>({2}, {1000, 4});
  const PopulationId out = graph.add(build::readout_population("out", {1}));
  graph.connect(input, a, build::dense(2, 1, std::vector<std::int8_t>{1, 1}));
  graph.connect(bias, a, build::dense(2, 2, std::vector<std::int8_t>{0, 1, 2, 1}));
  graph.connect(a, out, build::dense(1, 2, std::vector<std::int8_t>{7, 5}));
  return graph;
}

TEST(PackSilent, FoldsConstantNeuronsAndDropsSilentOnes) {
  const SpikeGraph before = three_kinds();
  Model model = test::spike_model(before);
  const auto run = run_passes(model, "pack_silent");
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_EQ(run.fact("", "removed_constant_neurons"), 1);
  EXPECT_EQ(run.fact("", "removed_silent_neurons"), 2);
  const SpikeGraph& after = model.spike();
  EXPECT_FALSE(after.find("always").valid());
  const Population& a = after[after.find("a")];
  EXPECT_EQ(a.shape, (Shape{1}));
  EXPECT_EQ(a.bias.at(0), 2);
  for (std::int32_t x = 0; x < 16; ++x) {
    const std::vector<Stimulus> stimulus{
        {before.find("input"), Tensor::from<std::int32_t>({1}, {x})}};
    EXPECT_EQ(outputs_of(after, moved(stimulus, before, after), 8), outputs_of(before, stimulus, 8))
        << x;
  }
}

TEST(PackSilent, TheIrOfTheSmallCase) {
  Model model = test::spike_model(three_kinds());
  ASSERT_TRUE(run_passes(model, "pack_silent").result.has_value());
  test::expect_golden("passes", "pack_silent", print_text(model));
}

TEST(PackSilent, CannotSayAnythingOfOpenInputs) {
  // A float input may hold any number: nothing behind it is provably silent.
  SpikeGraph graph;
  graph.steps = 4;
  const PopulationId input = graph.add(build::input_population("input", {1}));
  const PopulationId a = graph.add(build::if_population("a", {1}, 1e6f));
  const PopulationId out = graph.add(build::readout_population("out", {1}));
  graph.connect(input, a, OneToOne{Tensor::scalar(1.0f)});
  graph.connect(a, out, build::dense(1, 1, std::vector<float>{1}));
  Model model = test::spike_model(graph);
  const auto run = run_passes(model, "pack_silent");
  EXPECT_EQ(run.fact("", "removed_silent_neurons"), 0);
}

/// A two-phase layer behind a held input: integrates in steps 0 … 5, fires in 6 … 9.
SpikeGraph two_phase(std::uint32_t window) {
  SpikeGraph graph;
  graph.arithmetic = Arithmetic::kInteger;
  graph.steps = 10;
  Population in = build::input_population("input", {2});
  std::get<Input>(in.neuron).bits = 4;
  const PopulationId input = graph.add(in);
  Population layer = build::if_population("layer", {2}, std::int32_t{40}, std::int32_t{20});
  layer.bias = Tensor::from<std::int32_t>({2}, {3, -2});
  Window& when = std::get<If>(layer.neuron).firing.window;
  when.integrate_end = window;
  when.fire_begin = window;
  when.fire_end = 10;
  const PopulationId a = graph.add(layer);
  const PopulationId out = graph.add(build::readout_population("out", {1}));
  graph.connect(input, a, build::dense(2, 2, std::vector<std::int8_t>{5, -3, 7, 2}));
  graph.connect(a, out, build::dense(1, 2, std::vector<std::int8_t>{1, -1}));
  return graph;
}

TEST(FuseConstantInput, IntegratesAWindowInItsLastStep) {
  for (const std::uint32_t window : {4u, 6u}) {
    const SpikeGraph before = two_phase(window);
    Model model = test::spike_model(before);
    const auto run = run_passes(model, "fuse_constant_input");
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    EXPECT_EQ(run.fact("", "saved_steps"), window - 1);
    const SpikeGraph& after = model.spike();
    EXPECT_EQ(firing_of(after[after.find("layer")].neuron)->window.integrate_begin, window - 1);
    EXPECT_EQ(after.projections[0].shift, window == 4 ? 2u : 0u);
    for (std::int32_t x = 0; x < 16; ++x) {
      const std::vector<Stimulus> stimulus{
          {before.find("input"), Tensor::from<std::int32_t>({2}, {x, 15 - x})}};
      EXPECT_EQ(outputs_of(after, stimulus, 10), outputs_of(before, stimulus, 10)) << x;
    }
  }
}

TEST(FuseConstantInput, LeavesNeuronsThatFireWhileTheyIntegrate) {
  SpikeGraph graph = two_phase(4);
  std::get<If>(graph[graph.find("layer")].neuron).firing.window = {};
  Model model = test::spike_model(graph);
  EXPECT_EQ(run_passes(model, "fuse_constant_input").fact("", "fused_populations"), 0);
}

}  // namespace
}  // namespace neurotool
