// How nirtorch.load runs a graph: every node once, depth first along the list of edges, starting at
// the node that no edge leads to. norse 1.1.0, sinabs 2.0.3 and rockpool are built on it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/nir/lower.hpp"

namespace neurotool::nir {

struct Walk {
  std::vector<std::string> order;  ///< the last one's output is what the network returns
  /// Edges whose source runs after the target, although no cycle asks for it: what they bring is
  /// one step late.
  std::vector<Edge> late;
};

/// Of one level. Nothing where not exactly one node has outgoing edges only: which of several is
/// the start is left to chance.
std::optional<Walk> depth_first_walk(const Graph& graph);

/// Whether the walk computes what the graph says: nothing is late, and an Output comes last.
bool runs_rightly(const Graph& graph);

/// Where the walk goes wrong, edges in an order in which it does not, if there is one: sources
/// before targets. The order has no meaning otherwise.
Changes order_edges(Graph& graph);

}  // namespace neurotool::nir
