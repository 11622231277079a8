// The dispatch over all ops, and the rules for products, elementwise ops, reductions and the ops
// about shapes. Windows and data movement have files of their own.
#include "ir/op_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "ir/op_geometry.hpp"
#include "ir/op_types_detail.hpp"

namespace neurotool {
namespace op_types {

/// Following the elements of longer tensors than this is not worth it: they are no shapes.
constexpr std::int64_t kMostElements = 64;

Error shape_error(std::string message) { return error("ir.shape", {}, std::move(message)); }

Error type_error(std::string message) { return error("ir.type", {}, std::move(message)); }

const TensorType* get(Inputs inputs, std::size_t index) {
  return index < inputs.size() ? inputs[index] : nullptr;
}

Result<> check_inputs(Inputs inputs, std::size_t least, std::size_t most) {
  if (inputs.size() < least || inputs.size() > most) {
    return shape_error(
        least == most
            ? fmt::format("{} inputs given, {} needed", inputs.size(), least)
            : fmt::format("{} inputs given, {} to {} needed", inputs.size(), least, most));
  }
  for (std::size_t i = 0; i < least; ++i) {
    if (!inputs[i]) return shape_error(fmt::format("input {} is missing", i + 1));
  }
  return {};
}

Result<> check_float(Inputs inputs, std::size_t index, std::string_view what) {
  const TensorType* type = get(inputs, index);
  if (!type) return {};
  if (!is_float(type->dtype)) {
    return type_error(
        fmt::format("{} must be floating-point, got {}", what, short_name(type->dtype)));
  }
  if (type->dtype != inputs[0]->dtype) {
    return type_error(fmt::format("{} is {}, the first input {}", what, short_name(type->dtype),
                                  short_name(inputs[0]->dtype)));
  }
  return {};
}

Result<> check_number(Inputs inputs, std::size_t index, std::string_view what) {
  const TensorType* type = get(inputs, index);
  if (!type) return {};
  if (type->dtype == DType::kBool) return type_error(fmt::format("{} is bool", what));
  if (type->dtype == inputs[0]->dtype) return {};
  return type_error(fmt::format("{} is {}, the first input {}", what, short_name(type->dtype),
                                short_name(inputs[0]->dtype)));
}

Result<> check_rank(const TensorType& type, std::size_t rank, std::string_view what) {
  if (!type.shape || type.shape->size() == rank) return {};
  return shape_error(
      fmt::format("{} must have rank {}, got {}", what, rank, to_string(*type.shape)));
}

bool agree(std::int64_t a, std::int64_t b) { return a == b || a == kFreeDim || b == kFreeDim; }

TensorType typed(DType dtype) {
  return {.dtype = dtype, .shape = std::nullopt, .constant = {}, .elements = {}};
}

TensorType typed(DType dtype, Shape shape) {
  return {.dtype = dtype, .shape = std::move(shape), .constant = {}, .elements = {}};
}

Shape free_shape(std::size_t rank) { return Shape(rank, kFreeDim); }

Result<std::optional<std::vector<std::int64_t>>> elements_of(const TensorType& type,
                                                             std::string_view what) {
  using Elements = std::optional<std::vector<std::int64_t>>;
  if (type.elements) return type.elements;
  if (!type.constant.defined() || type.constant.rank() > 1 || !is_integer(type.dtype)) {
    return Elements();
  }
  NT_TRY(auto values, integers_of(type.constant, what));
  for (const std::int64_t value : values) {
    if (value != TensorType::kUnknown && value != TensorType::kFree) continue;
    return shape_error(fmt::format("{} of {} is out of range", value, what));
  }
  return Elements(std::move(values));
}

namespace {

Result<TensorType> same_as_input(Inputs in) {
  TensorType result = *in[0];
  result.constant = {};
  result.elements.reset();
  return result;
}

bool takes_integers(UnaryKind kind) {
  return kind == UnaryKind::kAbs || kind == UnaryKind::kNeg || kind == UnaryKind::kRelu ||
         kind == UnaryKind::kSign;
}

bool is_logic(BinaryKind kind) {
  return kind == BinaryKind::kAnd || kind == BinaryKind::kOr || kind == BinaryKind::kXor;
}

/// Shape arithmetic: sums and products of extents, where both are known.
std::optional<std::vector<std::int64_t>> combined(BinaryKind kind, Inputs in, const Shape& shape) {
  const auto a = elements_of(*in[0], "extents"), b = elements_of(*in[1], "extents");
  if (!a || !b || !*a || !*b || shape.size() > 1) return {};
  const auto count =
      static_cast<std::size_t>(shape.empty() ? 1 : std::max<std::int64_t>(shape[0], 0));
  std::vector<std::int64_t> result(count, TensorType::kUnknown);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t x = (**a)[(*a)->size() == 1 ? 0 : i], y = (**b)[(*b)->size() == 1 ? 0 : i];
    constexpr std::int64_t kMost = std::int64_t{1} << 31;
    // A free extent is not negative: exporters compare with -1.
    const bool free_and_negative = (x == TensorType::kFree && y < 0 && y > -kMost) ||
                                   (y == TensorType::kFree && x < 0 && x > -kMost);
    if (kind == BinaryKind::kEqual && free_and_negative) result[i] = 0;
    if (x <= -kMost || x >= kMost || y <= -kMost || y >= kMost) continue;
    if (kind == BinaryKind::kAdd) result[i] = x + y;
    if (kind == BinaryKind::kSub) result[i] = x - y;
    if (kind == BinaryKind::kMul) result[i] = x * y;
    if (kind == BinaryKind::kDiv && y != 0) result[i] = x / y;
    if (kind == BinaryKind::kMin) result[i] = std::min(x, y);
    if (kind == BinaryKind::kMax) result[i] = std::max(x, y);
    if (kind == BinaryKind::kEqual) result[i] = x == y ? 1 : 0;
  }
  return result;
}

}  // namespace

Result<TensorType> infer(const Gemm& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 3));
  NT_TRY_VOID(check_float(in, 0, "A"));
  NT_TRY_VOID(check_float(in, 1, "B"));
  NT_TRY_VOID(check_float(in, 2, "C"));
  NT_TRY_VOID(check_rank(*in[0], 2, "A"));
  NT_TRY_VOID(check_rank(*in[1], 2, "B"));
  const Shape a = in[0]->shape.value_or(free_shape(2)), b = in[1]->shape.value_or(free_shape(2));
  const std::int64_t rows = a[op.trans_a ? 1 : 0], columns = b[op.trans_b ? 0 : 1];
  const std::int64_t inner_a = a[op.trans_a ? 0 : 1], inner_b = b[op.trans_b ? 1 : 0];
  if (!agree(inner_a, inner_b)) {
    return shape_error(fmt::format("the inner extents disagree: A {}{} gives {}, B {}{} takes {}",
                                   to_string(a), op.trans_a ? " transposed" : "", inner_a,
                                   to_string(b), op.trans_b ? " transposed" : "", inner_b));
  }
  Shape shape{rows, columns};
  if (const TensorType* c = get(in, 2); c && c->shape) {
    const auto both = broadcast(shape, *c->shape);
    if (!both || both->size() != 2 || !agree((*both)[0], rows) || !agree((*both)[1], columns)) {
      return shape_error(
          fmt::format("C {} does not broadcast to {}", to_string(*c->shape), to_string(shape)));
    }
  }
  return typed(in[0]->dtype, std::move(shape));
}

Result<TensorType> infer(const MatMul&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  NT_TRY_VOID(check_float(in, 0, "A"));
  NT_TRY_VOID(check_float(in, 1, "B"));
  if (!in[0]->shape || !in[1]->shape) return typed(in[0]->dtype);
  const Shape &a = *in[0]->shape, &b = *in[1]->shape;
  if (a.empty() || b.empty()) return shape_error("a matrix product takes no scalars");
  const std::int64_t inner_b = b[b.size() == 1 ? 0 : b.size() - 2];
  if (!agree(a.back(), inner_b)) {
    return shape_error(fmt::format("the inner extents disagree: A {} gives {}, B {} takes {}",
                                   to_string(a), a.back(), to_string(b), inner_b));
  }
  const auto batch_of = [](const Shape& shape) {
    return Shape(shape.begin(), shape.end() - std::min<std::ptrdiff_t>(2, std::ssize(shape)));
  };
  NT_TRY(Shape shape, broadcast(batch_of(a), batch_of(b)));
  if (a.size() > 1) shape.push_back(a[a.size() - 2]);
  if (b.size() > 1) shape.push_back(b.back());
  return typed(in[0]->dtype, std::move(shape));
}

Result<TensorType> infer(const BatchNorm&, Inputs in) {
  constexpr const char* kNames[] = {"the input", "the scale", "the bias", "the mean",
                                    "the variance"};
  NT_TRY_VOID(check_inputs(in, 5, 5));
  for (std::size_t i = 0; i < 5; ++i) {
    NT_TRY_VOID(check_float(in, i, kNames[i]));
    if (i > 0) NT_TRY_VOID(check_rank(*in[i], 1, kNames[i]));
  }
  if (in[0]->shape && in[0]->shape->size() < 2) {
    return shape_error(fmt::format("the input {} has no channel axis", to_string(*in[0]->shape)));
  }
  for (std::size_t i = 1; i < 5 && in[0]->shape; ++i) {
    if (in[i]->shape && !agree((*in[i]->shape)[0], (*in[0]->shape)[1])) {
      return shape_error(fmt::format("{} has {} elements, the input {} has {} channels", kNames[i],
                                     (*in[i]->shape)[0], to_string(*in[0]->shape),
                                     (*in[0]->shape)[1]));
    }
  }
  return same_as_input(in);
}

Result<TensorType> infer(const Unary& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  const DType dtype = in[0]->dtype;
  if (op.kind == UnaryKind::kNot && dtype == DType::kBool) return same_as_input(in);
  if (op.kind == UnaryKind::kNot) return type_error(fmt::format("not of {}", short_name(dtype)));
  if (!is_float(dtype) && !(takes_integers(op.kind) && is_integer(dtype))) {
    return type_error(fmt::format("{} has no meaning for {}", op_name(Op(op)), short_name(dtype)));
  }
  return same_as_input(in);
}

Result<TensorType> infer(const Binary& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  if (in[0]->dtype != in[1]->dtype) {
    return type_error(fmt::format("{} of {} and {}", op_name(Op(op)), short_name(in[0]->dtype),
                                  short_name(in[1]->dtype)));
  }
  const bool of_bool = in[0]->dtype == DType::kBool;
  if (is_logic(op.kind) && !of_bool) {
    return type_error(fmt::format("{} of {}", op_name(Op(op)), short_name(in[0]->dtype)));
  }
  if (of_bool && !is_logic(op.kind) && op.kind != BinaryKind::kEqual) {
    return type_error("arithmetic on bool");
  }
  const DType dtype = is_predicate(op.kind) ? DType::kBool : in[0]->dtype;
  if (!in[0]->shape || !in[1]->shape) return typed(dtype);
  NT_TRY(Shape shape, broadcast(*in[0]->shape, *in[1]->shape));
  TensorType result = typed(dtype, std::move(shape));
  if (in[0]->dtype == DType::kInt64) result.elements = combined(op.kind, in, *result.shape);
  return result;
}

Result<TensorType> infer(const Clip&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 3));
  if (in[0]->dtype == DType::kBool) return type_error("bool cannot be clipped");
  for (std::size_t i = 1; i < 3; ++i) {
    const TensorType* bound = get(in, i);
    if (!bound) continue;
    if (bound->dtype != in[0]->dtype) {
      return type_error(fmt::format("a bound of type {} for a tensor of type {}",
                                    short_name(bound->dtype), short_name(in[0]->dtype)));
    }
    if (bound->shape && element_count(*bound->shape).value_or(1) != 1) {
      return shape_error(
          fmt::format("a bound must be one number, got {}", to_string(*bound->shape)));
    }
  }
  return same_as_input(in);
}

Result<TensorType> infer(const Where&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 3, 3));
  if (in[0]->dtype != DType::kBool) {
    return type_error(fmt::format("the condition is {}, not bool", short_name(in[0]->dtype)));
  }
  if (in[1]->dtype != in[2]->dtype) {
    return type_error(fmt::format("a choice between {} and {}", short_name(in[1]->dtype),
                                  short_name(in[2]->dtype)));
  }
  if (!in[0]->shape || !in[1]->shape || !in[2]->shape) return typed(in[1]->dtype);
  NT_TRY(Shape shape, broadcast(*in[1]->shape, *in[2]->shape));
  NT_TRY(shape, broadcast(shape, *in[0]->shape));
  TensorType result = typed(in[1]->dtype, std::move(shape));
  const auto yes = elements_of(*in[1], "extents"), no = elements_of(*in[2], "extents");
  const auto& which = in[0]->elements;
  if (!which || !yes || !*yes || !no || !*no || result.shape->size() > 1) return result;
  const auto count = std::max({which->size(), (*yes)->size(), (*no)->size()});
  const auto pick = [](const std::vector<std::int64_t>& list, std::size_t i) {
    return list[list.size() == 1 ? 0 : i];
  };
  result.elements.emplace();
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t holds = pick(*which, i);
    const bool open = holds == TensorType::kUnknown || holds == TensorType::kFree;
    result.elements->push_back(open    ? TensorType::kUnknown
                               : holds ? pick(**yes, i)
                                       : pick(**no, i));
  }
  return result;
}

Result<TensorType> infer(const Softmax& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  NT_TRY_VOID(check_float(in, 0, "the input"));
  if (in[0]->shape) NT_TRY_VOID(normal_axis(op.axis, in[0]->shape->size(), "softmax axis"));
  return same_as_input(in);
}

Result<TensorType> infer(const Cast& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  TensorType result = *in[0];
  result.constant = {};
  result.dtype = op.to;
  if (op.to != DType::kInt64 && op.to != DType::kInt32) result.elements.reset();
  return result;
}

Result<TensorType> infer(const ShapeOf& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  if (!in[0]->shape) return typed(DType::kInt64, {kFreeDim});
  const Shape& data = *in[0]->shape;
  const auto rank = static_cast<std::int64_t>(data.size());
  const auto clamped = [&](std::int64_t axis) {
    return std::clamp(axis < 0 ? axis + rank : axis, std::int64_t{0}, rank);
  };
  const std::int64_t first = clamped(op.start);
  const std::int64_t last = std::max(first, clamped(op.end.value_or(rank)));
  TensorType result = typed(DType::kInt64, {last - first});
  result.elements.emplace(data.begin() + first, data.begin() + last);
  std::ranges::replace(*result.elements, kFreeDim, TensorType::kFree);
  return result;
}

Result<TensorType> infer(const ConstantOfShape& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  NT_CHECK(op.value.defined() && op.value.size() == 1, "constant_of_shape needs one element");
  NT_TRY(const auto elements, elements_of(*in[0], "the shape"));
  if (!elements) {
    const auto& shape = in[0]->shape;
    const bool counted = shape && shape->size() == 1 && (*shape)[0] >= 0 && (*shape)[0] < 64;
    if (!counted) return typed(op.value.dtype());
    return typed(op.value.dtype(), free_shape(static_cast<std::size_t>((*shape)[0])));
  }
  Shape shape = *elements;
  for (std::int64_t& extent : shape) {
    if (extent == TensorType::kFree || extent == TensorType::kUnknown) {
      extent = kFreeDim;
    } else if (extent < 0) {
      return shape_error(fmt::format("extent {} is negative", extent));
    }
  }
  TensorType result = typed(op.value.dtype(), std::move(shape));
  const bool is_list =
      result.shape->size() == 1 && (*result.shape)[0] >= 0 && (*result.shape)[0] <= kMostElements;
  if (result.dtype == DType::kInt64 && is_list) {
    result.elements.emplace(static_cast<std::size_t>((*result.shape)[0]),
                            op.value.as<std::int64_t>()[0]);
  }
  return result;
}

Result<TensorType> infer(const QuantizedActivation& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  NT_TRY_VOID(check_float(in, 0, "the input"));
  if (in[1]->dtype != in[0]->dtype) {
    return type_error(fmt::format("a scale of type {} for an input of type {}",
                                  short_name(in[1]->dtype), short_name(in[0]->dtype)));
  }
  if (op.low >= op.high) {
    return shape_error(fmt::format("levels from {} to {} are not two", op.low, op.high));
  }
  const auto& scale = in[1]->shape;
  if (!scale || scale->empty() || !in[0]->shape) return same_as_input(in);
  const bool fits =
      scale->size() == 1 && in[0]->shape->size() >= 2 && agree((*scale)[0], (*in[0]->shape)[1]);
  if (fits) return same_as_input(in);
  return shape_error(fmt::format("a scale of shape {} for an input of shape {}", to_string(*scale),
                                 to_string(*in[0]->shape)));
}

Result<TensorType> infer(const Identity&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  TensorType result = *in[0];
  result.constant = {};
  return result;
}

}  // namespace op_types

TensorType type_of(const Tensor& tensor) {
  return {.dtype = tensor.dtype(), .shape = tensor.shape(), .constant = tensor, .elements = {}};
}

TensorType type_of(const Value& value) {
  return {.dtype = value.dtype, .shape = value.shape, .constant = value.constant, .elements = {}};
}

Result<TensorType> infer_type(const Op& op, std::span<const TensorType* const> inputs) {
  auto result = std::visit([&](const auto& kind) { return op_types::infer(kind, inputs); }, op);
  if (!result || !result->shape) return result;
  Shape known = *result->shape;
  std::ranges::replace(known, kFreeDim, std::int64_t{1});
  if (!element_count(known)) {
    return op_types::shape_error(
        fmt::format("the result {} would have more than 2^48 elements", to_string(*result->shape)));
  }
  if (result->elements && std::ssize(*result->elements) > op_types::kMostElements) {
    result->elements.reset();
  }
  return result;
}

ValueTypes::ValueTypes(const TensorGraph& graph) {
  for (const Value& value : graph.values) types_.push_back(type_of(value));
}

void ValueTypes::set(ValueId id, TensorType type) {
  if (id.index >= types_.size()) types_.resize(id.index + std::size_t{1});
  types_[id.index] = std::move(type);
}

Result<TensorType> ValueTypes::infer(const OpNode& node) const {
  std::vector<const TensorType*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(id.valid() ? &types_[id.index] : nullptr);
  return infer_type(node.op, inputs);
}

}  // namespace neurotool
