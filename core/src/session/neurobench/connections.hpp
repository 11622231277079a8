// What counts as a connection layer, and how many products one input value takes part in.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/spike_graph.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool::neurobench {

/// The constant weight of a convolution or matrix product, or nullptr.
const Tensor* connection_weight(const TensorGraph& network, const OpNode& node);

/// A matrix or convolution. Pools, identity branches and moved elements only pass values on.
bool is_connection_layer(const SpikeGraph& graph, const Projection& projection);

/// Synapses of each source neuron, padding left out.
struct FanOut {
  std::vector<std::int64_t> all;       ///< by source neuron
  std::vector<std::int64_t> non_zero;  ///< those whose weight is not 0
  std::int64_t total = 0;
};
FanOut fan_out(const SpikeGraph& graph, const Projection& projection);

}  // namespace neurotool::neurobench
