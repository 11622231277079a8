// Results whose elements are elements of the input, axis by axis: repeats, broadcasts, padding with
// the input itself, nearest neighbours.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/op_geometry.hpp"
#include "ir/op_types.hpp"

namespace neurotool::kernels {

/// out[i, j, …] = in[picks[0][i], picks[1][j], …]; the lists have the extents of the result, and
/// as many as the input has axes.
Tensor pick_axes(const Tensor& in, const std::vector<std::vector<std::int64_t>>& picks);

/// A padding that is filled from the input.
Tensor pad_with_data(PadMode mode, const Tensor& in, std::span<const PadAmount> amounts,
                     const TensorType& out);

}  // namespace neurotool::kernels
