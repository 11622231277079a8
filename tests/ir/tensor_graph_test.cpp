#include "ir/tensor_graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/graphs.hpp"

namespace neurotool {
namespace {

using ::testing::ElementsAre;

struct Chain {
  TensorGraph graph;
  ValueId x, a, b;
};

/// x -> a -> b, b is the output.
Chain chain() {
  Chain made;
  made.x = made.graph.add_input("x", DType::kFloat32, {1, 2});
  made.a = made.graph.add_op("a", Unary{UnaryKind::kRelu}, {made.x});
  made.b = made.graph.add_op("b", Unary{UnaryKind::kExp}, {made.a});
  made.graph.outputs = {made.b};
  return made;
}

std::vector<std::string> op_names(const TensorGraph& graph) {
  std::vector<std::string> names;
  for (const OpNode& op : graph.ops) names.push_back(op.name);
  return names;
}

TEST(TensorGraph, NamesAreMadeUnique) {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1});
  const ValueId second = graph.add_op("x", Identity{}, {x});
  const ValueId third = graph.add_op("x", Identity{}, {second});
  EXPECT_EQ(graph[second].name, "x_2");
  EXPECT_EQ(graph[third].name, "x_3");
  EXPECT_EQ(op_names(graph), (std::vector<std::string>{"x", "x_2"}));
}

TEST(TensorGraph, ARemovedNameIsFreeAgain) {
  Chain c = chain();
  c.graph.remove(c.graph[c.b].producer);
  EXPECT_EQ(c.graph.unique_op_name("b"), "b");
  EXPECT_EQ(c.graph.unique_value_name("b"), "b");
}

TEST(TensorGraph, ResultsTakeTheTypeTheirOperationMakes) {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat64, {1});
  EXPECT_EQ(graph[graph.add_op("a", Identity{}, {x})].dtype, DType::kFloat64);
  EXPECT_EQ(graph[graph.add_op("b", Cast{DType::kInt8}, {x})].dtype, DType::kInt8);
  EXPECT_EQ(graph[graph.add_op("c", ShapeOf{}, {x})].dtype, DType::kInt64);
}

TEST(TensorGraph, RemovingAnOperationRemovesItsResult) {
  Chain c = chain();
  c.graph.remove(c.graph[c.a].producer);
  EXPECT_TRUE(c.graph[c.a].removed);
  EXPECT_EQ(c.graph.live_ops().size(), 1u);
}

TEST(TensorGraph, ReplacingUsesReachesOutputsToo) {
  Chain c = chain();
  c.graph.replace_uses(c.a, c.x);
  c.graph.replace_uses(c.b, c.a);
  EXPECT_THAT(c.graph[c.graph[c.b].producer].inputs, ElementsAre(c.x));
  EXPECT_THAT(c.graph.outputs, ElementsAre(c.a));
  EXPECT_TRUE(c.graph.is_output(c.a));
  EXPECT_FALSE(c.graph.is_output(c.b));
}

TEST(TensorGraph, AUserThatReadsTwiceIsListedOnce) {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1});
  graph.add_op("twice", Binary{BinaryKind::kMul}, {x, x});
  graph.add_op("once", Identity{}, {x});
  EXPECT_THAT(graph.users(x), ElementsAre(OpId{0}, OpId{1}));
}

TEST(TensorGraph, TopologicalOrderIsStable) {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1});
  graph.add_op("late", Identity{}, {ValueId{3}});  // reads the result of "early"
  graph.add_op("free", Identity{}, {x});
  graph.add_op("early", Identity{}, {x});
  EXPECT_THAT(graph.topological_order(), ElementsAre(OpId{1}, OpId{2}, OpId{0}));
}

TEST(TensorGraph, ACycleHasNoTopologicalOrder) {
  Chain c = chain();
  c.graph[c.graph[c.a].producer].inputs = {c.b};
  EXPECT_TRUE(c.graph.topological_order().empty());
  c.graph.compact();
  EXPECT_EQ(c.graph.ops.size(), 2u) << "compact leaves a cycle for verify to report";
}

TEST(TensorGraphCompact, DropsTombstonesAndUnusedConstants) {
  Chain c = chain();
  c.graph.add_constant("unused", Tensor::scalar(1.0f));
  c.graph.replace_uses(c.a, c.x);
  c.graph.remove(c.graph[c.a].producer);
  c.graph.compact();
  EXPECT_EQ(op_names(c.graph), std::vector<std::string>{"b"});
  ASSERT_EQ(c.graph.values.size(), 2u);
  EXPECT_EQ(c.graph.values[1].producer, OpId{0});
  EXPECT_THAT(c.graph.outputs, ElementsAre(ValueId{1}));
  EXPECT_THAT(test::violations(test::tensor_model(c.graph)), ElementsAre());
}

TEST(TensorGraphCompact, KeepsUnusedInputsAndAbsentOperands) {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1});
  graph.add_input("unused", DType::kFloat32, {1});
  const ValueId most = graph.add_constant("most", Tensor::scalar(6.0f));
  graph.outputs = {graph.add_op("clip", Clip{}, {x, ValueId{}, most})};
  graph.compact();
  EXPECT_EQ(graph.inputs.size(), 2u);
  EXPECT_FALSE(graph.ops[0].inputs[1].valid());
}

TEST(TensorGraphCompact, RestoresTopologicalOrder) {
  TensorGraph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1});
  graph.outputs = {graph.add_op("late", Identity{}, {ValueId{2}})};
  graph.add_op("early", Identity{}, {x});
  graph.compact();
  EXPECT_EQ(op_names(graph), (std::vector<std::string>{"early", "late"}));
  EXPECT_THAT(test::violations(test::tensor_model(graph)), ElementsAre());
}

TEST(TensorGraphCompact, LeavesADanglingUseForVerifyToName) {
  Chain c = chain();
  c.graph.remove(c.graph[c.a].producer);
  c.graph.compact();
  EXPECT_THAT(test::violations(test::tensor_model(c.graph)),
              ::testing::Contains("verify.references"));
}

}  // namespace
}  // namespace neurotool
