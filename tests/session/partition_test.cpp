// Where each node of a model file goes, and why.
#include "session/partition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "frontend/frontend.hpp"

namespace neurotool::test {
namespace {

using ::testing::HasSubstr;

const PlacedNode& node_named(const Partition& partition, const std::string& name) {
  for (const PlacedNode& node : partition.nodes) {
    if (node.node == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

/// x[?,2,4,4] -> pool (maximum) -> scale -> sigmoid -> sum -> y.
struct Example {
  Model model;
  ImportRecord record;

  Example() {
    TensorGraph graph;
    const ValueId x = graph.add_input("x", DType::kFloat32, {kFreeDim, 2, 4, 4});
    const ValueId three = graph.add_constant("three", Tensor::scalar(3.0f));
    const MaxPool window{
        .kernel = {2, 2}, .strides = {1, 1}, .dilations = {2, 2}, .pads = {0, 0, 0, 0}};
    const ValueId pool = add(graph, "pool", window, {x});
    const ValueId scale = add(graph, "scale", Binary{BinaryKind::kMul}, {pool, three});
    const ValueId curve = add(graph, "curve", Unary{UnaryKind::kSigmoid}, {scale});
    const ValueId same = add(graph, "same", Identity{}, {curve});
    graph.outputs = {add(graph, "sum", Binary{BinaryKind::kAdd}, {same, pool})};
    model.graph = std::move(graph);
  }

 private:
  ValueId add(TensorGraph& graph, const std::string& name, Op op, std::vector<ValueId> inputs) {
    record.nodes.push_back({.name = name, .op = name, .domain = {}, .opset = 17});
    const ValueId id = graph.add_op(name, std::move(op), std::move(inputs), {name});
    graph[id].shape = Shape{kFreeDim, 2, 2, 2};
    return id;
  }
};

TEST(Partition, JudgesWhatFollowsAHostNodeToo) {
  const Example example;
  const Partition partition = partition_of(&example.model, example.record);
  EXPECT_EQ(node_named(partition, "pool").place, NodePlace::kHost);
  EXPECT_THAT(node_named(partition, "pool").reason, HasSubstr("has dilated windows"));
  EXPECT_NE(node_named(partition, "pool").help, "");
  EXPECT_EQ(node_named(partition, "scale").place, NodePlace::kSpiking);
  EXPECT_EQ(node_named(partition, "curve").place, NodePlace::kHost);
  EXPECT_EQ(node_named(partition, "same").place, NodePlace::kFolded);
  EXPECT_EQ(node_named(partition, "sum").place, NodePlace::kSpiking);
  EXPECT_EQ(partition.count(NodePlace::kHost), 2u);
}

TEST(Partition, OfAModelThatCannotBeReadNamesWhatStandsInTheWay) {
  Example example;
  example.record.nodes[1].problem = "operator Mystery (opset 17) is not supported";
  example.record.nodes[1].help = "do without";
  example.record.graph = example.model.tensor();
  const Partition partition = partition_of(nullptr, example.record);
  EXPECT_EQ(node_named(partition, "scale").place, NodePlace::kUnsupported);
  EXPECT_EQ(node_named(partition, "scale").help, "do without");
  EXPECT_EQ(node_named(partition, "pool").place, NodePlace::kHost);
  EXPECT_EQ(node_named(partition, "sum").place, NodePlace::kSpiking);
}

TEST(Partition, OfTheNetworkInTheRepositoryIsAllSpikes) {
  const auto file = std::filesystem::path(NEUROTOOL_TESTS_DIR) / ".." / "configs" / "models" /
                    "mnist_cnn_avg_bn.onnx";
  Diagnostics diagnostics;
  ImportRecord record;
  const auto model = load_model(file, diagnostics, {.extents = {}, .record = &record});
  ASSERT_TRUE(model.has_value());
  const Partition partition = partition_of(&*model, record);
  EXPECT_GT(partition.count(NodePlace::kSpiking), 5u);
  EXPECT_EQ(partition.count(NodePlace::kHost), 0u);
  EXPECT_EQ(partition.count(NodePlace::kUnsupported), 0u);
  const Json json = to_json(partition);
  EXPECT_EQ(std::get<Json::Array>(json.value()).size(), partition.nodes.size());
}

}  // namespace
}  // namespace neurotool::test
