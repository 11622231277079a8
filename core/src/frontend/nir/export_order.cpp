// Cycles, delays and the order of edges. The plan says how readers walk a graph, so it is asked
// where each of them would enter a cycle.
#include "frontend/nir/export_order.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "eval/nir/plan.hpp"
#include "ir/nir/walk.hpp"

namespace neurotool::to_nir {

bool closes_cycle(const SpikeGraph& graph, const Projection& projection) {
  if (projection.delay_steps == 0) return false;
  std::vector<bool> seen(graph.populations.size());
  std::vector<PopulationId> open{projection.target};
  while (!open.empty()) {
    const PopulationId at = open.back();
    open.pop_back();
    if (at == projection.source) return true;
    if (seen[at.index]) continue;
    seen[at.index] = true;
    for (const ProjectionId next : graph.outgoing(at)) open.push_back(graph[next].target);
  }
  return false;
}

Result<> check_delays(const SpikeGraph& graph, const nir::Graph& made, const ExportOptions& options,
                      const std::function<bool(const std::string&)>& is_entered,
                      Diagnostics& diagnostics) {
  std::size_t wanted = 0;
  for (const ProjectionId id : graph.live_projections())
    wanted += closes_cycle(graph, graph[id]) ? 1 : 0;
  if (wanted == 0) return {};
  NT_TRY(const nir::GraphPlan plan, nir::plan_graph(made, "", diagnostics));
  for (const nir::PlannedNode& node : plan.nodes) {
    const bool loops =
        options.profile == Profile::kNative && std::holds_alternative<nir::I>(node.primitive);
    for (const nir::PlannedEdge& edge : node.incoming) {
      if (!edge.delayed) continue;
      const nir::PlannedNode& source = plan.nodes[edge.source];
      if (loops && std::holds_alternative<nir::Scale>(source.primitive)) continue;
      if (wanted > 0) --wanted;
      if (is_entered(node.name)) continue;
      return error("nir.cannot-express", ModelNode{"", node.name},
                   "readers would enter the cycle here, and not where the delay is",
                   "use delays of one step on the projection that closes the cycle");
    }
  }
  return {};
}

Result<> order_edges(nir::Graph& made, Diagnostics& diagnostics) {
  NT_TRY(const nir::GraphPlan plan, nir::plan_graph(made, "", diagnostics));
  std::map<std::string, std::size_t, std::less<>> place;
  for (std::size_t i = 0; i < plan.order.size(); ++i) place[plan.nodes[plan.order[i]].name] = i;
  std::ranges::sort(made.edges, {}, [&](const nir::Edge& edge) {
    return std::pair(place.at(edge.source), place.at(edge.target));
  });
  nir::order_edges(made);  // a Scale or matrix on a way back must not come after the Output
  return {};
}

}  // namespace neurotool::to_nir
