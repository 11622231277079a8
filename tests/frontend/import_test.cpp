// How a graph arrives: names, order, constants, shapes, versions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "ir/verify.hpp"
#include "onnx_model.hpp"

namespace neurotool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Value& value_named(const TensorGraph& graph, const std::string& name) {
  for (const Value& value : graph.values) {
    if (value.name == name) return value;
  }
  throw std::runtime_error("no value " + name);
}

TEST(Import, KeepsNamesAndTheTrailToTheFile) {
  OnnxModel model;
  model.input("x", {-1, 4}).output("logits");
  model.node("Relu", {"x"}, {"hidden"}, "/act/Relu");
  model.node("Tanh", {"hidden"}, {"logits"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const TensorGraph& graph = loaded.model->tensor();
  EXPECT_EQ(graph.ops[0].name, "/act/Relu");
  EXPECT_THAT(graph.ops[0].origins, ElementsAre("/act/Relu"));
  EXPECT_EQ(graph.ops[1].name, "Tanh_1");
  EXPECT_EQ(graph[graph.outputs[0]].name, "logits");
  Diagnostics findings;
  verify(*loaded.model, findings);
  EXPECT_FALSE(findings.has_errors());
}

TEST(Import, MakesRepeatedNodeNamesUnique) {
  OnnxModel model;
  model.input("x", {1, 4}).output("z");
  model.node("Relu", {"x"}, {"y"}, "same");
  model.node("Relu", {"y"}, {"z"}, "same");
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(loaded.model->tensor().ops[1].name, "same_2");
}

TEST(Import, TakesAnInitializerThatIsAlsoAnInputAsConstant) {
  OnnxModel model(9, 3);
  model.input("x", {1, 2}).input("w", {2}).weight("w", {2}, {1, 2}).output("y");
  model.node("Add", {"x", "w"}, {"y"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(loaded.model->tensor().inputs.size(), 1u);
  EXPECT_TRUE(value_named(loaded.model->tensor(), "w").constant.defined());
}

TEST(Import, SortsNodesThatComeTooEarly) {
  OnnxModel model;
  model.input("x", {1, 2}).output("z");
  model.node("Tanh", {"y"}, {"z"});
  model.node("Relu", {"x"}, {"y"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value());
  EXPECT_THAT(loaded.text(), HasSubstr("warning onnx.node-order"));
  EXPECT_EQ(op_name(loaded.model->tensor().ops[0].op), "relu");
}

TEST(Import, InfersShapesAndKeepsTheBatchFree) {
  OnnxModel model;
  model.input("x", {-1, 1, 8, 8}).output("y");
  model.weight("w", {4, 1, 3, 3}, std::vector<float>(36, 0.5f));
  model.node("Conv", {"x", "w"}, {"c"});
  set(model.node("Flatten", {"c"}, {"y"}), "axis", 1);
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const TensorGraph& graph = loaded.model->tensor();
  EXPECT_EQ(value_named(graph, "c").shape, (Shape{kFreeDim, 4, 6, 6}));
  EXPECT_EQ(value_named(graph, "y").shape, (Shape{kFreeDim, 144}));
}

TEST(Import, FollowsTheBatchThroughShapeArithmetic) {
  // What exporters write for x.view(x.size(0), -1).
  OnnxModel model;
  model.input("x", {-1, 2, 3}).output("y").integers("zero", {0}).integers("rest", {-1});
  model.node("Shape", {"x"}, {"s"});
  model.node("Gather", {"s", "zero"}, {"n"});
  set(model.node("Concat", {"n", "rest"}, {"to"}), "axis", 0);
  model.node("Reshape", {"x", "to"}, {"y"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(value_named(loaded.model->tensor(), "y").shape, (Shape{kFreeDim, 6}));
}

TEST(Import, FollowsABatchThatWasMergedWithAnotherAxis) {
  // Attention heads: [N,2,3] to [2N,3] and back to [N,2,3], with N computed.
  OnnxModel model;
  model.input("x", {-1, 2, 3}).output("y");
  model.integers("zero", {0}).integers("rest", {2, 3}).integers("merged", {-1, 3});
  model.node("Shape", {"x"}, {"s"});
  model.node("Gather", {"s", "zero"}, {"n"});
  model.node("Reshape", {"x", "merged"}, {"m"});
  set(model.node("Concat", {"n", "rest"}, {"to"}), "axis", 0);
  model.node("Reshape", {"m", "to"}, {"y"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(value_named(loaded.model->tensor(), "y").shape, (Shape{kFreeDim, 2, 3}));
}

TEST(Import, TakesMinusOneAsAFreeExtent) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").node("Relu", {"x"}, {"y"});
  model.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(-1);
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(value_named(loaded.model->tensor(), "x").shape, (Shape{kFreeDim, 2}));
}

TEST(Import, ComputesHalfPrecisionModelsInSingle) {
  OnnxModel model;
  model.input("x", {1, 2}, ::onnx::TensorProto::FLOAT16).output("y");
  auto& weight = *model.graph().add_initializer();
  weight.set_name("w");
  weight.set_data_type(::onnx::TensorProto::FLOAT16);
  weight.add_dims(2);
  weight.add_int32_data(0x3C00);  // 1
  weight.add_int32_data(0xC100);  // -2.5
  model.node("Mul", {"x", "w"}, {"y"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_THAT(loaded.text(), HasSubstr("warning onnx.precision: the inputs are not float32"));
  EXPECT_THAT(floats(run(model, {Tensor::from<float>({1, 2}, {2, 2})})), ElementsAre(2, -5));
}

TEST(Import, WarnsWhenDoublesLoseDigits) {
  const auto with = [](double number) {
    OnnxModel model;
    model.input("x", {1}).output("y");
    auto& weight = *model.graph().add_initializer();
    weight.set_name("w");
    weight.set_data_type(::onnx::TensorProto::DOUBLE);
    weight.add_dims(1);
    weight.add_double_data(number);
    model.node("Mul", {"x", "w"}, {"y"});
    return load(model).text();
  };
  EXPECT_EQ(with(0.5), "");
  EXPECT_THAT(with(0.1), HasSubstr("1 constants, 'w' the first, are stored in float64"));
}

TEST(Import, WarnsAboutInfiniteWeightsAndRefusesNotANumber) {
  const auto with = [](float number) {
    OnnxModel model;
    model.input("x", {1, 2}).output("y").weight("w", {2}, {1, number});
    model.node("Mul", {"x", "w"}, {"y"});
    return load(model);
  };
  const Loaded infinite = with(std::numeric_limits<float>::infinity());
  EXPECT_TRUE(infinite.model.has_value());
  EXPECT_EQ(infinite.text(),
            "warning onnx.not-finite: 1 of 2 elements of 'w' are infinite, element 1 the first\n");
  const Loaded nan = with(std::numeric_limits<float>::quiet_NaN());
  ASSERT_FALSE(nan.model.has_value());
  EXPECT_EQ(nan.model.error().code, "onnx.not-finite");
}

TEST(Import, WarnsWhenADeclaredOutputShapeIsWrong) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").node("Relu", {"x"}, {"y"});
  auto& type = *model.graph().mutable_output(0)->mutable_type()->mutable_tensor_type();
  type.mutable_shape()->add_dim()->set_dim_value(7);
  const Loaded loaded = load(model);
  EXPECT_TRUE(loaded.model.has_value());
  EXPECT_THAT(loaded.text(), HasSubstr("warning onnx.declared-shape"));
}

TEST(Import, MakesForeignBytesInNamesPrintable) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").node("Relu", {"x"}, {"y"}, "a\nb\x01");
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(loaded.model->tensor().ops[0].name, "a\\x0ab\\x01");
}

TEST(Import, ReportsEveryUnsupportedNodeAtOnce) {
  OnnxModel model;
  model.input("x", {1, 2}).output("z");
  model.node("NonZero", {"x"}, {"a"}, "first");
  model.node("Relux", {"a"}, {"b"}, "second");
  model.node("Relu", {"b"}, {"c"}, "third").set_domain("com.example");
  model.node("Relu", {"c"}, {"z"}, "fourth");
  const Loaded loaded = load(model);
  ASSERT_FALSE(loaded.model.has_value());
  ASSERT_EQ(loaded.findings.size(), 3u) << loaded.text();
  for (const Diagnostic& finding : loaded.findings) EXPECT_EQ(finding.code, "onnx.unsupported-op");
  EXPECT_EQ(std::get<ModelNode>(loaded.findings[0].at).node, "first");
  EXPECT_EQ(loaded.findings[0].message, "operator NonZero (opset 17) is not supported");
  EXPECT_EQ(loaded.findings[1].help, "the nearest operator that is supported is Relu");
  EXPECT_EQ(loaded.findings[2].message, "operator Relu of domain 'com.example' is not supported");
}

TEST(Import, NamesEveryNodeOfAKindOnce) {
  OnnxModel model;
  model.input("x", {1, 2}).output("v300");
  model.node("Relu", {"x"}, {"v0"});
  for (int i = 0; i < 300; ++i) {
    model.node("Mystery", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  }
  const Loaded loaded = load(model);
  ASSERT_FALSE(loaded.model.has_value());
  ASSERT_EQ(loaded.findings.size(), 1u) << loaded.text();
  const Diagnostic& finding = loaded.findings[0];
  EXPECT_EQ(std::get<ModelNode>(finding.at).node, "Mystery_1");
  ASSERT_EQ(finding.notes.size(), 200u);
  EXPECT_EQ(std::get<ModelNode>(finding.notes[0].at).node, "Mystery_2");
  EXPECT_EQ(finding.notes.back().message, "and at 100 more places");
}

TEST(Import, NamesEveryKindHoweverManyThereAre) {
  OnnxModel model;
  model.input("x", {1, 2}).output("v40");
  model.node("Relu", {"x"}, {"v0"});
  for (int i = 0; i < 40; ++i) {
    model.node("Mystery" + std::to_string(i), {"v" + std::to_string(i)},
               {"v" + std::to_string(i + 1)});
  }
  const Loaded loaded = load(model);
  ASSERT_EQ(loaded.findings.size(), 12u) << loaded.text();
  const Diagnostic& last = loaded.findings.back();
  EXPECT_EQ(last.message, "nodes cannot be read for 29 further reasons");
  ASSERT_EQ(last.notes.size(), 29u);
  EXPECT_EQ(last.notes.back().message, "operator Mystery39 (opset 17) is not supported");
}

TEST(Import, NotesInitializersThatAreInputsWhereTheyNeedNotBe) {
  OnnxModel model(13, 7);
  model.input("x", {1, 2}).input("w", {2}).weight("w", {2}, {1, 2}).output("y");
  model.node("Add", {"x", "w"}, {"y"});
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  ASSERT_EQ(loaded.findings.size(), 1u);
  EXPECT_EQ(loaded.findings[0].severity, Severity::kNote);
  EXPECT_EQ(loaded.findings[0].code, "onnx.initializer-input");
}

TEST(Import, ReadsSparseInitializers) {
  OnnxModel model;
  model.input("x", {2, 3}).output("y");
  auto& sparse = *model.graph().add_sparse_initializer();
  OnnxModel::fill(*sparse.mutable_values(), {2}, {5, 7});
  sparse.mutable_values()->set_name("w");
  auto& indices = *sparse.mutable_indices();
  indices.set_data_type(::onnx::TensorProto::INT64);
  for (const std::int64_t extent : {2, 2}) indices.add_dims(extent);
  for (const std::int64_t index : {0, 1, 1, 2}) indices.add_int64_data(index);
  for (const std::int64_t extent : {2, 3}) sparse.add_dims(extent);
  model.node("Add", {"x", "w"}, {"y"});
  const Tensor zeros = Tensor::from<float>({2, 3}, std::vector<float>(6));
  EXPECT_THAT(floats(run(model, {zeros})), ElementsAre(0, 5, 0, 0, 0, 7));
  sparse.mutable_indices()->set_int64_data(3, 3);
  EXPECT_THAT(load(model).text(), HasSubstr("it has index 3 on axis 1 of [2,3]"));
  sparse.set_dims(0, 1 << 20);
  EXPECT_THAT(load(model).text(), HasSubstr("it has 2 elements of 3145728 only"));
}

TEST(Import, BindsFreeExtentsByNameAndByPlace) {
  OnnxModel model;
  model.input("x", {-1, -1, 4}).output("y").node("Relu", {"x"}, {"y"});
  auto& shape =
      *model.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.mutable_dim(1)->set_dim_param("seq");
  const auto with = [&](std::vector<BoundExtent> extents) {
    const TempFolder folder;
    Diagnostics diagnostics;
    auto loaded = load_model(folder.write("net.onnx", model.bytes()), diagnostics,
                             {.extents = std::move(extents), .record = nullptr});
    return Loaded{std::move(loaded), diagnostics.all()};
  };
  const Loaded free = with({});
  ASSERT_TRUE(free.model.has_value());
  ASSERT_EQ(free.model->free_extents.size(), 2u);
  EXPECT_EQ(free.model->free_extents[1].name, "seq");
  const Loaded named = with({{.name = "seq", .extent = 16, .at = {}}});
  ASSERT_TRUE(named.model.has_value()) << named.text();
  EXPECT_EQ(value_named(named.model->tensor(), "y").shape, (Shape{kFreeDim, 16, 4}));
  const Loaded placed = with({{.name = "x[0]", .extent = 2, .at = {}}});
  EXPECT_EQ(value_named(placed.model->tensor(), "y").shape, (Shape{2, kFreeDim, 4}));
  const Loaded wrong = with({{.name = "seqq", .extent = 2, .at = {}}});
  EXPECT_EQ(wrong.text(), "onnx.free-extent: no input of the model has a free extent 'seqq'\n");
  EXPECT_EQ(wrong.findings[0].help, "did you mean 'seq'?");
}

TEST(Import, MakesManyEqualNamesUniqueInLinearTime) {
  OnnxModel model;
  constexpr int kNodes = 30000;
  model.input("v0", {1, 2}).output("v" + std::to_string(kNodes));
  for (int i = 0; i < kNodes; ++i) {
    model.node("Identity", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)}, "same");
  }
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(loaded.model->tensor().ops.back().name, "same_" + std::to_string(kNodes));
}

TEST(Import, LoadsALongChainInTimeLinearInItsLength) {
  OnnxModel model;
  constexpr int kNodes = 20000;
  model.input("v0", {1, 2}).output("v" + std::to_string(kNodes));
  for (int i = 0; i < kNodes; ++i) {
    model.node("Identity", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  }
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  EXPECT_EQ(loaded.model->tensor().ops.size(), std::size_t{kNodes});
}

}  // namespace
}  // namespace neurotool::test
