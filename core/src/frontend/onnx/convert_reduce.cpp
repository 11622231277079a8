// Reductions over axes, which were an attribute and became an input; what is a sum or a maximum
// with a function before or behind it; and the place of the largest element.
#include <fmt/format.h>

#include <limits>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"
#include "ir/einsum.hpp"

namespace neurotool::from_onnx {
namespace {

/// The axes and what the node says of them.
struct Reduction {
  ValueId axes;  ///< invalid: all of them
  bool keep_dims = true;
  bool nothing = false;  ///< no axis at all is reduced
};

/// From which opset on the axes are an input.
int first_opset_with_input(const Node& node) { return node.op_type() == "ReduceSum" ? 13 : 18; }

std::optional<Reduction> read_reduction(Node& node) {
  Reduction result{.axes = {}, .keep_dims = node.attributes.flag("keepdims", true)};
  if (node.opset() < first_opset_with_input(node)) {
    if (!has_inputs(node, 1, 1)) return std::nullopt;
    auto axes = node.attributes.integers("axes");
    if (axes && !axes->empty()) result.axes = node.constant("axes", *std::move(axes));
    return result;
  }
  const bool empty_means_none = node.attributes.flag("noop_with_empty_axes", false);
  const bool no_axes = !node.has(1) || node.type(1).shape == Shape{0};
  result.nothing = no_axes && empty_means_none;
  if (!no_axes) result.axes = node.input(1);
  return result;
}

ValueId reduced(Compose& c, ReduceKind kind, ValueId x, const Reduction& how) {
  if (how.nothing) return x;
  const Reduce op{.kind = kind, .keep_dims = how.keep_dims};
  return how.axes.valid() ? c.op(op, {x, how.axes}) : c.op(op, {x});
}

void finish_reduced(Compose& c, ReduceKind kind, ValueId x, const Reduction& how) {
  if (how.nothing) return c.finish(Identity{}, {x});
  const Reduce op{.kind = kind, .keep_dims = how.keep_dims};
  if (how.axes.valid()) return c.finish(op, {x, how.axes});
  c.finish(op, {x});
}

void convert_plain(Node& node, ReduceKind kind) {
  const auto how = read_reduction(node);
  if (!how) return;
  Compose c(node);
  if (!node.has_broken_input() && node.type(0).dtype == DType::kBool) {
    // The largest truth value is an "or", the smallest an "and".
    const ValueId bytes = c.cast(c.in(0), DType::kUint8);
    return c.finish(Cast{.to = DType::kBool}, {reduced(c, kind, bytes, *how)});
  }
  if (kind == ReduceKind::kMean && !node.has_broken_input() && !is_float(node.type(0).dtype)) {
    const ValueId wide = c.cast(c.in(0), DType::kFloat64);
    return c.finish(Cast{.to = node.type(0).dtype}, {reduced(c, kind, wide, *how)});
  }
  finish_reduced(c, kind, c.in(0), *how);
}

}  // namespace

void convert_reduce_max(Node& node) { convert_plain(node, ReduceKind::kMax); }
void convert_reduce_mean(Node& node) { convert_plain(node, ReduceKind::kMean); }
void convert_reduce_min(Node& node) { convert_plain(node, ReduceKind::kMin); }
void convert_reduce_prod(Node& node) { convert_plain(node, ReduceKind::kProd); }
void convert_reduce_sum(Node& node) { convert_plain(node, ReduceKind::kSum); }

void convert_reduce_l1(Node& node) {
  const auto how = read_reduction(node);
  Compose c(node);
  if (how) finish_reduced(c, ReduceKind::kSum, c.unary(UnaryKind::kAbs, c.in(0)), *how);
}

void convert_reduce_l2(Node& node) {
  const auto how = read_reduction(node);
  Compose c(node);
  if (!how) return;
  const ValueId sum = reduced(c, ReduceKind::kSum, c.mul(c.in(0), c.in(0)), *how);
  c.finish(Unary{UnaryKind::kSqrt}, {sum});
}

void convert_reduce_sum_square(Node& node) {
  const auto how = read_reduction(node);
  Compose c(node);
  if (how) finish_reduced(c, ReduceKind::kSum, c.mul(c.in(0), c.in(0)), *how);
}

void convert_reduce_log_sum(Node& node) {
  const auto how = read_reduction(node);
  Compose c(node);
  if (!how) return;
  c.finish(Unary{UnaryKind::kLog}, {reduced(c, ReduceKind::kSum, c.in(0), *how)});
}

void convert_reduce_log_sum_exp(Node& node) {
  const auto how = read_reduction(node);
  Compose c(node);
  if (!how) return;
  if (how->nothing) return c.finish(Identity{}, {c.in(0)});
  Reduction wide = *how;
  wide.keep_dims = true;
  // The largest is taken out, so that nothing overflows; an infinite one may not be subtracted.
  constexpr float kMost = std::numeric_limits<float>::max();
  const ValueId most = c.clip(reduced(c, ReduceKind::kMax, c.in(0), wide), -kMost, kMost);
  const ValueId powers = c.unary(UnaryKind::kExp, c.sub(c.in(0), most));
  const ValueId total = c.unary(UnaryKind::kLog, reduced(c, ReduceKind::kSum, powers, wide));
  const ValueId sum = c.add(total, most);
  if (how->keep_dims) return c.finish(Identity{}, {sum});
  if (how->axes.valid()) return c.finish(Squeeze{}, {sum, how->axes});
  c.finish(Reshape{}, {sum, c.list({})});
}

void convert_arg_max(Node& node) {
  const std::int64_t axis = node.attributes.integer("axis", 0);
  const bool keep_dims = node.attributes.flag("keepdims", true);
  const bool last = node.opset() >= 12 && node.attributes.flag("select_last_index", false);
  Compose c(node);
  ValueId x = c.in(0);
  if (node.op_type() == "ArgMin") {
    // Small integers have no room for their negatives.
    const bool small = !node.has_broken_input() && is_integer(node.type(0).dtype);
    x = c.negative(small ? c.cast(x, DType::kInt64) : x);
  }
  c.finish(ArgMax{.axis = axis, .keep_dims = keep_dims, .select_last = last}, {x});
}

void convert_einsum(Node& node) {
  const std::string equation = node.attributes.text("equation", "");
  node.finish(Einsum{.equation = explicit_equation(equation)}, node.inputs());
}

void convert_range(Node& node) { node.finish(NumberRange{}, node.inputs()); }

void convert_size(Node& node) {
  Compose c(node);
  const ValueId shape = c.shape_of(c.in(0));
  c.finish(Reduce{.kind = ReduceKind::kProd, .keep_dims = false}, {shape});
}

}  // namespace neurotool::from_onnx
