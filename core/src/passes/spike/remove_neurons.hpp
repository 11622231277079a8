// Takes channels out of a population, and out of everything that is stored for them.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool::integer {

/// Whether channels of this population can go: it is no input, relay or output, and each projection
/// from or to it is dense, sparse, one_to_one or an ungrouped conv2d.
bool can_lose_channels(const SpikeGraph& graph, PopulationId id);

/// Keeps these channels (ascending, at least one). one_to_one projections become sparse ones. What
/// the others did is not made good: they must be silent, or folded away before.
void keep_channels(SpikeGraph& graph, PopulationId id, const std::vector<std::int64_t>& kept);

}  // namespace neurotool::integer
