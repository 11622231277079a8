// Resampling in its three generations, and the two ops that trade channels for space.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

template <class Enum, std::size_t N>
using Choices = std::array<std::pair<std::string_view, Enum>, N>;

constexpr Choices<ResizeMode, 4> kModes{{{"nearest", ResizeMode::kNearest},
                                         {"linear", ResizeMode::kLinear},
                                         {"bilinear", ResizeMode::kLinear},
                                         {"cubic", ResizeMode::kCubic}}};
constexpr Choices<ResizeCoordinates, 7> kCoordinates{
    {{"half_pixel", ResizeCoordinates::kHalfPixel},
     {"half_pixel_symmetric", ResizeCoordinates::kHalfPixelSymmetric},
     {"pytorch_half_pixel", ResizeCoordinates::kPytorchHalfPixel},
     {"align_corners", ResizeCoordinates::kAlignCorners},
     {"asymmetric", ResizeCoordinates::kAsymmetric},
     {"tf_crop_and_resize", ResizeCoordinates::kCropAndResize},
     {"tf_half_pixel_for_nn", ResizeCoordinates::kHalfPixel}}};
constexpr Choices<ResizeNearest, 4> kRoundings{
    {{"round_prefer_floor", ResizeNearest::kRoundPreferFloor},
     {"round_prefer_ceil", ResizeNearest::kRoundPreferCeil},
     {"floor", ResizeNearest::kFloor},
     {"ceil", ResizeNearest::kCeil}}};
constexpr Choices<ResizeAspect, 3> kAspects{{{"stretch", ResizeAspect::kStretch},
                                             {"not_larger", ResizeAspect::kNotLarger},
                                             {"not_smaller", ResizeAspect::kNotSmaller}}};

/// The attribute as an enumerator; false when it is none of the choices, which is reported.
template <class Enum, std::size_t N>
bool choose(Node& node, const char* name, const Choices<Enum, N>& choices, Enum& out,
            const char* fallback) {
  const std::string word = node.attributes.text(name, fallback);
  for (const auto& [text, value] : choices) {
    if (text != word) continue;
    out = value;
    return true;
  }
  node.refuse("onnx.attribute", fmt::format("{} = '{}' is not known for {} in opset {}", name, word,
                                            node.op_type(), node.opset()));
  return false;
}

/// An input that only holds the place: an empty list.
bool is_empty(const Node& node, std::size_t index) {
  return node.has(index) && node.type(index).shape == Shape{0};
}

/// Before opset 11: one way to place the samples, and the scales as the only wish.
void finish_old(Node& node, ResizeMode mode, ValueId scales) {
  const Resize op{.mode = mode,
                  .coordinates = ResizeCoordinates::kAsymmetric,
                  .nearest = ResizeNearest::kFloor};
  if (scales.valid()) node.finish(op, {node.input(0), {}, scales});
}

}  // namespace

void convert_upsample(Node& node) {
  ResizeMode mode{};
  if (!choose(node, "mode", kModes, mode, "nearest")) return;
  if (node.opset() >= 9) {
    if (has_inputs(node, 2, 2)) finish_old(node, mode, node.input(1));
    return;
  }
  if (!has_inputs(node, 1, 1)) return;
  auto scales = node.attributes.reals("scales");
  if (!scales && node.attributes.has("height_scale")) {
    scales = {1, 1, node.attributes.real("height_scale", 1),
              node.attributes.real("width_scale", 1)};
  }
  if (!scales) {
    node.refuse("onnx.attribute", "Upsample needs scales");
    return;
  }
  const auto count = static_cast<std::int64_t>(scales->size());
  finish_old(node, mode, node.constant("scales", Tensor::from<float>({count}, *std::move(scales))));
}

void convert_resize(Node& node) {
  Resize op;
  if (!choose(node, "mode", kModes, op.mode, "nearest")) return;
  if (node.opset() < 11) {
    if (has_inputs(node, 2, 2)) finish_old(node, op.mode, node.input(1));
    return;
  }
  if (!choose(node, "coordinate_transformation_mode", kCoordinates, op.coordinates, "half_pixel") ||
      !choose(node, "nearest_mode", kRoundings, op.nearest, "round_prefer_floor")) {
    return;
  }
  op.cubic_a = node.attributes.real("cubic_coeff_a", -0.75f);
  op.outside = node.attributes.real("extrapolation_value", 0);
  op.exclude_outside = node.attributes.flag("exclude_outside", false);
  if (node.opset() >= 18) {
    op.antialias = node.attributes.flag("antialias", false);
    op.axes = node.attributes.integers("axes").value_or(std::vector<std::int64_t>{});
    if (!choose(node, "keep_aspect_ratio_policy", kAspects, op.aspect, "stretch")) return;
  }
  std::vector<ValueId> inputs = node.inputs();
  inputs.resize(4);
  if (op.coordinates != ResizeCoordinates::kCropAndResize) inputs[1] = {};
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
    if (is_empty(node, i)) inputs[i] = {};
  }
  node.finish(std::move(op), std::move(inputs));
}

namespace {

/// Block size and the extents of [N,C,H,W], all known but the first.
struct Blocks {
  std::int64_t size, channels, height, width;
};

std::optional<Blocks> read_blocks(Node& node) {
  const std::int64_t size = node.attributes.integer("blocksize", 0);
  if (node.has_broken_input()) return std::nullopt;
  const auto& shape = node.type(0).shape;
  if (size < 1 || size > 4096) {
    node.refuse("onnx.attribute", fmt::format("blocksize = {} is outside 1 to 4096", size));
    return std::nullopt;
  }
  const bool known =
      shape && shape->size() == 4 && (*shape)[1] >= 0 && (*shape)[2] >= 0 && (*shape)[3] >= 0;
  if (!known) {
    node.refuse("onnx.unsupported-form",
                fmt::format("{} of an input of shape {}", node.op_type(),
                            shape ? to_string(*shape) : "unknown"),
                "export the model with four axes and fixed extents but the first");
    return std::nullopt;
  }
  return Blocks{size, (*shape)[1], (*shape)[2], (*shape)[3]};
}

}  // namespace

void convert_depth_to_space(Node& node) {
  const std::string mode = node.opset() < 11 ? "DCR" : node.attributes.text("mode", "DCR");
  const auto b = read_blocks(node);
  if (!b) return;
  if (mode != "DCR" && mode != "CRD") {
    node.refuse("onnx.attribute", fmt::format("mode = '{}' is neither DCR nor CRD", mode));
    return;
  }
  const std::int64_t depth = b->channels / (b->size * b->size);
  if (depth * b->size * b->size != b->channels) {
    node.refuse("onnx.shape", fmt::format("{} channels do not divide into blocks of {} times {}",
                                          b->channels, b->size, b->size));
    return;
  }
  Compose c(node);
  const bool depth_last = mode == "DCR";
  const ValueId split = depth_last
                            ? c.reshape(c.in(0), {0, b->size, b->size, depth, b->height, b->width})
                            : c.reshape(c.in(0), {0, depth, b->size, b->size, b->height, b->width});
  const ValueId woven =
      depth_last ? c.transpose(split, {0, 3, 4, 1, 5, 2}) : c.transpose(split, {0, 1, 4, 2, 5, 3});
  const ValueId shape = c.list({0, depth, b->height * b->size, b->width * b->size});
  c.finish(Reshape{}, {woven, shape});
}

void convert_space_to_depth(Node& node) {
  const auto b = read_blocks(node);
  if (!b) return;
  const std::int64_t rows = b->height / b->size, columns = b->width / b->size;
  if (rows * b->size != b->height || columns * b->size != b->width) {
    node.refuse("onnx.shape", fmt::format("{} times {} positions do not divide into blocks of {}",
                                          b->height, b->width, b->size));
    return;
  }
  Compose c(node);
  const ValueId split = c.reshape(c.in(0), {0, b->channels, rows, b->size, columns, b->size});
  const ValueId woven = c.transpose(split, {0, 3, 5, 1, 2, 4});
  c.finish(Reshape{}, {woven, c.list({0, b->channels * b->size * b->size, rows, columns})});
}

}  // namespace neurotool::from_onnx
