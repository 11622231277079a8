// Shortcuts that travel with the layer beside them. Private to frontend/nir.
#pragma once

#include "ir/spike_graph.hpp"

namespace neurotool::to_nir {

/// The graph with residual connections that need a node of their own led through the layer that
/// they go around: it gets a neuron for each spike to pass on, which sends in the same step what it
/// receives, and the weights of the connection become part of the layer behind. Then there is one
/// branch, and a reader that walks depth first runs it rightly. The population's own neurons are
/// the first ones of the larger population. One that lies beside a single convolution becomes part
/// of its kernel. Connections between other layers stay. Notes: nir.lowered.
SpikeGraph with_carried_shortcuts(const SpikeGraph& graph, Diagnostics& diagnostics);

}  // namespace neurotool::to_nir
