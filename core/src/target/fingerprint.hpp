// A hash over everything that a plugin can see of a graph: equal graphs, equal fingerprints; a
// cache key for plugins.
#pragma once

#include <string>

#include "ir/spike_graph.hpp"

namespace neurotool {

/// 64 hexadecimal digits. The graph must be compact.
std::string fingerprint(const SpikeGraph& graph);

}  // namespace neurotool
