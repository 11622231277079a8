// Ops that work element by element, softmax, and the nodes that do nothing at inference.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "frontend/onnx/convert.hpp"
#include "frontend/onnx/tensors.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr auto kUnaryKinds = std::to_array<std::pair<std::string_view, UnaryKind>>({
    {"Abs", UnaryKind::kAbs},
    {"Ceil", UnaryKind::kCeil},
    {"Erf", UnaryKind::kErf},
    {"Exp", UnaryKind::kExp},
    {"Floor", UnaryKind::kFloor},
    {"Log", UnaryKind::kLog},
    {"Neg", UnaryKind::kNeg},
    {"Relu", UnaryKind::kRelu},
    {"Round", UnaryKind::kRound},
    {"Sigmoid", UnaryKind::kSigmoid},
    {"Sqrt", UnaryKind::kSqrt},
    {"Tanh", UnaryKind::kTanh},
});

constexpr auto kBinaryKinds = std::to_array<std::pair<std::string_view, BinaryKind>>({
    {"Add", BinaryKind::kAdd},
    {"Div", BinaryKind::kDiv},
    {"Max", BinaryKind::kMax},
    {"Min", BinaryKind::kMin},
    {"Mul", BinaryKind::kMul},
    {"Pow", BinaryKind::kPow},
    {"Sub", BinaryKind::kSub},
    {"Sum", BinaryKind::kAdd},
});

template <class Table>
auto kind_of(const Table& table, const Node& node) {
  const auto found = std::ranges::find(table, std::string_view(node.op_type()),
                                       [](const auto& row) { return row.first; });
  NT_CHECK(found != table.end(), "the operator table names an op without a kind");
  return found->second;
}

/// Clip's bounds were attributes before opset 11, always present.
void convert_old_clip(Node& node) {
  if (!has_inputs(node, 1, 1)) return;
  constexpr float kMost = std::numeric_limits<float>::max();
  const float least = node.attributes.real("min", -kMost);
  const float most = node.attributes.real("max", kMost);
  const ValueId low = least > -kMost ? node.constant("min", Tensor::scalar(least)) : ValueId{};
  const ValueId high = most < kMost ? node.constant("max", Tensor::scalar(most)) : ValueId{};
  node.finish(Clip{}, {node.input(0), low, high});
}

/// Before opset 13, softmax ran over all axes from `axis` on together. That is a softmax over one
/// axis if only one of them has more than one element.
std::optional<std::int64_t> old_softmax_axis(Node& node, std::int64_t axis) {
  const auto& shape = node.type(0).shape;
  if (!shape) {
    node.refuse("onnx.unsupported-form",
                fmt::format("softmax over the axes from {} on (opset {}) of an input of unknown "
                            "shape",
                            axis, node.opset()),
                "export the model with opset 13 or later");
    return std::nullopt;
  }
  const auto rank = static_cast<std::int64_t>(shape->size());
  if (axis < -rank || axis > rank || rank == 0) {
    node.refuse("onnx.shape",
                fmt::format("softmax axis {} is outside a tensor of rank {}", axis, rank));
    return std::nullopt;
  }
  const auto first = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  std::int64_t only = rank - 1;
  int longer = 0;
  for (std::size_t i = first; i < shape->size(); ++i) {
    if ((*shape)[i] == 1) continue;
    only = static_cast<std::int64_t>(i);
    ++longer;
  }
  if (longer > 1) {
    node.refuse("onnx.unsupported-form",
                fmt::format("softmax over the axes from {} on together (opset {}) of {}", axis,
                            node.opset(), to_string(*shape)),
                "export the model with opset 13 or later");
    return std::nullopt;
  }
  return only;
}

}  // namespace

void convert_unary(Node& node) {
  node.finish(Unary{.kind = kind_of(kUnaryKinds, node)}, {node.input(0)});
}

void convert_binary(Node& node) {
  const BinaryKind kind = kind_of(kBinaryKinds, node);
  std::vector<ValueId> inputs = node.inputs();
  // Pow alone may mix types; the exponent is nearly always a constant 2.
  if (kind == BinaryKind::kPow && !node.has_broken_input() &&
      node.type(0).dtype != node.type(1).dtype) {
    inputs[1] = node.emit("exponent", Cast{.to = node.type(0).dtype}, {inputs[1]});
    if (!inputs[1].valid()) return;
  }
  node.finish(Binary{.kind = kind}, std::move(inputs));
}

void convert_variadic(Node& node) {
  const BinaryKind kind = kind_of(kBinaryKinds, node);
  const auto& inputs = node.inputs();
  if (!has_inputs(node, inputs.size(), inputs.size())) return;
  if (inputs.size() == 1) {
    node.finish(Identity{}, {inputs[0]});
    return;
  }
  ValueId sum = inputs[0];
  for (std::size_t i = 1; i + 1 < inputs.size(); ++i) {
    sum = node.emit(fmt::format("{}", i), Binary{.kind = kind}, {sum, inputs[i]});
    if (!sum.valid()) return;
  }
  node.finish(Binary{.kind = kind}, {sum, inputs.back()});
}

void convert_clip(Node& node) {
  if (node.opset() < 11) return convert_old_clip(node);
  node.finish(Clip{}, node.inputs());
}

void convert_softmax(Node& node) {
  const bool old = node.opset() < 13;
  std::int64_t axis = node.attributes.integer("axis", old ? 1 : -1);
  if (old && !node.has_broken_input()) {
    const auto same = old_softmax_axis(node, axis);
    if (!same) return;
    axis = *same;
  }
  node.finish(Softmax{.axis = axis}, {node.input(0)});
}

void convert_cast(Node& node) {
  node.attributes.ignore({"saturate", "round_mode"});
  const auto to = static_cast<int>(node.attributes.integer("to", 0));
  const auto dtype = dtype_of(to);
  if (!dtype) {
    node.refuse("onnx.type", fmt::format("a cast to {} is not supported", onnx_type_name(to)));
    return;
  }
  // Networks are computed in float32 whatever float type they are stored in.
  node.finish(Cast{.to = is_float(*dtype) ? DType::kFloat32 : *dtype}, {node.input(0)});
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
  node.attributes.ignore({"ratio", "seed"});
  if (node.opset() < 12 && !has_inputs(node, 1, 1)) return;
  if (node.has(2) && !node.has_broken_input()) {
    const Tensor& training = node.type(2).constant;
    if (!training.defined() || training.size() != 1 || training.at(0) != 0) {
      node.refuse("onnx.training-mode", "dropout is in training mode",
                  "switch the model to evaluation before exporting it (model.eval() in PyTorch)");
      return;
    }
  }
  node.finish(Identity{}, {node.input(0)});
}

}  // namespace neurotool::from_onnx
