// max_pool2d in the oracle, code by code: docs/semantics.md, section 3. What is compared with is
// the gate or the number that a person would build for that code, never the definition again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.hpp"
#include "eval/spike_eval.hpp"
#include "ir/builder.hpp"

namespace neurotool {
namespace {

using testing::ElementsAre;

using Train = std::vector<std::int32_t>;
using Trains = std::vector<Train>;  ///< [neuron][step]

/// input[1,1,n] -> relay[1,1,1] through one window over all neurons, in whole numbers.
struct OneWindow {
  SpikeGraph graph;
  PopulationId input, pool;

  explicit OneWindow(std::int64_t neurons, MaxPool2d kind = {}) {
    graph.arithmetic = Arithmetic::kInteger;
    Population in = build::input_population("in", {1, 1, neurons}, false);
    std::get<Input>(in.neuron).bits = 16;
    std::get<Input>(in.neuron).is_signed = true;
    input = graph.add(std::move(in));
    pool = graph.add(build::relay_population("pool", {1, 1, 1}));
    kind.kernel = {1, neurons};
    graph.connect(input, pool, std::move(kind));
  }

  /// What arrives at the pool in every step; the run is cut after `cut` steps.
  Train run(const Trains& trains, std::size_t cut = 0) const {
    const SpikeEvaluator evaluator(graph);
    SpikeState state = evaluator.initial_state();
    Train arrived;
    const auto observe = [&](const StepRecord& record) {
      if (record.population == pool)
        arrived.push_back(static_cast<std::int32_t>(record.payload_i[0]));
    };
    const std::size_t steps = trains[0].size();
    for (const auto& [first, last] : {std::pair{std::size_t{0}, cut}, std::pair{cut, steps}}) {
      std::vector<std::int32_t> values;
      for (std::size_t t = first; t < last; ++t)
        for (const Train& train : trains) values.push_back(train[t]);
      const auto rows = static_cast<std::int64_t>(last - first);
      const Stimulus stimulus{input,
                              Tensor::from<std::int32_t>({rows, std::ssize(trains)}, values)};
      if (rows == 0) continue;
      EXPECT_TRUE(evaluator.run(state, {&stimulus, 1}, last - first, observe).has_value());
    }
    return arrived;
  }
};

std::int32_t sum(const Train& train) {
  std::int32_t total = 0;
  for (const std::int32_t payload : train) total += payload;
  return total;
}

/// The train that spells a value with its most significant bit first.
Train bits_of(std::int32_t value, int bits) {
  Train train;
  for (int bit = bits - 1; bit >= 0; --bit) train.push_back((value >> bit) & 1);
  return train;
}

TEST(MaxPool2d, OfLeadingAlignedTrainsIsAnOrGate) {
  RandomStream dice(1, "max_pool_test", "unary");
  for (int round = 0; round < 200; ++round) {
    Trains trains(1 + dice.below(9), Train(15, 0));
    Train either(15, 0);
    for (Train& train : trains) {
      std::fill_n(train.begin(), dice.below(16), 1);
      for (std::size_t t = 0; t < train.size(); ++t) either[t] |= train[t];
    }
    EXPECT_EQ(OneWindow(std::ssize(trains)).run(trains), either);
  }
}

TEST(MaxPool2d, InBaseTwoSpellsTheLargestNumberBitByBit) {
  RandomStream dice(1, "max_pool_test", "radix");
  for (int round = 0; round < 200; ++round) {
    const int bits = 1 + static_cast<int>(dice.below(8));
    Trains trains;
    std::int32_t largest = 0;
    for (std::uint64_t n = 0; n <= dice.below(9); ++n) {
      const auto value = static_cast<std::int32_t>(dice.below(std::uint64_t{1} << bits));
      trains.push_back(bits_of(value, bits));
      largest = std::max(largest, value);
    }
    MaxPool2d pool;
    pool.base = 2;
    pool.end = static_cast<std::uint32_t>(bits);
    EXPECT_EQ(OneWindow(std::ssize(trains), pool).run(trains), bits_of(largest, bits));
  }
}

TEST(MaxPool2d, OfGradedPayloadsInOneStepIsTheLargest) {
  EXPECT_THAT(OneWindow(4).run({{3}, {-7}, {12}, {5}}), ElementsAre(12));
  EXPECT_THAT(OneWindow(3).run({{-3}, {-7}, {-5}}), ElementsAre(-3));
}

TEST(MaxPool2d, OfSignedTrainsAddsUpToTheLargestSum) {
  RandomStream dice(1, "max_pool_test", "signed");
  for (int round = 0; round < 200; ++round) {
    Trains trains(1 + dice.below(9), Train(20));
    std::int32_t largest = std::numeric_limits<std::int32_t>::min();
    for (Train& train : trains) {
      for (std::int32_t& payload : train) payload = static_cast<std::int32_t>(dice.below(7)) - 3;
      largest = std::max(largest, sum(train));
    }
    const Train arrived = OneWindow(std::ssize(trains)).run(trains);
    EXPECT_EQ(sum(arrived), largest);
    // No step brings more or less than the payloads of neurons can be.
    EXPECT_LE(*std::ranges::max_element(arrived), 3);
    EXPECT_GE(*std::ranges::min_element(arrived), -3);
  }
}

TEST(MaxPool2d, OfBinaryTrainsCountsTheBusiestAndStaysBinary) {
  // The largest payload of each step would count 4 spikes here; no neuron sent more than 2.
  EXPECT_THAT(OneWindow(2).run({{1, 0, 1, 0}, {0, 1, 0, 1}}), ElementsAre(1, 0, 1, 0));
  RandomStream dice(1, "max_pool_test", "rate");
  for (int round = 0; round < 200; ++round) {
    Trains trains(1 + dice.below(9), Train(20));
    std::int32_t busiest = 0;
    for (Train& train : trains) {
      for (std::int32_t& payload : train) payload = static_cast<std::int32_t>(dice.below(2));
      busiest = std::max(busiest, sum(train));
    }
    const Train arrived = OneWindow(std::ssize(trains)).run(trains);
    EXPECT_EQ(sum(arrived), busiest);
    EXPECT_TRUE(std::ranges::all_of(arrived, [](auto s) { return s == 0 || s == 1; }));
  }
}

TEST(MaxPool2d, IsSilentOutsideItsSteps) {
  MaxPool2d pool;
  pool.begin = 1;
  pool.end = 3;
  EXPECT_THAT(OneWindow(2, pool).run({{9, 1, 2, 9}, {0, 2, 2, 0}}), ElementsAre(0, 2, 2, 0));
}

TEST(MaxPool2d, MultipliesWhatIsDelivered) {
  MaxPool2d pool;
  pool.weight = Tensor::scalar<std::int32_t>(-3);
  EXPECT_THAT(OneWindow(2, pool).run({{1, 0}, {0, 2}}), ElementsAre(-3, -3));
}

TEST(MaxPool2d, MayBeCutAnywhere) {
  const Trains trains{{1, 0, 2, -1, 3, 0, 1, 1}, {0, 2, 0, 2, -3, 1, 1, 0}};
  const OneWindow window(2);
  const Train whole = window.run(trains);
  for (std::size_t cut = 1; cut < 8; ++cut) EXPECT_EQ(window.run(trains, cut), whole);
}

TEST(MaxPool2d, PaddingNeverWins) {
  SpikeGraph graph;
  const PopulationId input = graph.add(build::input_population("in", {1, 2, 2}, true));
  const PopulationId pool = graph.add(build::relay_population("pool", {1, 2, 2}));
  graph.connect(input, pool,
                MaxPool2d{.kernel = {2, 2}, .stride = {2, 2}, .padding = {1, 1, 1, 1}});
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const Stimulus stimulus{input, Tensor::from<float>({4}, {-1, -2, -3, -4})};
  std::vector<float> arrived;
  ASSERT_TRUE(evaluator
                  .run(state, {&stimulus, 1}, 2,
                       [&](const StepRecord& record) {
                         if (record.population == pool)
                           arrived.assign(record.payload_f.begin(), record.payload_f.end());
                       })
                  .has_value());
  EXPECT_THAT(arrived, ElementsAre(-1, -2, -3, -4));
}

TEST(MaxPool2d, HearsNothingWhileTheFirstPayloadsAreOnTheirWay) {
  OneWindow window(2);
  window.graph.projections[0].delay_steps = 2;
  EXPECT_THAT(window.run({{4, 1, 1, 1}, {0, 6, 1, 1}}), ElementsAre(0, 0, 4, 2));
}

}  // namespace
}  // namespace neurotool
