// The two ends of a quantised value, and the operators on stored integers: each becomes the float
// operator between them. Where a sum of integers is itself the result, it is exact.
#include <fmt/format.h>

#include "frontend/onnx/auto_pad.hpp"
#include "frontend/onnx/convert.hpp"
#include "frontend/onnx/quantizer.hpp"
#include "frontend/onnx/tensors.hpp"

namespace neurotool::from_onnx {
namespace {

/// The type that a quantising node makes, of its zero point or by default, with its range.
std::optional<DType> stored_type(Node& node, std::size_t zero_point, int wanted = 0) {
  DType dtype = node.has(zero_point) ? node.type(zero_point).dtype : DType::kUint8;
  if (wanted != 0) dtype = dtype_of(wanted).value_or(DType::kFloat32);
  if (integer_range(dtype)) return dtype;
  const std::string name = wanted != 0 ? onnx_type_name(wanted) : std::string(short_name(dtype));
  node.refuse("onnx.type", fmt::format("{} to {} is not supported", node.op_type(), name),
              "quantise to int8, uint8, int16 or uint16");
  return std::nullopt;
}

void finish_quantized(Node& node, Compose& c, ValueId value, std::size_t scale, std::size_t zero,
                      DType dtype) {
  const auto quantizer = make_quantizer(node, c, value, node.input(scale), node.input(zero), 1);
  if (!quantizer) return;
  c.finish(Cast{.to = dtype}, {quantized(c, value, *quantizer, *integer_range(dtype))});
}

/// Input `index` without its zero point; exact in both float types.
ValueId centred(Compose& c, ValueId stored, ValueId zero_point, DType dtype) {
  const ValueId value = c.cast(stored, dtype);
  if (!zero_point.valid()) return value;
  return c.sub(value, c.cast(zero_point, dtype));
}

/// The float type in which a sum of so many products of 8-bit numbers is exact.
DType exact_type(std::optional<std::int64_t> products) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 24) / (255 * 255);
  return products && *products <= kMost ? DType::kFloat32 : DType::kFloat64;
}

/// The attributes of a convolution whose weight is input `weight`.
std::optional<Conv> read_conv(Node& node, std::size_t weight) {
  const std::int64_t group = node.attributes.integer("group", 1);
  const auto given = node.attributes.integers("kernel_shape");
  if (node.has_broken_input()) return std::nullopt;
  const auto& shape = node.type(weight).shape;
  if (!shape || shape->size() < 3) {
    node.refuse("onnx.shape", fmt::format("{} with a weight of shape {}", node.op_type(),
                                          shape ? to_string(*shape) : "unknown"));
    return std::nullopt;
  }
  const std::vector<std::int64_t> kernel(shape->begin() + 2, shape->end());
  if (given && *given != kernel) {
    node.refuse("onnx.attribute", fmt::format("kernel_shape is {}, the weight has {}",
                                              to_string(*given), to_string(*shape)));
    return std::nullopt;
  }
  auto attributes = read_kernel(node, kernel);
  if (!attributes) return std::nullopt;
  return Conv{.strides = std::move(attributes->strides),
              .dilations = std::move(attributes->dilations),
              .pads = std::move(attributes->pads),
              .group = group};
}

}  // namespace

void convert_quantize_linear(Node& node) {
  node.attributes.ignore({"saturate", "precision"});
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const std::int64_t block = node.attributes.integer("block_size", 0);
  const auto wanted = static_cast<int>(node.attributes.integer("output_dtype", 0));
  Compose c(node);
  const auto quantizer =
      make_quantizer(node, c, node.input(0), node.input(1), node.input(2), axis, block);
  const auto dtype = quantizer ? stored_type(node, 2, wanted) : std::nullopt;
  if (!dtype) return;
  c.finish(Cast{.to = *dtype}, {quantized(c, node.input(0), *quantizer, *integer_range(*dtype))});
}

void convert_dequantize_linear(Node& node) {
  node.attributes.ignore({"output_dtype"});
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const std::int64_t block = node.attributes.integer("block_size", 0);
  Compose c(node);
  const auto quantizer =
      make_quantizer(node, c, node.input(0), node.input(1), node.input(2), axis, block);
  if (!quantizer) return;
  ValueId value = c.cast(node.input(0), DType::kFloat32);
  if (quantizer->zero_point.valid()) value = c.sub(value, quantizer->zero_point);
  c.finish_binary(BinaryKind::kMul, value, quantizer->scale);
}

void convert_dynamic_quantize_linear(Node& node) {
  Compose c(node);
  const ValueId x = node.input(0);
  const Reduce most{.kind = ReduceKind::kMax, .keep_dims = false};
  const Reduce least{.kind = ReduceKind::kMin, .keep_dims = false};
  const ValueId top = c.relu(c.op(most, {x}));
  const ValueId bottom = c.clip(c.op(least, {x}), -Compose::kInfinity, 0);
  const ValueId scale = c.div(c.sub(top, bottom), c.number(255));
  const ValueId place = c.clip(c.div(c.negative(bottom), scale), 0, 255);
  const ValueId zero = c.unary(UnaryKind::kRound, place);
  const Quantizer quantizer{.scale = scale, .zero_point = zero};
  const ValueId stored = quantized(c, x, quantizer, {0, 255});
  if (!stored.valid()) return;
  if (node.wants(1)) node.finish_output(1, scale);
  if (node.wants(2)) node.finish_output(2, Cast{.to = DType::kUint8}, {zero});
  if (node.wants(0)) c.finish(Cast{.to = DType::kUint8}, {stored});
}

void convert_qlinear_conv(Node& node) {
  auto op = read_conv(node, 3);
  const auto dtype = op ? stored_type(node, 7) : std::nullopt;
  if (!dtype) return;
  Compose c(node);
  const auto x = make_quantizer(node, c, node.input(0), node.input(1), node.input(2), 1);
  const auto w = make_quantizer(node, c, node.input(3), node.input(4), node.input(5), 0);
  if (!x || !w) return;
  std::vector<ValueId> inputs{dequantized(c, node.input(0), *x), dequantized(c, node.input(3), *w)};
  if (node.has(8)) {
    // The bias is stored with the product of both scales.
    ValueId scale = c.mul(x->scale, w->scale);
    if (node.type(4).shape && !node.type(4).shape->empty()) scale = c.reshape(scale, {-1});
    inputs.push_back(c.mul(c.cast(node.input(8), DType::kFloat32), scale));
  }
  finish_quantized(node, c, c.op(*std::move(op), std::move(inputs)), 6, 7, *dtype);
}

void convert_qlinear_mat_mul(Node& node) {
  const auto dtype = stored_type(node, 7);
  if (!dtype) return;
  Compose c(node);
  const auto rank_a = node.rank(0), rank_b = node.rank(3);
  // Parameters may be one for each row of A and each column of B.
  const auto a = make_quantizer(node, c, node.input(0), node.input(1), node.input(2),
                                rank_a && *rank_a > 1 ? -2 : -1);
  const auto b = make_quantizer(node, c, node.input(3), node.input(4), node.input(5), -1);
  if (!a || !b || !rank_b) return;
  const ValueId product =
      c.op(MatMul{}, {dequantized(c, node.input(0), *a), dequantized(c, node.input(3), *b)});
  finish_quantized(node, c, product, 6, 7, *dtype);
}

void convert_conv_integer(Node& node) {
  auto op = read_conv(node, 1);
  if (!op) return;
  const Shape& weight = *node.type(1).shape;
  const DType dtype = exact_type(element_count(std::span(weight).subspan(1)));
  Compose c(node);
  ValueId w = c.cast(node.input(1), dtype);
  if (node.has(3)) {
    ValueId zero = c.cast(node.input(3), dtype);
    const auto& shape = node.type(3).shape;
    if (shape && shape->size() == 1 && *shape != Shape{1}) {
      std::vector<std::int64_t> axes;
      for (std::size_t i = 1; i < weight.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
      zero = c.unsqueeze(zero, std::move(axes));
    }
    w = c.sub(w, zero);
  }
  const ValueId sum = c.op(*std::move(op), {centred(c, node.input(0), node.input(2), dtype), w});
  c.finish(Cast{.to = DType::kInt32}, {sum});
}

void convert_mat_mul_integer(Node& node) {
  if (node.has_broken_input()) return;
  const auto& shape = node.type(0).shape;
  const bool known = shape && !shape->empty() && shape->back() >= 0;
  const DType dtype = exact_type(known ? std::optional(shape->back()) : std::nullopt);
  Compose c(node);
  ValueId zero = node.input(2);
  // One zero point for each row of A stands in a column.
  if (zero.valid() && node.rank(2) == std::size_t{1} && *node.type(2).shape != Shape{1}) {
    zero = c.unsqueeze(zero, {1});
  }
  const ValueId a = centred(c, node.input(0), zero, dtype);
  const ValueId b = centred(c, node.input(1), node.input(3), dtype);
  c.finish(Cast{.to = DType::kInt32}, {c.op(MatMul{}, {a, b})});
}

}  // namespace neurotool::from_onnx
