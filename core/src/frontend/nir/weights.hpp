// Weights in the forms that every reader of NIR takes: one group, square kernels, the same padding
// on both sides, a node where we have a factor. Private to frontend/nir.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "ir/connectivity.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::to_nir {

/// Stored weights as float32, multiplied by 2^shift.
Tensor real_weight(const Tensor& weight, std::uint32_t shift);

/// The same sums with groups = 1, padding equal on both sides, and a kernel as high as wide where
/// zeros can make it so. `in` is [C,H,W]. Error: nir.cannot-express, without a place.
Result<nir::Conv2d> portable_convolution(const Conv2d& conv, const Tensor& weight, const Shape& in);

/// A pooling as a convolution: `factor` [C] or rank 0 (absent: 1) on each channel's own window.
Conv2d pooling_convolution(const SumPool2d& pool, std::int64_t channels, const Tensor& factor);

/// [N,N] with `values` (one, or N) on the diagonal.
Tensor diagonal(const std::vector<double>& values, std::int64_t size);
/// [M,N] of a sparse projection.
Tensor dense_weight(const Sparse& sparse, std::int64_t targets, std::int64_t sources);

}  // namespace neurotool::to_nir
