// Slices, pads, transposes, concatenations and gathers as lists of indices, and constants spread
// over the elements of a value.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ir/tensor_graph.hpp"

namespace neurotool::lower {

/// For each element of the node's output (one sample) the element of input `which` that it shows,
/// or View::kZero where it shows another input or padding. The op itself runs on indices instead of
/// data, so there is no second definition of what it does. `samples` are the shapes of the inputs
/// without the batch axis (empty for constants); `batch` is the batch to try it with. Errors: those
/// of evaluate_op, and lowering.unsupported-op when the op mixes the samples of a batch.
Result<std::vector<std::int64_t>> picks_of(const TensorGraph& graph, const OpNode& node,
                                           std::size_t which, std::span<const Shape> samples,
                                           std::int64_t batch);

/// The elements of a constant broadcast to a value of this shape (without the batch axis); nothing
/// when it does not broadcast to it or differs between samples.
std::optional<std::vector<double>> broadcast_constant(const Tensor& constant, const Shape& sample);

}  // namespace neurotool::lower
