#include "support/random_graphs.hpp"

#include <gtest/gtest.h>

#include <set>

#include "ir/print.hpp"
#include "support/graphs.hpp"

namespace neurotool::test {
namespace {

std::set<std::string> features(const SpikeGraph& graph) {
  std::set<std::string> found;
  for (const Population& population : graph.populations) {
    found.emplace(model_name(population.neuron));
    const Firing* firing = firing_of(population.neuron);
    if (firing == nullptr) continue;
    if (firing->emission.max_per_step > 1) found.insert("burst");
    if (firing->emission.min_per_step < 0) found.insert("signed");
    if (firing->window != Window{}) found.insert("window");
    if (firing->radix_bits > 0) found.insert("radix");
    if (firing->reset == Reset::kToValue) found.insert("to_value");
  }
  for (const Projection& projection : graph.projections) {
    found.emplace(kind_name(projection.connectivity));
    if (projection.delay_steps > 0) found.insert("delay");
    if (projection.shift > 0) found.insert("shift");
    if (projection.source >= projection.target) found.insert("cycle");
  }
  return found;
}

std::set<std::string> features_of_many(RandomGraphOptions options, std::uint64_t seeds) {
  std::set<std::string> found;
  for (options.seed = 1; options.seed <= seeds; ++options.seed) {
    found.merge(features(random_graph(options)));
  }
  return found;
}

TEST(RandomGraphs, AreValidInBothArithmetics) {
  for (const Arithmetic arithmetic : {Arithmetic::kFloat32, Arithmetic::kInteger}) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      const SpikeGraph graph = random_graph({.seed = seed, .arithmetic = arithmetic});
      EXPECT_EQ(violations(spike_model(graph)), std::vector<std::string>{}) << "seed " << seed;
    }
  }
}

TEST(RandomGraphs, DependOnTheSeedAlone) {
  const auto text = [](std::uint64_t seed) {
    return print_json(spike_model(random_graph({.seed = seed}))).dump();
  };
  EXPECT_EQ(text(7), text(7));
  EXPECT_NE(text(7), text(8));
}

TEST(RandomGraphs, ReachEveryFeature) {
  const std::set<std::string> wanted{"input",    "relay", "if",     "lif",        "cuba_lif",
                                     "li",       "burst", "signed", "window",     "radix",
                                     "to_value", "dense", "conv2d", "sum_pool2d", "max_pool2d",
                                     "sparse",   "delay", "cycle",  "one_to_one"};
  const std::set<std::string> found = features_of_many({}, 200);
  for (const std::string& feature : wanted) EXPECT_TRUE(found.contains(feature)) << feature;
  EXPECT_TRUE(features_of_many({.arithmetic = Arithmetic::kInteger}, 200).contains("shift"));
}

TEST(RandomGraphs, LeaveOutWhatIsNotAllowed) {
  const RandomGraphOptions plain{.allow_lif = false,
                                 .allow_cuba = false,
                                 .allow_relay = false,
                                 .allow_burst = false,
                                 .allow_signed = false,
                                 .allow_windows = false,
                                 .allow_radix = false,
                                 .allow_reset_to_value = false,
                                 .allow_conv = false,
                                 .allow_pool = false,
                                 .allow_one_to_one = false,
                                 .allow_sparse = false,
                                 .allow_delays = false,
                                 .allow_recurrent = false};
  EXPECT_EQ(features_of_many(plain, 100), (std::set<std::string>{"input", "if", "li", "dense"}));
}

TEST(RandomGraphs, KeepToTheirSize) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const SpikeGraph graph = random_graph({.seed = seed, .max_populations = 4, .max_neurons = 20});
    EXPECT_LE(graph.populations.size(), 4u);
    for (const Population& population : graph.populations) EXPECT_LE(population.size(), 20);
  }
}

TEST(RandomStimuli, FitTheirInputs) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const SpikeGraph graph = random_graph({.seed = seed, .arithmetic = Arithmetic::kInteger});
    for (const Stimulus& stimulus : random_stimuli(graph, seed, 5)) {
      const Population& population = graph[stimulus.population];
      const Input& input = std::get<Input>(population.neuron);
      EXPECT_EQ(stimulus.value.size(), population.size() * (input.held ? 1 : 5));
      for (const std::int32_t value : stimulus.value.as<std::int32_t>()) {
        EXPECT_LT(value, 1 << input.bits);
        EXPECT_GE(value, input.is_signed ? -(1 << (input.bits - 1)) : 0);
      }
    }
  }
}

}  // namespace
}  // namespace neurotool::test
