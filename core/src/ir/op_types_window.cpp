// Shape rules of the ops that slide a kernel over spatial axes.
#include <fmt/format.h>

#include <type_traits>

#include "ir/op_geometry.hpp"
#include "ir/op_types_detail.hpp"

namespace neurotool::op_types {
namespace {

/// [N,C] of `data` (or N and another channel count) followed by the window counts.
Result<Shape> slide(const Shape& data, std::int64_t channels,
                    const std::vector<KernelWindow>& windows, RoundUp round_up) {
  if (data.size() != windows.size() + 2) {
    return shape_error(fmt::format("a kernel with {} spatial axes does not fit the input {}",
                                   windows.size(), to_string(data)));
  }
  Shape result{data[0], channels};
  for (std::size_t i = 0; i < windows.size(); ++i) {
    NT_TRY(const std::int64_t count, window_count(data[i + 2], windows[i], round_up));
    result.push_back(count);
  }
  return result;
}

template <class Pool>
Result<TensorType> infer_pool(const Pool& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  constexpr bool kTakesIntegers = std::is_same_v<Pool, MaxPool>;
  if (kTakesIntegers) NT_TRY_VOID(check_number(in, 0, "the pooled tensor"));
  if (!kTakesIntegers) NT_TRY_VOID(check_float(in, 0, "the pooled tensor"));
  NT_TRY(const auto windows, windows_of(op.kernel, op.strides, op.dilations, op.pads));
  for (const KernelWindow& window : windows) {
    if (window.pad_begin >= window.span() || window.pad_end >= window.span()) {
      return shape_error(fmt::format("pads {} and {} leave windows of a kernel that spans {} empty",
                                     window.pad_begin, window.pad_end, window.span()));
    }
  }
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  if (data.size() < 3) return check_rank(*in[0], 4, "the pooled tensor").error();
  NT_TRY(Shape shape, slide(data, data[1], windows, op.ceil_mode ? RoundUp::kYes : RoundUp::kNo));
  return typed(in[0]->dtype, std::move(shape));
}

}  // namespace

Result<TensorType> infer(const Conv& op, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 2, 3));
  NT_TRY_VOID(check_float(in, 0, "the input"));
  NT_TRY_VOID(check_float(in, 1, "the weight"));
  NT_TRY_VOID(check_float(in, 2, "the bias"));
  if (op.group < 1) return shape_error(fmt::format("group {} is not positive", op.group));
  if (!in[1]->shape) return typed(in[0]->dtype);
  const Shape& weight = *in[1]->shape;
  if (weight.size() < 3) {
    return shape_error(fmt::format("a weight of shape {} has no spatial axis", to_string(weight)));
  }
  const std::span<const std::int64_t> kernel(weight.begin() + 2, weight.end());
  NT_TRY(const auto windows, windows_of(kernel, op.strides, op.dilations, op.pads));
  if (weight[0] < 1 || weight[0] % op.group != 0) {
    return shape_error(
        fmt::format("{} output channels do not divide into {} groups", weight[0], op.group));
  }
  const TensorType* bias = get(in, 2);
  if (bias && bias->shape && *bias->shape != Shape{weight[0]}) {
    return shape_error(fmt::format("the bias has shape {}, the weight makes {} channels",
                                   to_string(*bias->shape), weight[0]));
  }
  if (!in[0]->shape) return typed(in[0]->dtype);
  const Shape& data = *in[0]->shape;
  if (data.size() == weight.size() && data[1] != kFreeDim &&
      (data[1] % op.group != 0 || data[1] / op.group != weight[1])) {
    return shape_error(
        fmt::format("the input {} has {} channels, the weight {} takes {} in {} groups",
                    to_string(data), data[1], to_string(weight), weight[1] * op.group, op.group));
  }
  NT_TRY(Shape shape, slide(data, weight[0], windows, RoundUp::kNo));
  return typed(in[0]->dtype, std::move(shape));
}

Result<TensorType> infer(const MaxPool& op, Inputs in) {
  NT_TRY(TensorType result, infer_pool(op, in));
  if (op.result != PoolResult::kValue) result.dtype = DType::kInt64;
  return result;
}

Result<TensorType> infer(const AveragePool& op, Inputs in) { return infer_pool(op, in); }

Result<TensorType> infer(const GlobalAveragePool&, Inputs in) {
  NT_TRY_VOID(check_inputs(in, 1, 1));
  NT_TRY_VOID(check_float(in, 0, "the pooled tensor"));
  if (!in[0]->shape) return typed(in[0]->dtype);
  Shape shape = *in[0]->shape;
  if (shape.size() < 3) return check_rank(*in[0], 4, "the pooled tensor").error();
  for (std::size_t i = 2; i < shape.size(); ++i) {
    if (shape[i] == 0) return shape_error("the pooled tensor is empty");
    shape[i] = 1;
  }
  return typed(in[0]->dtype, std::move(shape));
}

}  // namespace neurotool::op_types
