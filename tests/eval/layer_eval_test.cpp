// The fast runner beside the oracle. On a grid of 1/64 every sum is exact in whatever order it is
// taken, so that counts and membranes must be equal, not near.
#include "eval/layer_eval.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "base/parallel.hpp"
#include "eval/spike_eval.hpp"
#include "ir/builder.hpp"
#include "support/random_graphs.hpp"

namespace neurotool {
namespace {

constexpr float kGrid = 1.0f / 64;
constexpr std::uint32_t kSteps = 9;

Tensor on_grid(const Tensor& tensor, float least = -HUGE_VALF) {
  if (!tensor.defined() || tensor.dtype() != DType::kFloat32) return tensor;
  std::vector<float> values;
  for (const float value : tensor.as<float>()) {
    values.push_back(std::max(least, std::nearbyint(value / kGrid) * kGrid));
  }
  return Tensor::from<float>(tensor.shape(), std::move(values));
}

SpikeGraph graph_on_grid(std::uint64_t seed) {
  test::RandomGraphOptions options;
  options.seed = seed;
  options.allow_lif = options.allow_cuba = options.allow_windows = options.allow_radix = false;
  options.allow_reset_to_value = options.allow_delays = options.allow_recurrent = false;
  options.allow_per_step_inputs = false;
  SpikeGraph graph = test::random_graph(options);
  for (Population& population : graph.populations) {
    population.bias = on_grid(population.bias);
    if (auto* li = std::get_if<Li>(&population.neuron)) {
      li->initial_membrane = on_grid(li->initial_membrane);
    }
    Firing* const firing = firing_of(population.neuron);
    if (firing == nullptr) continue;
    firing->threshold = on_grid(firing->threshold, kGrid);
    firing->initial_membrane = on_grid(firing->initial_membrane);
    firing->emission.max_total = Emission::kUnbounded;
    firing->emission.min_total = 0;
  }
  for (Projection& projection : graph.projections) {
    if (Tensor* const weight = weight_of(projection.connectivity)) *weight = on_grid(*weight);
  }
  return graph;
}

class LayerEval : public testing::TestWithParam<std::uint64_t> {};

TEST_P(LayerEval, EqualsTheOracleInEveryCountAndMembrane) {
  const SpikeGraph graph = graph_on_grid(GetParam());
  const Result<> accepted = LayerEvaluator::check(graph);
  if (!accepted) {
    EXPECT_EQ(accepted.error().code, "eval.unsupported");
    GTEST_SKIP() << accepted.error().message;
  }
  std::vector<Stimulus> stimuli = test::random_stimuli(graph, GetParam(), kSteps);
  LayerEvaluator layers(graph, kSteps);
  for (Stimulus& stimulus : stimuli) {
    stimulus.value = on_grid(stimulus.value);
    const Shape one{1, stimulus.value.size()};
    ASSERT_TRUE(layers.feed(stimulus.population, stimulus.value.reshaped(one)).has_value());
  }
  const SpikeEvaluator oracle(graph);
  SpikeState state = oracle.initial_state();
  ASSERT_TRUE(oracle.run(state, stimuli, kSteps).has_value());
  for (const PopulationId id : layers.order()) {
    const Population& population = graph[id];
    if (std::holds_alternative<Input>(population.neuron)) continue;
    const auto found = layers.visit(id);
    ASSERT_TRUE(found.has_value()) << to_string(found.error());
    const bool fires = firing_of(population.neuron) != nullptr;
    for (std::size_t i = 0; i < found->size(); ++i) {
      const double wanted = fires ? static_cast<double>(state.emitted[id.index][i])
                                  : double{state.membrane_f[id.index][i]};
      ASSERT_EQ(double{(*found)[i]}, wanted) << population.name << " neuron " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LayerEval, testing::Range<std::uint64_t>(1, 61));

TEST(LayerEvaluator, RunsManySamplesAsItRunsEachOfThem) {
  const SpikeGraph graph = graph_on_grid(2);
  ASSERT_TRUE(LayerEvaluator::check(graph).has_value());
  const std::vector<Stimulus> one = test::random_stimuli(graph, 1, kSteps);
  const std::vector<Stimulus> two = test::random_stimuli(graph, 2, kSteps);
  const auto run = [&](std::size_t threads, bool both) {
    set_thread_count(threads);
    LayerEvaluator layers(graph, kSteps);
    for (std::size_t i = 0; i < one.size(); ++i) {
      std::vector<float> values;
      for (const auto* stimuli : {&two, &one}) {
        if (!both && stimuli == &two) continue;
        const auto data = (*stimuli)[i].value.as<float>();
        values.insert(values.end(), data.begin(), data.end());
      }
      const Shape shape{both ? 2 : 1, one[i].value.size()};
      EXPECT_TRUE(layers.feed(one[i].population, Tensor::from<float>(shape, values)).has_value());
    }
    std::vector<std::vector<float>> found;
    for (const PopulationId id : layers.order()) {
      if (std::holds_alternative<Input>(graph[id].neuron)) continue;
      found.push_back(*layers.visit(id));
    }
    set_thread_count(0);
    return found;
  };
  const auto alone = run(1, false), together = run(1, true), threaded = run(5, true);
  EXPECT_EQ(together, threaded);
  for (std::size_t p = 0; p < alone.size(); ++p) {
    const std::size_t half = together[p].size() / 2;
    EXPECT_EQ(alone[p], std::vector<float>(together[p].begin() + static_cast<std::ptrdiff_t>(half),
                                           together[p].end()));
  }
}

TEST(LayerEvaluator, SaysWhatItDoesNotRun) {
  SpikeGraph graph;
  const PopulationId input = graph.add(build::input_population("in", {2}));
  const PopulationId leaky = graph.add(build::lif_population("leaky", {2}, 1, 0.5f));
  graph.connect(input, leaky, OneToOne{Tensor::scalar(1.0f)});
  const Result<> found = LayerEvaluator::check(graph);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, "eval.unsupported");
  EXPECT_NE(found.error().message.find("'leaky' leaks"), std::string::npos)
      << found.error().message;
}

}  // namespace
}  // namespace neurotool
