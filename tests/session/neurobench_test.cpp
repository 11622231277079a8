// Unit values of the NeuroBench harness, and the rules that decide between its kinds of operations.
#include <gtest/gtest.h>

#include "ir/builder.hpp"
#include "session/neurobench/connections.hpp"
#include "session/neurobench/metrics.hpp"

namespace neurotool::neurobench {
namespace {

Tensor filled(Shape shape, float value) {
  const auto size = static_cast<std::size_t>(*element_count(shape));
  return Tensor::from(std::move(shape), std::vector<float>(size, value));
}

/// A data set of equal samples.
class Constant final : public SampleSource {
 public:
  Constant(Shape sample, std::int64_t count, float value)
      : sample_(std::move(sample)),
        count_(count),
        value_(value),
        labels_(static_cast<std::size_t>(count)) {}
  std::string name() const override { return "constant"; }
  std::int64_t size() const override { return count_; }
  const Shape& sample_shape() const override { return sample_; }
  Result<Tensor> batch(std::int64_t, std::int64_t count) const override {
    Shape shape = sample_;
    shape.insert(shape.begin(), count);
    return filled(std::move(shape), value_);
  }
  const std::vector<std::int32_t>& labels() const override { return labels_; }

 private:
  Shape sample_;
  std::int64_t count_;
  float value_;
  std::vector<std::int32_t> labels_;
};

/// One layer between input and output.
TensorGraph one_layer(Op op, Shape input, Tensor weight) {
  TensorGraph graph;
  input.insert(input.begin(), kFreeDim);
  const ValueId x = graph.add_input("x", DType::kFloat32, std::move(input));
  const ValueId w = graph.add_constant("w", std::move(weight));
  graph.outputs = {graph.add_op("layer", std::move(op), {x, w})};
  return graph;
}

Metrics run(const TensorGraph& graph, Shape sample, float value) {
  Metrics metrics = describe(graph);
  const auto done = run_float(graph, Constant(std::move(sample), 3, value), 3, 2, metrics);
  EXPECT_TRUE(done) << to_string(done.error());
  return metrics;
}

Conv conv(std::vector<std::int64_t> ones) {
  return {
      .strides = ones, .dilations = ones, .pads = std::vector<std::int64_t>(2 * ones.size(), 0)};
}

TEST(NeuroBench, AConvolutionOfItsOwnSizeHasNineOperations) {
  const Metrics metrics =
      run(one_layer(conv({1, 1}), {1, 3, 3}, filled({1, 1, 3, 3}, 0.5f)), {1, 3, 3}, 1);
  EXPECT_EQ(metrics.operations->effective_acs, 9);
  EXPECT_EQ(metrics.operations->effective_macs, 0);
  EXPECT_EQ(metrics.operations->dense, 9);
}

TEST(NeuroBench, AConvolutionOnTwelveByTwelveHasNineHundred) {
  const Metrics metrics =
      run(one_layer(conv({1, 1}), {1, 12, 12}, filled({1, 1, 3, 3}, 2)), {1, 12, 12}, 1);
  EXPECT_EQ(metrics.operations->effective_acs, 900);
}

TEST(NeuroBench, AConvolutionOverFiveChannelsOfTenHasAHundredAndFifty) {
  const Metrics metrics = run(one_layer(conv({1}), {5, 10}, filled({1, 5, 5}, 1)), {5, 10}, 1);
  EXPECT_EQ(metrics.operations->effective_acs, 150);
}

TEST(NeuroBench, OtherInputsThanSpikesMakeMultiplyAccumulates) {
  const Metrics metrics =
      run(one_layer(conv({1, 1}), {1, 3, 3}, filled({1, 1, 3, 3}, 0.5f)), {1, 3, 3}, 0.5f);
  EXPECT_EQ(metrics.operations->effective_macs, 9);
  EXPECT_EQ(metrics.operations->effective_acs, 0);
}

TEST(NeuroBench, ZeroWeightsAndZeroInputsCostNothingButAreDense) {
  std::vector<float> weight(9, 1.0f);
  weight[0] = weight[4] = 0;
  const TensorGraph graph =
      one_layer(conv({1, 1}), {1, 3, 3}, Tensor::from<float>({1, 1, 3, 3}, weight));
  const Metrics on_ones = run(graph, {1, 3, 3}, 1);
  EXPECT_EQ(on_ones.operations->effective_acs, 7);
  EXPECT_EQ(on_ones.operations->dense, 9);
  EXPECT_EQ(on_ones.connection_sparsity, 0.2222);
  EXPECT_EQ(run(graph, {1, 3, 3}, 0).operations->effective_acs, 0);
}

TEST(NeuroBench, CountsParametersOnceAndBytesAsStored) {
  const TensorGraph graph = one_layer(Gemm{.trans_b = true}, {20}, filled({5, 20}, 1));
  const Metrics metrics = describe(graph);
  EXPECT_EQ(metrics.parameters, 100);
  EXPECT_EQ(metrics.footprint, 400);
}

SpikeGraph two_layers() {
  SpikeGraph graph;
  graph.steps = 10;
  Population input;
  input.name = "input";
  input.shape = {20};
  input.neuron = Input{};
  const PopulationId in = graph.add(std::move(input));
  Firing firing;
  firing.threshold = Tensor::scalar(1.0f);
  Population hidden;
  hidden.name = "hidden";
  hidden.shape = {5};
  hidden.neuron = If{firing};
  hidden.bias = filled({5}, 0);
  const PopulationId middle = graph.add(std::move(hidden));
  graph.connect(in, middle, Dense{filled({5, 20}, 1)});
  return graph;
}

TEST(NeuroBench, FanOutLeavesPaddingAndZerosOut) {
  SpikeGraph graph = two_layers();
  const FanOut fan = fan_out(graph, graph.projections.front());
  EXPECT_EQ(fan.total, 100);
  EXPECT_EQ(fan.non_zero, std::vector<std::int64_t>(20, 5));
}

TEST(NeuroBench, ThresholdsAreBuffersAndNoParameters) {
  const Metrics metrics = describe(two_layers());
  EXPECT_EQ(metrics.parameters, 105);
  EXPECT_EQ(metrics.footprint, 4 * 106);
}

TEST(NeuroBench, AListThatOnlyMovesElementsIsNoConnectionLayer) {
  SpikeGraph graph = two_layers();
  Population picked;
  picked.name = "picked";
  picked.shape = {2};
  picked.neuron = Relay{};
  const PopulationId target = graph.add(std::move(picked));
  const auto list = [](std::vector<std::int32_t> targets) {
    return Sparse{Tensor::from<std::int64_t>({6}, {0, 1, 2, 2, 2, 2}),
                  Tensor::from<std::int32_t>({2}, std::move(targets)), filled({2}, 1)};
  };
  const ProjectionId moved = graph.connect(PopulationId{1}, target, list({0, 1}));
  const ProjectionId summed = graph.connect(PopulationId{1}, target, list({1, 1}));
  EXPECT_FALSE(is_connection_layer(graph, graph[moved]));
  EXPECT_TRUE(is_connection_layer(graph, graph[summed]));
}

TEST(NeuroBench, LeavesOutWhatWasNotCounted) {
  const std::string text = to_json(describe(two_layers())).dump();
  EXPECT_EQ(text.find("SynapticOperations"), std::string::npos);
  EXPECT_NE(text.find("\"Footprint\": 424"), std::string::npos);
}

}  // namespace
}  // namespace neurotool::neurobench
