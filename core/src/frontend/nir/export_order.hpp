// What the order of a file's nodes means: readers delay the edge that closes a cycle, and some walk
// along the list of edges. Private to frontend/nir.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "frontend/nir/exporter.hpp"

namespace neurotool::to_nir {

/// Whether the projection is late and its target leads back to its source.
bool closes_cycle(const SpikeGraph& graph, const Projection& projection);

/// Readers delay the edge that closes a cycle in their order; it must be the delayed projection.
/// `is_entered` says whether a node of `made` takes a population's current. Error:
/// nir.cannot-express.
Result<> check_delays(const SpikeGraph& graph, const nir::Graph& made, const ExportOptions& options,
                      const std::function<bool(const std::string&)>& is_entered,
                      Diagnostics& diagnostics);

/// Edges in the order of a step, sources first, then targets. The order means nothing, but some
/// executors walk depth first along it, and then only this one is right.
Result<> order_edges(nir::Graph& made, Diagnostics& diagnostics);

}  // namespace neurotool::to_nir
