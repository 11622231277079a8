// Parameters of each channel become columns along their axis; those of blocks are repeated.
#include "frontend/onnx/quantizer.hpp"

#include <fmt/format.h>

#include <cmath>

#include "ir/op_geometry.hpp"

namespace neurotool::from_onnx {
namespace {

bool is_zero(const Tensor& tensor) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.at(i) != 0) return false;
  }
  return tensor.defined();
}

std::nullopt_t refuse_shape(Node& node, const TensorType& parameter, const TensorType& data) {
  node.refuse("onnx.shape",
              fmt::format("{} has parameters of shape {} for an input of shape {}", node.op_type(),
                          parameter.shape ? to_string(*parameter.shape) : "unknown",
                          data.shape ? to_string(*data.shape) : "unknown"),
              "one parameter for all elements, or one for each element or block of an axis, is "
              "supported");
  return std::nullopt;
}

/// Each element `block` times along the axis, cut to the data's extent.
std::optional<ValueId> repeated(Node& node, Compose& c, ValueId parameter, ValueId data,
                                std::size_t axis, std::int64_t block) {
  const TensorType &own = c.type(parameter), &all = c.type(data);
  const bool known = own.shape && all.shape && own.shape->size() == all.shape->size() &&
                     (*own.shape)[axis] >= 1 && (*all.shape)[axis] >= 1 && block >= 1 &&
                     block <= (*all.shape)[axis] &&
                     ((*all.shape)[axis] + block - 1) / block == (*own.shape)[axis];
  if (!known) return refuse_shape(node, own, all);
  const Shape shape = *own.shape;
  const std::int64_t extent = (*all.shape)[axis];
  std::vector<std::int64_t> repeats(shape.size() + 1, 1), merged = shape;
  repeats[axis + 1] = block;
  merged[axis] *= block;
  const auto at = static_cast<std::int64_t>(axis);
  const ValueId tiled =
      c.op(Tile{}, {c.unsqueeze(parameter, {at + 1}), c.list(std::move(repeats))});
  return c.slice(c.reshape(tiled, std::move(merged)), at, 0, extent);
}

std::optional<ValueId> along(Node& node, Compose& c, ValueId parameter, ValueId data,
                             std::int64_t axis, std::int64_t block) {
  const TensorType &own = c.type(parameter), &all = c.type(data);
  const ValueId numbers = c.cast(parameter, DType::kFloat32);
  const auto size = own.shape ? element_count(*own.shape) : std::nullopt;
  if (own.shape && own.shape->empty()) return numbers;
  if (size == 1 && block == 0) return c.op(Reshape{}, {numbers, c.list({})});
  if (!all.shape || !own.shape) return refuse_shape(node, own, all);
  const auto normal = normal_axis(axis, all.shape->size(), "axis");
  if (!normal) {
    node.refuse("onnx.shape", fmt::format("{}: {}", node.op_type(), normal.error().message));
    return std::nullopt;
  }
  if (block != 0) return repeated(node, c, numbers, data, *normal, block);
  const std::int64_t extent = (*all.shape)[*normal];
  // A column that is written out already.
  if (own.shape->size() == all.shape->size()) return numbers;
  const bool fits = own.shape->size() == 1 && (extent == kFreeDim || (*own.shape)[0] == kFreeDim ||
                                               extent == (*own.shape)[0]);
  if (!fits) return refuse_shape(node, own, all);
  std::vector<std::int64_t> axes;
  for (std::size_t i = *normal + 1; i < all.shape->size(); ++i) {
    axes.push_back(static_cast<std::int64_t>(i - *normal));
  }
  return c.unsqueeze(numbers, std::move(axes));
}

}  // namespace

std::optional<IntegerRange> integer_range(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return IntegerRange{-128, 127};
    case DType::kUint8:
      return IntegerRange{0, 255};
    case DType::kInt16:
      return IntegerRange{-32768, 32767};
    case DType::kUint16:
      return IntegerRange{0, 65535};
    default:
      return std::nullopt;
  }
}

std::optional<Quantizer> make_quantizer(Node& node, Compose& c, ValueId data, ValueId scale,
                                        ValueId zero_point, std::int64_t axis,
                                        std::int64_t block_size) {
  if (node.has_broken_input() || !data.valid() || !scale.valid()) return std::nullopt;
  const Tensor known = c.type(scale).constant;
  for (std::int64_t i = 0; known.defined() && i < known.size(); ++i) {
    if (known.at(i) > 0 && std::isfinite(known.at(i))) continue;
    node.refuse("onnx.quantization",
                fmt::format("scale {} of {} is {}, not positive", i, node.op_type(), known.at(i)));
    return std::nullopt;
  }
  const auto scales = along(node, c, scale, data, axis, block_size);
  if (!scales || !scales->valid()) return std::nullopt;
  Quantizer result{.scale = *scales, .zero_point = {}};
  if (!zero_point.valid() || is_zero(c.type(zero_point).constant)) return result;
  const auto zeros = along(node, c, zero_point, data, axis, block_size);
  if (!zeros || !zeros->valid()) return std::nullopt;
  result.zero_point = *zeros;
  return result;
}

ValueId dequantized(Compose& c, ValueId stored, const Quantizer& quantizer) {
  ValueId value = c.cast(stored, DType::kFloat32);
  if (quantizer.zero_point.valid()) value = c.sub(value, quantizer.zero_point);
  return c.mul(value, quantizer.scale);
}

ValueId quantized(Compose& c, ValueId value, const Quantizer& quantizer, IntegerRange range) {
  value = c.div(c.cast(value, DType::kFloat32), quantizer.scale);
  value = c.unary(UnaryKind::kRound, value);
  if (quantizer.zero_point.valid()) value = c.add(value, quantizer.zero_point);
  return c.clip(value, range.least, range.most);
}

}  // namespace neurotool::from_onnx
