// infer_shapes: every value gets its type and shape, what does not fit is named, all at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::optional<Shape> shape_of(const Model& model, std::string_view name) {
  for (const Value& value : model.tensor().values) {
    if (value.name == name) return value.shape;
  }
  return std::nullopt;
}

TEST(InferShapes, FillsInEveryValueAndLeavesTheBatchFree) {
  Network net({1, 8, 8});
  net.conv("conv", 1, 4, 2, 1).relu("relu").pool("pool").add("flatten", Flatten{});
  Model model = net.gemm("fc", 16, 3, 1).finish("net");
  EXPECT_TRUE(run_pass(model, "infer_shapes").did_change());
  EXPECT_EQ(shape_of(model, "conv"), (Shape{kFreeDim, 4, 4, 4}));
  EXPECT_EQ(shape_of(model, "relu"), (Shape{kFreeDim, 4, 4, 4}));
  EXPECT_EQ(shape_of(model, "pool"), (Shape{kFreeDim, 4, 2, 2}));
  EXPECT_EQ(shape_of(model, "flatten"), (Shape{kFreeDim, 16}));
  EXPECT_EQ(shape_of(model, "fc"), (Shape{kFreeDim, 3}));
}

TEST(InferShapes, SaysThatNothingChangedTheSecondTime) {
  Network net({4});
  Model model = net.gemm("fc", 4, 2, 1).finish("net");
  EXPECT_TRUE(run_pass(model, "infer_shapes").did_change());
  const std::string once = print_text(model);
  EXPECT_FALSE(run_pass(model, "infer_shapes").did_change());
  EXPECT_EQ(print_text(model), once);
}

TEST(InferShapes, CorrectsAnElementTypeThatWasGuessed) {
  Network net({4});
  const ValueId x = net.value();
  Model model = net.add("shape", ShapeOf{}).add("cast", Cast{DType::kFloat32}).finish("net");
  model.tensor()[model.tensor().outputs[0]].dtype = DType::kInt8;
  EXPECT_TRUE(run_pass(model, "infer_shapes").did_change());
  EXPECT_EQ(model.tensor()[model.tensor().outputs[0]].dtype, DType::kFloat32);
  EXPECT_EQ(shape_of(model, "cast"), (Shape{2}));
  EXPECT_EQ(model.tensor()[x].shape, (Shape{kFreeDim, 4}));
}

TEST(InferShapes, KeepsAnExtentThatTheModelStatesWhereInferenceLeavesItFree) {
  Network net({4});
  Model model = net.relu("relu").finish("net");
  model.tensor()[model.tensor().outputs[0]].shape = Shape{7, 4};
  EXPECT_FALSE(run_pass(model, "infer_shapes").did_change());
  EXPECT_EQ(shape_of(model, "relu"), (Shape{7, 4}));
}

TEST(InferShapes, ReplacesAStatedExtentThatIsWrong) {
  Network net({4});
  Model model = net.relu("relu").finish("net");
  model.tensor()[model.tensor().outputs[0]].shape = Shape{kFreeDim, 5};
  EXPECT_TRUE(run_pass(model, "infer_shapes").did_change());
  EXPECT_EQ(shape_of(model, "relu"), (Shape{kFreeDim, 4}));
}

TEST(InferShapes, KeepsTheStatedShapeOfWhatItCannotFollow) {
  Network net({2, 2});
  net.graph().add_input("wanted", DType::kInt64, {kFreeDim});
  const ValueId wanted = net.graph().inputs[1];
  Model model = net.add("reshape", Reshape{}, {wanted}).finish("net");
  model.tensor()[model.tensor().outputs[0]].shape = Shape{kFreeDim, 4};
  EXPECT_FALSE(run_pass(model, "infer_shapes").did_change());
  EXPECT_EQ(shape_of(model, "reshape"), (Shape{kFreeDim, 4}));
}

TEST(InferShapes, FollowsTheArithmeticOfExporters) {
  // reshape(x, concat(shape(x)[0], [-1])), as PyTorch writes x.view(x.size(0), -1).
  Network net({3, 4});
  const ValueId x = net.value();
  net.add("shape", ShapeOf{.start = 0, .end = 1});
  net.add("concat", Concat{.axis = 0}, {net.integers({-1})});
  const ValueId shape = net.value();
  Model model = net.at(x).add("view", Reshape{}, {shape}).finish("net");
  EXPECT_TRUE(run_pass(model, "infer_shapes").did_change());
  EXPECT_EQ(shape_of(model, "view"), (Shape{kFreeDim, 12}));
}

TEST(InferShapes, NamesTheNodeTheOpAndBothShapesOfAConflict) {
  Network net({5});
  Model model = net.gemm("fc", 4, 2, 1).finish("net");
  const OnePass done = run_pass(model, "infer_shapes");
  ASSERT_FALSE(done.changed.has_value());
  ASSERT_THAT(done.diagnostics, SizeIs(1));
  EXPECT_EQ(done.diagnostics[0].code, "infer_shapes.conflict");
  EXPECT_EQ(done.diagnostics[0].at, Location(ModelNode{.path = "net.onnx", .node = "fc"}));
  EXPECT_THAT(done.diagnostics[0].message, HasSubstr("gemm: "));
  EXPECT_THAT(done.diagnostics[0].message, HasSubstr("[?,5] gives 5"));
  EXPECT_EQ(done.changed.error().message, done.diagnostics[0].message);
}

TEST(InferShapes, ReportsEveryConflictAtOnceAndReturnsTheFirst) {
  Network net({5});
  const ValueId x = net.value();
  net.gemm("a", 4, 2, 1);
  const ValueId a = net.value();
  net.at(x).gemm("b", 7, 2, 1);
  Model model = net.finish("net");
  model.tensor().outputs.push_back(a);
  const OnePass done = run_pass(model, "infer_shapes");
  ASSERT_FALSE(done.changed.has_value());
  ASSERT_THAT(done.diagnostics, SizeIs(2));
  EXPECT_EQ(done.diagnostics[0].at, Location(ModelNode{.path = "net.onnx", .node = "a"}));
  EXPECT_EQ(done.diagnostics[1].at, Location(ModelNode{.path = "net.onnx", .node = "b"}));
  EXPECT_EQ(done.changed.error().at, done.diagnostics[0].at);
}

TEST(InferShapes, RefusesTypesThatDoNotFitAsItRefusesShapes) {
  Network net({4});
  Model model =
      net.add("add", Binary{BinaryKind::kAdd}, {net.integers({1, 2, 3, 4})}).finish("net");
  const OnePass done = run_pass(model, "infer_shapes");
  ASSERT_FALSE(done.changed.has_value());
  EXPECT_EQ(done.changed.error().code, "infer_shapes.conflict");
  EXPECT_EQ(done.changed.error().message, "add: add of f32 and i64");
}

TEST(InferShapes, FollowsMeansTurnedAxesAndBroadcasts) {
  Network net({2, 4, 4});
  const ValueId x = net.value();
  net.add("mean", GlobalAveragePool{}).add("sub", Binary{BinaryKind::kSub}, {x});
  net.add("turn", Transpose{.perm = {0, 2, 3, 1}}).add("soft", Softmax{});
  Model model = net.finish("net");
  run_pass(model, "infer_shapes");
  std::vector<std::string> shapes;
  for (const OpNode& node : model.tensor().ops) {
    shapes.push_back(to_string(model.tensor()[node.outputs[0]].shape.value_or(Shape{})));
  }
  EXPECT_THAT(shapes, ElementsAre("[?,2,1,1]", "[?,2,4,4]", "[?,4,4,2]", "[?,4,4,2]"));
}

}  // namespace
}  // namespace neurotool::test
