// Old forms of operators arrive as the newest one: each test writes a node as its opset had it and
// runs the result.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "onnx_model.hpp"

namespace neurotool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

Tensor row(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from<float>({1, count}, std::move(values));
}

/// x[1,width] -> y.
OnnxModel one_node(int opset, std::int64_t width) {
  OnnxModel model(opset);
  model.input("x", {1, width}).output("y");
  return model;
}

TEST(OpsetForms, ClipWithAttributes) {
  OnnxModel model = one_node(10, 3);
  auto& node = model.node("Clip", {"x"}, {"y"});
  set(node, "min", 0.0f);
  set(node, "max", 2.0f);
  EXPECT_THAT(floats(run(model, {row({-1, 1, 3})})), ElementsAre(0, 1, 2));
}

TEST(OpsetForms, ClipWithInputsOneOfThemAbsent) {
  OnnxModel model = one_node(13, 3);
  model.weight("most", {}, {2});
  model.node("Clip", {"x", "", "most"}, {"y"});
  EXPECT_THAT(floats(run(model, {row({-1, 1, 3})})), ElementsAre(-1, 1, 2));
}

TEST(OpsetForms, ClipWithAttributesInANewOpsetIsRefused) {
  OnnxModel model = one_node(13, 3);
  set(model.node("Clip", {"x"}, {"y"}), "min", 0.0f);
  EXPECT_THAT(load(model).text(),
              HasSubstr("onnx.attribute: attribute 'min' is not known for Clip in opset 13"));
}

TEST(OpsetForms, SliceWithAttributes) {
  OnnxModel model = one_node(9, 4);
  auto& node = model.node("Slice", {"x"}, {"y"});
  set(node, "starts", std::vector<std::int64_t>{1});
  set(node, "ends", std::vector<std::int64_t>{-1});
  set(node, "axes", std::vector<std::int64_t>{1});
  EXPECT_THAT(floats(run(model, {row({1, 2, 3, 4})})), ElementsAre(2, 3));
}

TEST(OpsetForms, SliceWithInputsBackwardsToTheEnd) {
  OnnxModel model = one_node(13, 4);
  model.integers("s", {-1}).integers("e", {std::numeric_limits<std::int64_t>::min()});
  model.integers("a", {1}).integers("step", {-2});
  model.node("Slice", {"x", "s", "e", "a", "step"}, {"y"});
  EXPECT_THAT(floats(run(model, {row({1, 2, 3, 4})})), ElementsAre(4, 2));
}

TEST(OpsetForms, PadWithAttributes) {
  OnnxModel model = one_node(7, 2);
  auto& node = model.node("Pad", {"x"}, {"y"});
  set(node, "pads", std::vector<std::int64_t>{0, 1, 0, 2});
  set(node, "value", 9.0f);
  EXPECT_THAT(floats(run(model, {row({1, 2})})), ElementsAre(9, 1, 2, 9, 9));
}

TEST(OpsetForms, PadWithAxesInput) {
  OnnxModel model = one_node(18, 2);
  model.integers("pads", {1, 0}).integers("axes", {-1});
  model.node("Pad", {"x", "pads", "", "axes"}, {"y"});
  EXPECT_THAT(floats(run(model, {row({1, 2})})), ElementsAre(0, 1, 2));
}

TEST(OpsetForms, PadOfAnUnknownModeIsRefusedByName) {
  OnnxModel model = one_node(13, 2);
  model.integers("pads", {0, 1, 0, 1});
  set(model.node("Pad", {"x", "pads"}, {"y"}), "mode", std::string("mirror"));
  EXPECT_THAT(load(model).text(), HasSubstr("onnx.attribute: mode = 'mirror' is none of constant"));
}

TEST(OpsetForms, SqueezeAndUnsqueezeWithAttributes) {
  OnnxModel model = one_node(11, 2);
  set(model.node("Unsqueeze", {"x"}, {"u"}), "axes", std::vector<std::int64_t>{0, 3});
  set(model.node("Squeeze", {"u"}, {"y"}), "axes", std::vector<std::int64_t>{0, 1});
  const Tensor y = run(model, {row({1, 2})});
  EXPECT_EQ(y.shape(), (Shape{2, 1}));
}

TEST(OpsetForms, SqueezeAndUnsqueezeWithInputs) {
  OnnxModel model = one_node(13, 2);
  model.integers("new", {0, 3});
  model.node("Unsqueeze", {"x", "new"}, {"u"});
  model.node("Squeeze", {"u"}, {"y"});
  EXPECT_EQ(run(model, {row({1, 2})}).shape(), (Shape{2}));
}

TEST(OpsetForms, ReduceMeanWithAttributeAndWithInput) {
  OnnxModel old = one_node(13, 4);
  set(old.node("ReduceMean", {"x"}, {"y"}), "axes", std::vector<std::int64_t>{1});
  EXPECT_THAT(floats(run(old, {row({1, 2, 3, 6})})), ElementsAre(3));
  OnnxModel now = one_node(18, 4);
  now.integers("axes", {-1});
  now.node("ReduceMean", {"x", "axes"}, {"y"});
  EXPECT_THAT(floats(run(now, {row({1, 2, 3, 6})})), ElementsAre(3));
}

TEST(OpsetForms, ReduceMeanOfNoAxesMayMeanNone) {
  OnnxModel model = one_node(18, 2);
  set(model.node("ReduceMean", {"x"}, {"y"}), "noop_with_empty_axes", 1);
  EXPECT_THAT(floats(run(model, {row({1, 2})})), ElementsAre(1, 2));
}

TEST(OpsetForms, DropoutDoesNothing) {
  OnnxModel old = one_node(7, 2);
  set(old.node("Dropout", {"x"}, {"y", "mask"}), "ratio", 0.5f);
  EXPECT_THAT(floats(run(old, {row({1, 2})})), ElementsAre(1, 2));
  OnnxModel now = one_node(13, 2);
  now.weight("ratio", {}, {0.5f});
  now.node("Dropout", {"x", "ratio"}, {"y"});
  EXPECT_THAT(floats(run(now, {row({1, 2})})), ElementsAre(1, 2));
}

TEST(OpsetForms, DropoutInTrainingModeIsRefused) {
  OnnxModel model = one_node(13, 2);
  model.weight("ratio", {}, {0.5f});
  auto& training = *model.graph().add_initializer();
  training.set_name("training");
  training.set_data_type(::onnx::TensorProto::BOOL);
  training.add_int32_data(1);
  model.node("Dropout", {"x", "ratio", "training"}, {"y"});
  EXPECT_THAT(load(model).text(), HasSubstr("onnx.training-mode"));
}

OnnxModel batch_norm(int opset, std::vector<std::string> outputs) {
  OnnxModel model = one_node(opset, 2);
  model.weight("s", {2}, {1, 2}).weight("b", {2}, {0, 1});
  model.weight("m", {2}, {1, 1}).weight("v", {2}, {1, 4});
  set(model.node("BatchNormalization", {"x", "s", "b", "m", "v"}, outputs, "bn"), "epsilon", 0.0f);
  return model;
}

TEST(OpsetForms, BatchNormalizationOfAllOpsets) {
  for (const int opset : {7, 9, 14, 15}) {
    OnnxModel model = batch_norm(opset, {"y"});
    if (opset == 7) set(*model.graph().mutable_node(0), "spatial", 1);
    EXPECT_THAT(floats(run(model, {row({3, 5})})), ElementsAre(2, 5)) << opset;
  }
}

TEST(OpsetForms, BatchNormalizationInTrainingModeIsRefused) {
  OnnxModel by_attribute = batch_norm(15, {"y"});
  set(*by_attribute.graph().mutable_node(0), "training_mode", 1);
  OnnxModel by_outputs = batch_norm(9, {"y", "mean", "var"});
  for (const OnnxModel& model : {by_attribute, by_outputs}) {
    const Loaded loaded = load(model);
    ASSERT_FALSE(loaded.model.has_value());
    EXPECT_EQ(loaded.model.error().code, "onnx.training-mode");
    EXPECT_EQ(std::get<ModelNode>(loaded.model.error().at).node, "bn");
  }
}

TEST(OpsetForms, BatchNormalizationPerPositionIsRefused) {
  OnnxModel model = batch_norm(7, {"y"});
  set(*model.graph().mutable_node(0), "spatial", 0);
  EXPECT_THAT(load(model).text(), HasSubstr("onnx.unsupported-form"));
}

TEST(OpsetForms, OldSoftmaxOverOneLongAxisIsTheNewOne) {
  OnnxModel model(11);
  model.input("x", {1, 2, 1, 1}).output("y").node("Softmax", {"x"}, {"y"});
  const Tensor y = run(model, {Tensor::from<float>({1, 2, 1, 1}, {0, 0})});
  EXPECT_THAT(floats(y), ElementsAre(0.5f, 0.5f));
}

TEST(OpsetForms, GemmWithoutCNeedsOpset11) {
  const auto with = [](int opset) {
    OnnxModel model = one_node(opset, 2);
    model.weight("w", {2, 1}, {1, 2}).node("Gemm", {"x", "w"}, {"y"});
    return model;
  };
  EXPECT_THAT(floats(run(with(11), {row({3, 4})})), ElementsAre(11));
  EXPECT_THAT(load(with(9)).text(), HasSubstr("onnx.input: Gemm has 2 inputs in opset 9"));
}

TEST(OpsetForms, SumAndMaxOfManyInputs) {
  OnnxModel model = one_node(8, 2);
  model.weight("a", {2}, {1, 5}).weight("b", {2}, {2, 2});
  model.node("Sum", {"x", "a", "b"}, {"s"});
  model.node("Max", {"s", "a", "x"}, {"y"});
  EXPECT_THAT(floats(run(model, {row({0, -9})})), ElementsAre(3, 5));
}

TEST(OpsetForms, PowWithAnIntegerExponent) {
  OnnxModel model = one_node(13, 2);
  model.integers("two", {2}).node("Pow", {"x", "two"}, {"y"});
  EXPECT_THAT(floats(run(model, {row({3, -4})})), ElementsAre(9, 16));
}

TEST(OpsetForms, ConstantsAsNumbersAndLists) {
  OnnxModel model = one_node(13, 2);
  set(model.node("Constant", {}, {"half"}), "value_float", 0.5f);
  auto& list = *model.node("Constant", {}, {"list"}).add_attribute();
  list.set_name("value_floats");
  list.set_type(::onnx::AttributeProto::FLOATS);
  list.add_floats(1);
  list.add_floats(2);
  model.node("Mul", {"x", "half"}, {"a"});
  model.node("Add", {"a", "list"}, {"y"});
  EXPECT_THAT(floats(run(model, {row({2, 4})})), ElementsAre(2, 4));
}

TEST(OpsetForms, AutoPadBecomesExplicitPads) {
  const auto pads_of = [](const std::string& mode) {
    OnnxModel model;
    model.input("x", {-1, 1, 5, 4}).output("y").weight("w", {1, 1, 2, 3}, {1, 1, 1, 1, 1, 1});
    auto& node = model.node("Conv", {"x", "w"}, {"y"});
    set(node, "auto_pad", mode);
    set(node, "strides", std::vector<std::int64_t>{2, 1});
    const Loaded loaded = load(model);
    EXPECT_TRUE(loaded.model.has_value()) << loaded.text();
    return std::get<Conv>(loaded.model->tensor().ops[0].op).pads;
  };
  EXPECT_THAT(pads_of("SAME_UPPER"), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(pads_of("SAME_LOWER"), ElementsAre(1, 1, 0, 1));
  EXPECT_THAT(pads_of("VALID"), ElementsAre(0, 0, 0, 0));
}

TEST(OpsetForms, AutoPadOfAFreeExtentIsRefused) {
  OnnxModel model;
  model.input("x", {1, 1, -1, 4}).output("y").weight("w", {1, 1, 2, 2}, {1, 1, 1, 1});
  set(model.node("Conv", {"x", "w"}, {"y"}, "conv1"), "auto_pad", std::string("SAME_UPPER"));
  const Loaded loaded = load(model);
  ASSERT_FALSE(loaded.model.has_value());
  EXPECT_EQ(loaded.model.error().code, "onnx.auto-pad");
  EXPECT_EQ(std::get<ModelNode>(loaded.model.error().at).node, "conv1");
}

TEST(OpsetForms, QuantizeAndDequantizePerChannel) {
  OnnxModel model = one_node(13, 2);
  model.weight("scale", {2}, {0.5f, 0.25f});
  model.node("QuantizeLinear", {"x", "scale"}, {"q"});
  model.node("DequantizeLinear", {"q", "scale"}, {"y"});
  // Halves go to the even neighbour; negative values are cut off at 0.
  EXPECT_THAT(floats(run(model, {row({1.25f, -1})})), ElementsAre(1, 0));
  EXPECT_THAT(floats(run(model, {row({1.75f, 200})})), ElementsAre(2, 63.75f));
}

TEST(OpsetForms, LayerNormalizationOverTheLastAxes) {
  OnnxModel model(17);
  model.input("x", {1, 2, 2}).output("y").weight("s", {2, 2}, {1, 1, 1, 2});
  model.weight("b", {2, 2}, {0, 0, 1, 0});
  set(model.node("LayerNormalization", {"x", "s", "b"}, {"y"}), "axis", 1);
  const Tensor y = run(model, {Tensor::from<float>({1, 2, 2}, {1, 3, 1, 3})});
  EXPECT_THAT(floats(y), ElementsAre(FloatNear(-1, 1e-4f), FloatNear(1, 1e-4f), FloatNear(0, 1e-4f),
                                     FloatNear(2, 1e-4f)));
}

}  // namespace
}  // namespace neurotool::test
