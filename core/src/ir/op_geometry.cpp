// Axes, windows, slices, pads, broadcasting and reshaping as arithmetic on extents. Attributes come
// from files: each one is bounded before it enters a product.
#include "ir/op_geometry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ir/op_types.hpp"

namespace neurotool {
namespace {

/// Strides, dilations, pads and kernels beyond this are nobody's network, and below it no sum or
/// product of two of them overflows.
constexpr std::int64_t kLargestWindow = std::int64_t{1} << 30;

Error shape_error(std::string message) { return error("ir.shape", {}, std::move(message)); }

Result<> check_range(std::span<const std::int64_t> values, std::int64_t least,
                     std::string_view what) {
  for (const std::int64_t value : values) {
    if (value < least || value > kLargestWindow) {
      return shape_error(
          fmt::format("{} {} is outside {} to {}", what, value, least, kLargestWindow));
    }
  }
  return {};
}

Result<> check_length(std::span<const std::int64_t> values, std::size_t wanted,
                      std::string_view what) {
  if (values.empty() || values.size() == wanted) return {};
  return shape_error(fmt::format("{} {} given, {} needed", values.size(), what, wanted));
}

SliceRange slice_range(std::int64_t extent, std::int64_t start, std::int64_t end,
                       std::int64_t step) {
  const auto from_front = [&](std::int64_t index) { return index < 0 ? index + extent : index; };
  SliceRange range{.start = 0, .step = step, .count = 0, .whole = false};
  if (step > 0) {
    range.start = std::clamp(from_front(start), std::int64_t{0}, extent);
    const std::int64_t stop = std::clamp(from_front(end), std::int64_t{0}, extent);
    if (stop > range.start) range.count = (stop - range.start - 1) / step + 1;
  } else {
    range.start = std::clamp(from_front(start), std::int64_t{-1}, extent - 1);
    const std::int64_t stop = std::clamp(from_front(end), std::int64_t{-1}, extent - 1);
    // step may be the smallest integer, whose negation does not exist: divide by it instead.
    if (stop < range.start) range.count = (stop - range.start + 1) / step + 1;
  }
  return range;
}

struct NewExtents {
  Shape shape;                          ///< the inferred extent is 1 here
  std::optional<std::size_t> inferred;  ///< where -1 stood
  bool unknown = false;                 ///< some extent is computed from who knows what
};

/// The new shape of a Reshape as far as it is written down: zeros copied, -1 left open.
Result<NewExtents> copy_extents(const Shape& data, std::span<const std::int64_t> wanted,
                                bool allow_zero) {
  NewExtents result{.shape = Shape(wanted.size()), .inferred = {}, .unknown = false};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::int64_t& extent = result.shape[i];
    extent = wanted[i];
    if (extent == -1) {
      if (result.inferred) return shape_error("more than one extent of the new shape is -1");
      result.inferred = i;
      extent = 1;
    } else if (extent == TensorType::kUnknown || extent == TensorType::kFree) {
      result.unknown = result.unknown || extent == TensorType::kUnknown;
      extent = kFreeDim;
    } else if (extent < 0) {
      return shape_error(fmt::format("extent {} of the new shape is negative", extent));
    } else if (extent == 0 && !allow_zero) {
      if (i >= data.size()) {
        return shape_error(
            fmt::format("extent {} of the new shape copies one that {} lacks", i, to_string(data)));
      }
      extent = data[i];
    }
  }
  return result;
}

std::optional<std::int64_t> count_without_free(Shape shape) {
  std::ranges::replace(shape, kFreeDim, std::int64_t{1});
  return element_count(shape);
}

}  // namespace

Result<std::size_t> normal_axis(std::int64_t axis, std::size_t rank, std::string_view what) {
  const auto extent = static_cast<std::int64_t>(rank);
  if (axis < -extent || axis >= extent) {
    return shape_error(fmt::format("{} {} is outside a tensor of rank {}", what, axis, rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + extent : axis);
}

Result<std::vector<std::size_t>> normal_axes(std::span<const std::int64_t> axes, std::size_t rank,
                                             std::string_view what) {
  std::vector<std::size_t> result;
  for (const std::int64_t axis : axes) {
    NT_TRY(const std::size_t normal, normal_axis(axis, rank, what));
    if (std::ranges::find(result, normal) != result.end()) {
      return shape_error(fmt::format("{} {} is given twice", what, axis));
    }
    result.push_back(normal);
  }
  return result;
}

Result<std::vector<std::int64_t>> integers_of(const Tensor& tensor, std::string_view what) {
  if (!is_integer(tensor.dtype())) {
    return error("ir.type", {},
                 fmt::format("{} must be integers, got {}", what, short_name(tensor.dtype())));
  }
  if (tensor.rank() > 1) {
    return shape_error(
        fmt::format("{} must have rank 0 or 1, got {}", what, to_string(tensor.shape())));
  }
  const Tensor wide = tensor.converted(DType::kInt64);
  const auto values = wide.as<std::int64_t>();
  return std::vector<std::int64_t>(values.begin(), values.end());
}

Result<std::vector<KernelWindow>> windows_of(std::span<const std::int64_t> kernel,
                                             std::span<const std::int64_t> strides,
                                             std::span<const std::int64_t> dilations,
                                             std::span<const std::int64_t> pads) {
  const std::size_t axes = kernel.size();
  if (axes == 0) return shape_error("the kernel has no spatial axis");
  NT_TRY_VOID(check_length(strides, axes, "strides"));
  NT_TRY_VOID(check_length(dilations, axes, "dilations"));
  NT_TRY_VOID(check_length(pads, 2 * axes, "pads"));
  NT_TRY_VOID(check_range(kernel, 1, "kernel extent"));
  NT_TRY_VOID(check_range(strides, 1, "stride"));
  NT_TRY_VOID(check_range(dilations, 1, "dilation"));
  NT_TRY_VOID(check_range(pads, 0, "pad"));
  std::vector<KernelWindow> windows(axes);
  for (std::size_t i = 0; i < axes; ++i) {
    windows[i].kernel = kernel[i];
    if (!strides.empty()) windows[i].stride = strides[i];
    if (!dilations.empty()) windows[i].dilation = dilations[i];
    if (!pads.empty()) windows[i].pad_begin = pads[i];
    if (!pads.empty()) windows[i].pad_end = pads[axes + i];
  }
  return windows;
}

Result<std::int64_t> window_count(std::int64_t extent, const KernelWindow& window,
                                  RoundUp round_up) {
  if (extent == kFreeDim) return kFreeDim;
  const std::int64_t room = extent + window.pad_begin + window.pad_end - window.span();
  if (room < 0) {
    return shape_error(
        fmt::format("a kernel that spans {} does not fit into {} plus pads {} and {}",
                    window.span(), extent, window.pad_begin, window.pad_end));
  }
  std::int64_t count = room / window.stride + 1;
  if (round_up == RoundUp::kYes && room % window.stride != 0 &&
      count * window.stride < extent + window.pad_begin) {
    ++count;
  }
  return count;
}

Result<std::vector<SliceRange>> slice_ranges(const Shape& data,
                                             std::span<const std::int64_t> starts,
                                             std::span<const std::int64_t> ends,
                                             std::span<const std::int64_t> axes,
                                             std::span<const std::int64_t> steps) {
  if (starts.size() != ends.size() || (!axes.empty() && axes.size() != starts.size()) ||
      (!steps.empty() && steps.size() != starts.size()) || starts.size() > data.size()) {
    return shape_error(
        fmt::format("{} starts, {} ends, {} axes and {} steps do not belong together for rank {}",
                    starts.size(), ends.size(), axes.size(), steps.size(), data.size()));
  }
  std::vector<SliceRange> ranges(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) ranges[i] = {.count = data[i], .whole = true};
  NT_TRY(auto normal, normal_axes(axes, data.size(), "slice axis"));
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = axes.empty() ? i : normal[i];
    const std::int64_t step = steps.empty() ? 1 : steps[i];
    if (step == 0) return shape_error(fmt::format("the slice step of axis {} is 0", axis));
    constexpr std::int64_t kWhole = std::numeric_limits<std::int32_t>::max();
    if (data[axis] != kFreeDim) {
      ranges[axis] = slice_range(data[axis], starts[i], ends[i], step);
      ranges[axis].whole = ranges[axis].count == data[axis] && (step == 1 || data[axis] < 2);
    } else if (starts[i] != 0 || ends[i] < kWhole || step != 1) {
      ranges[axis] = {.start = starts[i], .step = step, .count = kFreeDim, .whole = false};
    }
  }
  return ranges;
}

Result<std::vector<PadAmount>> pad_amounts(std::size_t rank, std::span<const std::int64_t> pads,
                                           std::span<const std::int64_t> axes) {
  const std::size_t padded = axes.empty() ? rank : axes.size();
  if (pads.size() != 2 * padded) {
    return shape_error(fmt::format("{} pads given, {} needed", pads.size(), 2 * padded));
  }
  NT_TRY_VOID(check_range(pads, -kLargestWindow, "pad"));
  NT_TRY(auto normal, normal_axes(axes, rank, "pad axis"));
  std::vector<PadAmount> amounts(rank);
  for (std::size_t i = 0; i < padded; ++i) {
    amounts[axes.empty() ? i : normal[i]] = {.begin = pads[i], .end = pads[padded + i]};
  }
  return amounts;
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    std::int64_t& extent = result[longer.size() - shorter.size() + i];
    const std::int64_t other = shorter[i];
    if (extent == other || other == 1) continue;
    if (extent != 1 && extent != kFreeDim && other != kFreeDim) {
      return shape_error(
          fmt::format("{} and {} do not broadcast to one shape", to_string(a), to_string(b)));
    }
    // A free extent meets a fixed one above 1: the fixed one is what comes out.
    if (extent == 1 || extent == kFreeDim) extent = other;
  }
  return result;
}

Result<Shape> reshaped_extents(const Shape& data, std::span<const std::int64_t> wanted,
                               bool allow_zero) {
  NT_TRY(const NewExtents extents, copy_extents(data, wanted, allow_zero));
  Shape result = extents.shape;
  const auto free_from = std::ranges::count(data, kFreeDim);
  const auto free_to = std::ranges::count(result, kFreeDim);
  if (free_from != free_to || free_from > 1 || extents.unknown) {
    // [?,784] to [-1,28,28], or a computed extent: the free part cannot be told from the rest.
    if (extents.inferred) result[*extents.inferred] = kFreeDim;
    return result;
  }
  // Nothing free, or the same free extent on both sides, which cancels.
  const auto have = count_without_free(data), want = count_without_free(result);
  const bool divides = have && want && (*want == 0 ? *have == 0 : *have % *want == 0);
  const bool fits =
      divides && (*have == *want || extents.inferred) && (*want != 0 || !extents.inferred);
  if (!fits && std::ranges::find(wanted, TensorType::kFree) != wanted.end()) {
    // The free extent of the data is a multiple of the batch: [?,12,17], heads in front, to
    // [batch,2,12,17].
    if (extents.inferred) result[*extents.inferred] = kFreeDim;
    return result;
  }
  if (!fits) {
    return shape_error(fmt::format("{} cannot be reshaped to {}", to_string(data),
                                   to_string(Shape(wanted.begin(), wanted.end()))));
  }
  if (extents.inferred) result[*extents.inferred] = *have / *want;
  return result;
}

}  // namespace neurotool
