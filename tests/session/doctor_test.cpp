// The doctor's numbers on layers where one cause is known to dominate, and its advice.
#include <gtest/gtest.h>

#include <cmath>

#include "session/doctor/advice.hpp"
#include "session/doctor/layer_sums.hpp"
#include "session/doctor/substitute.hpp"

namespace neurotool::doctor {
namespace {

constexpr double kNoCap = HUGE_VAL;

/// One channel of `neurons` binary neurons with v(0) = theta / 2; one event is worth `value`.
Population layer(std::int64_t neurons, float theta, float value) {
  Firing firing;
  firing.threshold = Tensor::scalar(theta);
  firing.initial_membrane = Tensor::scalar(theta / 2);
  Population population;
  population.name = "fc1";
  population.shape = {neurons};
  population.neuron = If{firing};
  population.payload_value = Tensor::scalar(value);
  return population;
}

LayerDiagnosis diagnose(const Population& population, std::uint64_t steps,
                        const std::vector<float>& expected, const std::vector<float>& arriving,
                        const std::vector<float>& counts) {
  LayerSums sums(*Response::of(population, steps), kNoCap);
  sums.add(expected, arriving, counts, population.size());
  LayerDiagnosis found;
  sums.finish(found);
  return found;
}

TEST(Response, IsTheCountUnderAConstantCurrent) {
  const Response response = *Response::of(layer(1, 2, 2), 8);
  EXPECT_EQ(response.count(0, -3), 0);
  EXPECT_EQ(response.count(0, 0.124), 0);  // a quarter of a step is 0.0625; half of one rounds up
  EXPECT_EQ(response.count(0, 0.125), 1);
  EXPECT_EQ(response.count(0, 1), 4);
  EXPECT_EQ(response.count(0, 9), 8);  // once per step at the most
}

TEST(Response, SaysItsValueOnceWhereTheNetCountIsBounded) {
  Population population = layer(1, 2, 0.5f);
  Emission& rule = firing_of(population.neuron)->emission;
  rule.max_total = 15;
  rule.max_per_step = 15;
  const Response response = *Response::of(population, 40);
  EXPECT_DOUBLE_EQ(response.step(0), 0.5);
  EXPECT_EQ(response.count(0, 3.2), 6);
  EXPECT_EQ(response.count(0, 100), 15);
}

TEST(Response, ReadsBinaryDigitsAsOneNumber) {
  Population population = layer(1, 2, 0.5f);
  firing_of(population.neuron)->radix_bits = 4;
  Population doubling = population;
  Firing firing = *firing_of(population.neuron);
  firing.initial_membrane = {};  // came with the bias
  doubling.neuron =
      Lif{.firing = firing, .decay = Tensor::scalar(std::int32_t{2}), .decay_shift = 0};
  for (const Population& one : {population, doubling}) {
    const Response response = *Response::of(one, 12);
    EXPECT_TRUE(response.spells_digits());
    EXPECT_DOUBLE_EQ(response.step(0), 0.5);
    EXPECT_EQ(response.count(0, 3.2), 6);
    EXPECT_EQ(response.count(0, 3.25), 7);
    EXPECT_EQ(response.count(0, 100), 15);
  }
}

TEST(Response, IsNothingForLeaksAndHardResets) {
  Population hard = layer(1, 1, 1);
  firing_of(hard.neuron)->reset = Reset::kToValue;
  EXPECT_FALSE(Response::of(hard, 8));
  Population leaky = layer(1, 1, 1);
  leaky.neuron = Lif{.firing = *firing_of(hard.neuron), .decay = Tensor::scalar(0.5f)};
  EXPECT_FALSE(Response::of(leaky, 8));
}

TEST(LayerSums, ErrorsAddUpToTheWholeError) {
  const Population population = layer(3, 1, 1);
  const std::vector<float> expected{0.4f, 2.0f, 0.0f}, arriving{0.55f, 1.7f, -0.2f};
  const std::vector<float> counts{3, 4, 1};  // T = 4: rates 0.75, 1, 0.25
  const LayerDiagnosis found = diagnose(population, 4, expected, arriving, counts);
  const double norm = std::sqrt(0.16 + 4);
  EXPECT_NEAR(found.inherited, std::sqrt(0.15 * 0.15 + 0.3 * 0.3) / norm, 1e-6);
  EXPECT_NEAR(found.clipping, 0.7 / norm, 1e-6);
  EXPECT_NEAR(found.quantization, 0.05 / norm, 1e-6);  // 0.55 is told as 2 of 4
  EXPECT_NEAR(found.unevenness, std::sqrt(0.25 * 0.25 + 0.25 * 0.25) / norm, 1e-6);
  EXPECT_NEAR(found.over_fired, 2.0 / 3, 1e-9);
  EXPECT_EQ(found.under_fired, 0);
  EXPECT_NEAR(found.clipped_share, 1.0 / 3, 1e-9);
}

TEST(LayerSums, CountsDeadAndSaturatedChannels) {
  Population population = layer(3, 1, 1);
  population.shape = {3, 1, 2};  // three channels of two neurons
  const std::vector<float> activation(6, 0.5f), counts{0, 0, 4, 1, 2, 2};
  const LayerDiagnosis found = diagnose(population, 4, activation, activation, counts);
  EXPECT_EQ(found.channels, 3);
  EXPECT_EQ(found.dead_channels, 1);
  EXPECT_EQ(found.saturated_channels, 1);
}

TEST(LayerSums, APerfectLayerHasNoErrorAndCosineOne) {
  const std::vector<float> activation{0.25f, 0.5f, 1.0f}, counts{1, 2, 4};
  const LayerDiagnosis found = diagnose(layer(3, 1, 1), 4, activation, activation, counts);
  EXPECT_EQ(found.clipping + found.quantization + found.unevenness + found.inherited, 0);
  EXPECT_NEAR(found.cosine, 1, 1e-12);
}

TEST(SubstitutedNetwork, RunsOnFromTheValueThatIsGiven) {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kFreeDim, 2});
  const ValueId z = graph.add_op("neg", Unary{UnaryKind::kNeg}, {x});
  const ValueId a = graph.add_op("relu", Unary{UnaryKind::kRelu}, {z});
  const ValueId y = graph.add_op("sum", Binary{BinaryKind::kAdd}, {a, x});
  graph.outputs = {y};
  const ValueId given[] = {a};
  const ValueId wanted[] = {z};
  const SubstitutedNetwork network(graph, given, wanted);
  const Tensor sample = Tensor::from<float>({1, 2}, {1, -2});
  const Tensor values[] = {Tensor::from<float>({1, 2}, {10, 20})};
  std::vector<float> seen;
  const auto outputs = network.run(sample, values, [&](ValueId, const Tensor& value) {
    seen.assign(value.as<float>().begin(), value.as<float>().end());
  });
  ASSERT_TRUE(outputs) << to_string(outputs.error());
  EXPECT_EQ(outputs->front(), Tensor::from<float>({1, 2}, {11, 18}));
  EXPECT_EQ(seen, (std::vector<float>{-1, 2}));
}

/// A resolved pipeline with one lowering pass.
PipelineConfig pipeline(std::vector<std::pair<std::string, std::string>> options) {
  PassConfig pass;
  pass.name = "qcfs";
  pass.options.kind = yaml::Kind::kMapping;
  for (auto& [key, value] : options) {
    yaml::Node node;
    node.kind = yaml::Kind::kScalar;
    node.scalar = std::move(value);
    pass.options.entries.push_back({std::move(key), {}, std::move(node)});
  }
  PipelineConfig config;
  config.passes.push_back(std::move(pass));
  return config;
}

Diagnosis with_errors(double clipping, double quantization, double unevenness) {
  Diagnosis diagnosis;
  diagnosis.layers.push_back({.channels = 8,
                              .clipping = clipping,
                              .quantization = quantization,
                              .unevenness = unevenness});
  return diagnosis;
}

std::vector<std::string> settings(const std::vector<Remedy>& remedies) {
  std::vector<std::string> names;
  for (const Remedy& remedy : remedies) names.push_back(remedy.setting);
  return names;
}

TEST(Advice, BeginsWithTheLargestError) {
  const PipelineConfig config = pipeline({{"steps", "8"}, {"method", "max"}});
  EXPECT_EQ(settings(remedies(with_errors(0.5, 0.1, 0.2), config, 3)),
            (std::vector<std::string>{"passes.qcfs.method=mmse", "passes.qcfs.steps=16"}));
  EXPECT_EQ(settings(remedies(with_errors(0.1, 0.3, 0.2), config, 1)),
            (std::vector<std::string>{"passes.qcfs.steps=16"}));
}

TEST(Advice, OffersOnlyOptionsThatThePassHasAndThatChangeSomething) {
  const auto found = remedies(with_errors(0.5, 0, 0), pipeline({{"method", "mmse"}}), 3);
  EXPECT_TRUE(found.empty());
}

TEST(Advice, OfAnExactPipelineSpeaksOfLevelsAndWeights) {
  PipelineConfig config = pipeline({{"weight_bits", "8"}, {"input_bits", "8"}});
  config.passes[0].name = "exact";
  config.steps.value = 13;
  PipelineConfig levels = pipeline({{"bits", "4"},
                                    {"granularity", "channel"},
                                    {"method", "percentile"},
                                    {"bias_correction", "false"},
                                    {"samples", "512"}});
  levels.passes[0].name = "quantize_activations";
  config.passes.insert(config.passes.begin(), levels.passes[0]);
  const auto rounded = remedies(with_errors(0.02, 0.2, 0.1), config, 4);
  EXPECT_EQ(
      settings(rounded),
      (std::vector<std::string>{
          "passes.quantize_activations.bias_correction=true", "passes.quantize_activations.bits=5",
          "passes.quantize_activations.method=mmse", "passes.exact.weight_bits=10"}));
  // More levels take more steps than the examined run had.
  EXPECT_EQ(rounded[1].config.steps.value, 0u);
  EXPECT_EQ(
      settings(remedies(with_errors(0, 0, 0.1), config, 3)),
      (std::vector<std::string>{"passes.exact.weight_bits=10", "passes.exact.input_bits=10"}));
}

TEST(Advice, IsTriedAndTheBestComesFirst) {
  Diagnosis diagnosis = with_errors(0.5, 0.1, 0.2);
  const PipelineConfig config = pipeline({{"steps", "8"}, {"method", "max"}});
  advise(diagnosis, remedies(diagnosis, config, 3), [](const PipelineConfig& changed) {
    const bool more_steps = changed.passes[0].options.find("steps")->scalar == "16";
    return Result<Accuracy>(Accuracy{more_steps ? 9 : 7, 10});
  });
  ASSERT_EQ(diagnosis.advice.size(), 2u);
  EXPECT_EQ(diagnosis.advice[0].setting, "passes.qcfs.steps=16");
  EXPECT_EQ(diagnosis.advice[0].tried->correct, 9);
  EXPECT_EQ(diagnosis.advice[1].tried->correct, 7);
}

TEST(Advice, SaysWhyATrialHasNoAnswer) {
  Diagnosis diagnosis = with_errors(0, 0.5, 0);
  advise(diagnosis, remedies(diagnosis, pipeline({{"steps", "8"}}), 3),
         [](const PipelineConfig&) -> Result<Accuracy> {
           return error("target.no-room", {}, "the chip is full");
         });
  EXPECT_EQ(diagnosis.advice.at(0).refused, "the chip is full");
  EXPECT_NE(diagnosis_text(diagnosis).find("could not be tried, the chip is full"),
            std::string::npos);
}

}  // namespace
}  // namespace neurotool::doctor
