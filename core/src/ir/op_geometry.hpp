// Index arithmetic that ops share: axes counted from either end, windows, slices, pads. Everything
// is checked here once, so that the shape rules and the kernels cannot disagree.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool {

/// `axis` counted from the front; -1 is the last. `what` names it in the error (ir.shape).
Result<std::size_t> normal_axis(std::int64_t axis, std::size_t rank, std::string_view what);

/// A list of different axes, counted from the front, in the order given.
Result<std::vector<std::size_t>> normal_axes(std::span<const std::int64_t> axes, std::size_t rank,
                                             std::string_view what);

/// The elements of an integer tensor of rank 0 or 1 (ir.type, ir.shape otherwise).
Result<std::vector<std::int64_t>> integers_of(const Tensor& tensor, std::string_view what);

/// How a kernel moves along one spatial axis.
struct KernelWindow {
  std::int64_t kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;
  std::int64_t span() const { return (kernel - 1) * dilation + 1; }
};

/// Strides, dilations and pads as windows; an empty list means the default. Errors: ir.shape.
Result<std::vector<KernelWindow>> windows_of(std::span<const std::int64_t> kernel,
                                             std::span<const std::int64_t> strides,
                                             std::span<const std::int64_t> dilations,
                                             std::span<const std::int64_t> pads);

enum class RoundUp : bool { kNo, kYes };
/// How many windows fit into `extent`; kFreeDim stays kFreeDim. Errors when none does. With kYes a
/// window may hang over the end, but none starts behind the input and its leading pad.
Result<std::int64_t> window_count(std::int64_t extent, const KernelWindow& window,
                                  RoundUp round_up);

/// The part of one axis that a slice takes.
struct SliceRange {
  std::int64_t start = 0, step = 1, count = 0;
  bool whole = false;  ///< every element, in order
};
/// One range for each axis of `data`. ends may lie far outside: they are clamped. An axis of free
/// extent has count kFreeDim.
Result<std::vector<SliceRange>> slice_ranges(const Shape& data,
                                             std::span<const std::int64_t> starts,
                                             std::span<const std::int64_t> ends,
                                             std::span<const std::int64_t> axes,
                                             std::span<const std::int64_t> steps);

/// How much a pad adds before and after one axis; negative amounts crop.
struct PadAmount {
  std::int64_t begin = 0, end = 0;
};
/// One amount for each axis of a tensor of this rank. axes empty: all.
Result<std::vector<PadAmount>> pad_amounts(std::size_t rank, std::span<const std::int64_t> pads,
                                           std::span<const std::int64_t> axes);

/// numpy's broadcasting of two shapes; free extents stay free where nothing decides them.
Result<Shape> broadcast(const Shape& a, const Shape& b);

/// The extents a Reshape makes of `data`. A wanted extent may be TensorType::kFree or kUnknown.
Result<Shape> reshaped_extents(const Shape& data, std::span<const std::int64_t> wanted,
                               bool allow_zero);

}  // namespace neurotool
