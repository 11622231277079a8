// One thing wrong at a time: the code, the node and the number are in the message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>

#include "onnx_model.hpp"

namespace neurotool::test {
namespace {

using ::onnx::TensorProto;

/// x[1,1,4,4] -> conv 3x3 -> relu -> flatten -> gemm -> y[1,2]; every case breaks a copy of it.
OnnxModel small_network() {
  OnnxModel model(13, 7);
  model.input("x", {1, 1, 4, 4}).output("y");
  model.weight("w0", {1, 1, 3, 3}, std::vector<float>(9, 0.5f));
  model.weight("w1", {2, 4}, std::vector<float>(8, 0.5f)).weight("b1", {2}, {0, 1});
  set(model.node("Conv", {"x", "w0"}, {"c"}, "conv"), "strides", std::vector<std::int64_t>{1, 1});
  model.node("Relu", {"c"}, {"r"}, "relu");
  set(model.node("Flatten", {"r"}, {"f"}, "flat"), "axis", 1);
  set(model.node("Gemm", {"f", "w1", "b1"}, {"y"}, "fc"), "transB", 1);
  return model;
}

struct Case {
  const char* name;
  const char* code;
  const char* place;  ///< the node or value named; "" for the file
  const char* message;
  void (*damage)(OnnxModel&);
};

::onnx::NodeProto& conv(OnnxModel& model) { return *model.graph().mutable_node(0); }
::onnx::NodeProto& relu(OnnxModel& model) { return *model.graph().mutable_node(1); }
::onnx::NodeProto& gemm(OnnxModel& model) { return *model.graph().mutable_node(3); }
TensorProto& weight(OnnxModel& model, int index) {
  return *model.graph().mutable_initializer(index);
}

void stride(OnnxModel& model, std::vector<std::int64_t> values) {
  conv(model).clear_attribute();
  set(conv(model), "strides", values);
}

// clang-format off
const Case kCases[] = {
    {"no opset", "onnx.version", "", "the file declares no opset of ONNX's own domain",
     [](OnnxModel& m) { m.proto().clear_opset_import(); }},
    {"opset of the future", "onnx.version", "", "the file declares opset 9999, supported are 1 to 27",
     [](OnnxModel& m) { m.proto().mutable_opset_import(0)->set_version(9999); }},
    {"huge ir version", "onnx.version", "", "the file has IR version 1099511627776, supported are 3 to 13",
     [](OnnxModel& m) { m.proto().set_ir_version(std::int64_t{1} << 40); }},
    {"no outputs", "onnx.output", "", "the graph has no outputs",
     [](OnnxModel& m) { m.graph().clear_output(); }},
    {"output nobody makes", "onnx.output", "nowhere", "no node makes the graph output 'nowhere'",
     [](OnnxModel& m) { m.output("nowhere"); }},
    {"node without output", "onnx.output", "relu", "Relu has no output",
     [](OnnxModel& m) { m.node("Relu", {"c"}, {}, "relu"); }},
    {"cycle", "onnx.cycle", "conv", "2 nodes read each other's outputs in a circle: 'conv', 'relu'",
     [](OnnxModel& m) { conv(m).set_input(0, "r"); }},
    {"self loop", "onnx.cycle", "relu", "it reads its own output",
     [](OnnxModel& m) { relu(m).set_input(0, "r"); }},
    {"unknown input", "onnx.input", "fc", "Gemm reads 'w9', which is neither an input, an initializer nor the output of a node",
     [](OnnxModel& m) { gemm(m).set_input(1, "w9"); }},
    {"absent weight", "onnx.input", "fc", "input 2 of Gemm is missing",
     [](OnnxModel& m) { gemm(m).set_input(1, ""); }},
    {"too few inputs", "onnx.input", "conv", "Conv has 1 inputs in opset 13, 2 to 3 needed",
     [](OnnxModel& m) { conv(m).mutable_input()->RemoveLast(); }},
    {"two writers", "onnx.duplicate-name", "Tanh_4", "it writes 'r', which node 'relu' already makes",
     [](OnnxModel& m) { m.node("Tanh", {"c"}, {"r"}); }},
    {"writes an input", "onnx.duplicate-name", "Tanh_4", "it writes 'x', which an input or initializer already makes",
     [](OnnxModel& m) { m.node("Tanh", {"c"}, {"x"}); }},
    {"two initializers", "onnx.duplicate-name", "w1", "two initializers are called 'w1'",
     [](OnnxModel& m) { m.weight("w1", {2}, {0, 0}); }},
    {"two inputs", "onnx.duplicate-name", "x", "two graph inputs are called 'x'",
     [](OnnxModel& m) { m.input("x", {1}); }},
    {"nameless input", "onnx.name", "", "a graph input has no name",
     [](OnnxModel& m) { m.input("", {1}); }},
    {"nameless initializer", "onnx.name", "", "an initializer has no name",
     [](OnnxModel& m) { m.weight("", {1}, {1}); }},
    {"input of extent -3", "onnx.input-shape", "x", "graph input 'x' has the extent -3",
     [](OnnxModel& m) { m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()
                            ->mutable_shape()->mutable_dim(0)->set_dim_value(-3); }},
    {"input without shape", "onnx.input-shape", "x", "graph input 'x' has no shape",
     [](OnnxModel& m) { m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape(); }},
    {"complex input", "onnx.type", "x", "graph input 'x' has elements of type complex64",
     [](OnnxModel& m) { m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()
                            ->set_elem_type(TensorProto::COMPLEX64); }},
    {"negative dim", "onnx.tensor", "w1", "initializer 'w1': the extent -2 is negative",
     [](OnnxModel& m) { weight(m, 1).set_dims(0, -2); }},
    {"overflowing dims", "onnx.tensor", "w1", "initializer 'w1': the shape [4294967296,4294967296] has more than 2^48 elements",
     [](OnnxModel& m) { weight(m, 1).set_dims(0, std::int64_t{1} << 32); weight(m, 1).set_dims(1, std::int64_t{1} << 32); }},
    {"fewer elements than dims", "onnx.tensor", "w1", "initializer 'w1': 1048576 elements are needed for [262144,4], float_data has 8",
     [](OnnxModel& m) { weight(m, 1).set_dims(0, 262144); }},
    {"raw data too short", "onnx.tensor", "w1", "initializer 'w1': the shape [2,4] takes 32 bytes, raw_data has 28",
     [](OnnxModel& m) { weight(m, 1).clear_float_data(); weight(m, 1).set_raw_data(std::string(28, '\0')); }},
    {"stored twice", "onnx.tensor", "w1", "initializer 'w1': its elements are stored twice, in different ways",
     [](OnnxModel& m) { weight(m, 1).set_raw_data(std::string(32, '\0')); }},
    {"number out of range", "onnx.tensor", "w1", "initializer 'w1': element 0 of int32_data, 300, does not fit its type",
     [](OnnxModel& m) { auto& w = weight(m, 1); w.clear_float_data(); w.set_data_type(TensorProto::INT8);
                        for (int i = 0; i < 8; ++i) w.add_int32_data(300); }},
    {"undefined type", "onnx.type", "w1", "initializer 'w1': it has elements of type undefined, which networks here do not have",
     [](OnnxModel& m) { weight(m, 1).set_data_type(TensorProto::UNDEFINED); }},
    {"strings as weights", "onnx.type", "w1", "initializer 'w1': it has elements of type string, which networks here do not have",
     [](OnnxModel& m) { weight(m, 1).set_data_type(TensorProto::STRING); }},
    {"sparse weights", "onnx.type", "s", "initializer 's': it has elements of type undefined, which networks here do not have",
     [](OnnxModel& m) { m.graph().add_sparse_initializer()->mutable_values()->set_name("s"); }},
    {"attribute of wrong type", "onnx.attribute", "conv", "attribute 'strides' has type INT, expected INTS",
     [](OnnxModel& m) { conv(m).clear_attribute(); set(conv(m), "strides", 1); }},
    {"attribute twice", "onnx.attribute", "conv", "attribute 'strides' is given twice",
     [](OnnxModel& m) { set(conv(m), "strides", std::vector<std::int64_t>{2, 2}); }},
    {"unknown attribute", "onnx.attribute", "conv", "attribute 'stridez' is not known for Conv in opset 13",
     [](OnnxModel& m) { set(conv(m), "stridez", 1); }},
    {"flag neither 0 nor 1", "onnx.attribute", "Pool_4", "attribute 'ceil_mode' = 7 is neither 0 nor 1",
     [](OnnxModel& m) { auto& n = m.node("MaxPool", {"c"}, {"p"}, "Pool_4"); set(n, "ceil_mode", 7);
                        set(n, "kernel_shape", std::vector<std::int64_t>{2, 2}); }},
    {"pool without kernel", "onnx.attribute", "pool", "AveragePool needs kernel_shape",
     [](OnnxModel& m) { m.node("AveragePool", {"c"}, {"p"}, "pool"); }},
    {"kernel_shape that lies", "onnx.attribute", "conv", "kernel_shape is [5,5], the weight has [1,1,3,3]",
     [](OnnxModel& m) { set(conv(m), "kernel_shape", std::vector<std::int64_t>{5, 5}); }},
    {"three pads", "onnx.attribute", "conv", "attribute 'pads' has 3 numbers, 4 needed",
     [](OnnxModel& m) { set(conv(m), "pads", std::vector<std::int64_t>{1, 1, 1}); }},
    {"stride zero", "onnx.shape", "conv", "Conv (c): stride 0 is outside 1 to 1073741824",
     [](OnnxModel& m) { stride(m, {0, 1}); }},
    {"smallest integer as pad", "onnx.shape", "conv", "Conv (c): pad -9223372036854775808 is outside 0 to 1073741824",
     [](OnnxModel& m) { set(conv(m), "pads", std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(), 0, 0, 0}); }},
    {"group zero", "onnx.shape", "conv", "Conv (c): group 0 is not positive",
     [](OnnxModel& m) { set(conv(m), "group", 0); }},
    {"kernel larger than input", "onnx.shape", "conv", "Conv (c): a kernel that spans 7 does not fit into 4 plus pads 0 and 0",
     [](OnnxModel& m) { set(conv(m), "dilations", std::vector<std::int64_t>{3, 3}); }},
    {"weight without spatial axes", "onnx.shape", "conv", "the weight has shape [9,1], a convolution needs [outputs, inputs, …] with at least one spatial axis",
     [](OnnxModel& m) { weight(m, 0).clear_dims(); weight(m, 0).add_dims(9); weight(m, 0).add_dims(1); }},
    {"inner extents", "onnx.shape", "fc", "Gemm (y): the inner extents disagree: A [1,4] gives 4, B [2,4] takes 2",
     [](OnnxModel& m) { gemm(m).clear_attribute(); }},
    {"axis out of range", "onnx.shape", "flat", "Flatten (f): flatten axis 9 is outside a tensor of rank 4",
     [](OnnxModel& m) { auto& flat = *m.graph().mutable_node(2); flat.clear_attribute(); set(flat, "axis", 9); }},
    {"newer operator", "onnx.unsupported-op", "ln", "operator LayerNormalization exists from opset 17 on, the file declares 13",
     [](OnnxModel& m) { m.node("LayerNormalization", {"c", "w0"}, {"n"}, "ln"); }},
    {"second output used", "onnx.unsupported-form", "drop", "output 2 of Flatten is used, and it is not supported",
     [](OnnxModel& m) { m.node("Flatten", {"c"}, {"d", "mask"}, "drop"); m.output("mask"); }},
};
// clang-format on

TEST(Malformed, EachMistakeIsOneFindingThatNamesIt) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    OnnxModel model = small_network();
    one.damage(model);
    const Loaded loaded = load(model);
    ASSERT_FALSE(loaded.model.has_value());
    ASSERT_EQ(loaded.findings.size(), 1u) << loaded.text();
    const Diagnostic& finding = loaded.findings[0];
    EXPECT_EQ(finding.code, one.code);
    EXPECT_EQ(finding.message, one.message);
    const auto* node = std::get_if<ModelNode>(&finding.at);
    EXPECT_EQ(node ? node->node : "", one.place);
    EXPECT_EQ(loaded.model.error().message, finding.message);
  }
}

TEST(Malformed, TheNetworkThatTheCasesBreakIsSound) {
  const Loaded loaded = load(small_network());
  EXPECT_TRUE(loaded.model.has_value());
  EXPECT_EQ(loaded.text(), "");
}

TEST(Malformed, SubgraphsNestedWithoutEndAreRefused) {
  OnnxModel model = small_network();
  ::onnx::GraphProto* graph = &model.graph();
  for (int i = 0; i < 2000; ++i) {
    auto& node = *graph->add_node();
    node.set_op_type("If");
    auto& attribute = *node.add_attribute();
    attribute.set_name("then_branch");
    attribute.set_type(::onnx::AttributeProto::GRAPH);
    graph = attribute.mutable_g();
  }
  const Loaded loaded = load(model);
  ASSERT_FALSE(loaded.model.has_value());
  EXPECT_EQ(loaded.model.error().code, "onnx.syntax");
}

TEST(Malformed, EveryCutAndEveryFlippedByteGivesACleanAnswer) {
  const std::string bytes = small_network().bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const Loaded cut = load_bytes(bytes.substr(0, i));
    EXPECT_TRUE(cut.model.has_value() || !cut.findings.empty()) << "cut at " << i;
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    const Loaded damaged = load_bytes(flipped);
    EXPECT_TRUE(damaged.model.has_value() || !damaged.findings.empty()) << "flipped at " << i;
  }
}

}  // namespace
}  // namespace neurotool::test
