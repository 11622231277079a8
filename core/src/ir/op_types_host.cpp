// Shape rules of the ops that only a host runs: number ranges, resampling, recurrent layers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/op_geometry.hpp"
#include "ir/op_types_detail.hpp"
#include "ir/resize.hpp"

namespace neurotool::op_types {
namespace {

Result<> check_one_number(Inputs in, std::size_t index, std::string_view what) {
  NT_TRY_VOID(check_number(in, index, what));
  const auto& shape = in[index]->shape;
  if (!shape || element_count(*shape).value_or(1) == 1) return {};
  return shape_error(fmt::format("{} must be one number, got {}", what, to_string(*shape)));
}

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    values.push_back(static_cast<float>(tensor.at(i)));
  }
  return values;
}

/// The sizes as far as they are known; nothing when there is not even their number.
Result<std::optional<std::vector<std::int64_t>>> sizes_of(Inputs in) {
  NT_TRY(auto sizes, list_input(in, 3, "the sizes"));
  if (!sizes) return std::optional<std::vector<std::int64_t>>();
  for (std::int64_t& size : *sizes) {
    if (size == TensorType::kFree || size == TensorType::kUnknown) {
      size = kFreeDim;
    } else if (size < 0) {
      return shape_error(fmt::format("the size {} is negative", size));
    }
  }
  return sizes;
}

/// The wish as far as it is known; nothing when scales or sizes are computed.
Result<std::optional<ResizeWish>> wish_of(const Resize& op, Inputs in, std::size_t rank) {
  using Wish = std::optional<ResizeWish>;
  ResizeWish wish;
  const TensorType* scales = get(in, 2);
  // An empty list of scales is how older exporters say that sizes follow.
  if (scales && get(in, 3) && scales->shape == Shape{0}) scales = nullptr;
  if (scales) {
    if (!scales->constant.defined()) return Wish();
    wish.scales = floats_of(scales->constant);
  }
  if (get(in, 3)) {
    NT_TRY(wish.sizes, sizes_of(in));
    if (!wish.sizes) return Wish();
  }
  if (op.coordinates != ResizeCoordinates::kCropAndResize) return Wish(std::move(wish));
  const TensorType* region = get(in, 1);
  if (!region) return shape_error("cropping needs a region of interest");
  if (region->constant.defined()) {
    wish.region = floats_of(region->constant);
  } else if (wish.scales) {
    return Wish();
  } else {
    // Sizes alone say the extents; what the region holds does not matter yet.
    wish.region.assign(2 * (op.axes.empty() ? rank : op.axes.size()), 0);
  }
  return Wish(std::move(wish));
}

struct Extents {
  std::int64_t steps = kFreeDim, batch = kFreeDim, hidden = kFreeDim, directions = 1, gates = 4;
};

Result<> check_extents(const TensorType* type, const Shape& wanted, std::string_view what) {
  if (!type || !type->shape) return {};
  const bool fits = std::ranges::equal(*type->shape, wanted, agree);
  if (fits) return {};
  return shape_error(
      fmt::format("{} has shape {}, {} needed", what, to_string(*type->shape), to_string(wanted)));
}

Result<> check_weights(const Recurrent& op, Inputs in, Extents& extents, std::int64_t features) {
  if (in[2]->shape) extents.hidden = (*in[2]->shape)[2];
  const std::int64_t hidden = extents.hidden, directions = extents.directions;
  const std::int64_t rows = hidden == kFreeDim ? kFreeDim : extents.gates * hidden;
  NT_TRY_VOID(check_extents(in[1], {directions, rows, features}, "the input weight"));
  NT_TRY_VOID(check_extents(in[2], {directions, rows, hidden}, "the recurrent weight"));
  const std::int64_t both = rows == kFreeDim ? kFreeDim : 2 * rows;
  NT_TRY_VOID(check_extents(get(in, 3), {directions, both}, "the bias"));
  NT_TRY_VOID(check_extents(get(in, 4), {extents.batch}, "the list of sequence lengths"));
  const Shape state = op.batch_first ? Shape{extents.batch, directions, hidden}
                                     : Shape{directions, extents.batch, hidden};
  NT_TRY_VOID(check_extents(get(in, 5), state, "the initial hidden state"));
  NT_TRY_VOID(check_extents(get(in, 6), state, "the initial cell state"));
  const std::int64_t peepholes = hidden == kFreeDim ? kFreeDim : 3 * hidden;
  return check_extents(get(in, 7), {directions, peepholes}, "the list of peepholes");
}

}  // namespace

Result<TensorType> infer(const NumberRange&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 3, 3));
  NT_TRY_VOID(check_one_number(in, 0, "the start"));
  NT_TRY_VOID(check_one_number(in, 1, "the limit"));
  NT_TRY_VOID(check_one_number(in, 2, "the step"));
  const auto number = [&](std::size_t index) -> std::optional<double> {
    if (in[index]->constant.defined() && in[index]->constant.size() == 1) {
      return in[index]->constant.at(0);
    }
    const auto& elements = in[index]->elements;
    if (!elements || elements->size() != 1 || !is_known(elements)) return std::nullopt;
    return static_cast<double>((*elements)[0]);
  };
  const auto start = number(0), limit = number(1), step = number(2);
  if (step == 0.0) return shape_error("the step is 0");
  if (!start || !limit || !step) return typed(in[0]->dtype, {kFreeDim});
  const double count = std::max(0.0, std::ceil((*limit - *start) / *step));
  if (!(count < 281474976710656.0)) {
    return shape_error(
        fmt::format("the range from {} to {} by {} has {} numbers", *start, *limit, *step, count));
  }
  return typed(in[0]->dtype, {static_cast<std::int64_t>(count)});
}

Result<TensorType> infer(const Resize& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 4));
  if (op.mode == ResizeMode::kNearest) NT_TRY_VOID(check_number(in, 0, "the input"));
  if (op.mode != ResizeMode::kNearest) NT_TRY_VOID(check_float(in, 0, "the input"));
  if (!get(in, 2) && !get(in, 3)) return shape_error("neither scales nor sizes are given");
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  NT_TRY(const auto wish, wish_of(op, in, data.size()));
  if (!wish) return typed(in[0]->dtype, free_shape(data.size()));
  NT_TRY(const auto axes, resize_axes(op, data, *wish));
  Shape shape;
  for (const ResizeAxis& axis : axes) shape.push_back(axis.extent);
  return typed(in[0]->dtype, std::move(shape));
}

Result<TensorType> infer(const Recurrent& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 3, 8));
  constexpr const char* kNames[] = {"the input", "the input weight", "the recurrent weight",
                                    "the bias"};
  for (std::size_t i = 0; i < 4; ++i) NT_TRY_VOID(check_float(in, i, kNames[i]));
  for (std::size_t i = 0; i < 3; ++i) NT_TRY_VOID(check_rank(*in[i], 3, kNames[i]));
  for (const std::size_t i : {5, 6, 7}) NT_TRY_VOID(check_float(in, i, "a state"));
  if (const TensorType* lengths = get(in, 4); lengths && lengths->dtype != DType::kInt32) {
    return type_error(fmt::format("sequence lengths of type {}", short_name(lengths->dtype)));
  }
  Extents extents;
  extents.directions = op.direction == RecurrentDirection::kBidirectional ? 2 : 1;
  extents.gates = op.kind == RecurrentKind::kRnn ? 1 : op.kind == RecurrentKind::kGru ? 3 : 4;
  std::int64_t features = kFreeDim;
  if (in[0]->shape) {
    const Shape& data = *in[0]->shape;
    extents.steps = data[op.batch_first ? 1 : 0];
    extents.batch = data[op.batch_first ? 0 : 1];
    features = data[2];
  }
  NT_TRY_VOID(check_weights(op, in, extents, features));
  const auto [steps, batch, hidden, directions, gates] = extents;
  if (op.result == RecurrentResult::kAll) {
    return typed(in[0]->dtype, op.batch_first ? Shape{batch, steps, directions, hidden}
                                              : Shape{steps, directions, batch, hidden});
  }
  return typed(in[0]->dtype, op.batch_first ? Shape{batch, directions, hidden}
                                            : Shape{directions, batch, hidden});
}

}  // namespace neurotool::op_types
