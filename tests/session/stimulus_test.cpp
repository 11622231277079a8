#include "session/stimulus.hpp"

#include <gtest/gtest.h>

#include "support/graphs.hpp"

namespace neurotool {
namespace {

SpikeGraph integer_graph(std::uint32_t bits, bool is_signed) {
  SpikeGraph graph = test::small_integer_mlp();
  Population& image = graph.populations.front();
  std::get<Input>(image.neuron).bits = bits;
  std::get<Input>(image.neuron).is_signed = is_signed;
  image.payload_value = Tensor::scalar(0.5f);
  return graph;
}

std::vector<std::int32_t> stored(const SpikeGraph& graph, std::vector<float> values) {
  const Tensor samples =
      Tensor::from<float>({static_cast<std::int64_t>(values.size()) / 2, 2}, values);
  const auto stimulus = make_stimulus(graph, PopulationId{0}, samples, 0);
  EXPECT_TRUE(stimulus.has_value()) << stimulus.error().message;
  const auto span = stimulus->value.as<std::int32_t>();
  return {span.begin(), span.end()};
}

TEST(Stimulus, LeavesFloatGraphsTheirValues) {
  const SpikeGraph graph = test::small_mlp();
  const auto stimulus =
      make_stimulus(graph, PopulationId{0}, Tensor::from<float>({2, 2}, {0.25f, 1, -3, 4}), 0);
  ASSERT_TRUE(stimulus.has_value());
  EXPECT_EQ(stimulus->value.shape(), (Shape{2, 2}));
  EXPECT_EQ(stimulus->value.as<float>()[2], -3);
}

TEST(Stimulus, RoundsHalfToEvenInUnitsOfThePayload) {
  EXPECT_EQ(stored(integer_graph(8, true), {0.25f, 0.75f, -0.25f, 1.25f}),
            (std::vector<std::int32_t>{0, 2, 0, 2}));
}

TEST(Stimulus, UsesTheUnitOfEachChannel) {
  SpikeGraph graph = integer_graph(8, true);
  graph.populations.front().payload_value = Tensor::from<float>({2}, {0.5f, 2});
  EXPECT_EQ(stored(graph, {4, 4}), (std::vector<std::int32_t>{8, 2}));
}

TEST(Stimulus, AcceptsBothEndsOfTheRange) {
  EXPECT_EQ(stored(integer_graph(4, true), {-4, 3.5f}), (std::vector<std::int32_t>{-8, 7}));
  EXPECT_EQ(stored(integer_graph(4, false), {0, 7.5f}), (std::vector<std::int32_t>{0, 15}));
}

TEST(Stimulus, RefusesWhatDoesNotFitWithSampleAndNeuron) {
  const Tensor samples = Tensor::from<float>({2, 2}, {0, 0, 0, 8});
  const auto stimulus = make_stimulus(integer_graph(4, false), PopulationId{0}, samples, 100);
  ASSERT_FALSE(stimulus.has_value());
  EXPECT_EQ(stimulus.error().code, "run.input-range");
  EXPECT_EQ(
      stimulus.error().message,
      "value 8 of sample 101 becomes 16, outside 0 to 15 of the 4-bit input 'image' (neuron 1)");
}

TEST(Stimulus, RefusesValuesThatAreNoNumbers) {
  const Tensor samples = Tensor::from<float>({1, 2}, {0, std::numeric_limits<float>::quiet_NaN()});
  const auto stimulus = make_stimulus(integer_graph(8, true), PopulationId{0}, samples, 0);
  ASSERT_FALSE(stimulus.has_value());
  EXPECT_EQ(stimulus.error().code, "run.input-range");
}

TEST(Stimulus, GivesInputsThatAreNotHeldOneValuePerStep) {
  SpikeGraph graph = test::small_mlp();
  std::get<Input>(graph.populations.front().neuron).held = false;
  const auto stimulus =
      make_stimulus(graph, PopulationId{0}, Tensor::from<float>({1, 3, 2}, {1, 2, 3, 4, 5, 6}), 0);
  ASSERT_TRUE(stimulus.has_value());
  EXPECT_EQ(stimulus->value.shape(), (Shape{1, 3, 2}));
}

TEST(OnlyInput, RefusesTwo) {
  SpikeGraph graph = test::small_mlp();
  graph.add(build::input_population("second", {2}));
  const auto id = only_input(graph);
  ASSERT_FALSE(id.has_value());
  EXPECT_EQ(id.error().code, "run.inputs");
}

TEST(OnlyOutput, RefusesNone) {
  SpikeGraph graph = test::small_mlp();
  for (Population& population : graph.populations) population.output = false;
  const auto id = only_output(graph);
  ASSERT_FALSE(id.has_value());
  EXPECT_EQ(id.error().code, "run.outputs");
}

}  // namespace
}  // namespace neurotool
