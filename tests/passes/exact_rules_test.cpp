// The statements on which exact conversion stands, each on one or two neurons and over all numbers
// that matter: what constant current gives (T1), what a bounded signed neuron settles to, and that
// binary digits carry a count.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "base/random.hpp"
#include "eval/spike_eval.hpp"

namespace neurotool {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// An input of one neuron and step by step values, and a neuron that hears it with weight 1.
SpikeGraph one_neuron(Firing firing, std::uint32_t steps) {
  SpikeGraph graph;
  graph.arithmetic = Arithmetic::kInteger;
  graph.steps = steps;
  Population input;
  input.name = "input";
  input.shape = {1};
  input.neuron = Input{.held = false, .bits = 16, .is_signed = true};
  const PopulationId from = graph.add(std::move(input));
  Population neuron;
  neuron.name = "neuron";
  neuron.shape = {1};
  neuron.neuron = If{std::move(firing)};
  neuron.output = true;
  const PopulationId to = graph.add(std::move(neuron));
  graph.connect(from, to, Dense{Tensor::from<std::int8_t>({1, 1}, {1})});
  return graph;
}

Firing firing_at(std::int32_t theta, std::int32_t initial) {
  Firing firing;
  firing.threshold = Tensor::scalar(theta);
  firing.initial_membrane = Tensor::scalar(initial);
  return firing;
}

/// Net counts after each step of a train.
std::vector<std::int64_t> counts_after(const SpikeGraph& graph, std::vector<std::int32_t> train) {
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const auto steps = static_cast<std::int64_t>(train.size());
  const Stimulus stimulus{PopulationId{0},
                          Tensor::from<std::int32_t>({steps, 1}, std::move(train))};
  std::vector<std::int64_t> counts;
  std::int64_t count = 0;
  const auto done = evaluator.run(state, {&stimulus, 1}, static_cast<std::uint64_t>(steps),
                                  [&](const StepRecord& record) {
                                    if (record.population != PopulationId{1}) return;
                                    count += record.payload_i[0];
                                    counts.push_back(count);
                                  });
  EXPECT_TRUE(done.has_value());
  return counts;
}

TEST(ExactRules, ConstantCurrentGivesTheRoundedCount) {
  for (const std::int32_t theta : {2, 6, 10}) {
    for (std::int32_t z = -2 * theta; z <= 3 * theta; ++z) {
      const auto counts = counts_after(one_neuron(firing_at(theta, theta / 2), 20),
                                       std::vector<std::int32_t>(20, z));
      for (std::int64_t t = 1; t <= 20; ++t) {
        ASSERT_EQ(counts[static_cast<std::size_t>(t - 1)],
                  std::clamp<std::int64_t>(floor_div(z * t + theta / 2, theta), 0, t))
            << "z=" << z << " theta=" << theta << " T=" << t;
      }
    }
  }
}

TEST(ExactRules, ABoundedSignedNeuronForgetsTheOrderAndSettlesInTime) {
  RandomStream random(11, "test", "trains");
  for (int trial = 0; trial < 300; ++trial) {
    const auto theta = static_cast<std::int32_t>(2 + random.uniform() * 20);
    const std::int64_t low = trial % 3 == 0 ? -5 : 0, high = trial % 2 == 0 ? 15 : 7;
    Firing firing = firing_at(theta, theta / 2);
    firing.emission = {.max_per_step = 1, .min_per_step = -1, .max_total = high, .min_total = low};
    const std::size_t length = 12, drain = static_cast<std::size_t>(high - low) + 1;
    std::vector<std::int32_t> train;
    for (std::size_t i = 0; i < length; ++i) {
      train.push_back(static_cast<std::int32_t>((random.uniform() - 0.4) * 4 * theta));
    }
    const std::int64_t total = std::accumulate(train.begin(), train.end(), std::int64_t{0});
    const std::int64_t wanted = std::clamp(floor_div(total + theta / 2, theta), low, high);
    for (int order = 0; order < 4; ++order) {
      std::vector<std::int32_t> longer = train;
      longer.resize(length + drain, 0);
      const auto counts =
          counts_after(one_neuron(firing, static_cast<std::uint32_t>(longer.size())), longer);
      const std::int64_t at_end = counts[length - 1];
      // One unit in each further step, and none after the last.
      const auto settled = length - 1 + static_cast<std::size_t>(std::abs(wanted - at_end));
      ASSERT_EQ(counts[settled], wanted) << "trial " << trial;
      ASSERT_EQ(counts.back(), wanted) << "trial " << trial;
      std::rotate(train.begin(), train.begin() + 5, train.end());
      if (order == 1) std::ranges::reverse(train);
    }
  }
}

TEST(ExactRules, BinaryDigitsCarryTheCountAndDoubleToTheProduct) {
  for (std::uint32_t bits = 1; bits <= 8; ++bits) {
    const std::int32_t theta = 7, most = (1 << bits) - 1, weight = -5;
    Firing firing = firing_at(theta, theta / 2);
    firing.radix_bits = bits;
    firing.window = {0, 1, 1, 1 + bits};
    for (std::int32_t sum = -2 * theta; sum <= (most + 3) * theta; ++sum) {
      SpikeGraph graph = one_neuron(firing, 1 + bits);
      Population reader;
      reader.name = "reader";
      reader.shape = {1};
      reader.neuron = Li{.decay = Tensor::scalar(std::int32_t{2})};
      const PopulationId to = graph.add(std::move(reader));
      graph.connect(PopulationId{1}, to,
                    Dense{Tensor::from<std::int8_t>({1, 1}, {static_cast<std::int8_t>(weight)})});
      const SpikeEvaluator evaluator(graph);
      SpikeState state = evaluator.initial_state();
      std::vector<std::int32_t> train(1 + bits, 0);
      train[0] = sum;
      const Stimulus stimulus{
          PopulationId{0},
          Tensor::from<std::int32_t>({static_cast<std::int64_t>(train.size()), 1}, train)};
      ASSERT_TRUE(evaluator.run(state, {&stimulus, 1}, graph.steps).has_value());
      const std::int64_t count =
          std::clamp<std::int64_t>(floor_div(sum + theta / 2, theta), 0, most);
      ASSERT_EQ(state.membrane_i[to.index][0], weight * count) << "b=" << bits << " A=" << sum;
    }
  }
}

}  // namespace
}  // namespace neurotool
