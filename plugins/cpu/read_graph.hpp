// The graph behind the ABI as a Network that the engine owns.
#pragma once

#include <neurotool/plugin/sdk.hpp>

#include <optional>

#include "network.hpp"

namespace neurotool::cpu {

/// Copies the graph. Whatever this target does not know is reported through `call`, with its
/// subject; then there is no network.
std::optional<Network> read_graph(sdk::Call call, const sdk::Graph& graph);

}  // namespace neurotool::cpu
