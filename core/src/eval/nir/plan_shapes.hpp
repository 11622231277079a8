// What a NIR node makes of the shape of its input, and how its parameters lie over that shape:
// windows of convolutions and pools, values of one neuron each.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::nir {

/// A window of a convolution or a pooling, both axes; of a Conv1d the first axis is 1 wide.
struct WindowGeometry {
  std::int64_t kernel[2]{1, 1}, stride[2]{1, 1}, dilation[2]{1, 1};
  std::int64_t before[2]{0, 0}, after[2]{0, 0};  ///< padding
  std::int64_t groups = 1;
};
/// Of a Conv1d, Conv2d, SumPool2d or AvgPool2d. Error: nir.parameter, without a place.
Result<WindowGeometry> window_geometry(const Primitive& primitive);

/// A parameter spread over a node's neurons: rank 0, [1], [C], [C,1,1] or the full shape. `absent`
/// stands for an undefined tensor. Error: nir.parameter, without a place.
Result<std::vector<double>> spread(const Tensor& parameter, const Shape& shape, double absent);

/// The shape that a node sends, for one sample at one step, when it gets `in`; empty where nothing
/// comes in, and the node's own parameters say its shape. Errors: nir.shape, nir.parameter, without
/// a place.
Result<Shape> sent_shape(const Primitive& primitive, const Shape& in);

}  // namespace neurotool::nir
