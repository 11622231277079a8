// The graph behind the ABI as a Network that the compiler owns.
#pragma once

#include <neurotool/plugin/sdk.hpp>

#include <optional>

#include "map/network.hpp"

namespace neurotool::spikecore {

/// Reports everything that this target does not know; empty where there was something.
std::optional<Network> read_graph(sdk::Call call, const sdk::Graph& graph);

}  // namespace neurotool::spikecore
