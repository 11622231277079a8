// What one sample is, told from a model's input; every shape from which it cannot be told is named.
#include <gmock/gmock.h>

#include "session/inputs.hpp"

namespace neurotool {
namespace {

using ::testing::HasSubstr;

Model with_input(std::optional<Shape> shape) {
  TensorGraph graph;
  graph.name = "net";
  const ValueId x = graph.add_input("x", DType::kFloat32, shape.value_or(Shape{}));
  if (!shape) graph[x].shape.reset();
  Model model;
  model.path = "net.onnx";
  model.graph = std::move(graph);
  return model;
}

TEST(SampleShape, IsAllButTheBatch) {
  EXPECT_EQ(*sample_shape(with_input(Shape{kFreeDim, 1, 28, 28}), 1), (Shape{1, 28, 28}));
  EXPECT_EQ(*sample_shape(with_input(Shape{1, 784}), 1), (Shape{784}));
}

TEST(SampleShape, IsRefusedWhereItCannotBeTold) {
  const auto refused = [](std::optional<Shape> shape) {
    const auto found = sample_shape(with_input(std::move(shape)), 1);
    EXPECT_FALSE(found.has_value());
    if (found) return std::string();
    EXPECT_EQ(found.error().code, "run.input-shape");
    EXPECT_EQ(found.error().at, Location(ModelNode{"net.onnx", "x"}));
    return found.error().message;
  };
  EXPECT_EQ(refused(std::nullopt), "input 'x' has no shape with a batch axis");
  EXPECT_EQ(refused(Shape{}), "input 'x' has no shape with a batch axis");
  EXPECT_EQ(refused(Shape{0, 1, 28, 28}),
            "input 'x' has shape [0,1,28,28]: an extent is 0, so that nothing goes in");
  EXPECT_THAT(refused(Shape{1, 0, 28}), HasSubstr("an extent is 0"));
  EXPECT_THAT(refused(Shape{kFreeDim, 1, kFreeDim, 28}), HasSubstr("is open"));
}

}  // namespace
}  // namespace neurotool
