// Lists of synapses that are a convolution after all: a strided shortcut without parameters, padded
// channels, a crop, the parts of a concatenation. Private to frontend/nir.
#pragma once

#include <optional>

#include "ir/connectivity.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool::to_nir {

/// A convolution with exactly these synapses, with the smallest kernel that was found. Nothing
/// where it would have more than `most` weights once readers take it (square, equal padding), which
/// a list without any pattern soon needs, or where one end is no image. Weights are float32.
std::optional<Conv2d> as_convolution(const Sparse& sparse, const Shape& source, const Shape& target,
                                     std::int64_t most);

/// The graph with the sparse projections that are a convolution of at most `most` weights as one.
/// Notes: nir.lowered.
SpikeGraph with_windows(const SpikeGraph& graph, std::int64_t most, Diagnostics& diagnostics);

}  // namespace neurotool::to_nir
