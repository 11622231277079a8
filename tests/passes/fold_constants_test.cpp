// fold_constants: what is known becomes a constant, shape arithmetic goes, the rest stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::int64_t> integers_at(const Model& model, std::string_view op, std::size_t input) {
  const Tensor& constant = constant_at(model, op, input);
  if (!constant.defined()) return {};
  const auto values = constant.as<std::int64_t>();
  return {values.begin(), values.end()};
}

TEST(FoldConstants, ComputesAChainOfConstantsAndKeepsItsName) {
  Network net({2});
  const ValueId x = net.value();
  net.at(net.constant({2}, {1, -4})).add("neg", Unary{UnaryKind::kNeg});
  net.add("twice", Binary{BinaryKind::kMul}, {net.constant({}, {2})});
  const ValueId twice = net.value();
  Model model = net.at(x).add("add", Binary{BinaryKind::kAdd}, {twice}).finish("net");
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("add:add"));
  const Value& folded = model.tensor()[op_named(model, "add").inputs[1]];
  EXPECT_EQ(folded.name, "twice");
  EXPECT_EQ(folded.constant, Tensor::from<float>({2}, {-2, 8}));
  EXPECT_FALSE(folded.producer.valid());
  expect_same_function(before, model);
}

TEST(FoldConstants, LeavesAGraphWithoutConstantWorkAlone) {
  Network net({4});
  Model model = net.gemm("fc", 4, 2, 1).relu("relu").finish("net");
  EXPECT_FALSE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("fc:gemm", "relu:relu"));
}

TEST(FoldConstants, AnOutputMayBecomeAConstantAndKeepsItsName) {
  Network net({4});
  net.at(net.constant({1}, {9})).add("result", Unary{UnaryKind::kSqrt});
  Model model = net.finish("net");
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(output_names(model), ElementsAre("result"));
  EXPECT_EQ(model.tensor()[model.tensor().outputs[0]].constant, Tensor::from<float>({1}, {3}));
  EXPECT_THAT(model.tensor().ops, IsEmpty());
}

TEST(FoldConstants, FoldsTheExtentsThatAreKnown) {
  // The free batch stays computed; the channel count next to it does not.
  Network net({3, 4});
  const ValueId x = net.value();
  net.add("shape", ShapeOf{}).add("channels", Gather{.axis = 0}, {net.integers({1})});
  const ValueId channels = net.value();
  Model model = net.finish("net");
  model.tensor().outputs = {channels};
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_EQ(model.tensor()[model.tensor().outputs[0]].constant,
            Tensor::from<std::int64_t>({1}, {3}));
  EXPECT_EQ(model.tensor()[x].shape, (Shape{kFreeDim, 3, 4}));
}

TEST(FoldConstants, LeavesTheFreeBatchToTheRun) {
  Network net({3, 4});
  Model model = net.add("shape", ShapeOf{}).finish("net");
  EXPECT_FALSE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("shape:shape_of"));
}

/// x[?,3,4] seen as [batch, second], where the batch is computed from x.
Model view_as(std::int64_t second) {
  Network net({3, 4});
  const ValueId x = net.value();
  net.add("shape", ShapeOf{.start = 0, .end = 1});
  net.add("wanted", Concat{.axis = 0}, {net.integers({second})});
  const ValueId wanted = net.value();
  return net.at(x).add("view", Reshape{}, {wanted}).finish("net");
}

TEST(FoldConstants, AShapeThatFollowsTheBatchGetsAMinusOne) {
  Model model = view_as(12);
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(integers_at(model, "view", 1), ElementsAre(-1, 12));
  EXPECT_THAT(ops_of(model), ElementsAre("view:reshape"));
  expect_same_function(before, model, 0);
}

TEST(FoldConstants, WhereMinusOneIsTakenTheBatchIsCopied) {
  Model model = view_as(-1);
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(integers_at(model, "view", 1), ElementsAre(0, -1));
  EXPECT_FALSE(std::get<Reshape>(op_named(model, "view").op).allow_zero);
  expect_same_function(before, model, 0);
}

TEST(FoldConstants, AComputedZeroIsNotTurnedIntoACopy) {
  // With allow_zero the 0 is an extent; as a constant beside -1 it would copy one.
  Network net({0, 4});
  const ValueId x = net.value();
  net.add("shape", ShapeOf{.start = 0, .end = 2});
  const ValueId wanted = net.value();
  Model model = net.at(x).add("view", Reshape{.allow_zero = true}, {wanted}).finish("net");
  run_pass(model, "fold_constants");
  EXPECT_FALSE(constant_at(model, "view", 1).defined());
}

TEST(FoldConstants, ArithmeticThatSomebodyElseReadsStays) {
  Model model = view_as(12);
  // A second reader of the computed shape: the graph itself.
  TensorGraph& graph = model.tensor();
  graph.outputs.push_back(op_named(model, "wanted").outputs[0]);
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("shape:shape_of", "wanted:concat", "view:reshape"));
  EXPECT_THAT(integers_at(model, "view", 1), ElementsAre(-1, 12));
}

TEST(FoldConstants, ArithmeticThatNobodyReadBeforeStays) {
  // remove_identity and friends do not delete what the file holds unread; neither does this.
  Network net({3, 4});
  const ValueId x = net.value();
  net.add("unread", ShapeOf{});
  net.at(x).add("shape", ShapeOf{.start = 0, .end = 1});
  net.add("wanted", Concat{.axis = 0}, {net.integers({12})});
  const ValueId wanted = net.value();
  Model model = net.at(x).add("view", Reshape{}, {wanted}).finish("net");
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("unread:shape_of", "view:reshape"));
}

TEST(FoldConstants, ALongChainOfArithmeticGoesWithItsLastReader) {
  Network net({3, 4});
  const ValueId x = net.value();
  net.add("shape", ShapeOf{}).add("batch", Gather{.axis = 0}, {net.integers({0})});
  const ValueId batch = net.value();
  net.at(x).add("shape2", ShapeOf{}).add("rest", Gather{.axis = 0}, {net.integers({1})});
  net.add("product", Binary{BinaryKind::kMul}, {net.integers({4})});
  const ValueId product = net.value();
  net.at(batch).add("wanted", Concat{.axis = 0}, {product});
  const ValueId wanted = net.value();
  Model model = net.at(x).add("view", Reshape{}, {wanted}).finish("net");
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("view:reshape"));
  EXPECT_THAT(integers_at(model, "view", 1), ElementsAre(-1, 12));
  expect_same_function(before, model, 0);
}

/// A constant of `count` zeros made by an op of one element, added to x[?,count].
Model zeros(std::int64_t count) {
  Network net({count});
  const ValueId x = net.value();
  net.at(net.integers({count})).add("zeros", ConstantOfShape{Tensor::from<float>({1}, {0})});
  const ValueId made = net.value();
  return net.at(x).add("add", Binary{BinaryKind::kAdd}, {made}).finish("net");
}

TEST(FoldConstants, ResultsUpToMaxElementsAreStored) {
  Model model = zeros(8);
  EXPECT_TRUE(run_pass(model, "fold_constants", "{max_elements: 8}").did_change());
  EXPECT_EQ(constant_at(model, "add", 1).shape(), (Shape{8}));
}

TEST(FoldConstants, ResultsBeyondMaxElementsStayComputed) {
  Model model = zeros(8);
  EXPECT_FALSE(run_pass(model, "fold_constants", "{max_elements: 7}").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("zeros:constant_of_shape", "add:add"));
}

TEST(FoldConstants, ASmallFileDoesNotUnfoldIntoGigabytes) {
  Model model = zeros(std::int64_t{1} << 40);
  EXPECT_FALSE(run_pass(model, "fold_constants").did_change());
  EXPECT_EQ(count_ops<ConstantOfShape>(model), 1);
}

TEST(FoldConstants, NotANumberIsLeftForTheRunToShow) {
  Network net({2});
  const ValueId x = net.value();
  net.at(net.constant({2}, {-1, 4})).add("root", Unary{UnaryKind::kSqrt});
  const ValueId root = net.value();
  Model model = net.at(x).add("add", Binary{BinaryKind::kAdd}, {root}).finish("net");
  EXPECT_FALSE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(ops_of(model), ElementsAre("root:sqrt", "add:add"));
  const auto outputs = evaluate(model, {Tensor::from<float>({1, 2}, {1, 1})});
  EXPECT_TRUE(std::isnan(outputs.at(0).at(0)));
  EXPECT_EQ(outputs.at(0).at(1), 3);
}

TEST(FoldConstants, InfinityIsAConstantLikeAnother) {
  Network net({1});
  const ValueId x = net.value();
  net.at(net.constant({1}, {0})).add("log", Unary{UnaryKind::kLog});
  const ValueId bound = net.value();
  Model model = net.at(x).add("max", Binary{BinaryKind::kMax}, {bound}).finish("net");
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_EQ(constant_at(model, "max", 1).at(0), -std::numeric_limits<double>::infinity());
}

TEST(FoldConstants, WhatDoesNotFitIsLeftForInferShapes) {
  Network net({2});
  const ValueId x = net.value();
  net.at(net.constant({2}, {1, 2}))
      .add("bad", Binary{BinaryKind::kAdd}, {net.constant({3}, {1, 2, 3})});
  const ValueId bad = net.value();
  Model model = net.at(x).add("add", Binary{BinaryKind::kAdd}, {bad}).finish("net");
  EXPECT_FALSE(run_pass(model, "fold_constants").did_change());
  EXPECT_FALSE(run_pass(model, "infer_shapes").changed.has_value());
}

TEST(FoldConstants, AnErrorOfTheArithmeticLeavesTheOp) {
  Network net({2});
  const ValueId x = net.value();
  net.at(net.integers({6})).add("div", Binary{BinaryKind::kDiv}, {net.integers({0})});
  net.add("cast", Cast{DType::kFloat32});
  const ValueId cast = net.value();
  Model model = net.at(x).add("add", Binary{BinaryKind::kAdd}, {cast}).finish("net");
  EXPECT_FALSE(run_pass(model, "fold_constants").did_change());
  EXPECT_THAT(model.tensor().ops, SizeIs(3));
}

TEST(FoldConstants, AConstantThatTwoOpsShareIsNotTouched) {
  Network net({2});
  const ValueId x = net.value(), shared = net.constant({2}, {1, -1});
  net.at(shared).add("abs", Unary{UnaryKind::kAbs});
  const ValueId abs = net.value();
  net.at(x).add("add", Binary{BinaryKind::kAdd}, {abs});
  Model model = net.add("mul", Binary{BinaryKind::kMul}, {shared}).finish("net");
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "fold_constants").did_change());
  EXPECT_EQ(constant_at(model, "mul", 1), Tensor::from<float>({2}, {1, -1}));
  EXPECT_EQ(constant_at(model, "add", 1), Tensor::from<float>({2}, {1, 1}));
  expect_same_function(before, model, 0);
}

}  // namespace
}  // namespace neurotool::test
