// Factors and offsets per channel, moved into the weights of a linear op. The arithmetic is done in
// double and stored in float32.
#pragma once

#include <optional>
#include <vector>

#include "ir/tensor_graph.hpp"

namespace neurotool::tensor_passes {

/// y[c] = factor[c] * x[c] + offset[c], channel by channel.
struct Affine {
  std::vector<double> factor, offset;
};

/// Whether `producer` is a Conv, Gemm or MatMul with constant weight and bias whose output channels
/// lie on axis 1 of an output of this rank. An Affine of as many channels then fits behind it.
bool takes_affine(const TensorGraph& graph, OpId producer, std::size_t rank, std::size_t channels);

/// Folds the affine function that op `id` applies to the output of `producer` into the weights of
/// `producer`, and removes `id`. The value that `id` made is from then on made by `producer`.
/// takes_affine() must hold, and nothing else may read the producer's output.
void fold_into_producer(TensorGraph& graph, OpId id, OpId producer, const Affine& affine);

/// Folds it into the Conv, Gemm or MatMul `consumer` that alone reads what `id` makes of a value of
/// `rank` axes, as its data. False (and nothing changed) when that op does not take it: a
/// convolution with zeros around its input would not see the offsets there.
bool fold_into_consumer(TensorGraph& graph, OpId id, OpId consumer, const Affine& affine,
                        std::size_t rank);

}  // namespace neurotool::tensor_passes
