// The linear layers of a network, each as a form on the payloads of one population. The values of
// those payloads, and the factors that are still pending, go into the weights.
#pragma once

#include "ir/ops.hpp"
#include "passes/lower/linear_form.hpp"

namespace neurotool::lower {

/// `input` has a plain_source(); weight is [M, C/group, k] or [M, C/group, kh, kw]; bias may be
/// undefined. A convolution over one axis becomes one over two, of height 1.
LinearForm convolve(const SpikeGraph& graph, const LinearForm& input, const Conv& op,
                    const Tensor& weight, const Tensor& bias, Shape output);

/// output[t] = alpha * sum over e of weight(t, e) * input[e].
struct Matrix {
  Tensor weight;               ///< rank 2
  bool targets_first = false;  ///< the tensor is [targets, elements], not [elements, targets]
  double alpha = 1;
};
/// True if every term of a plain form reads each neuron of its source, so that a dense projection
/// has no column in vain.
bool fits_matrix(const LinearForm& form, const SpikeGraph& graph);
LinearForm multiply(const SpikeGraph& graph, const LinearForm& input, const Matrix& matrix,
                    Shape output);

/// Windows of a pool over one or two axes; nothing is pending but the divisor.
struct PoolGeometry {
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1};
  std::array<std::int64_t, 4> padding{0, 0, 0, 0};
};
/// `input` has a plain_source().
LinearForm average(const LinearForm& input, const PoolGeometry& geometry, Shape output);
/// `input` has a plain_source(), and no channel has a value below 0: the largest payload must be
/// the largest value.
LinearForm maximum(const LinearForm& input, const PoolGeometry& geometry, Shape output);
/// Whether the payloads of a form that plain_source() accepts may be compared for their values.
bool values_rise_with_payloads(const SpikeGraph& graph, const LinearForm& input);

/// (begin, end) pads of one or two axes in ONNX's order, as top, left, bottom, right.
std::array<std::int64_t, 4> padding_of(std::span<const std::int64_t> pads);
/// One or two extents, height first; an empty list means 1.
std::array<std::int64_t, 2> pair_of(std::span<const std::int64_t> extents);

}  // namespace neurotool::lower
