// Functions that the file defines and branches of If: written out where they are used, refused by
// name where they cannot be.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include "ir/verify.hpp"
#include "onnx_model.hpp"

namespace neurotool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

::onnx::NodeProto& add_node(::onnx::FunctionProto& function, const std::string& type,
                            const std::vector<std::string>& inputs, const std::string& output) {
  auto& node = *function.add_node();
  node.set_op_type(type);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

/// A function in the domain 'local' whose body is of opset 17.
::onnx::FunctionProto& add_function(OnnxModel& model, const std::string& name,
                                    const std::vector<std::string>& inputs,
                                    const std::string& output) {
  auto& function = *model.proto().add_functions();
  function.set_name(name);
  function.set_domain("local");
  for (const std::string& input : inputs) function.add_input(input);
  function.add_output(output);
  function.add_opset_import()->set_version(17);
  return function;
}

::onnx::NodeProto& call(OnnxModel& model, const std::string& name,
                        const std::vector<std::string>& inputs, const std::string& output,
                        const std::string& node_name = {}) {
  auto& node = model.node(name, inputs, {output}, node_name);
  node.set_domain("local");
  return node;
}

void refer(::onnx::NodeProto& node, const std::string& name, const std::string& formal,
           ::onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_ref_attr_name(formal);
  attribute.set_type(type);
}

TEST(Functions, AreWrittenOutUnderTheNamesOfTheirCalls) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").weight("w", {2}, {10, 20});
  auto& block = add_function(model, "Block", {"a", "b"}, "r");
  add_node(block, "Add", {"a", "b"}, "s");
  add_node(block, "Relu", {"s"}, "r");
  call(model, "Block", {"x", "w"}, "h", "first");
  call(model, "Block", {"h", "w"}, "y", "second");
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const TensorGraph& graph = loaded.model->tensor();
  ASSERT_EQ(graph.ops.size(), 4u);
  EXPECT_EQ(graph.ops[0].name, "first/Add_0");
  EXPECT_EQ(graph.ops[3].name, "second/Relu_1");
  EXPECT_EQ(graph[graph.ops[0].outputs[0]].name, "first/s");
  EXPECT_EQ(graph[graph.ops[1].outputs[0]].name, "h");
  EXPECT_EQ(graph[graph.outputs[0]].name, "y");
  Diagnostics findings;
  verify(*loaded.model, findings);
  EXPECT_FALSE(findings.has_errors());
  EXPECT_THAT(floats(run(model, {Tensor::from<float>({1, 2}, {1, -50})})), ElementsAre(21, 20));
}

/// y = factor * a, as a function that takes the factor as its attribute.
::onnx::FunctionProto& add_scale(OnnxModel& model) {
  auto& function = add_function(model, "Scale", {"a", "eye"}, "r");
  refer(add_node(function, "Gemm", {"a", "eye"}, "r"), "alpha", "factor",
        ::onnx::AttributeProto::FLOAT);
  return function;
}

TEST(Functions, TakeAttributesFromTheirCallsThroughNestedOnes) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").weight("eye", {2, 2}, {1, 0, 0, 1});
  add_scale(model).add_attribute("factor");
  auto& outer = add_function(model, "Outer", {"a", "eye"}, "r");
  outer.add_attribute("by");
  auto& nested = add_node(outer, "Scale", {"a", "eye"}, "r");
  nested.set_domain("local");
  refer(nested, "factor", "by", ::onnx::AttributeProto::FLOAT);
  set(call(model, "Outer", {"x", "eye"}, "y"), "by", 0.5f);
  EXPECT_THAT(floats(run(model, {Tensor::from<float>({1, 2}, {4, -4})})), ElementsAre(2, -2));
}

TEST(Functions, UseTheDefaultsOfAttributesThatTheCallLeavesOut) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").weight("eye", {2, 2}, {1, 0, 0, 1});
  auto& function = add_scale(model);
  ::onnx::AttributeProto fallback;
  fallback.set_name("factor");
  fallback.set_type(::onnx::AttributeProto::FLOAT);
  fallback.set_f(0.25f);
  // attribute_proto, which is newer than the packaged library.
  *function.GetReflection()->MutableUnknownFields(&function)->AddLengthDelimited(11) =
      fallback.SerializeAsString();
  call(model, "Scale", {"x", "eye"}, "y");
  EXPECT_THAT(floats(run(model, {Tensor::from<float>({1, 2}, {4, -4})})), ElementsAre(1, -1));
}

TEST(Functions, MayLeaveOptionalInputsOut) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").weight("zero", {}, {0});
  auto& function = add_function(model, "Bound", {"a", "low", "high"}, "r");
  add_node(function, "Clip", {"a", "low", "high"}, "r");
  call(model, "Bound", {"x", "zero"}, "y");
  EXPECT_THAT(floats(run(model, {Tensor::from<float>({1, 2}, {400, -4})})), ElementsAre(400, 0));
}

TEST(Functions, ThatReturnAnInputGiveItTheCallersName) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y");
  add_node(add_function(model, "Same", {"a"}, "a"), "Relu", {"a"}, "unused");
  call(model, "Same", {"x"}, "y");
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const TensorGraph& graph = loaded.model->tensor();
  EXPECT_EQ(graph[graph.outputs[0]].name, "y");
}

TEST(Functions, ThatCallThemselvesAreRefusedByName) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y");
  add_node(add_function(model, "Ping", {"a"}, "r"), "Pong", {"a"}, "r").set_domain("local");
  add_node(add_function(model, "Pong", {"a"}, "r"), "Ping", {"a"}, "r").set_domain("local");
  call(model, "Ping", {"x"}, "y", "start");
  const Loaded loaded = load(model);
  ASSERT_EQ(loaded.findings.size(), 1u) << loaded.text();
  EXPECT_EQ(loaded.findings[0].code, "onnx.function");
  EXPECT_EQ(loaded.findings[0].message,
            "the function 'local.Ping' calls itself: 'local.Ping', 'local.Pong', 'local.Ping'");
}

TEST(Functions, ThatWouldBecomeALongProgramAreRefused) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y");
  for (int i = 0; i < 60; ++i) {
    auto& function = add_function(model, "F" + std::to_string(i), {"a"}, "r");
    const std::string next = i == 59 ? "Relu" : "F" + std::to_string(i + 1);
    for (const auto& [from, to] : {std::pair("a", "b"), std::pair("b", "r")}) {
      auto& node = add_node(function, next, {from}, to);
      if (i < 59) node.set_domain("local");
    }
  }
  call(model, "F0", {"x"}, "y");
  const Loaded loaded = load(model);
  ASSERT_EQ(loaded.findings.size(), 1u) << loaded.text();
  EXPECT_THAT(loaded.text(), HasSubstr("call each other too often"));
}

TEST(Functions, ReportWhatTheyCannotDoAtTheNodeInside) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y");
  add_node(add_function(model, "Odd", {"a"}, "r"), "Mystery", {"a"}, "r").set_name("strange");
  call(model, "Odd", {"x"}, "y", "here");
  const Loaded loaded = load(model);
  ASSERT_EQ(loaded.findings.size(), 1u) << loaded.text();
  EXPECT_EQ(std::get<ModelNode>(loaded.findings[0].at).node, "here/strange");
}

/// y = If(c): x + 1 else x - 1, reading x and one from outside.
OnnxModel with_if() {
  OnnxModel model;
  model.input("x", {-1, 2}).output("y").weight("one", {}, {1});
  auto& node = model.node("If", {"c"}, {"y"}, "choice");
  for (const auto& [name, op] :
       {std::pair("then_branch", "Add"), std::pair("else_branch", "Sub")}) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(::onnx::AttributeProto::GRAPH);
    auto& graph = *attribute.mutable_g();
    graph.add_output()->set_name(std::string(op) + "_out");
    auto& inner = *graph.add_node();
    inner.set_op_type(op);
    inner.add_input("x");
    inner.add_input("one");
    inner.add_output(std::string(op) + "_out");
  }
  return model;
}

void add_truth(OnnxModel& model, bool value) {
  auto& tensor = *model.graph().add_initializer();
  tensor.set_name("c");
  tensor.set_data_type(::onnx::TensorProto::BOOL);
  tensor.add_int32_data(value ? 1 : 0);
}

TEST(Branches, OfAKnownConditionAreTaken) {
  for (const bool taken : {true, false}) {
    OnnxModel model = with_if();
    add_truth(model, taken);
    const Tensor x = Tensor::from<float>({1, 2}, {5, 7});
    EXPECT_THAT(floats(run(model, {x})), taken ? ElementsAre(6, 8) : ElementsAre(4, 6));
    const Loaded loaded = load(model);
    EXPECT_EQ(loaded.model->tensor().ops[0].name, taken ? "choice/Add_0" : "choice/Sub_0");
  }
}

TEST(Branches, FollowConditionsThroughShapes) {
  // What exporters write for squeeze(): is the last extent 1?
  OnnxModel model = with_if();
  model.integers("last", {1}).integers("two", {2});
  model.node("Shape", {"x"}, {"s"});
  model.node("Gather", {"s", "last"}, {"n"});
  set(model.node("Cast", {"n"}, {"c"}), "to", int{::onnx::TensorProto::BOOL});
  EXPECT_THAT(floats(run(model, {Tensor::from<float>({1, 2}, {5, 7})})), ElementsAre(6, 8));
}

TEST(Branches, OfAConditionThatDependsOnDataAreRefusedByName) {
  OnnxModel model = with_if();
  model.input("c", {1}, ::onnx::TensorProto::BOOL);
  const Loaded loaded = load(model);
  ASSERT_EQ(loaded.findings.size(), 1u) << loaded.text();
  EXPECT_EQ(loaded.findings[0].code, "onnx.unsupported-form");
  EXPECT_EQ(std::get<ModelNode>(loaded.findings[0].at).node, "choice");
  EXPECT_THAT(loaded.findings[0].message, HasSubstr("depends on data"));
}

TEST(Branches, OnAFreeExtentNeedItsNumber) {
  OnnxModel model = with_if();
  model.integers("first", {0});
  model.node("Shape", {"x"}, {"s"});
  model.node("Gather", {"s", "first"}, {"n"});
  set(model.node("Cast", {"n"}, {"c"}), "to", int{::onnx::TensorProto::BOOL});
  EXPECT_THAT(load(model).text(), HasSubstr("depends on data or on a free extent"));
  const TempFolder folder;
  Diagnostics diagnostics;
  const auto bound = load_model(folder.write("net.onnx", model.bytes()), diagnostics,
                                {.extents = {{.name = "N", .extent = 3, .at = {}}}});
  EXPECT_TRUE(bound.has_value());
}

TEST(Branches, ThatReturnAnOuterValueKeepTheOutputsName) {
  OnnxModel model = with_if();
  add_truth(model, true);
  auto& graph = *model.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
  graph.mutable_output(0)->set_name("x");
  const Loaded loaded = load(model);
  ASSERT_TRUE(loaded.model.has_value()) << loaded.text();
  const TensorGraph& loaded_graph = loaded.model->tensor();
  EXPECT_EQ(loaded_graph[loaded_graph.outputs[0]].name, "y");
}

}  // namespace
}  // namespace neurotool::test
