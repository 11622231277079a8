// Graphs as ONNX files: the checker of ONNX accepts them, and they read back to the same numbers.
#include "frontend/onnx/export.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <optional>

#include "eval/tensor_eval.hpp"
#include "frontend/frontend.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

/// Checked strictly, shapes inferred by ONNX's own rules.
void accept(const std::string& bytes) {
  ::onnx::ModelProto proto;
  ASSERT_TRUE(proto.ParseFromString(bytes));
  try {
    ::onnx::checker::check_model(proto);
    ::onnx::shape_inference::InferShapes(proto);
  } catch (const std::exception& problem) {
    FAIL() << problem.what() << '\n' << proto.DebugString().substr(0, 2000);
  }
}

std::optional<Model> round_trip(const Model& model) {
  const auto bytes = write_onnx(model);
  EXPECT_TRUE(bytes.has_value()) << to_string(bytes.error());
  if (!bytes) return std::nullopt;
  accept(*bytes);
  const test::TempFolder folder;
  Diagnostics diagnostics;
  auto back = load_model(folder.write("net.onnx", *bytes), diagnostics);
  EXPECT_TRUE(back.has_value()) << to_string(back.error());
  if (!back) return std::nullopt;
  return *std::move(back);
}

/// x[?,2,4,4] through one operation after the other.
class Chain {
 public:
  Chain() { value_ = graph_.add_input("x", DType::kFloat32, {kFreeDim, 2, 4, 4}); }

  ValueId floats(Shape shape, std::vector<float> values) {
    return graph_.add_constant("c", Tensor::from<float>(std::move(shape), std::move(values)));
  }
  ValueId integers(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return graph_.add_constant("i", Tensor::from<std::int64_t>({count}, std::move(values)));
  }
  Chain& add(Op op, std::vector<ValueId> more = {}) {
    std::vector<ValueId> inputs{value_};
    inputs.insert(inputs.end(), more.begin(), more.end());
    std::string name(op_name(op));
    value_ = graph_.add_op(name, std::move(op), std::move(inputs), {"node"});
    return *this;
  }
  ValueId value() const { return value_; }
  Model finish() {
    graph_.outputs = {value_};
    graph_.name = "chain";
    return {.name = "chain", .path = "chain.onnx", .graph = std::move(graph_)};
  }

 private:
  TensorGraph graph_;
  ValueId value_;
};

void same_numbers(const Model& model, const Model& back) {
  std::vector<float> numbers(2 * 32);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(i % 13) * 0.37f - 1.9f;
  }
  const Tensor batch = Tensor::from<float>({2, 2, 4, 4}, std::move(numbers));
  const auto before = TensorEvaluator(model.tensor()).run({&batch, 1});
  const auto after = TensorEvaluator(back.tensor()).run({&batch, 1});
  ASSERT_TRUE(before.has_value()) << to_string(before.error());
  ASSERT_TRUE(after.has_value()) << to_string(after.error());
  EXPECT_EQ(before->at(0), after->at(0));
}

void comes_back(Chain& chain) {
  const Model model = chain.finish();
  const auto back = round_trip(model);
  if (back) same_numbers(model, *back);
}

TEST(WriteOnnx, ConvolutionNormalisationAndPools) {
  Chain chain;
  std::vector<float> weight(3 * 2 * 9);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i % 7) - 3;
  chain.add(Conv{.strides = {1, 1}, .dilations = {1, 1}, .pads = {1, 1, 1, 1}},
            {chain.floats({3, 2, 3, 3}, weight), chain.floats({3}, {1, 2, 3})});
  chain.add(BatchNorm{.epsilon = 1e-3f},
            {chain.floats({3}, {1, 0.5f, 2}), chain.floats({3}, {0, 1, -1}),
             chain.floats({3}, {0.1f, 0.2f, 0.3f}), chain.floats({3}, {1, 2, 3})});
  chain.add(Unary{UnaryKind::kRelu});
  chain.add(
      MaxPool{.kernel = {2, 2}, .strides = {1, 1}, .dilations = {1, 1}, .pads = {0, 0, 1, 1}});
  chain.add(AveragePool{.kernel = {2, 2},
                        .strides = {2, 2},
                        .dilations = {1, 1},
                        .pads = {0, 0, 0, 0},
                        .count_include_pad = true});
  chain.add(GlobalAveragePool{}).add(Flatten{});
  chain.add(Gemm{.alpha = 0.5f, .beta = 2, .trans_b = true},
            {chain.floats({4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}),
             chain.floats({4}, {1, 0, -1, 2})});
  chain.add(Softmax{});
  comes_back(chain);
}

TEST(WriteOnnx, ShapesAndPieces) {
  Chain chain;
  chain.add(Pad{}, {chain.integers({0, 0, 1, 1, 0, 0, 0, 2}), chain.floats({}, {0.5f})});
  chain.add(Slice{}, {chain.integers({1, 0}), chain.integers({5, 6}), chain.integers({2, 3}),
                      chain.integers({2, 1})});
  chain.add(Transpose{.perm = {0, 2, 3, 1}});
  chain.add(Concat{.axis = -1}, {chain.value()});
  chain.add(Reshape{}, {chain.integers({0, 2, -1})});
  chain.add(Unsqueeze{}, {chain.integers({1})}).add(Squeeze{}, {chain.integers({1})});
  chain.add(Reduce{.kind = ReduceKind::kMax, .keep_dims = false}, {chain.integers({1})});
  chain.add(Gather{.axis = 1}, {chain.integers({3, 0, 5})});
  comes_back(chain);
}

TEST(WriteOnnx, AQuantisedActivationAsExportersWriteIt) {
  for (const LevelRounding rounding : {LevelRounding::kFloor, LevelRounding::kHalfEven}) {
    Chain chain;
    chain.add(QuantizedActivation{.low = -1, .high = 4, .rounding = rounding},
              {chain.floats({2}, {0.25f, 0.4f})});
    comes_back(chain);
  }
}

TEST(WriteOnnx, EveryFunctionOfOneValue) {
  for (int kind = 0; kind <= static_cast<int>(UnaryKind::kTanh); ++kind) {
    const auto unary = static_cast<UnaryKind>(kind);
    if (unary == UnaryKind::kNot) continue;  // of truth values
    Chain chain;
    chain.add(Unary{UnaryKind::kAbs}).add(Binary{BinaryKind::kAdd}, {chain.floats({}, {0.1f})});
    chain.add(Unary{unary});
    comes_back(chain);
  }
}

TEST(WriteOnnx, TheSameBytesEveryTime) {
  Chain chain;
  chain.add(Flatten{}).add(MatMul{}, {chain.floats({32, 2}, std::vector<float>(64, 0.5f))});
  const Model model = chain.finish();
  EXPECT_EQ(write_onnx(model).value(), write_onnx(model).value());
}

TEST(WriteOnnx, RefusesByNameWhatItCannotSay) {
  Chain chain;
  chain.add(Pad{.mode = PadMode::kWrap}, {chain.integers({0, 0, 1, 1, 0, 0, 1, 1})});
  const auto bytes = write_onnx(chain.finish());
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().code, "onnx.export");
  EXPECT_THAT(bytes.error().message, testing::HasSubstr("'node'"));
}

}  // namespace
}  // namespace neurotool
