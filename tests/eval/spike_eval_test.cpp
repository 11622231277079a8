// The oracle against traces computed by hand: each test is one heading of docs/semantics.md.

#include "eval/spike_eval.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/builder.hpp"

namespace neurotool {
namespace {

using testing::ElementsAre;

/// Payloads and membranes of one population over a run, one entry per step, neuron 0 only.
struct Trace {
  std::vector<double> payload, membrane;
};

Trace trace_of(const SpikeGraph& graph, PopulationId population, std::vector<Stimulus> stimuli,
               std::uint64_t steps) {
  Trace trace;
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const Result<> result = evaluator.run(state, stimuli, steps, [&](const StepRecord& record) {
    if (record.population != population) return;
    trace.payload.push_back(record.payload_f.empty() ? static_cast<double>(record.payload_i[0])
                                                     : record.payload_f[0]);
    trace.membrane.push_back(record.membrane_f.empty() ? static_cast<double>(record.membrane_i[0])
                                                       : record.membrane_f[0]);
  });
  EXPECT_TRUE(result.has_value()) << to_string(result.error());
  return trace;
}

/// input[1] -> neuron[1] with weight 1, integer arithmetic.
struct OneNeuron {
  SpikeGraph graph;
  PopulationId input, neuron;

  explicit OneNeuron(Neuron model, bool held = false) {
    graph.arithmetic = Arithmetic::kInteger;
    Population in = build::input_population("in", {1}, held);
    std::get<Input>(in.neuron).bits = 16;
    std::get<Input>(in.neuron).is_signed = true;
    input = graph.add(std::move(in));
    Population out;
    out.name = "out";
    out.shape = {1};
    out.neuron = std::move(model);
    out.output = true;
    neuron = graph.add(std::move(out));
    graph.connect(input, neuron, build::dense(1, 1, std::vector<std::int8_t>{1}));
  }

  Trace run(std::vector<std::int32_t> values) const {
    const auto steps = static_cast<std::int64_t>(values.size());
    return trace_of(graph, neuron, {{input, Tensor::from<std::int32_t>({steps, 1}, values)}},
                    values.size());
  }
};

Firing firing(std::int32_t threshold, std::int32_t initial = 0) {
  Firing result;
  result.threshold = Tensor::scalar<std::int32_t>(threshold);
  result.initial_membrane = Tensor::scalar<std::int32_t>(initial);
  return result;
}

TEST(SpikeEval, MembraneEqualToThresholdFires) {
  const Trace trace = OneNeuron(If{firing(10)}).run({10, 9, 1});
  EXPECT_THAT(trace.payload, ElementsAre(1, 0, 1));
  EXPECT_THAT(trace.membrane, ElementsAre(0, 9, 0));
}

TEST(SpikeEval, NeuronThatFiresAboveItsThresholdWaitsForMore) {
  Firing above = firing(10);
  above.comparison = Comparison::kAbove;
  const Trace trace = OneNeuron(If{above}).run({10, 0, 1, 9});
  EXPECT_THAT(trace.payload, ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(trace.membrane, ElementsAre(10, 10, 1, 10));
}

TEST(SpikeEval, BurstThatFiresAboveKeepsTheLastThreshold) {
  Firing above = firing(10);
  above.comparison = Comparison::kAbove;
  above.emission.max_per_step = 5;
  const Trace trace = OneNeuron(If{above}).run({30, 1});
  EXPECT_THAT(trace.payload, ElementsAre(2, 1));
  EXPECT_THAT(trace.membrane, ElementsAre(10, 1));
}

TEST(SpikeEval, SubtractingResetKeepsTheOvershoot) {
  const Trace trace = OneNeuron(If{firing(10, 5)}).run({18, 0, 0});
  EXPECT_THAT(trace.payload, ElementsAre(1, 1, 0));
  EXPECT_THAT(trace.membrane, ElementsAre(13, 3, 3));
}

TEST(SpikeEval, ResetToValueForgetsTheOvershoot) {
  Firing hard = firing(10);
  hard.reset = Reset::kToValue;
  hard.reset_value = Tensor::scalar<std::int32_t>(-2);
  const Trace trace = OneNeuron(If{hard}).run({25, 11, 1});
  EXPECT_THAT(trace.payload, ElementsAre(1, 0, 1));
  EXPECT_THAT(trace.membrane, ElementsAre(-2, 9, -2));
}

TEST(SpikeEval, BurstNeuronSendsAtMostItsBurst) {
  Firing burst = firing(10);
  burst.emission.max_per_step = 3;
  const Trace trace = OneNeuron(If{burst}).run({25, 50, 0});
  EXPECT_THAT(trace.payload, ElementsAre(2, 3, 2));
  EXPECT_THAT(trace.membrane, ElementsAre(5, 25, 5));
}

TEST(SpikeEval, SignedNeuronTakesBackOnlyWhatItSent) {
  Firing with_memory = firing(10);
  with_memory.emission.min_per_step = -1;
  const Trace trace = OneNeuron(If{with_memory}).run({12, -20, -10, 30});
  EXPECT_THAT(trace.payload, ElementsAre(1, -1, 0, 1));
  EXPECT_THAT(trace.membrane, ElementsAre(2, -8, -18, 2));
}

TEST(SpikeEval, TernaryNeuronStopsAtItsBounds) {
  // ST-BIF with n in [-1, 2]: the third spike is not sent although the membrane stays above.
  Firing ternary = firing(10, 5);
  ternary.emission = {.max_per_step = 1, .min_per_step = -1, .max_total = 2, .min_total = -1};
  const Trace up = OneNeuron(If{ternary}).run({30, 0, 0, 0});
  EXPECT_THAT(up.payload, ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(up.membrane, ElementsAre(25, 15, 15, 15));
  const Trace down = OneNeuron(If{ternary}).run({-30, 0, 0});
  EXPECT_THAT(down.payload, ElementsAre(-1, 0, 0));
}

TEST(SpikeEval, TwoPhaseLayerIntegratesThenFires) {
  Firing phases = firing(10, 5);
  phases.window = {.integrate_begin = 0, .integrate_end = 3, .fire_begin = 3, .fire_end = 6};
  // The 99 arrives outside of the integrate window and is ignored.
  const Trace trace = OneNeuron(If{phases}).run({20, -5, 1, 99, 0, 0});
  EXPECT_THAT(trace.payload, ElementsAre(0, 0, 0, 1, 1, 0));
  EXPECT_THAT(trace.membrane, ElementsAre(25, 20, 21, 11, 1, 1));
}

TEST(SpikeEval, RadixProducerEmitsItsCountMostSignificantBitFirst) {
  // 3 bits after one integrating step: floor(27 / 5) = 5 = 0b101.
  Firing radix = firing(5);
  radix.window = {.integrate_begin = 0, .integrate_end = 1, .fire_begin = 1, .fire_end = 4};
  radix.radix_bits = 3;
  const Trace trace = OneNeuron(If{radix}).run({27, 0, 0, 0});
  EXPECT_THAT(trace.payload, ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(trace.membrane, ElementsAre(27, 7, 7, 2));
}

TEST(SpikeEval, DoublingMembraneReadsRadixTrains) {
  // Bits 1, 0, 1 arrive most significant first: 5 times the weight of 1.
  Lif consumer{.firing = firing(100)};
  consumer.decay = Tensor::scalar<std::int32_t>(2);
  const Trace trace = OneNeuron(consumer).run({1, 0, 1});
  EXPECT_THAT(trace.membrane, ElementsAre(1, 2, 5));
}

TEST(SpikeEval, FixedPointDecayRoundsAsThePopulationSays) {
  Lif leaky{.firing = firing(1000)};
  leaky.decay = Tensor::scalar<std::int32_t>(3);
  leaky.decay_shift = 2;
  EXPECT_THAT(OneNeuron(leaky).run({-5, 0}).membrane, ElementsAre(-5, -4));  // floor(-3.75)
  leaky.rounding = Rounding::kTowardZero;
  EXPECT_THAT(OneNeuron(leaky).run({-5, 0}).membrane, ElementsAre(-5, -3));
}

TEST(SpikeEval, SynapticCurrentDecaysBeforeItReachesTheMembrane) {
  CubaLif cuba{.firing = firing(1000)};
  cuba.decay = Tensor::scalar<std::int32_t>(1);
  cuba.decay_shift = 1;
  cuba.current_decay = Tensor::scalar<std::int32_t>(1);
  cuba.current_decay_shift = 1;
  // i: 8, 4, 2; v: 8, 4 + 4, 4 + 2
  EXPECT_THAT(OneNeuron(cuba).run({8, 0, 0}).membrane, ElementsAre(8, 8, 6));
}

TEST(SpikeEval, BiasIsAddedWhenItsTimingSays) {
  Firing phases = firing(100);
  phases.window.integrate_end = 3;
  for (const auto& [timing, expected] :
       {std::pair{BiasTiming::kEveryStep, std::vector<double>{8, 15, 22, 22}},
        std::pair{BiasTiming::kFirstStep, std::vector<double>{8, 8, 8, 8}},
        std::pair{BiasTiming::kLastStep, std::vector<double>{1, 1, 8, 8}}}) {
    OneNeuron network(If{phases});
    network.graph[network.neuron].bias = Tensor::scalar<std::int32_t>(7);
    network.graph[network.neuron].bias_timing = timing;
    EXPECT_EQ(network.run({1, 0, 0, 0}).membrane, expected);
  }
}

TEST(SpikeEval, DelayedProjectionsDeliverLater) {
  OneNeuron network(Li{});
  network.graph[ProjectionId{0}].delay_steps = 2;
  EXPECT_THAT(network.run({3, 4, 5, 6}).membrane, ElementsAre(0, 0, 3, 7));
}

TEST(SpikeEval, SelfProjectionWithDelayIsARecurrentNetwork) {
  OneNeuron network(If{firing(10)});
  network.graph.connect(network.neuron, network.neuron,
                        build::dense(1, 1, std::vector<std::int8_t>{-4}), 1);
  const Trace trace = network.run({10, 10, 10});
  EXPECT_THAT(trace.payload, ElementsAre(1, 0, 1));
  EXPECT_THAT(trace.membrane, ElementsAre(0, 6, 6));
}

TEST(SpikeEval, ShiftMultipliesTheSumOfOneProjectionOnly) {
  OneNeuron network(Li{});
  const ProjectionId second = network.graph.connect(
      network.input, network.neuron, build::dense(1, 1, std::vector<std::int8_t>{1}));
  network.graph[second].shift = 4;
  EXPECT_THAT(network.run({3}).membrane, ElementsAre(3 + 48));
}

TEST(SpikeEval, RelayForwardsItsSumInTheSameStep) {
  SpikeGraph graph;
  graph.arithmetic = Arithmetic::kInteger;
  Population in = build::input_population("in", {1, 2, 2}, false);
  std::get<Input>(in.neuron).bits = 8;
  const PopulationId input = graph.add(std::move(in));
  const PopulationId pool = graph.add(build::relay_population("pool", {1, 1, 1}));
  const PopulationId out = graph.add(build::readout_population("out", {1}));
  graph.connect(input, pool, SumPool2d{.kernel = {2, 2}, .stride = {2, 2}});
  graph.connect(pool, out, build::dense(1, 1, std::vector<std::int8_t>{5}));
  const Trace trace =
      trace_of(graph, out, {{input, Tensor::from<std::int32_t>({1, 4}, {1, 0, 1, 1})}}, 1);
  EXPECT_THAT(trace.membrane, ElementsAre(15));
}

TEST(SpikeEval, FloatSumsFollowRowColumnChannelOrder) {
  // Channel-last order adds 1e8, -1e8, 1: exactly 1. Flat (channel-first) order would lose the 1.
  SpikeGraph graph;
  const PopulationId input = graph.add(build::input_population("in", {2, 1, 2}, false));
  const PopulationId out = graph.add(build::readout_population("out", {1}));
  // flat: c0x0 = 1e8, c0x1 = 1, c1x0 = -1e8, c1x1 = 0
  graph.connect(input, out, build::dense(1, 4, std::vector<float>{1e8f, 1.0f, -1e8f, 0.0f}));
  const Trace trace = trace_of(graph, out, {{input, Tensor::from<float>({1, 4}, {1, 1, 1, 1})}}, 1);
  EXPECT_THAT(trace.membrane, ElementsAre(1));
}

TEST(SpikeEval, RunsMayBeCutAnywhere) {
  OneNeuron network(If{firing(7, 3)});
  network.graph.connect(network.neuron, network.neuron,
                        build::dense(1, 1, std::vector<std::int8_t>{2}), 3);
  const std::vector<std::int32_t> values{5, 4, -3, 9, 1, 8, 2, 6};
  const Trace whole = network.run(values);
  const SpikeEvaluator evaluator(network.graph);
  for (std::size_t cut = 1; cut < values.size(); ++cut) {
    SpikeState state = evaluator.initial_state();
    std::vector<double> payload;
    const StepObserver keep = [&](const StepRecord& record) {
      if (record.population == network.neuron)
        payload.push_back(static_cast<double>(record.payload_i[0]));
    };
    const std::vector<std::int32_t> first(values.begin(), values.begin() + static_cast<long>(cut));
    const std::vector<std::int32_t> second(values.begin() + static_cast<long>(cut), values.end());
    for (const auto& part : {first, second}) {
      const Stimulus stimulus{
          network.input,
          Tensor::from<std::int32_t>({static_cast<std::int64_t>(part.size()), 1}, part)};
      ASSERT_TRUE(evaluator.run(state, std::span(&stimulus, 1), part.size(), keep));
    }
    EXPECT_EQ(payload, whole.payload) << "cut after " << cut;
  }
}

TEST(SpikeEval, IntegerThatLeaves32BitsIsAnErrorWithItsPlace) {
  OneNeuron network(Li{});
  network.graph[ProjectionId{0}].shift = 20;
  const Stimulus stimulus{network.input, Tensor::from<std::int32_t>({2, 1}, {1500, 1500})};
  const SpikeEvaluator evaluator(network.graph);
  SpikeState state = evaluator.initial_state();
  const Result<> result = evaluator.run(state, std::span(&stimulus, 1), 2);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "eval.overflow");
  EXPECT_EQ(result.error().message,
            "the membrane potential of neuron 0 leaves its range at step 1: 3145728000");
}

TEST(SpikeEval, StimulusOfTheWrongSizeIsRefused) {
  const OneNeuron network(If{firing(1)});
  const Stimulus stimulus{network.input, Tensor::from<std::int32_t>({2, 1}, {1, 1})};
  const SpikeEvaluator evaluator(network.graph);
  SpikeState state = evaluator.initial_state();
  const Result<> result = evaluator.run(state, std::span(&stimulus, 1), 3);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "the stimulus of 'in' is i32 [2,1], but 3 elements of i32 are needed");
}

TEST(SpikeEval, ConstantCurrentFiresByTheClosedForm) {
  // T1 of the conversion reference: with v(0) = θ/2 the count is clip(floor((zT + θ/2)/θ), 0, T).
  for (const std::int32_t threshold : {2, 6, 10})
    for (std::int32_t z = -2 * threshold; z <= 3 * threshold; ++z)
      for (std::int32_t steps = 1; steps <= 20; ++steps) {
        OneNeuron network(If{firing(threshold, threshold / 2)}, true);
        const Stimulus stimulus{network.input, Tensor::from<std::int32_t>({1}, {z})};
        const SpikeEvaluator evaluator(network.graph);
        SpikeState state = evaluator.initial_state();
        ASSERT_TRUE(
            evaluator.run(state, std::span(&stimulus, 1), static_cast<std::uint64_t>(steps)));
        const std::int32_t sum = z * steps + threshold / 2;
        const std::int32_t floor = sum >= 0 ? sum / threshold : -1;
        ASSERT_EQ(state.emitted[network.neuron.index][0], std::clamp(floor, 0, steps))
            << "z " << z << " theta " << threshold << " T " << steps;
      }
}

}  // namespace
}  // namespace neurotool
