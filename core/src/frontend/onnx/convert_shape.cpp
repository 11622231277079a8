// Ops that move elements and ops about shapes. Lists that were attributes in older opsets become
// constant inputs.
#include <fmt/format.h>

#include <cmath>

#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input from then on. Returns
/// the op's inputs, or nothing when it had to refuse.
std::optional<std::vector<ValueId>> data_and_axes(Node& node, bool axes_needed) {
  if (node.opset() >= 13) {
    if (!has_inputs(node, axes_needed ? 2 : 1, 2)) return std::nullopt;
    return node.inputs();
  }
  if (!has_inputs(node, 1, 1)) return std::nullopt;
  auto axes = node.attributes.integers("axes");
  if (!axes && axes_needed) {
    node.refuse("onnx.attribute", fmt::format("{} needs axes", node.op_type()));
    return std::nullopt;
  }
  std::vector<ValueId> inputs{node.input(0)};
  if (axes) inputs.push_back(node.constant("axes", *std::move(axes)));
  return inputs;
}

void convert_old_pad(Node& node) {
  if (!has_inputs(node, 1, 1)) return;
  auto pads = node.attributes.integers("pads");
  const float value = node.attributes.real("value", 0);
  if (!pads) {
    node.refuse("onnx.attribute", "Pad needs pads");
    return;
  }
  std::vector<ValueId> inputs{node.input(0), node.constant("pads", *std::move(pads))};
  if (value != 0) inputs.push_back(node.constant("value", Tensor::scalar(value)));
  node.finish(Pad{}, std::move(inputs));
}

void convert_old_slice(Node& node) {
  if (!has_inputs(node, 1, 1)) return;
  auto starts = node.attributes.integers("starts");
  auto ends = node.attributes.integers("ends");
  auto axes = node.attributes.integers("axes");
  if (!starts || !ends) {
    node.refuse("onnx.attribute", "Slice needs starts and ends");
    return;
  }
  std::vector<ValueId> inputs{node.input(0), node.constant("starts", *std::move(starts)),
                              node.constant("ends", *std::move(ends))};
  if (axes) inputs.push_back(node.constant("axes", *std::move(axes)));
  node.finish(Slice{}, std::move(inputs));
}

}  // namespace

void convert_concat(Node& node) {
  if (!node.attributes.has("axis")) {
    node.refuse("onnx.attribute", "Concat needs axis");
    return;
  }
  const std::int64_t axis = node.attributes.integer("axis", 0);
  node.finish(Concat{.axis = axis}, node.inputs());
}

void convert_constant_of_shape(Node& node) {
  Tensor value = node.attributes.tensor("value").value_or(Tensor::from<float>({1}, {0}));
  if (value.size() != 1) {
    node.refuse("onnx.attribute",
                fmt::format("attribute 'value' has {} elements, 1 needed", value.size()));
    return;
  }
  if (is_float(value.dtype())) value = value.converted(DType::kFloat32);
  node.finish(ConstantOfShape{.value = value.reshaped({1})}, {node.input(0)});
}

void convert_flatten(Node& node) {
  node.finish(Flatten{.axis = node.attributes.integer("axis", 1)}, {node.input(0)});
}

void convert_gather(Node& node) {
  node.finish(Gather{.axis = node.attributes.integer("axis", 0)}, node.inputs());
}

void convert_pad(Node& node) {
  const std::string mode = node.attributes.text("mode", "constant");
  if (mode != "constant") {
    node.refuse("onnx.unsupported-form", fmt::format("Pad with mode '{}'", mode),
                "only constant padding can become part of a spiking network");
    return;
  }
  if (node.opset() < 11) return convert_old_pad(node);
  if (!has_inputs(node, 2, node.opset() < 18 ? 3 : 4)) return;
  node.finish(Pad{}, node.inputs());
}

void convert_reshape(Node& node) {
  const bool allow_zero = node.opset() >= 14 && node.attributes.flag("allowzero", false);
  node.finish(Reshape{.allow_zero = allow_zero}, node.inputs());
}

void convert_shape(Node& node) {
  ShapeOf op;
  if (node.opset() >= 15) {
    op.start = node.attributes.integer("start", 0);
    if (node.attributes.has("end")) op.end = node.attributes.integer("end", 0);
  }
  node.finish(op, {node.input(0)});
}

void convert_slice(Node& node) {
  if (node.opset() < 10) return convert_old_slice(node);
  if (!has_inputs(node, 3, 5)) return;
  node.finish(Slice{}, node.inputs());
}

void convert_squeeze(Node& node) {
  if (auto inputs = data_and_axes(node, false)) node.finish(Squeeze{}, *std::move(inputs));
}

void convert_unsqueeze(Node& node) {
  if (auto inputs = data_and_axes(node, true)) node.finish(Unsqueeze{}, *std::move(inputs));
}

void convert_transpose(Node& node) {
  auto perm = node.attributes.integers("perm").value_or(std::vector<std::int64_t>{});
  if (const auto rank = node.rank(0); perm.empty() && rank) {
    for (std::size_t i = *rank; i > 0; --i) perm.push_back(static_cast<std::int64_t>(i) - 1);
  }
  node.finish(Transpose{.perm = std::move(perm)}, {node.input(0)});
}

}  // namespace neurotool::from_onnx
