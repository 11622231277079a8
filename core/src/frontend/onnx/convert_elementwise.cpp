// Ops that work element by element, softmax, and the nodes that do nothing at inference.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"
#include "frontend/onnx/tensors.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr auto kUnaryKinds = std::to_array<std::pair<std::string_view, UnaryKind>>({
    {"Abs", UnaryKind::kAbs},
    {"Ceil", UnaryKind::kCeil},
    {"Cos", UnaryKind::kCos},
    {"Erf", UnaryKind::kErf},
    {"Exp", UnaryKind::kExp},
    {"Floor", UnaryKind::kFloor},
    {"Log", UnaryKind::kLog},
    {"Neg", UnaryKind::kNeg},
    {"Not", UnaryKind::kNot},
    {"Relu", UnaryKind::kRelu},
    {"Round", UnaryKind::kRound},
    {"Sigmoid", UnaryKind::kSigmoid},
    {"Sign", UnaryKind::kSign},
    {"Sin", UnaryKind::kSin},
    {"Sqrt", UnaryKind::kSqrt},
    {"Tanh", UnaryKind::kTanh},
});

constexpr auto kBinaryKinds = std::to_array<std::pair<std::string_view, BinaryKind>>({
    {"Add", BinaryKind::kAdd},
    {"And", BinaryKind::kAnd},
    {"Div", BinaryKind::kDiv},
    {"Equal", BinaryKind::kEqual},
    {"Less", BinaryKind::kLess},
    {"LessOrEqual", BinaryKind::kLessOrEqual},
    {"Max", BinaryKind::kMax},
    {"Mean", BinaryKind::kAdd},
    {"Min", BinaryKind::kMin},
    {"Mul", BinaryKind::kMul},
    {"Or", BinaryKind::kOr},
    {"Pow", BinaryKind::kPow},
    {"Sub", BinaryKind::kSub},
    {"Sum", BinaryKind::kAdd},
    {"Xor", BinaryKind::kXor},
});

constexpr auto kSoftmaxKinds = std::to_array<std::pair<std::string_view, SoftmaxKind>>({
    {"Hardmax", SoftmaxKind::kHardmax},
    {"LogSoftmax", SoftmaxKind::kLogSoftmax},
    {"Softmax", SoftmaxKind::kSoftmax},
});

/// Element types as Cast named them before opset 6.
std::optional<DType> old_type_of(std::string_view name) {
  constexpr auto kNames = std::to_array<std::pair<std::string_view, DType>>({
      {"BOOL", DType::kBool},
      {"DOUBLE", DType::kFloat64},
      {"FLOAT", DType::kFloat32},
      {"FLOAT16", DType::kFloat16},
      {"INT16", DType::kInt16},
      {"INT32", DType::kInt32},
      {"INT64", DType::kInt64},
      {"INT8", DType::kInt8},
      {"UINT16", DType::kUint16},
      {"UINT32", DType::kUint32},
      {"UINT64", DType::kUint64},
      {"UINT8", DType::kUint8},
  });
  for (const auto& [text, dtype] : kNames) {
    if (text == name) return dtype;
  }
  return std::nullopt;
}

template <class Table>
auto kind_of(const Table& table, const Node& node) {
  const auto found = std::ranges::find(table, std::string_view(node.op_type()),
                                       [](const auto& row) { return row.first; });
  NT_CHECK(found != table.end(), "the operator table names an op without a kind");
  return found->second;
}

/// Clip's bounds were attributes before opset 11, always present.
void convert_old_clip(Node& node) {
  node.attributes.ignore({"consumed_inputs"});
  if (!has_inputs(node, 1, 1)) return;
  constexpr float kMost = std::numeric_limits<float>::max();
  const float least = node.attributes.real("min", -kMost);
  const float most = node.attributes.real("max", kMost);
  const ValueId low = least > -kMost ? node.constant("min", Tensor::scalar(least)) : ValueId{};
  const ValueId high = most < kMost ? node.constant("max", Tensor::scalar(most)) : ValueId{};
  node.finish(Clip{}, {node.input(0), low, high});
}

}  // namespace

void convert_unary(Node& node) {
  node.attributes.ignore({"consumed_inputs"});
  node.finish(Unary{.kind = kind_of(kUnaryKinds, node)}, {node.input(0)});
}

std::optional<std::pair<ValueId, ValueId>> broadcast_operands(Node& node) {
  const ValueId a = node.input(0), b = node.input(1);
  if (node.opset() >= 7) return std::pair(a, b);
  // Before opset 7 the second operand stood at an axis of the first, or at its end.
  const bool broadcast = node.attributes.flag("broadcast", false);
  const bool has_axis = node.attributes.has("axis");
  std::int64_t axis = node.attributes.integer("axis", 0);
  if (!broadcast || !has_axis || node.has_broken_input()) return std::pair(a, b);
  const auto rank = node.rank(0), own = node.rank(1);
  if (!rank || !own) {
    node.refuse("onnx.unsupported-form",
                fmt::format("{} along an axis of an input of unknown rank", node.op_type()),
                "export the model with opset 7 or later");
    return std::nullopt;
  }
  if (axis < 0) axis += static_cast<std::int64_t>(*rank);
  const std::int64_t behind =
      static_cast<std::int64_t>(*rank) - axis - static_cast<std::int64_t>(*own);
  if (axis < 0 || behind < 0) {
    node.refuse("onnx.attribute",
                fmt::format("axis = {} does not fit ranks {} and {}", axis, *rank, *own));
    return std::nullopt;
  }
  Compose c(node);
  std::vector<std::int64_t> axes;
  for (std::int64_t i = 0; i < behind; ++i) axes.push_back(static_cast<std::int64_t>(*own) + i);
  return std::pair(a, c.unsqueeze(b, std::move(axes)));
}

void convert_binary(Node& node) {
  const BinaryKind kind = kind_of(kBinaryKinds, node);
  node.attributes.ignore({"consumed_inputs"});
  auto operands = broadcast_operands(node);
  if (!operands || !operands->second.valid()) return;
  auto [a, b] = *operands;
  // Pow alone may mix types; the exponent is nearly always a constant 2.
  if (kind == BinaryKind::kPow && !node.has_broken_input() &&
      node.type(a).dtype != node.type(b).dtype) {
    Compose c(node);
    const DType wanted = node.type(a).dtype;
    if (is_float(wanted) || is_integer(node.type(b).dtype)) {
      return c.finish_binary(kind, a, c.cast(b, wanted));
    }
    const ValueId power = c.binary(kind, c.cast(a, DType::kFloat32), b);
    return c.finish(Cast{.to = wanted}, {power});
  }
  node.finish(Binary{.kind = kind}, {a, b});
}

void convert_variadic(Node& node) {
  const BinaryKind kind = kind_of(kBinaryKinds, node);
  const auto& inputs = node.inputs();
  node.attributes.ignore({"consumed_inputs"});
  if (!has_inputs(node, inputs.size(), inputs.size())) return;
  if (inputs.size() == 1) {
    node.finish(Identity{}, {inputs[0]});
    return;
  }
  const bool is_mean = node.op_type() == "Mean";
  Compose c(node);
  ValueId sum = inputs[0];
  const std::size_t last = inputs.size() - (is_mean ? 0 : 1);
  for (std::size_t i = 1; i < last; ++i) sum = c.binary(kind, sum, inputs[i]);
  if (!is_mean) return c.finish_binary(kind, sum, inputs.back());
  c.finish_binary(BinaryKind::kDiv, sum, c.number(static_cast<float>(inputs.size())));
}

void convert_clip(Node& node) {
  if (node.opset() < 11) return convert_old_clip(node);
  node.finish(Clip{}, node.inputs());
}

namespace {

/// Before opset 13, softmax ran over all axes from `axis` on together: over one, if only one of
/// them has more than one element. Nothing when it is over several, or when that is not known.
std::optional<std::int64_t> only_axis(const TensorType& type, std::int64_t axis) {
  if (!type.shape) return std::nullopt;
  const auto rank = static_cast<std::int64_t>(type.shape->size());
  if (axis < -rank || axis >= rank) return std::nullopt;
  std::int64_t only = rank - 1;
  int longer = 0;
  for (std::int64_t i = axis < 0 ? axis + rank : axis; i < rank; ++i) {
    if ((*type.shape)[static_cast<std::size_t>(i)] == 1) continue;
    only = i;
    ++longer;
  }
  return longer > 1 ? std::nullopt : std::optional(only);
}

}  // namespace

void convert_softmax(Node& node) {
  const bool old = node.opset() < 13;
  std::int64_t axis = node.attributes.integer("axis", old ? 1 : -1);
  const SoftmaxKind kind = kind_of(kSoftmaxKinds, node);
  if (old && !node.has_broken_input()) {
    const auto only = only_axis(node.type(0), axis);
    if (!only) {
      Compose c(node);
      const ValueId flat = c.op(Flatten{.axis = axis}, {c.in(0)});
      const ValueId soft = c.op(Softmax{.axis = 1, .kind = kind}, {flat});
      return c.finish(Reshape{}, {soft, c.shape_of(c.in(0))});
    }
    axis = *only;
  }
  node.finish(Softmax{.axis = axis, .kind = kind}, {node.input(0)});
}

void convert_cast(Node& node) {
  node.attributes.ignore({"saturate", "round_mode"});
  std::optional<DType> dtype;
  std::string name;
  if (node.opset() < 6) {
    name = node.attributes.text("to", "");
    dtype = old_type_of(name);
  } else {
    const auto to = static_cast<int>(node.attributes.integer("to", 0));
    name = onnx_type_name(to);
    dtype = dtype_of(to);
  }
  if (!dtype) {
    node.refuse("onnx.type", fmt::format("a cast to {} is not supported", name));
    return;
  }
  // Networks are computed in float32 whatever float type they are stored in.
  node.finish(Cast{.to = is_float(*dtype) ? DType::kFloat32 : *dtype}, {node.input(0)});
}

void convert_cast_like(Node& node) {
  node.attributes.ignore({"saturate", "round_mode"});
  if (!node.has_broken_input()) node.finish(Cast{.to = node.type(1).dtype}, {node.input(0)});
}

void convert_constant(Node& node) {
  Attributes& attributes = node.attributes;
  if (attributes.has("value")) {
    if (auto tensor = attributes.tensor("value")) node.finish_constant(*std::move(tensor));
  } else if (attributes.has("value_float")) {
    node.finish_constant(Tensor::scalar(attributes.real("value_float", 0)));
  } else if (attributes.has("value_int")) {
    node.finish_constant(Tensor::scalar(attributes.integer("value_int", 0)));
  } else if (auto reals = attributes.reals("value_floats")) {
    const auto count = static_cast<std::int64_t>(reals->size());
    node.finish_constant(Tensor::from<float>({count}, *std::move(reals)));
  } else if (auto integers = attributes.integers("value_ints")) {
    const auto count = static_cast<std::int64_t>(integers->size());
    node.finish_constant(Tensor::from<std::int64_t>({count}, *std::move(integers)));
  } else {
    node.refuse("onnx.attribute", "the constant has no value as a tensor, a number or a list",
                "sparse and text constants are not supported");
  }
}

void convert_identity(Node& node) { node.finish(Identity{}, {node.input(0)}); }

void convert_dropout(Node& node) {
  node.attributes.ignore({"ratio", "seed", "consumed_inputs"});
  const auto training = [&] {
    node.refuse("onnx.training-mode", "dropout is in training mode",
                "switch the model to evaluation before exporting it (model.eval() in PyTorch)");
  };
  if (node.opset() < 7 && !node.attributes.flag("is_test", false)) return training();
  if (node.opset() < 12 && !has_inputs(node, 1, 1)) return;
  if (node.has(2) && !node.has_broken_input()) {
    const Tensor& mode = node.type(2).constant;
    if (!mode.defined() || mode.size() != 1 || mode.at(0) != 0) return training();
  }
  if (node.wants(1)) {
    // At inference nothing is dropped.
    Compose c(node);
    const ValueId shape = c.shape_of(c.in(0));
    const Tensor kept = Tensor::from<std::uint8_t>({1}, {1}).converted(DType::kBool);
    if (shape.valid()) node.finish_output(1, ConstantOfShape{.value = kept}, {shape});
  }
  node.finish(Identity{}, {node.input(0)});
}

}  // namespace neurotool::from_onnx
