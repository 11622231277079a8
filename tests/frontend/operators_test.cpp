// Operators that become several ops, and the edges of those that become one: what the corpus does
// not show, or shows without saying why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <tuple>

#include "frontend/onnx/convert.hpp"
#include "onnx_model.hpp"
#include "passes/pass_tools.hpp"

namespace neurotool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

Tensor tensor(Shape shape, std::vector<float> values) {
  return Tensor::from<float>(std::move(shape), std::move(values));
}

/// x of this shape -> y.
OnnxModel one_node(const Shape& shape, int opset = 18) {
  OnnxModel model(opset);
  model.input("x", shape).output("y");
  return model;
}

std::vector<float> apply(const std::string& op, std::vector<float> values, int opset = 18) {
  const auto count = static_cast<std::int64_t>(values.size());
  OnnxModel model = one_node({1, count}, opset);
  model.node(op, {"x"}, {"y"});
  return floats(run(model, {tensor({1, count}, std::move(values))}));
}

std::string refusal(const OnnxModel& model) { return load(model).text(); }

TEST(Operators, RectifiersWithASlopeKeepInfinities) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(apply("LeakyRelu", {-inf, -2, 0, 3, inf}),
              ElementsAre(-inf, FloatNear(-0.02f, 1e-6f), 0, 3, inf));
}

TEST(Operators, ExponentialUnitsDoNotOverflow) {
  EXPECT_THAT(apply("Elu", {-1000, 0, 1000}), ElementsAre(-1, 0, 1000));
  EXPECT_THAT(apply("Softplus", {-1000, 0, 1000}),
              ElementsAre(0, FloatNear(std::log(2.0f), 1e-6f), 1000));
  EXPECT_THAT(apply("Celu", {-1000, 1000}), ElementsAre(-1, 1000));
}

TEST(Operators, LogSoftmaxKeepsWhatSoftmaxLoses) {
  EXPECT_THAT(apply("LogSoftmax", {0, 1000}), ElementsAre(-1000, 0));
}

TEST(Operators, HardmaxTakesTheFirstOfTheLargest) {
  EXPECT_THAT(apply("Hardmax", {1, 3, 3}), ElementsAre(0, 1, 0));
}

TEST(Operators, OldSoftmaxRunsOverAllAxesBehindTogether) {
  OnnxModel model = one_node({1, 2, 2}, 11);
  set(model.node("Softmax", {"x"}, {"y"}), "axis", 1);
  EXPECT_THAT(floats(run(model, {tensor({1, 2, 2}, {0, 0, 0, 0})})),
              ElementsAre(0.25f, 0.25f, 0.25f, 0.25f));
}

TEST(Operators, OldBroadcastPutsTheSecondOperandAtAnAxis) {
  OnnxModel model = one_node({1, 2, 2}, 6);
  model.weight("b", {2}, {10, 20});
  auto& node = model.node("Add", {"x", "b"}, {"y"});
  set(node, "broadcast", 1);
  set(node, "axis", 1);
  EXPECT_THAT(floats(run(model, {tensor({1, 2, 2}, {1, 2, 3, 4})})), ElementsAre(11, 12, 23, 24));
}

TEST(Operators, GreaterIsLessTheOtherWayRound) {
  OnnxModel model = one_node({3});
  model.weight("b", {1}, {2});
  model.node("Greater", {"x", "b"}, {"g"});
  model.node("Not", {"g"}, {"n"});
  set(model.node("Cast", {"n"}, {"y"}), "to", 1);
  EXPECT_THAT(floats(run(model, {tensor({3}, {1, 2, 3})})), ElementsAre(1, 1, 0));
}

TEST(Operators, InfinitiesAndWhatIsNoNumberAreFound) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = tensor({4}, {-inf, 1, inf, nan});
  for (const auto& [below, above, wanted] :
       {std::tuple<int, int, std::vector<float>>{1, 1, {1, 0, 1, 0}},
        {1, 0, {1, 0, 0, 0}},
        {0, 1, {0, 0, 1, 0}},
        {0, 0, {0, 0, 0, 0}}}) {
    OnnxModel model = one_node({4});
    auto& node = model.node("IsInf", {"x"}, {"y"});
    set(node, "detect_negative", below);
    set(node, "detect_positive", above);
    EXPECT_EQ(floats(run(model, {x})), wanted);
  }
  OnnxModel model = one_node({4});
  model.node("IsNaN", {"x"}, {"y"});
  EXPECT_THAT(floats(run(model, {x})), ElementsAre(0, 0, 0, 1));
}

TEST(Operators, WhereBroadcastsThreeOperands) {
  OnnxModel model = one_node({2, 1});
  model.weight("zero", {1}, {0}).weight("row", {3}, {7, 8, 9});
  model.node("Less", {"x", "zero"}, {"c"});
  model.node("Where", {"c", "row", "x"}, {"y"});
  EXPECT_THAT(floats(run(model, {tensor({2, 1}, {-1, 1})})), ElementsAre(7, 8, 9, 1, 1, 1));
}

TEST(Operators, ReductionsTakeNegativeAxesAndAnEmptyList) {
  OnnxModel model = one_node({2, 2});
  model.integers("axes", {-1});
  set(model.node("ReduceMax", {"x", "axes"}, {"y"}), "keepdims", 0);
  EXPECT_THAT(floats(run(model, {tensor({2, 2}, {1, 2, 4, 3})})), ElementsAre(2, 4));
  OnnxModel all = one_node({2, 2});
  all.integers("axes", {});
  all.node("ReduceSum", {"x", "axes"}, {"y"});
  EXPECT_THAT(floats(run(all, {tensor({2, 2}, {1, 2, 3, 4})})), ElementsAre(10));
}

TEST(Operators, ReducingNothingGivesTheNeutralElement) {
  OnnxModel model = one_node({2, 0});
  model.integers("axes", {1});
  model.node("ReduceProd", {"x", "axes"}, {"y"});
  EXPECT_THAT(floats(run(model, {tensor({2, 0}, {})})), ElementsAre(1, 1));
}

TEST(Operators, LogSumExpOfLargeNumbersIsFinite) {
  OnnxModel model = one_node({1, 2});
  model.node("ReduceLogSumExp", {"x"}, {"y"});
  EXPECT_THAT(floats(run(model, {tensor({1, 2}, {1000, 1000})})),
              ElementsAre(FloatNear(1000 + std::log(2.0f), 1e-3f)));
}

TEST(Operators, SplitChecksItsLengths) {
  OnnxModel model = one_node({1, 4}, 13);
  model.integers("lengths", {1, 2});
  set(model.node("Split", {"x", "lengths"}, {"y", "z"}, "split"), "axis", 1);
  EXPECT_EQ(refusal(model),
            "onnx.shape: 2 lengths with the sum 3 for 2 outputs and an axis of 4\n");
}

TEST(Operators, SplitMakesTheLastPartSmaller) {
  OnnxModel model = one_node({1, 5});
  auto& node = model.node("Split", {"x"}, {"a", "b", "y"});
  set(node, "axis", 1);
  set(node, "num_outputs", 3);
  EXPECT_THAT(floats(run(model, {tensor({1, 5}, {1, 2, 3, 4, 5})})), ElementsAre(5));
}

TEST(Operators, PaddingMirrorsWithoutTheEdgeAndWraps) {
  for (const auto& [mode, wanted] :
       {std::pair<std::string, std::vector<float>>{"reflect", {3, 2, 1, 2, 3, 2}},
        {"edge", {1, 1, 1, 2, 3, 3}},
        {"wrap", {2, 3, 1, 2, 3, 1}}}) {
    OnnxModel model = one_node({3}, 19);
    model.integers("pads", {2, 1});
    set(model.node("Pad", {"x", "pads"}, {"y"}), "mode", mode);
    EXPECT_EQ(floats(run(model, {tensor({3}, {1, 2, 3})})), wanted) << mode;
  }
}

TEST(Operators, PaddingOfNothingWithItselfIsRefused) {
  OnnxModel model = one_node({0}, 19);
  model.integers("pads", {1, 0});
  set(model.node("Pad", {"x", "pads"}, {"y"}), "mode", std::string("edge"));
  EXPECT_THAT(refusal(model), HasSubstr("axis 0 of [0] has no elements to pad with"));
}

TEST(Operators, ExpandAndTileRepeat) {
  OnnxModel model = one_node({2, 1});
  model.integers("shape", {1, 3}).integers("repeats", {1, 2});
  model.node("Expand", {"x", "shape"}, {"e"});
  model.node("Tile", {"e", "repeats"}, {"y"});
  EXPECT_THAT(floats(run(model, {tensor({2, 1}, {1, 2})})),
              ElementsAre(1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2));
}

TEST(Operators, HugeRepeatsAreRefusedBeforeAnythingIsMade) {
  OnnxModel model = one_node({2, 2});
  model.integers("repeats", {std::int64_t{1} << 40, std::int64_t{1} << 40});
  model.node("Tile", {"x", "repeats"}, {"y"}, "tile");
  EXPECT_THAT(refusal(model), HasSubstr("onnx.shape: Tile (y): the result"));
}

TEST(Operators, TransposedConvolutionAddsOverlappingKernels) {
  OnnxModel model = one_node({1, 1, 3});
  model.weight("w", {1, 1, 2}, {1, 10});
  set(model.node("ConvTranspose", {"x", "w"}, {"y"}), "strides", std::vector<std::int64_t>{1});
  EXPECT_THAT(floats(run(model, {tensor({1, 1, 3}, {1, 2, 3})})), ElementsAre(1, 12, 23, 30));
}

TEST(Operators, TransposedConvolutionWithStridePadsAndGroups) {
  OnnxModel model = one_node({1, 2, 2});
  model.weight("w", {2, 1, 3}, {1, 2, 3, 4, 5, 6}).weight("b", {2}, {100, 200});
  auto& node = model.node("ConvTranspose", {"x", "w", "b"}, {"y"});
  set(node, "strides", std::vector<std::int64_t>{2});
  set(node, "pads", std::vector<std::int64_t>{1, 0});
  set(node, "output_padding", std::vector<std::int64_t>{1});
  set(node, "group", 2);
  // Channel 0: 1 * {1,2,3} and 2 * {1,2,3} two behind, the first cut off, one zero at the end.
  EXPECT_THAT(floats(run(model, {tensor({1, 2, 2}, {1, 2, 1, 0})})),
              ElementsAre(102, 105, 104, 106, 100, 205, 206, 200, 200, 200));
}

TEST(Operators, TransposedConvolutionRefusesHostileStrides) {
  OnnxModel model = one_node({1, 1, 3});
  model.weight("w", {1, 1, 2}, {1, 10});
  set(model.node("ConvTranspose", {"x", "w"}, {"y"}, "up"), "strides",
      std::vector<std::int64_t>{std::int64_t{1} << 60});
  EXPECT_THAT(refusal(model), HasSubstr("'strides' has 1152921504606846976, outside 1 to"));
}

TEST(Operators, EinsumOfAttention) {
  OnnxModel model = one_node({1, 2, 2});
  set(model.node("Einsum", {"x", "x"}, {"y"}), "equation", std::string("b i d, b j d -> b i j"));
  EXPECT_THAT(floats(run(model, {tensor({1, 2, 2}, {1, 2, 3, 4})})), ElementsAre(5, 11, 11, 25));
}

TEST(Operators, EinsumWithoutAResultSumsWhatOccursTwice) {
  OnnxModel model = one_node({2, 2});
  set(model.node("Einsum", {"x"}, {"y"}), "equation", std::string("ii"));
  EXPECT_THAT(floats(run(model, {tensor({2, 2}, {1, 2, 3, 4})})), ElementsAre(5));
}

TEST(Operators, EinsumThatDoesNotFitIsRefusedByName) {
  OnnxModel model = one_node({2, 3});
  set(model.node("Einsum", {"x"}, {"y"}, "sum"), "equation", std::string("ii->i"));
  EXPECT_THAT(refusal(model), HasSubstr("extents 2 and 3 have the same label"));
  OnnxModel unknown = one_node({2, 3});
  set(unknown.node("Einsum", {"x"}, {"y"}, "sum"), "equation", std::string("ij->k"));
  EXPECT_THAT(refusal(unknown), HasSubstr("the result has 'k', which no operand has"));
}

TEST(Operators, NearestAndLinearUpsampling) {
  OnnxModel nearest = one_node({1, 1, 2}, 9);
  nearest.weight("scales", {3}, {1, 1, 2});
  nearest.node("Upsample", {"x", "scales"}, {"y"});
  EXPECT_THAT(floats(run(nearest, {tensor({1, 1, 2}, {1, 3})})), ElementsAre(1, 1, 3, 3));
  OnnxModel linear = one_node({1, 1, 2});
  linear.integers("sizes", {1, 1, 4});
  set(linear.node("Resize", {"x", "", "", "sizes"}, {"y"}), "mode", std::string("linear"));
  EXPECT_THAT(floats(run(linear, {tensor({1, 1, 2}, {1, 3})})), ElementsAre(1, 1.5f, 2.5f, 3));
}

TEST(Operators, ResizeNeedsExactlyOneWish) {
  OnnxModel model = one_node({1, 1, 2});
  model.weight("scales", {3}, {1, 1, 2}).integers("sizes", {1, 1, 4});
  model.node("Resize", {"x", "", "scales", "sizes"}, {"y"}, "both");
  EXPECT_THAT(refusal(model), HasSubstr("scales and sizes are both given"));
  OnnxModel none = one_node({1, 1, 2});
  none.node("Resize", {"x"}, {"y"}, "none");
  EXPECT_THAT(refusal(none), HasSubstr("neither scales nor sizes are given"));
}

TEST(Operators, HostileScalesAreRefusedByName) {
  OnnxModel model = one_node({1, 1, 2});
  model.weight("scales", {3}, {1, 1, 1e30f});
  model.node("Resize", {"x", "", "scales"}, {"y"}, "big");
  EXPECT_THAT(refusal(model), HasSubstr("axis 2 of [1,1,2] scaled by 1e+30"));
}

TEST(Operators, MaxPoolTellsWhereItsMaximaAre) {
  OnnxModel model(18);
  model.input("x", {1, 1, 4}).output("y");
  set(model.node("MaxPool", {"x"}, {"m", "y"}), "kernel_shape", std::vector<std::int64_t>{2});
  EXPECT_THAT(floats(run(model, {tensor({1, 1, 4}, {4, 3, 2, 9})})), ElementsAre(0, 1, 3));
}

TEST(Operators, QuantOnAGridOfFourBits) {
  OnnxModel model = one_node({5});
  model.proto().add_opset_import()->set_domain("qonnx.custom_op.general");
  model.weight("s", {}, {0.5f}).weight("z", {}, {0}).weight("bits", {}, {4});
  auto& node = model.node("Quant", {"x", "s", "z", "bits"}, {"y"});
  node.set_domain("qonnx.custom_op.general");
  set(node, "narrow", 1);
  EXPECT_THAT(floats(run(model, {tensor({5}, {-10, -0.3f, 0.25f, 0.8f, 10})})),
              ElementsAre(-3.5f, -0.5f, 0, 1, 3.5f));
}

TEST(Operators, QuantOfManyBitsIsRefusedByName) {
  OnnxModel model = one_node({5});
  model.weight("s", {}, {0.5f}).weight("z", {}, {0}).weight("bits", {}, {64});
  model.node("Quant", {"x", "s", "z", "bits"}, {"y"}, "q").set_domain("onnx.brevitas");
  EXPECT_THAT(refusal(model), HasSubstr("onnx.quantization: Quant has 64 bits, outside 1 to 32"));
}

TEST(Operators, LstmGivesThreeResults) {
  OnnxModel model(14);
  model.input("x", {2, 1, 1}).output("y").output("h").output("c");
  model.weight("w", {1, 4, 1}, {1, 1, 1, 1}).weight("r", {1, 4, 1}, {0, 0, 0, 0});
  set(model.node("LSTM", {"x", "w", "r"}, {"y", "h", "c"}), "hidden_size", 1);
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const Tensor x = tensor({2, 1, 1}, {1, 2});
  const auto outputs = TensorEvaluator(loaded.model->tensor()).run(std::vector<Tensor>{x});
  ASSERT_TRUE(outputs.has_value());
  const auto gate = [](float v) { return 1 / (1 + std::exp(-v)); };
  const float c1 = gate(1) * std::tanh(1.0f);
  const float c2 = gate(2) * c1 + gate(2) * std::tanh(2.0f);
  EXPECT_EQ((*outputs)[0].shape(), (Shape{2, 1, 1, 1}));
  EXPECT_NEAR(floats((*outputs)[0])[0], gate(1) * std::tanh(c1), 1e-6);
  EXPECT_NEAR(floats((*outputs)[1])[0], gate(2) * std::tanh(c2), 1e-6);
  EXPECT_NEAR(floats((*outputs)[2])[0], c2, 1e-6);
}

TEST(Operators, LstmWeightsThatDoNotFitAreRefused) {
  OnnxModel model(14);
  model.input("x", {2, 1, 1}).output("y");
  model.weight("w", {1, 4, 1}, {1, 1, 1, 1}).weight("r", {1, 3, 1}, {0, 0, 0});
  model.node("LSTM", {"x", "w", "r"}, {"y"}, "lstm");
  EXPECT_THAT(refusal(model), HasSubstr("the recurrent weight has shape [1,3,1], [1,4,1] needed"));
}

TEST(Operators, ExpandIdiomOfExportersKeepsTheBatchFree) {
  // torch: where(shape == -1, 1, shape).
  OnnxModel model(17);
  model.input("x", {-1, 1}).output("y");
  model.integers("wish", {-1, 3}).integers("minus", {-1});
  model.node("Shape", {"wish"}, {"n"});
  auto& ones = model.node("ConstantOfShape", {"n"}, {"ones"});
  auto& value = *ones.add_attribute();
  value.set_name("value");
  value.set_type(::onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(::onnx::TensorProto::INT64);
  value.mutable_t()->add_dims(1);
  value.mutable_t()->add_int64_data(1);
  model.node("Equal", {"wish", "minus"}, {"is_minus"});
  model.node("Where", {"is_minus", "ones", "wish"}, {"shape"});
  model.node("Expand", {"x", "shape"}, {"y"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const TensorGraph& graph = loaded.model->tensor();
  EXPECT_EQ(graph[graph.outputs[0]].shape, (Shape{kFreeDim, 3}));
}

/// Attention of two queries over two keys, both heads of one feature, scale 1 -> y.
OnnxModel small_attention() {
  OnnxModel model(24);
  model.input("q", {1, 1, 2, 1}).output("y");
  model.weight("k", {1, 1, 2, 1}, {0, 0}).weight("v", {1, 1, 2, 1}, {10, 20});
  return model;
}

TEST(Operators, CausalAttentionSeesNoKeyBehindTheQuery) {
  OnnxModel model = small_attention();
  auto& node = model.node("Attention", {"q", "k", "v"}, {"y"});
  set(node, "is_causal", 1);
  EXPECT_THAT(floats(run(model, {tensor({1, 1, 2, 1}, {1, 1})})), ElementsAre(10, 15));
}

TEST(Operators, AShortAttentionMaskHidesTheKeysBehindIt) {
  OnnxModel model = small_attention();
  model.weight("pk", {1, 1, 1, 1}, {0}).weight("pv", {1, 1, 1, 1}, {4});
  model.weight("mask", {2, 2}, {0, 0, 0, 0});
  model.node("Attention", {"q", "k", "v", "mask", "pk", "pv"}, {"y"});
  EXPECT_THAT(floats(run(model, {tensor({1, 1, 2, 1}, {1, 1})})), ElementsAre(7, 7));
}

TEST(Operators, QueryHeadsShareKeyHeads) {
  OnnxModel model(24);
  model.input("q", {1, 1, 2}).output("y");
  model.weight("k", {1, 1, 1}, {1}).weight("v", {1, 1, 1}, {3});
  auto& node = model.node("Attention", {"q", "k", "v"}, {"y"});
  set(node, "q_num_heads", 2);
  set(node, "kv_num_heads", 1);
  EXPECT_THAT(floats(run(model, {tensor({1, 1, 2}, {1, 2})})), ElementsAre(3, 3));
}

TEST(Operators, ALeakyRectifierBecomesTwoPopulations) {
  OnnxModel model = one_node({1, 2});
  model.weight("w", {2, 2}, {1, -1, 0.5f, 2});
  model.node("MatMul", {"x", "w"}, {"a"}, "first");
  model.node("LeakyRelu", {"a"}, {"b"}, "leaky");
  model.node("MatMul", {"b", "w"}, {"y"}, "last");
  Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const PassRun lowered = run_passes(*loaded.model, "infer_shapes,fold_constants,qcfs{steps=4}");
  ASSERT_TRUE(lowered.result.has_value()) << to_string(lowered.result.error());
  std::size_t firing = 0;
  for (const Population& population : loaded.model->spike().populations) {
    firing += std::holds_alternative<If>(population.neuron) ? 1 : 0;
  }
  EXPECT_EQ(firing, 2u);
}

TEST(Operators, TheirListForUsersIsComplete) {
  std::ifstream file(std::string(NEUROTOOL_TESTS_DIR) +
                     "/../docs/diagnostics/onnx.unsupported-op.md");
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (const auto& op : from_onnx::operators()) {
    const std::string name(op.name);
    const bool listed = page.find("\n" + name + ",") != std::string::npos ||
                        page.find(" " + name + ",") != std::string::npos ||
                        page.find(" " + name + ".") != std::string::npos;
    EXPECT_TRUE(listed) << name;
  }
}

}  // namespace
}  // namespace neurotool::test
