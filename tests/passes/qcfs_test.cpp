// The lowering: printed graphs of two small networks, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/print.hpp"
#include "passes/networks.hpp"
#include "support/golden.hpp"

namespace neurotool {
namespace {

using test::Network;
using test::run_passes;
using testing::ElementsAre;
using testing::HasSubstr;

std::string lowered_text(Model model, std::string_view passes, const SampleSource* samples) {
  const test::PassRun run = run_passes(model, passes, samples);
  EXPECT_TRUE(run.result.has_value()) << to_string(run.result.error());
  return print_text(model);
}

TEST(Qcfs, LowersAnMlpWithProvisionalThresholds) {
  test::expect_golden("passes", "qcfs_mlp_plan",
                      lowered_text(test::hand_mlp(), "qcfs{steps=8}", nullptr));
}

TEST(Qcfs, LowersAnMlpWithCalibratedThresholds) {
  const test::MemorySamples samples({1, 2, 2}, {{1, 0, 0, 0}, {0, 1, 0.5f, 0}, {0.5f, 1, 1, 0}});
  test::expect_golden("passes", "qcfs_mlp_calibrated",
                      lowered_text(test::hand_mlp(), "qcfs{steps=8,method=max}", &samples));
}

TEST(Qcfs, LowersAResidualNetworkWithProvisionalThresholds) {
  test::expect_golden("passes", "qcfs_residual_plan",
                      lowered_text(test::residual_network(), "qcfs{steps=4}", nullptr));
}

TEST(Qcfs, LowersAResidualNetworkWithCalibratedThresholds) {
  const auto samples = test::random_samples({2, 4, 4}, 64, 0, 2, 1, 0.5);
  test::expect_golden("passes", "qcfs_residual_calibrated",
                      lowered_text(test::residual_network(), "qcfs{steps=4}", &samples));
}

TEST(Qcfs, TheThresholdIsTheLargestActivationAndTheValueOfASpike) {
  const test::MemorySamples samples({1, 2, 2}, {{1, 0, 0, 0}, {0, 1, 0.5f, 0}, {0.5f, 1, 1, 0}});
  Model model = test::hand_mlp();
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8,method=max}", &samples).result.has_value());
  const SpikeGraph& graph = model.spike();
  const Population& fc1 = graph[graph.find("fc1")];
  const Firing& firing = std::get<If>(fc1.neuron).firing;
  EXPECT_THAT(firing.threshold.as<float>(), ElementsAre(1, 2.5f, 0.25f));
  EXPECT_THAT(firing.initial_membrane.as<float>(), ElementsAre(0.5f, 1.25f, 0.125f));
  EXPECT_THAT(fc1.payload_value.as<double>(), ElementsAre(1, 2.5, 0.25));
  EXPECT_FALSE(fc1.provisional);
  EXPECT_EQ(graph.steps, 8u);
  const Dense& second = std::get<Dense>(graph.projections[1].connectivity);
  EXPECT_THAT(second.weight.as<float>(), ElementsAre(1, -2.5f, 0.125f, 0, 5, 0.25f));
}

TEST(Qcfs, InitialZeroAndOneThresholdPerLayer) {
  const test::MemorySamples samples({1, 2, 2}, {{1, 0, 0, 0}, {0.5f, 1, 1, 0}});
  Model model = test::hand_mlp();
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8,method=max,initial=zero,granularity=layer}", &samples)
                  .result.has_value());
  const Firing* const firing = firing_of(model.spike()[model.spike().find("fc1")].neuron);
  EXPECT_FALSE(firing->initial_membrane.defined());
  EXPECT_EQ(firing->threshold.rank(), 0u);
  EXPECT_THAT(firing->threshold.as<float>(), ElementsAre(2.5f));
}

TEST(Qcfs, AClippedRectifierCapsTheThreshold) {
  Network net({2});
  net.gemm("fc1", 2, 3, 20).add("clip", Clip{}, {net.constant({}, {0}), net.constant({}, {6})});
  net.gemm("fc2", 3, 2, 1);
  Model model = net.finish("relu6");
  const auto samples = test::random_samples({2}, 50, -5, 5);
  const auto run = run_passes(model, "qcfs{steps=8,method=max}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const Firing* const firing = firing_of(model.spike()[model.spike().find("fc1")].neuron);
  EXPECT_THAT(firing->threshold.as<float>(), ElementsAre(6, 6, 6));
}

TEST(Qcfs, KeepsDeadChannelsAndSaysSo) {
  Network net({2});
  Gemm gemm;
  gemm.trans_b = true;
  net.add("fc1", gemm, {net.constant({3, 2}, {1, 0, -1, -1, 0, 1}), net.constant({3}, {0, 0, 0})});
  net.relu("relu").gemm("fc2", 3, 2, 1);
  Model model = net.finish("dead");
  const auto samples = test::random_samples({2}, 50, 0, 1);
  const auto run = run_passes(model, "qcfs{steps=8,method=max}", &samples);
  ASSERT_TRUE(run.result.has_value());
  ASSERT_THAT(run.codes(), ElementsAre("lowering.dead-channel"));
  EXPECT_EQ(run.diagnostics[0].message,
            "1 of 3 channels of 'fc1' are never above 0 on 50 calibration samples");
  EXPECT_EQ(run.fact("fc1", "dead_channels"), 1);
  const Firing* const firing = firing_of(model.spike()[model.spike().find("fc1")].neuron);
  EXPECT_GT(firing->threshold.at(1), 0.5) << "like its neighbours";
}

TEST(Qcfs, PutsARelayBetweenTwoLinearOperations) {
  Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5).relu("relu").pool("pool").conv("conv2", 2, 2, 1, 0.5);
  net.relu("relu2").add("flatten", Flatten{}).gemm("fc", 8, 2, 1);
  Model model = net.finish("pooled");
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8}").result.has_value());
  const SpikeGraph& graph = model.spike();
  const PopulationId pool = graph.find("pool1");
  ASSERT_TRUE(pool.valid());
  EXPECT_EQ(model_name(graph[pool].neuron), "relay");
  EXPECT_THAT(graph[pool].payload_value.as<double>(), ElementsAre(0.25, 0.25));
  const Projection& into = graph[graph.incoming(pool).at(0)];
  EXPECT_FALSE(std::get<SumPool2d>(into.connectivity).weight.defined());
}

TEST(Qcfs, RelaysWithoutNeuronsFollowEachOther) {
  Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5).conv("conv2", 2, 2, 1, 0.5).relu("relu");
  net.add("flatten", Flatten{}).gemm("fc1", 32, 4, 1).gemm("fc2", 4, 2, 1);
  Model model = net.finish("linear");
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8}").result.has_value());
  std::vector<std::string> found;
  for (const Population& population : model.spike().populations) {
    found.push_back(population.name + ":" + std::string(model_name(population.neuron)));
  }
  EXPECT_THAT(found,
              ElementsAre("input:input", "conv1:relay", "conv2:if", "fc1:relay", "output:li"));
}

TEST(Qcfs, ALayerBehindAReshapeReadsARelayOfItsShape) {
  Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5);
  net.add("reshape", Reshape{}, {net.integers({0, 8, 2, 2})});
  net.conv("conv2", 8, 2, 1, 0.5).relu("relu").add("flatten", Flatten{}).gemm("fc", 8, 2, 1);
  Model model = net.finish("reshaped");
  const auto found = run_passes(model, "qcfs{steps=8}");
  ASSERT_TRUE(found.result.has_value()) << to_string(found.result.error());
  const SpikeGraph& graph = model.spike();
  const PopulationId source = graph[graph.incoming(graph.find("conv2")).at(0)].source;
  EXPECT_EQ(graph[source].shape, (Shape{8, 2, 2}));
  EXPECT_EQ(graph[graph.find("conv1")].shape, (Shape{2, 4, 4}));
}

TEST(Qcfs, ALinearValueWithTwoReadersIsComputedOnce) {
  Network net({3});
  net.gemm("fc1", 3, 3, 1);
  const ValueId linear = net.value();
  net.relu("relu")
      .add("add", Binary{BinaryKind::kAdd}, {linear})
      .relu("relu2")
      .gemm("fc2", 3, 2, 1);
  Model model = net.finish("shared");
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8}").result.has_value());
  std::size_t dense = 0;
  for (const Projection& projection : model.spike().projections) {
    dense += std::holds_alternative<Dense>(projection.connectivity) ? 1 : 0;
  }
  EXPECT_EQ(dense, 2u);
}

TEST(Qcfs, LeavesOutASoftmaxAtTheEnd) {
  Network net({3});
  net.gemm("fc1", 3, 3, 1).relu("relu").gemm("fc2", 3, 2, 1).add("softmax", Softmax{.axis = -1});
  Model model = net.finish("softmax");
  const auto samples = test::random_samples({3}, 5, 0, 1);
  const auto run = run_passes(model, "qcfs{steps=8}", &samples);
  ASSERT_TRUE(run.result.has_value());
  std::vector<std::string> codes = run.codes();
  std::erase(codes, "lowering.dead-channel");
  EXPECT_THAT(codes, ElementsAre("lowering.softmax-dropped"));
}

TEST(Qcfs, OneDimensionalConvolutionsHaveHeightOne) {
  Network net({2, 6});
  Conv conv;
  conv.strides = {2};
  conv.dilations = {1};
  conv.pads = {1, 0};
  net.add("conv1", conv, {net.constant({3, 2, 3}, net.random_values(18, 1))}).relu("relu");
  net.add("flatten", Flatten{}).gemm("fc", 9, 2, 1);
  Model model = net.finish("conv1d");
  const auto run = run_passes(model, "qcfs{steps=8}");
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const SpikeGraph& graph = model.spike();
  EXPECT_EQ(graph[graph.find("input")].shape, (Shape{2, 1, 6}));
  EXPECT_EQ(graph[graph.find("conv1")].shape, (Shape{3, 1, 3}));
  const Conv2d& lowered = std::get<Conv2d>(graph.projections[0].connectivity);
  EXPECT_THAT(lowered.padding, ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(lowered.stride, ElementsAre(1, 2));
}

// ---- refusals ----------------------------------------------------------------------------------

std::string refusal(Model model) {
  const auto run = run_passes(model, "qcfs{steps=8}");
  if (run.result) return "accepted";
  EXPECT_EQ(run.diagnostics.size(), 1u);
  EXPECT_FALSE(run.result.error().help.empty());
  return to_string(run.result.error().at) + ": " + run.result.error().code + ": " +
         run.result.error().message;
}

TEST(QcfsRefuses, EveryNodeItCannotLowerInOneGo) {
  Network net({2, 4, 4});
  MaxPool max_pool;
  max_pool.kernel = {2, 2};
  max_pool.dilations = {2, 2};
  net.conv("conv1", 2, 2, 1, 1).add("max", max_pool).conv("conv2", 2, 2, 1, 1);
  net.add("sigmoid", Unary{UnaryKind::kSigmoid});
  const ValueId gate = net.value();
  net.conv("conv3", 2, 2, 1, 1).add("gated", Binary{BinaryKind::kMul}, {gate});
  net.add("flatten", Flatten{}).gemm("fc", 8, 2, 1);
  Model model = net.finish("gated");
  const auto run = run_passes(model, "qcfs{steps=8}");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_THAT(run.codes(), ElementsAre("lowering.unsupported-op", "lowering.unsupported-op",
                                       "lowering.unsupported-op"));
  EXPECT_EQ(to_string(run.diagnostics[0]),
            "net.onnx: node 'max': error[lowering.unsupported-op]: 'max' (max_pool) has dilated "
            "windows\n"
            "  help: use windows without dilation\n");
  EXPECT_THAT(run.diagnostics[1].message, HasSubstr("'sigmoid' (sigmoid) is not a function"));
  EXPECT_THAT(run.diagnostics[2].message, HasSubstr("'gated' (mul) multiplies two activations"));
}

TEST(QcfsRefuses, NodesOfOneKindTogetherHoweverMany) {
  Network net({2, 4, 4});
  for (int i = 0; i < 30; ++i) {
    net.add("curve" + std::to_string(i), Unary{UnaryKind::kSigmoid});
  }
  Model model = net.finish("curves");
  const auto run = run_passes(model, "infer_shapes,qcfs{steps=8}");
  ASSERT_EQ(run.diagnostics.size(), 1u);
  EXPECT_EQ(std::get<ModelNode>(run.diagnostics[0].at).node, "curve0");
  ASSERT_EQ(run.diagnostics[0].notes.size(), 29u);
  EXPECT_EQ(std::get<ModelNode>(run.diagnostics[0].notes[28].at).node, "curve29");
}

TEST(QcfsRefuses, ANormalisationThatIsNotFolded) {
  Network net({2, 4, 4});
  const ValueId ones = net.constant({2}, {1, 1}), zeros = net.constant({2}, {0, 0});
  net.conv("conv", 2, 2, 1, 1).add("norm", BatchNorm{}, {ones, zeros, zeros, ones}).relu("relu");
  Model model = net.finish("norm");
  const auto run = run_passes(model, "qcfs{steps=8}");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_THAT(run.result.error().help, HasSubstr("fold_batch_norm"));
}

TEST(QcfsRefuses, PoolsWhoseDivisorChanges) {
  Network padded({2, 4, 4});
  AveragePool pool;
  pool.kernel = {2, 2};
  pool.strides = {2, 2};
  pool.pads = {1, 1, 1, 1};
  padded.add("pool", pool);
  EXPECT_THAT(refusal(padded.finish("padded")), HasSubstr("(count_include_pad = 0)"));
  pool.count_include_pad = true;
  Network counted({2, 4, 4});
  counted.add("pool", pool);
  EXPECT_EQ(refusal(counted.finish("counted")), "accepted");
  pool.pads = {0, 0, 0, 0};
  pool.kernel = {3, 3};
  pool.ceil_mode = true;
  Network hanging({2, 4, 4});
  hanging.add("pool", pool);
  EXPECT_THAT(refusal(hanging.finish("hanging")), HasSubstr("hang over the end"));
}

TEST(QcfsRefuses, WhatItsNeuronsCannotCompute) {
  const auto after = [](const char* name, Op op, std::vector<std::vector<float>> constants = {}) {
    Network net({4});
    std::vector<ValueId> more;
    for (auto& values : constants) {
      const auto size = static_cast<std::int64_t>(values.size());
      more.push_back(net.constant(size == 1 ? Shape{} : Shape{size}, std::move(values)));
    }
    net.add(name, std::move(op), std::move(more)).gemm("fc", 4, 2, 1);
    return refusal(net.finish("net"));
  };
  EXPECT_THAT(after("a", Clip{}, {{-1}, {1}}), HasSubstr("does not begin at 0"));
  EXPECT_THAT(after("a", Clip{}), HasSubstr("does not begin at 0"));
  EXPECT_THAT(after("a", Clip{}, {{0}, {-2}}), HasSubstr("ends at -2, not above 0"));
  EXPECT_THAT(after("a", Softmax{}), HasSubstr("divides by a sum over neurons"));
  EXPECT_THAT(after("a", Binary{BinaryKind::kDiv}, {{1, 0, 1, 1}}), HasSubstr("divides by 0"));
  EXPECT_THAT(after("a", Binary{BinaryKind::kPow}, {{2}}),
              HasSubstr("neither a sum nor a scaling"));
  EXPECT_THAT(after("a", Cast{DType::kFloat64}), HasSubstr("changes the element type"));
}

TEST(QcfsRefuses, WeightsOfAnotherType) {
  Network net({2});
  const Tensor half = Tensor::from<float>({2, 2}, {1, 0, 0, 1}).converted(DType::kFloat16);
  net.add("product", MatMul{}, {net.graph().add_constant("half", half)});
  EXPECT_THAT(refusal(net.finish("half")), HasSubstr("has weights of type f16"));
}

TEST(QcfsRefuses, OperationsThatLeaveTheBatchAxis) {
  Network slice({4});
  slice.add("slice", Slice{}, {slice.integers({0}), slice.integers({1}), slice.integers({0})});
  EXPECT_NE(refusal(slice.finish("slice")), "accepted");
  Network transposed({3});
  transposed.add("transpose", Transpose{.perm = {1, 0}});
  EXPECT_THAT(refusal(transposed.finish("transposed")), HasSubstr("first axis is not the batch"));
}

TEST(QcfsRefuses, InputsThatItCannotFeed) {
  Network two({4});
  two.graph().add_input("y", DType::kFloat32, {kFreeDim, 4});
  two.gemm("fc", 4, 2, 1);
  EXPECT_THAT(refusal(two.finish("two")), HasSubstr("the network has 2 inputs"));
  Network free({kFreeDim, 4});
  free.add("flatten", Flatten{}).relu("relu");
  EXPECT_THAT(refusal(free.finish("free")), HasSubstr("input 'x' is f32[?,?,4]"));
}

TEST(QcfsRefuses, CalibrationDataOfAnotherShape) {
  Model model = test::hand_mlp();
  const auto samples = test::random_samples({5}, 3, 0, 1);
  const auto run = run_passes(model, "qcfs{steps=8}", &samples);
  ASSERT_FALSE(run.result.has_value());
  EXPECT_EQ(run.result.error().code, "lowering.calibration-shape");
  EXPECT_EQ(run.result.error().message,
            "samples of 'memory' are [5], the network's input 'x' takes [1,2,2]");
}

TEST(QcfsRefuses, ActivationsThatAreNotFinite) {
  Model model = test::hand_mlp();
  const test::MemorySamples samples({1, 2, 2}, {{1, 2, std::nanf(""), 0}});
  const auto run = run_passes(model, "qcfs{steps=8}", &samples);
  ASSERT_FALSE(run.result.has_value());
  EXPECT_EQ(run.result.error().code, "lowering.not-finite");
}

}  // namespace
}  // namespace neurotool
