// Ops that move elements and ops about shapes. Lists that were attributes in older opsets become
// constant inputs.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"
#include "ir/op_geometry.hpp"

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

void convert_old_pad(Node& node, PadMode mode) {
  if (!has_inputs(node, 1, 1)) return;
  // Opset 1 said "paddings".
  auto pads = node.attributes.integers(node.opset() < 2 ? "paddings" : "pads");
  const float value = node.attributes.real("value", 0);
  if (!pads) {
    node.refuse("onnx.attribute", "Pad needs pads");
    return;
  }
  std::vector<ValueId> inputs{node.input(0), node.constant("pads", *std::move(pads))};
  if (value != 0) inputs.push_back(node.constant("value", Tensor::scalar(value)));
  node.finish(Pad{.mode = mode}, std::move(inputs));
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
  if (!node.attributes.has("axis") && node.opset() >= 4) {
    node.refuse("onnx.attribute", "Concat needs axis");
    return;
  }
  const std::int64_t axis = node.attributes.integer("axis", node.opset() < 4 ? 1 : 0);
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
  constexpr std::pair<std::string_view, PadMode> kModes[] = {{"constant", PadMode::kConstant},
                                                             {"reflect", PadMode::kReflect},
                                                             {"edge", PadMode::kEdge},
                                                             {"wrap", PadMode::kWrap}};
  const std::string mode = node.attributes.text("mode", "constant");
  const auto* found = std::ranges::find(kModes, mode, [](const auto& row) { return row.first; });
  if (found == std::end(kModes)) {
    node.refuse("onnx.attribute",
                fmt::format("mode = '{}' is none of constant, reflect, edge, wrap", mode));
    return;
  }
  if (node.opset() < 11) return convert_old_pad(node, found->second);
  if (!has_inputs(node, 2, node.opset() < 18 ? 3 : 4)) return;
  node.finish(Pad{.mode = found->second}, node.inputs());
}

void convert_reshape(Node& node) {
  if (node.opset() < 5) {
    auto shape = node.attributes.integers("shape");
    node.attributes.ignore({"consumed_inputs"});
    if (!shape || !has_inputs(node, 1, 1)) return;
    return node.finish(Reshape{}, {node.input(0), node.constant("shape", *std::move(shape))});
  }
  if (!has_inputs(node, 2, 2)) return;
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

void convert_expand(Node& node) { node.finish(Expand{}, node.inputs()); }

void convert_tile(Node& node) { node.finish(Tile{}, node.inputs()); }

namespace {

/// The lengths of the parts where they are constant or follow from the number of parts.
std::optional<std::vector<std::int64_t>> split_lengths(Node& node, std::int64_t extent) {
  std::optional<std::vector<std::int64_t>> lengths;
  if (node.opset() < 13) {
    lengths = node.attributes.integers("split");
  } else if (node.has(1)) {
    const auto known = integers_of(node.type(1).constant, "split");
    if (known) lengths = *known;
  }
  if (lengths) return lengths;
  const auto parts = static_cast<std::int64_t>(node.output_count());
  if (node.opset() >= 18 && node.attributes.integer("num_outputs", parts) != parts) {
    node.refuse("onnx.attribute",
                fmt::format("num_outputs is not the {} outputs there are", parts));
    return std::nullopt;
  }
  const std::int64_t length = (extent + parts - 1) / parts;
  if (node.opset() < 18 && length * parts != extent) {
    node.refuse("onnx.shape",
                fmt::format("{} elements do not divide into {} parts", extent, parts));
    return std::nullopt;
  }
  lengths.emplace(static_cast<std::size_t>(parts), length);
  lengths->back() = std::max<std::int64_t>(0, extent - length * (parts - 1));
  return lengths;
}

void finish_part(Node& node, std::size_t index, ValueId begin, ValueId end, ValueId axis) {
  if (!begin.valid() || !end.valid()) return;
  node.finish_output(index, Slice{}, {node.input(0), begin, end, axis});
}

/// The parts' ends are computed where their lengths are.
void split_by_input(Node& node, std::int64_t axis) {
  Compose c(node);
  const ValueId along = c.list({axis});
  ValueId begin = c.list({0});
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const ValueId end = c.add(begin, c.slice(node.input(1), 0, at, at + 1));
    if (node.wants(i)) finish_part(node, i, begin, end, along);
    begin = end;
  }
}

}  // namespace

void convert_split(Node& node) {
  const std::int64_t axis = node.attributes.integer("axis", 0);
  if (node.has_broken_input()) return;
  if (node.opset() >= 13 && node.has(1) && !node.type(1).constant.defined()) {
    return split_by_input(node, axis);
  }
  const auto& shape = node.type(0).shape;
  const auto at = shape ? normal_axis(axis, shape->size(), "split axis") : Result<std::size_t>(0);
  if (!at) return node.refuse("onnx.shape", at.error().message);
  const std::int64_t extent = shape && *at < shape->size() ? (*shape)[*at] : kFreeDim;
  const bool given = node.opset() < 13 ? node.attributes.has("split") : node.has(1);
  if (extent == kFreeDim && !given) {
    return node.refuse("onnx.unsupported-form",
                       "Split of an axis of unknown extent into equal parts",
                       "export the model with fixed extents but the first");
  }
  const auto lengths = split_lengths(node, extent);
  if (!lengths) return;
  std::int64_t total = 0;
  for (const std::int64_t length : *lengths) {
    if (length < 0 || length > (std::int64_t{1} << 48)) {
      return node.refuse("onnx.shape", fmt::format("a part of length {}", length));
    }
    total += length;
  }
  if (lengths->size() != node.output_count() || (extent != kFreeDim && total != extent)) {
    return node.refuse("onnx.shape",
                       fmt::format("{} lengths with the sum {} for {} outputs and an axis of {}",
                                   lengths->size(), total, node.output_count(), extent));
  }
  const ValueId along = node.constant("axis", {axis});
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < lengths->size(); ++i) {
    const std::int64_t end = begin + (*lengths)[i];
    if (node.wants(i)) {
      finish_part(node, i, node.constant(fmt::format("begin_{}", i), {begin}),
                  node.constant(fmt::format("end_{}", i), {end}), along);
    }
    begin = end;
  }
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
