// Shape rules of the ops that only move elements. Where the elements are extents (int64, rank 0 or
// 1), they are followed too, so that "reshape to (batch, -1)" keeps its known axes.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ir/op_geometry.hpp"
#include "ir/op_types_detail.hpp"

namespace neurotool::op_types {
namespace {

using Elements = std::optional<std::vector<std::int64_t>>;

/// The product of extents, or kFreeDim.
Result<std::int64_t> product(std::span<const std::int64_t> extents) {
  if (std::ranges::find(extents, kFreeDim) != extents.end()) return kFreeDim;
  const auto count = element_count(extents);
  if (!count) return shape_error("the product of the extents is larger than 2^48");
  return *count;
}

/// The same elements in a shape of rank 0 or 1.
TensorType moved(const TensorType& from, Shape shape) {
  TensorType result = typed(from.dtype, std::move(shape));
  if (result.shape->size() <= 1 && from.shape && from.shape->size() <= 1) {
    result.elements = from.elements;
  }
  return result;
}

Elements concatenated(Inputs in) {
  std::vector<std::int64_t> all;
  for (const TensorType* part : in) {
    const auto elements = elements_of(*part, "extents");
    if (!elements || !*elements || !part->shape || part->shape->size() != 1) return {};
    all.insert(all.end(), (*elements)->begin(), (*elements)->end());
  }
  return all;
}

}  // namespace

Result<Elements> list_input(Inputs in, std::size_t index, std::string_view what) {
  const TensorType* type = get(in, index);
  if (!type) return Elements();
  if (type->shape && type->shape->size() > 1) {
    return shape_error(fmt::format("{} must have rank 1, got {}", what, to_string(*type->shape)));
  }
  if (!is_integer(type->dtype)) {
    return type_error(fmt::format("{} must be integers, got {}", what, short_name(type->dtype)));
  }
  return elements_of(*type, what);
}

/// Whether a list is given and every element is known.
bool is_known(const Elements& elements) {
  return elements && std::ranges::none_of(*elements, [](std::int64_t element) {
           return element == TensorType::kUnknown || element == TensorType::kFree;
         });
}

Result<TensorType> infer(const Flatten& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  if (!in[0]->shape) return typed(in[0]->dtype, free_shape(2));
  const Shape& data = *in[0]->shape;
  // Flatten may also be asked to split behind the last axis.
  const auto rank = static_cast<std::int64_t>(data.size());
  std::size_t axis = data.size();
  if (op.axis != rank) {
    NT_TRY(axis, normal_axis(op.axis, data.size(), "flatten axis"));
  }
  const std::span<const std::int64_t> all(data);
  NT_TRY(const std::int64_t rows, product(all.first(axis)));
  NT_TRY(const std::int64_t columns, product(all.subspan(axis)));
  return typed(in[0]->dtype, {rows, columns});
}

Result<TensorType> infer(const Reshape& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  NT_TRY(const Elements wanted, list_input(in, 1, "the new shape"));
  if (!wanted) {
    const auto& shape = in[1]->shape;
    const bool counted = shape && shape->size() == 1 && (*shape)[0] >= 0 && (*shape)[0] < 64;
    if (!counted) return typed(in[0]->dtype);
    return typed(in[0]->dtype, free_shape(static_cast<std::size_t>((*shape)[0])));
  }
  if (!in[0]->shape) {
    if (!is_known(*wanted)) return typed(in[0]->dtype, free_shape(wanted->size()));
    Shape shape = *wanted;
    std::ranges::replace_if(
        shape, [](std::int64_t extent) { return extent <= 0; }, kFreeDim);
    return typed(in[0]->dtype, std::move(shape));
  }
  NT_TRY(Shape shape, reshaped_extents(*in[0]->shape, *wanted, op.allow_zero));
  return moved(*in[0], std::move(shape));
}

Result<TensorType> infer(const Transpose& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  if (!in[0]->shape) {
    if (op.perm.empty()) return typed(in[0]->dtype);
    return typed(in[0]->dtype, free_shape(op.perm.size()));
  }
  const Shape& data = *in[0]->shape;
  if (op.perm.empty()) return typed(in[0]->dtype, Shape(data.rbegin(), data.rend()));
  if (op.perm.size() != data.size()) {
    return shape_error(fmt::format("a permutation of {} axes does not fit the input {}",
                                   op.perm.size(), to_string(data)));
  }
  NT_TRY(const auto perm, normal_axes(op.perm, data.size(), "permuted axis"));
  Shape shape;
  for (const std::size_t axis : perm) shape.push_back(data[axis]);
  return typed(in[0]->dtype, std::move(shape));
}

Result<TensorType> infer(const Squeeze&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 2));
  NT_TRY(const Elements axes, list_input(in, 1, "the squeezed axes"));
  if (!in[0]->shape || (get(in, 1) && !is_known(axes))) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  std::vector<bool> squeezed(data.size(), false);
  if (axes) {
    NT_TRY(const auto normal, normal_axes(*axes, data.size(), "squeezed axis"));
    for (const std::size_t axis : normal) {
      if (data[axis] != 1 && data[axis] != kFreeDim) {
        return shape_error(fmt::format("axis {} of {} cannot be squeezed", axis, to_string(data)));
      }
      squeezed[axis] = true;
    }
  } else {
    for (std::size_t i = 0; i < data.size(); ++i) squeezed[i] = data[i] == 1;
  }
  Shape shape;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (!squeezed[i]) shape.push_back(data[i]);
  }
  return moved(*in[0], std::move(shape));
}

Result<TensorType> infer(const Unsqueeze&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  NT_TRY(const Elements axes, list_input(in, 1, "the new axes"));
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  if (!is_known(axes)) {
    const auto& count = in[1]->shape;
    const bool counted = count && count->size() == 1 && (*count)[0] >= 0 && (*count)[0] < 64;
    if (!counted) return typed(in[0]->dtype);
    return typed(in[0]->dtype, free_shape(data.size() + static_cast<std::size_t>((*count)[0])));
  }
  const std::size_t rank = data.size() + axes->size();
  NT_TRY(const auto normal, normal_axes(*axes, rank, "new axis"));
  Shape shape(rank, 0);
  for (const std::size_t axis : normal) shape[axis] = 1;
  auto next = data.begin();
  for (std::int64_t& extent : shape) {
    if (extent == 0) extent = *next++;
  }
  return moved(*in[0], std::move(shape));
}

Result<TensorType> infer(const Concat& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, in.size()));
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i]) return shape_error(fmt::format("input {} is missing", i + 1));
    if (in[i]->dtype != in[0]->dtype) {
      return type_error(fmt::format("{} and {} cannot be joined", short_name(in[0]->dtype),
                                    short_name(in[i]->dtype)));
    }
    if (!in[i]->shape) return typed(in[0]->dtype);
  }
  Shape shape = *in[0]->shape;
  NT_TRY(const std::size_t axis, normal_axis(op.axis, shape.size(), "concat axis"));
  for (const TensorType* part : in.subspan(1)) {
    const Shape& other = *part->shape;
    bool fits = other.size() == shape.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
      fits = i == axis || agree(shape[i], other[i]);
      if (fits && i != axis && shape[i] == kFreeDim) shape[i] = other[i];
    }
    if (!fits) {
      return shape_error(fmt::format("{} and {} cannot be joined along axis {}", to_string(shape),
                                     to_string(other), axis));
    }
    const bool is_free = shape[axis] == kFreeDim || other[axis] == kFreeDim;
    shape[axis] = is_free ? kFreeDim : shape[axis] + other[axis];
  }
  TensorType result = typed(in[0]->dtype, std::move(shape));
  if (result.dtype == DType::kInt64) result.elements = concatenated(in);
  return result;
}

Result<TensorType> infer(const Slice&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 3, 5));
  NT_TRY(const Elements starts, list_input(in, 1, "the starts"));
  NT_TRY(const Elements ends, list_input(in, 2, "the ends"));
  NT_TRY(Elements axes, list_input(in, 3, "the axes"));
  NT_TRY(Elements steps, list_input(in, 4, "the steps"));
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  const bool known = is_known(starts) && is_known(ends) && (!get(in, 3) || is_known(axes)) &&
                     (!get(in, 4) || is_known(steps));
  if (!known) return typed(in[0]->dtype, free_shape(data.size()));
  NT_TRY(const auto ranges,
         slice_ranges(data, *starts, *ends, axes.value_or(std::vector<std::int64_t>{}),
                      steps.value_or(std::vector<std::int64_t>{})));
  Shape shape;
  for (const SliceRange& range : ranges) shape.push_back(range.count);
  TensorType result = typed(in[0]->dtype, std::move(shape));
  NT_TRY(const Elements elements, elements_of(*in[0], "extents"));
  if (elements && data.size() == 1) {
    result.elements.emplace();
    for (std::int64_t i = 0; i < ranges[0].count; ++i) {
      const auto index = static_cast<std::size_t>(ranges[0].start + i * ranges[0].step);
      result.elements->push_back((*elements)[index]);
    }
  }
  return result;
}

Result<TensorType> infer(const Pad& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 4));
  NT_TRY(const Elements pads, list_input(in, 1, "the pads"));
  NT_TRY(const Elements axes, list_input(in, 3, "the padded axes"));
  if (const TensorType* value = get(in, 2); value && value->dtype != in[0]->dtype) {
    return type_error(fmt::format("a value of type {} cannot pad a tensor of type {}",
                                  short_name(value->dtype), short_name(in[0]->dtype)));
  }
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  if (!is_known(pads) || (get(in, 3) && !is_known(axes))) {
    return typed(in[0]->dtype, free_shape(data.size()));
  }
  NT_TRY(const auto amounts,
         pad_amounts(data.size(), *pads, axes.value_or(std::vector<std::int64_t>{})));
  Shape shape = data;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == kFreeDim) continue;
    shape[i] += amounts[i].begin + amounts[i].end;
    if (amounts[i].begin < -data[i] || amounts[i].end < -data[i] || shape[i] < 0) {
      return shape_error(fmt::format("pads {} and {} of axis {} crop more than its extent {}",
                                     amounts[i].begin, amounts[i].end, i, data[i]));
    }
    const std::int64_t kept = data[i] + std::min<std::int64_t>(0, amounts[i].begin) +
                              std::min<std::int64_t>(0, amounts[i].end);
    const bool pads_more = amounts[i].begin > 0 || amounts[i].end > 0;
    if (op.mode != PadMode::kConstant && pads_more && kept < 1) {
      return shape_error(
          fmt::format("axis {} of {} has no elements to pad with", i, to_string(data)));
    }
  }
  return typed(in[0]->dtype, std::move(shape));
}

Result<TensorType> infer(const Expand&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  NT_TRY(const Elements wanted, list_input(in, 1, "the shape"));
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  if (!wanted) {
    const auto& shape = in[1]->shape;
    const bool counted = shape && shape->size() == 1 && (*shape)[0] >= 0 && (*shape)[0] < 64;
    if (!counted) return typed(in[0]->dtype);
    return typed(in[0]->dtype,
                 free_shape(std::max(data.size(), static_cast<std::size_t>((*shape)[0]))));
  }
  Shape shape = *wanted;
  for (std::int64_t& extent : shape) {
    if (extent == TensorType::kFree || extent == TensorType::kUnknown) {
      extent = kFreeDim;
    } else if (extent < 0) {
      return shape_error(fmt::format("the extent {} is negative", extent));
    }
  }
  NT_TRY(shape, broadcast(data, shape));
  return moved(*in[0], std::move(shape));
}

Result<TensorType> infer(const Tile&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  NT_TRY(const Elements repeats, list_input(in, 1, "the repeats"));
  if (!in[0]->shape) return typed(in[0]->dtype);
  Shape shape = *in[0]->shape;
  if (!is_known(repeats)) return typed(in[0]->dtype, free_shape(shape.size()));
  if (repeats->size() != shape.size()) {
    return shape_error(
        fmt::format("{} repeats for the axes of {}", repeats->size(), to_string(shape)));
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if ((*repeats)[i] < 0)
      return shape_error(fmt::format("axis {} repeats {} times", i, (*repeats)[i]));
    if (shape[i] == kFreeDim) continue;
    const std::int64_t both[] = {shape[i], (*repeats)[i]};
    NT_TRY(shape[i], product(both));
  }
  return typed(in[0]->dtype, std::move(shape));
}

Result<TensorType> infer(const Gather& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 2));
  if (in[1]->dtype != DType::kInt32 && in[1]->dtype != DType::kInt64) {
    return type_error(fmt::format("indices of type {}", short_name(in[1]->dtype)));
  }
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  NT_TRY(const std::size_t axis, normal_axis(op.axis, data.size(), "gather axis"));
  const Tensor& indices = in[1]->constant;
  for (std::int64_t i = 0; indices.defined() && data[axis] >= 0 && i < indices.size(); ++i) {
    const auto index = static_cast<std::int64_t>(indices.at(i));
    if (index < -data[axis] || index >= data[axis]) {
      return shape_error(
          fmt::format("index {} is outside axis {} of {}", index, axis, to_string(data)));
    }
  }
  if (!in[1]->shape) return typed(in[0]->dtype);
  Shape shape(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(shape.end(), in[1]->shape->begin(), in[1]->shape->end());
  shape.insert(shape.end(), data.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.end());
  TensorType result = typed(in[0]->dtype, std::move(shape));
  NT_TRY(const Elements elements, elements_of(*in[0], "extents"));
  if (elements && data.size() == 1 && indices.defined() && result.shape->size() <= 1) {
    result.elements.emplace();
    for (std::int64_t i = 0; i < indices.size(); ++i) {
      const auto index = static_cast<std::int64_t>(indices.at(i));
      result.elements->push_back(
          (*elements)[static_cast<std::size_t>(index < 0 ? index + data[0] : index)]);
    }
  }
  return result;
}

}  // namespace neurotool::op_types
