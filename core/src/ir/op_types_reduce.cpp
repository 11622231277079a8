// Shape rules of reductions, of the largest element's place, and of sums of products in einsum
// notation.
#include <fmt/format.h>

#include <algorithm>

#include "ir/einsum.hpp"
#include "ir/op_geometry.hpp"
#include "ir/op_types_detail.hpp"

namespace neurotool::op_types {
namespace {

using Elements = std::optional<std::vector<std::int64_t>>;

/// The result when it is not known which axes go.
TensorType unknown_axes(const Reduce& op, Inputs in) {
  const std::size_t rank = in[0]->shape->size();
  if (op.keep_dims) return typed(in[0]->dtype, free_shape(rank));
  const auto& axes = in[1]->shape;
  const bool counted =
      axes && axes->size() == 1 && (*axes)[0] > 0 && (*axes)[0] <= static_cast<std::int64_t>(rank);
  if (!counted) return typed(in[0]->dtype);
  return typed(in[0]->dtype, free_shape(rank - static_cast<std::size_t>((*axes)[0])));
}

/// The number of elements, or the sum of extents: arithmetic on shapes.
Elements reduced_extents(ReduceKind kind, Inputs in) {
  const auto extents = elements_of(*in[0], "extents");
  if (!extents || !*extents || in[0]->shape->size() > 1) return {};
  if (kind != ReduceKind::kProd && kind != ReduceKind::kSum) return {};
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  std::int64_t total = kind == ReduceKind::kProd ? 1 : 0;
  for (const std::int64_t extent : **extents) {
    if (extent < 0 || extent >= kMost || total >= kMost) return std::vector{TensorType::kUnknown};
    total = kind == ReduceKind::kProd ? total * extent : total + extent;
  }
  return std::vector{total};
}

}  // namespace

Result<TensorType> infer(const Reduce& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 2));
  if (op.kind == ReduceKind::kMean) NT_TRY_VOID(check_float(in, 0, "the input"));
  NT_TRY_VOID(check_number(in, 0, "the input"));
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  NT_TRY(const Elements axes, list_input(in, 1, "the reduced axes"));
  if (get(in, 1) && !is_known(axes)) return unknown_axes(op, in);
  NT_TRY(const auto normal,
         normal_axes(axes.value_or(std::vector<std::int64_t>{}), data.size(), "reduced axis"));
  Shape shape;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const bool reduced = normal.empty() || std::ranges::find(normal, i) != normal.end();
    if (reduced && data[i] == 0 && op.kind == ReduceKind::kMean) {
      return shape_error("the mean of no elements");
    }
    if (!reduced) shape.push_back(data[i]);
    if (reduced && op.keep_dims) shape.push_back(1);
  }
  TensorType result = typed(in[0]->dtype, std::move(shape));
  if (result.dtype == DType::kInt64) result.elements = reduced_extents(op.kind, in);
  return result;
}

Result<TensorType> infer(const ArgMax& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  NT_TRY_VOID(check_number(in, 0, "the input"));
  if (!in[0]->shape) return typed(DType::kInt64);
  Shape shape = *in[0]->shape;
  NT_TRY(const std::size_t axis, normal_axis(op.axis, shape.size(), "axis"));
  if (shape[axis] == 0) return shape_error(fmt::format("axis {} has no element", axis));
  shape[axis] = 1;
  if (!op.keep_dims) shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return typed(DType::kInt64, std::move(shape));
}

Result<TensorType> infer(const Einsum& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, in.size()));
  NT_TRY_VOID(check_equation(op.equation, in.size()));
  std::vector<Shape> shapes;
  bool known = true;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i]) return shape_error(fmt::format("input {} is missing", i + 1));
    NT_TRY_VOID(check_number(in, i, fmt::format("operand {}", i + 1)));
    known = known && in[i]->shape.has_value();
    shapes.push_back(in[i]->shape.value_or(Shape{}));
  }
  if (!known) return typed(in[0]->dtype);
  NT_TRY(const EinsumPlan plan, plan_einsum(op.equation, shapes));
  Shape all = plan.extents, shape;
  std::ranges::replace(all, kFreeDim, std::int64_t{1});
  if (!element_count(all)) return shape_error("the sum has more than 2^48 products");
  for (const std::size_t label : plan.result) shape.push_back(plan.extents[label]);
  return typed(in[0]->dtype, std::move(shape));
}

}  // namespace neurotool::op_types
