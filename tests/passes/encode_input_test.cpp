// encode_input: the coded network computes what the analog one did, for every coding and every kind
// of projection that can read it; what cannot is refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "eval/spike_eval.hpp"
#include "ir/builder.hpp"
#include "ir/print.hpp"
#include "passes/pass_tools.hpp"
#include "session/encode_samples.hpp"

namespace neurotool {
namespace {

using test::run_passes;
using testing::ElementsAre;
using testing::HasSubstr;

Model model_of(SpikeGraph graph) {
  return {.name = "net", .path = "net.onnx", .graph = std::move(graph)};
}

/// input[2,4,4] -> one projection -> neurons whose membrane is the sum of all that they heard.
SpikeGraph listening(Connectivity kind, std::uint32_t steps, bool firing = false) {
  SpikeGraph graph;
  graph.steps = steps;
  const Shape source{2, 4, 4};
  const PopulationId input = graph.add(build::input_population("input", source));
  const auto shape = target_shape(kind, source);
  EXPECT_TRUE(shape.has_value());
  const Shape target = shape->value_or(std::holds_alternative<Dense>(kind) ? Shape{3} : source);
  // A threshold that nothing reaches.
  const PopulationId output = firing
                                  ? graph.add(build::if_population("output", target, 1e9f, 0.25f))
                                  : graph.add(build::readout_population("output", target));
  graph[output].bias = Tensor::scalar(0.5f);
  graph[output].output = true;
  graph.connect(input, output, std::move(kind));
  return graph;
}

std::vector<Connectivity> kinds() {
  RandomStream random(1, "encode_input_test", "weights");
  const auto numbers = [&](Shape shape) {
    std::vector<float> values(static_cast<std::size_t>(*element_count(shape)));
    for (float& v : values) v = static_cast<float>(random.below(17)) - 8;
    return Tensor::from<float>(std::move(shape), std::move(values));
  };
  Conv2d grouped{numbers({4, 1, 3, 3})};
  grouped.groups = 2;
  grouped.padding = {1, 0, 1, 0};
  const Sparse sparse{
      Tensor::from<std::int64_t>({33},
                                 [] {
                                   std::vector<std::int64_t> begin(33);
                                   for (std::size_t i = 0; i < 33; ++i)
                                     begin[i] = static_cast<int>(i / 2);
                                   return begin;
                                 }()),
      Tensor::from<std::int32_t>({16}, {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 31}),
      numbers({16})};
  return {Dense{numbers({3, 32})},
          Conv2d{numbers({3, 2, 2, 2})},
          grouped,
          SumPool2d{.kernel = {2, 2}, .stride = {2, 2}},
          SumPool2d{.kernel = {3, 2}, .padding = {1, 1, 0, 0}, .weight = numbers({2})},
          OneToOne{numbers({2})},
          sparse};
}

/// The membranes of 'output' after the steps of the graph.
std::vector<float> membranes(const SpikeGraph& graph, const std::vector<float>& sample) {
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const PopulationId input = graph.find("input"), output = graph.find("output");
  Tensor value = Tensor::from<float>({1, std::ssize(sample)}, sample);
  if (std::get<Input>(graph[input].neuron).encoder.coding != Coding::kNone) {
    const auto sent = encode_samples(graph[input], value, {.steps = graph.steps});
    EXPECT_TRUE(sent.has_value()) << to_string(sent.error());
    value = *sent;
  }
  const Stimulus stimulus{input, value};
  EXPECT_TRUE(evaluator.run(state, {&stimulus, 1}, graph.steps).has_value());
  return state.membrane_f[output.index];
}

std::vector<float> sample_of(float low, float unit, std::uint64_t levels) {
  RandomStream random(2, "encode_input_test", "sample");
  std::vector<float> sample(32);
  for (float& v : sample) v = low + unit * static_cast<float>(random.below(levels));
  return sample;
}

void expect_same_sums(const std::string& pass, std::uint32_t steps, bool firing,
                      const std::vector<float>& sample) {
  std::size_t number = 0;
  for (const Connectivity& kind : kinds()) {
    const SpikeGraph direct = listening(kind, steps, firing);
    Model model = model_of(direct);
    const auto run = run_passes(model, pass);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    EXPECT_EQ(membranes(model.spike(), sample), membranes(direct, sample))
        << pass << ", kind " << number;
    ++number;
  }
}

// Weights, scales and samples are whole numbers or halves of them, so that every sum is exact.

TEST(EncodeInput, BitplaneIsExactAfterEveryRoundOfPlanes) {
  expect_same_sums("encode_input{coding=bitplane,bits=4,full_scale=15}", 4, false,
                   sample_of(0, 1, 16));
  expect_same_sums("encode_input{coding=bitplane,bits=4,full_scale=15}", 12, false,
                   sample_of(0, 1, 16));
}

TEST(EncodeInput, BitplaneCarriesSignsEitherWay) {
  const auto sample = sample_of(-15, 1, 31);
  expect_same_sums("encode_input{coding=bitplane,bits=4,full_scale=15}", 8, false, sample);
  expect_same_sums("encode_input{coding=bitplane,bits=4,full_scale=15,signs=channels}", 8, false,
                   sample);
}

TEST(EncodeInput, RateIsExactForMultiplesOfASpike) {
  expect_same_sums("encode_input{coding=rate,full_scale=8}", 8, false, sample_of(0, 1, 9));
  expect_same_sums("encode_input{coding=rate,full_scale=8,signs=channels}", 8, false,
                   sample_of(-8, 1, 17));
}

TEST(EncodeInput, LatencyIsExactForMultiplesOfAStepBecauseItsCurrentStays) {
  expect_same_sums("encode_input{coding=ttfs,full_scale=8}", 8, true, sample_of(0, 1, 9));
  expect_same_sums("encode_input{coding=ttfs,full_scale=8}", 8, true, sample_of(-8, 1, 17));
}

TEST(EncodeInput, DeltaSendsAStillImageOnce) {
  expect_same_sums("encode_input{coding=delta}", 8, true, sample_of(-4, 0.5f, 17));
}

TEST(EncodeInput, PoissonTendsToTheAnalogNetwork) {
  const SpikeGraph direct = listening(kinds()[0], 4000);
  Model model = model_of(direct);
  ASSERT_TRUE(run_passes(model, "encode_input{coding=poisson,full_scale=1}").result.has_value());
  const auto sample = sample_of(0, 0.125f, 9);
  const auto wanted = membranes(direct, sample), got = membranes(model.spike(), sample);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    // 32 weights up to 8 and p(1-p) up to 1/4: a standard deviation of 23 at most per step.
    EXPECT_NEAR(got[i] / 4000, wanted[i] / 4000, 4 * 23 / std::sqrt(4000.0)) << i;
  }
}

TEST(EncodeInput, TakesTheScaleAndTheSignsFromCalibration) {
  const test::MemorySamples samples({2, 4, 4}, {sample_of(-3, 0.5f, 4), sample_of(0, 0.25f, 9)});
  Model model = model_of(listening(kinds()[0], 8));
  const auto run = run_passes(model, "encode_input{coding=rate}", &samples);
  ASSERT_TRUE(run.result.has_value());
  const Population& input = model.spike().populations[0];
  EXPECT_EQ(run.fact("input", "full_scale"), 3);
  EXPECT_EQ(std::get<Input>(input.neuron).encoder.full_scale, 3);
  EXPECT_TRUE(std::get<Input>(input.neuron).is_signed);
  EXPECT_FALSE(input.provisional);
  EXPECT_EQ(input.payload_value.at(0), 3);
  EXPECT_THAT(print_text(model), HasSubstr("per-step signed coding=rate full_scale=3"));
}

TEST(EncodeInput, WithoutDataTheScaleIsProvisionalAndTheStructureTheSame) {
  Model model = model_of(listening(kinds()[1], 8));
  ASSERT_TRUE(run_passes(model, "encode_input{coding=bitplane,signs=channels}").result.has_value());
  EXPECT_TRUE(model.spike().populations[0].provisional);
  EXPECT_EQ(model.spike().populations[0].shape, (Shape{32, 4, 4}));
}

TEST(EncodeInput, DirectChangesNothing) {
  Model model = model_of(listening(kinds()[1], 8));
  const std::string before = print_text(model);
  ASSERT_TRUE(run_passes(model, "encode_input{coding=direct}").result.has_value());
  EXPECT_EQ(print_text(model), before);
}

TEST(EncodeInput, QuantizesToSpikesOfOneBit) {
  Model model = model_of(listening(kinds()[1], 8));
  const auto run = run_passes(model, "encode_input{coding=rate,signs=none,full_scale=1},quantize");
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const Input& input = std::get<Input>(model.spike().populations[0].neuron);
  EXPECT_EQ(input.bits, 1u);
  EXPECT_FALSE(input.is_signed);
}

std::string refusal(SpikeGraph graph, std::string_view passes) {
  Model model = model_of(std::move(graph));
  const auto run = run_passes(model, passes);
  EXPECT_FALSE(run.result.has_value());
  if (run.result) return "";
  EXPECT_FALSE(run.result.error().help.empty());
  return run.result.error().code + ": " + run.result.error().message;
}

TEST(EncodeInputRefuses, WhatItCannotRescale) {
  const SpikeGraph relayed = listening(OneToOne{Tensor::scalar(1.0f)}, 8);
  EXPECT_EQ(refusal(relayed, "encode_input{coding=ttfs}"),
            "encode_input.reader: 'output' is a li, which cannot go on hearing one spike");
  EXPECT_EQ(refusal(listening(MaxPool2d{.kernel = {2, 2}}, 8), "encode_input{coding=bitplane}"),
            "encode_input.reader: projection 'input_to_output' takes a maximum, which 8 channels "
            "for each value do not have");
  EXPECT_EQ(
      refusal(relayed, "quantize,encode_input{coding=rate}"),
      "encode_input.graph: the graph computes in integers, whose weights are rounded already");
  EXPECT_EQ(refusal(relayed, "encode_input{coding=rate},encode_input{coding=rate}"),
            "encode_input.graph: 'input' is a coded input already");
  EXPECT_EQ(refusal(listening(OneToOne{Tensor::scalar(1.0f)}, 12), "encode_input{coding=bitplane}"),
            "encode_input.steps: 12 steps are no multiple of 8 bit planes: the last round would "
            "miss its low bits");
}

}  // namespace
}  // namespace neurotool
