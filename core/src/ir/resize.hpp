// Extents and scales of a Resize, computed once for the shape rule and the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "ir/ops.hpp"

namespace neurotool {

/// One axis of a resize. `extent` is kFreeDim when it is not known.
struct ResizeAxis {
  std::int64_t extent = 0;
  double scale = 1;
  double begin = 0, end = 1;  ///< the region of interest, as parts of the input
};

/// Whether the extents come as factors or as numbers; exactly one is given. An unknown size is
/// kFreeDim.
struct ResizeWish {
  std::optional<std::vector<float>> scales;
  std::optional<std::vector<std::int64_t>> sizes;
  std::vector<float> region;  ///< all begins, then all ends; may be empty
};

/// Errors: ir.shape.
Result<std::vector<ResizeAxis>> resize_axes(const Resize& op, const Shape& data,
                                            const ResizeWish& wish);

}  // namespace neurotool
