// fold_batch_norm: where the normalisation goes, that the function stays, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "passes/batch_norm_tools.hpp"
#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Folds, and checks what holds for every graph: no normalisation is left, the function and the
/// names of the results are the same, and a second run finds nothing to do.
void fold(Model& model) {
  const Model before = model;
  const OnePass done = run_pass(model, "fold_batch_norm");
  EXPECT_TRUE(done.did_change());
  EXPECT_THAT(done.diagnostics, IsEmpty());
  EXPECT_EQ(count_ops<BatchNorm>(model), 0);
  EXPECT_EQ(output_names(model), output_names(before));
  expect_same_function(before, model);
  const std::string once = print_text(model);
  EXPECT_FALSE(run_pass(model, "fold_batch_norm").did_change());
  EXPECT_EQ(print_text(model), once);
}

TEST(FoldBatchNorm, GoesIntoTheConvolutionBeforeIt) {
  Network net({2, 4, 4});
  net.conv("conv", 2, 3, 1, 0.5);
  Model model = batch_norm(net, "norm", 3).relu("relu").finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("conv:conv", "relu:relu"));
  EXPECT_THAT(op_named(model, "conv").origins, ElementsAre("conv", "norm"));
}

TEST(FoldBatchNorm, ComputesWeightsAndBiasByTheFormula) {
  // g = 3 / sqrt(3.75 + 0.25) = 1.5; W' = 2 * 1.5; b' = (1 - 5) * 1.5 + 0.5.
  Network net({1});
  Gemm gemm;
  net.add("fc", gemm, {net.constant({1, 1}, {2}), net.constant({1}, {1})});
  net.add("norm", BatchNorm{.epsilon = 0.25f},
          {net.constant({1}, {3}), net.constant({1}, {0.5f}), net.constant({1}, {5}),
           net.constant({1}, {3.75f})});
  Model model = net.finish("net");
  fold(model);
  EXPECT_EQ(constant_at(model, "fc", 1), Tensor::from<float>({1, 1}, {3}));
  EXPECT_EQ(constant_at(model, "fc", 2), Tensor::from<float>({1}, {-5.5f}));
}

TEST(FoldBatchNorm, GivesAConvolutionWithoutBiasOne) {
  Network net({2, 4, 4});
  net.add("conv", Conv{}, {net.constant({3, 2, 1, 1}, net.random_values(6, 1))});
  Model model = batch_norm(net, "norm", 3).finish("net");
  fold(model);
  EXPECT_EQ(constant_at(model, "conv", 2).shape(), (Shape{3}));
}

TEST(FoldBatchNorm, GoesIntoAGroupedAndStridedConvolution) {
  Network net({4, 6, 6});
  const Conv conv{.strides = {2, 2}, .dilations = {1, 1}, .pads = {1, 0, 1, 0}, .group = 2};
  net.add("conv", conv, {net.constant({6, 2, 3, 2}, net.random_values(72, 0.5))});
  Model model = batch_norm(net, "norm", 6).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("conv:conv"));
}

class IntoGemm : public testing::TestWithParam<Gemm> {};

TEST_P(IntoGemm, WithAnyFlagsAndFactors) {
  const Gemm op = GetParam();
  Network net({4});
  const ValueId weight =
      net.constant(op.trans_b ? Shape{3, 4} : Shape{4, 3}, net.random_values(12, 0.5));
  net.add("fc", op, {weight, net.constant({1, 3}, net.random_values(3, 1))});
  Model model = batch_norm(net, "norm", 3).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("fc:gemm"));
}

INSTANTIATE_TEST_SUITE_P(Flags, IntoGemm,
                         testing::Values(Gemm{}, Gemm{.trans_b = true},
                                         Gemm{.alpha = 0.5f, .beta = -2},
                                         Gemm{.alpha = -1.5f, .beta = 0.25f, .trans_b = true}),
                         [](const auto& param) { return "Case" + std::to_string(param.index); });

TEST(FoldBatchNorm, AMatMulBecomesAGemmWithABias) {
  Network net({4});
  net.add("fc", MatMul{}, {net.constant({4, 3}, net.random_values(12, 0.5))});
  Model model = batch_norm(net, "norm", 3).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("fc:gemm"));
}

TEST(FoldBatchNorm, AGemmWithABiasPerRowKeepsItAndTheNormalisationStandsAlone) {
  // A bias [N,1] differs from sample to sample: there is no bias per channel to fold into.
  Network net({4});
  net.graph()[net.value()].shape = Shape{2, 4};
  net.add("fc", Gemm{},
          {net.constant({4, 3}, net.random_values(12, 1)), net.constant({2, 1}, {1, -1})});
  Model model = batch_norm(net, "norm", 3).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("fc:gemm", "norm.scale:mul", "norm:add"));
}

TEST(FoldBatchNorm, AnAddOfOneNumberPerChannelGoesInToo) {
  Network net({2, 4, 4});
  net.add("conv", Conv{}, {net.constant({3, 2, 1, 1}, net.random_values(6, 1))});
  net.add("add", Binary{BinaryKind::kAdd}, {net.constant({1, 3, 1, 1}, {1, 2, -3})});
  Model model = batch_norm(net, "norm", 3).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("conv:conv"));
  EXPECT_THAT(op_named(model, "conv").origins, ElementsAre("conv", "add", "norm"));
}

TEST(FoldBatchNorm, ASubAndASwappedAddGoInWithTheirSign) {
  Network net({4});
  net.gemm("fc", 4, 3, 0.5);
  net.add("sub", Binary{BinaryKind::kSub}, {net.constant({3}, {1, 2, -3})});
  const ValueId sub = net.value();
  net.at(net.constant({}, {0.5f})).add("add", Binary{BinaryKind::kAdd}, {sub});
  Model model = net.finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("fc:gemm"));
}

TEST(FoldBatchNorm, AConstantMinusTheLayerStays) {
  Network net({4});
  net.gemm("fc", 4, 3, 0.5);
  const ValueId fc = net.value();
  Model model =
      net.at(net.constant({3}, {1, 2, 3})).add("sub", Binary{BinaryKind::kSub}, {fc}).finish("net");
  EXPECT_FALSE(run_pass(model, "fold_batch_norm").did_change());
}

TEST(FoldBatchNorm, AnAddAlongAnotherAxisStays) {
  Network net({3, 4, 4});
  net.conv("conv", 3, 4, 1, 0.5);
  net.add("add", Binary{BinaryKind::kAdd}, {net.constant({4}, {1, 2, 3, 4})});
  Model model = net.finish("net");
  EXPECT_FALSE(run_pass(model, "fold_batch_norm").did_change());
}

TEST(FoldBatchNorm, ALayerWithASecondReaderKeepsItsWeights) {
  Network net({2, 4, 4});
  net.conv("conv", 2, 3, 1, 0.5);
  const ValueId conv = net.value();
  batch_norm(net, "norm", 3).add("add", Binary{BinaryKind::kAdd}, {conv});
  Model model = net.finish("net");
  const Tensor weight = constant_at(model, "conv", 1);
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("conv:conv", "norm:conv", "add:add"));
  EXPECT_EQ(constant_at(model, "conv", 1), weight);
}

TEST(FoldBatchNorm, ALayerThatIsAResultKeepsItsWeights) {
  Network net({4});
  net.gemm("fc", 4, 3, 0.5);
  const ValueId fc = net.value();
  Model model = batch_norm(net, "norm", 3).finish("net");
  model.tensor().outputs.push_back(fc);
  fold(model);
  EXPECT_THAT(output_names(model), ElementsAre("norm", "fc"));
}

TEST(FoldBatchNorm, AWeightThatTwoLayersShareChangesInOneOfThem) {
  Network net({2, 4, 4});
  const ValueId x = net.value();
  const ValueId weight = net.constant({2, 2, 1, 1}, net.random_values(4, 1));
  const ValueId bias = net.constant({2}, {1, -1});
  net.add("plain", Conv{}, {weight, bias});
  const ValueId plain = net.value();
  net.at(x).add("normed", Conv{}, {weight, bias});
  batch_norm(net, "norm", 2).add("add", Binary{BinaryKind::kAdd}, {plain});
  Model model = net.finish("net");
  const Tensor shared = model.tensor()[weight].constant;
  fold(model);
  EXPECT_EQ(constant_at(model, "plain", 1), shared);
  EXPECT_EQ(constant_at(model, "plain", 2), Tensor::from<float>({2}, {1, -1}));
  EXPECT_FALSE(constant_at(model, "normed", 1) == shared);
}

TEST(FoldBatchNorm, BeforeAConvolutionItBecomesADepthwiseOne) {
  // Zero padding of the convolution behind would not see the offset.
  Network net({2, 4, 4});
  Model model = batch_norm(net, "norm", 2).conv("conv", 2, 3, 1, 0.5).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("norm:conv", "conv:conv"));
  EXPECT_EQ(std::get<Conv>(op_named(model, "norm").op).group, 2);
  EXPECT_EQ(constant_at(model, "norm", 1).shape(), (Shape{2, 1, 1, 1}));
}

TEST(FoldBatchNorm, BeforeAConvolutionWithoutPaddingItGoesIntoIt) {
  Network net({2, 4, 4});
  batch_norm(net.relu("relu"), "norm", 2);
  net.add("conv", Conv{.strides = {1, 1}, .dilations = {1, 1}, .pads = {0, 0, 0, 0}},
          {net.constant({3, 2, 3, 3}, net.random_values(54, 0.5)), net.constant({3}, {1, 2, 3})});
  Model model = net.finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("relu:relu", "conv:conv"));
  EXPECT_THAT(op_named(model, "conv").origins, ElementsAre("norm", "conv"));
}

TEST(FoldBatchNorm, BeforeAGroupedConvolutionEachOutputTakesItsOwnChannels) {
  Network net({4, 4, 4});
  batch_norm(net.relu("relu"), "norm", 4);
  net.add("conv", Conv{.strides = {2, 1}, .dilations = {1, 1}, .pads = {0, 0, 0, 0}, .group = 2},
          {net.constant({6, 2, 2, 3}, net.random_values(72, 0.5))});
  Model model = net.finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("relu:relu", "conv:conv"));
}

TEST(FoldBatchNorm, OnVectorsItGoesIntoTheMatMulBehindIt) {
  Network net({4});
  batch_norm(net.relu("relu"), "norm", 4);
  net.add("fc", MatMul{}, {net.constant({4, 3}, net.random_values(12, 0.5))});
  Model model = net.finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("relu:relu", "fc:gemm"));
}

TEST(FoldBatchNorm, OnOneAndThreeSpatialAxesToo) {
  for (const Shape& sample : {Shape{2, 5}, Shape{2, 3, 2, 2}}) {
    Network net(sample);
    net.relu("relu");
    Model model = batch_norm(net, "norm", 2).finish("net");
    fold(model);
    EXPECT_THAT(ops_of(model), ElementsAre("relu:relu", "norm:conv"));
  }
}

TEST(FoldBatchNorm, OnVectorsItGoesIntoTheGemmBehindIt) {
  for (const bool trans_b : {false, true}) {
    Network net({4});
    batch_norm(net.relu("relu"), "norm", 4);
    const ValueId weight =
        net.constant(trans_b ? Shape{3, 4} : Shape{4, 3}, net.random_values(12, 0.5));
    net.add("fc", Gemm{.alpha = 2, .beta = 0.5f, .trans_b = trans_b},
            {weight, net.constant({3}, {1, 2, 3})});
    Model model = net.finish("net");
    fold(model);
    EXPECT_THAT(ops_of(model), ElementsAre("relu:relu", "fc:gemm"));
    EXPECT_THAT(op_named(model, "fc").origins, ElementsAre("norm", "fc"));
  }
}

TEST(FoldBatchNorm, OnVectorsWithoutAGemmBesideItItIsAProductAndASum) {
  Network net({4});
  net.relu("relu");
  Model model = batch_norm(net, "norm", 4).relu("relu2").finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("relu:relu", "norm.scale:mul", "norm:add", "relu2:relu"));
}

TEST(FoldBatchNorm, AGemmThatReadsItAsWeightIsNotTaken) {
  Network net({4});
  net.graph()[net.value()].shape = Shape{4, 4};
  batch_norm(net.relu("relu"), "norm", 4);
  const ValueId norm = net.value();
  net.at(net.constant({2, 4}, net.random_values(8, 1))).add("fc", Gemm{}, {norm});
  Model model = net.finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("relu:relu", "norm.scale:mul", "norm:add", "fc:gemm"));
}

TEST(FoldBatchNorm, TwoInARowBothGoIn) {
  Network net({2, 4, 4});
  net.conv("conv", 2, 3, 1, 0.5);
  batch_norm(net, "norm1", 3);
  Model model = batch_norm(net, "norm2", 3).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("conv:conv"));
  EXPECT_THAT(op_named(model, "conv").origins, ElementsAre("conv", "norm1", "norm2"));
}

TEST(FoldBatchNorm, AResultThatTheNormalisationMadeKeepsItsName) {
  Network net({4});
  net.gemm("fc", 4, 3, 0.5);
  Model model = batch_norm(net, "logits", 3).finish("net");
  fold(model);
  EXPECT_THAT(ops_of(model), ElementsAre("fc:gemm"));
  EXPECT_THAT(output_names(model), ElementsAre("logits"));
}

TEST(FoldBatchNorm, LeavesAGraphWithoutNormalisationAlone) {
  Network net({2, 4, 4});
  Model model = net.conv("conv", 2, 3, 1, 0.5).relu("relu").finish("net");
  EXPECT_FALSE(run_pass(model, "fold_batch_norm").did_change());
}

/// relu -> norm, with one parameter of the normalisation replaced.
Model with_parameter(std::size_t index, std::vector<float> values, float epsilon) {
  Network net({2, 4, 4});
  net.relu("relu");
  std::vector<ValueId> parameters;
  for (std::size_t i = 1; i < 5; ++i) {
    parameters.push_back(net.constant({2}, i == index ? values : std::vector<float>{1, 1}));
  }
  return net.add("norm", BatchNorm{.epsilon = epsilon}, parameters).finish("net");
}

TEST(FoldBatchNorm, RefusesAVarianceThatLeavesNoFactorAndNamesTheChannel) {
  for (const float variance : {0.0f, -1.0f}) {
    Model model = with_parameter(4, {1, variance}, 0);
    const OnePass done = run_pass(model, "fold_batch_norm");
    ASSERT_FALSE(done.changed.has_value());
    EXPECT_EQ(done.changed.error().code, "fold_batch_norm.variance");
    EXPECT_EQ(done.changed.error().at, Location(ModelNode{.path = "net.onnx", .node = "norm"}));
    EXPECT_THAT(done.changed.error().message, HasSubstr("channel 1 of 'norm'"));
    EXPECT_THAT(done.changed.error().help, HasSubstr("export it again"));
  }
}

TEST(FoldBatchNorm, AVarianceOfZeroIsFineWithAnEpsilon) {
  Model model = with_parameter(4, {1, 0}, 1e-3f);
  fold(model);
}

TEST(FoldBatchNorm, RefusesParametersThatAreComputed) {
  Network net({2, 4, 4});
  net.add("mean", GlobalAveragePool{}).add("stats", Reshape{}, {net.integers({2})});
  const ValueId stats = net.value(), ones = net.constant({2}, {1, 1});
  net.at(net.graph().inputs[0]).add("norm", BatchNorm{}, {ones, ones, stats, ones});
  Model model = net.finish("net");
  const OnePass done = run_pass(model, "fold_batch_norm");
  ASSERT_FALSE(done.changed.has_value());
  EXPECT_EQ(done.changed.error().code, "fold_batch_norm.computed");
  EXPECT_EQ(done.changed.error().at, Location(ModelNode{.path = "net.onnx", .node = "norm"}));
  EXPECT_THAT(done.changed.error().help, HasSubstr("inference mode"));
}

TEST(FoldBatchNorm, ParametersComputedFromConstantsAreFineAfterFoldConstants) {
  Network net({2, 4, 4});
  const ValueId x = net.value(), ones = net.constant({2}, {1, 1});
  net.at(ones).add("twice", Binary{BinaryKind::kAdd}, {ones});
  const ValueId twice = net.value();
  Model model = net.at(x).add("norm", BatchNorm{}, {ones, ones, ones, twice}).finish("net");
  Model unprepared = model;
  EXPECT_FALSE(run_pass(unprepared, "fold_batch_norm").changed.has_value());
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  fold(model);
}

TEST(FoldBatchNorm, RefusesAnInputOfUnknownShapeAndSaysWhatToRun) {
  Network net({4});
  net.graph().add_input("wanted", DType::kInt64, {kFreeDim});
  net.add("open", Reshape{}, {net.graph().inputs[1]});
  Model model = batch_norm(net, "norm", 4).finish("net");
  const OnePass done = run_pass(model, "fold_batch_norm");
  ASSERT_FALSE(done.changed.has_value());
  EXPECT_EQ(done.changed.error().code, "fold_batch_norm.rank");
  EXPECT_EQ(done.changed.error().at, Location(ModelNode{.path = "net.onnx", .node = "norm"}));
  EXPECT_EQ(done.changed.error().help, "run infer_shapes before fold_batch_norm");
}

}  // namespace
}  // namespace neurotool::test
