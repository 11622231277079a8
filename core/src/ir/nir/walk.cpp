// Preorder, as the executor walks, and its reverse postorder, which is an order of a step.
#include "ir/nir/walk.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "ir/nir/lower_detail.hpp"

namespace neurotool::nir {
namespace {

/// Places of nodes and the edges between them, each once; edges to nowhere are left out.
struct Adjacency {
  explicit Adjacency(const Graph& graph) {
    for (const Node& node : graph.nodes) place.emplace(node.name, place.size());
    targets.resize(place.size());
    incoming.resize(place.size());
    for (const Edge& edge : graph.edges) {
      const auto source = place.find(edge.source), target = place.find(edge.target);
      if (source == place.end() || target == place.end()) continue;
      auto& list = targets[source->second];
      if (std::ranges::find(list, target->second) != list.end()) continue;
      list.push_back(target->second);
      ++incoming[target->second];
    }
  }
  bool reaches(std::size_t from, std::size_t to) const {
    std::vector<bool> seen(targets.size());
    std::vector<std::size_t> open{from};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      if (at == to) return true;
      if (seen[at]) continue;
      seen[at] = true;
      open.insert(open.end(), targets[at].begin(), targets[at].end());
    }
    return false;
  }
  std::map<std::string_view, std::size_t> place;
  std::vector<std::vector<std::size_t>> targets;
  std::vector<std::size_t> incoming;
};

struct Orders {
  std::vector<std::size_t> before, after;  ///< nodes when they are entered, and when left
};

Orders walked(const Adjacency& graph, std::size_t root) {
  struct Step {
    std::size_t node, next = 0;
  };
  Orders orders;
  std::vector<bool> seen(graph.targets.size());
  std::vector<Step> way{{root}};
  seen[root] = true;
  orders.before.push_back(root);
  while (!way.empty()) {
    Step& step = way.back();
    if (step.next == graph.targets[step.node].size()) {
      orders.after.push_back(step.node);
      way.pop_back();
      continue;
    }
    const std::size_t target = graph.targets[step.node][step.next++];
    if (seen[target]) continue;
    seen[target] = true;
    orders.before.push_back(target);
    way.push_back({target});
  }
  return orders;
}

std::optional<std::size_t> only_root(const Adjacency& graph) {
  std::optional<std::size_t> root;
  for (std::size_t i = 0; i < graph.targets.size(); ++i) {
    if (graph.incoming[i] > 0 || graph.targets[i].empty()) continue;
    if (root) return std::nullopt;
    root = i;
  }
  return root;
}

}  // namespace

std::optional<Walk> depth_first_walk(const Graph& graph) {
  const Adjacency edges(graph);
  const auto root = only_root(edges);
  if (!root) return std::nullopt;
  const Orders orders = walked(edges, *root);
  std::map<std::size_t, std::size_t> when;
  Walk walk;
  for (std::size_t i = 0; i < orders.before.size(); ++i) {
    when[orders.before[i]] = i;
    walk.order.push_back(graph.nodes[orders.before[i]].name);
  }
  for (const auto& [source, at] : when) {
    for (const std::size_t target : edges.targets[source]) {
      if (at > when.at(target) && !edges.reaches(target, source))
        walk.late.push_back({graph.nodes[source].name, graph.nodes[target].name});
    }
  }
  return walk;
}

bool runs_rightly(const Graph& graph) {
  const auto walk = depth_first_walk(graph);
  if (!walk || !walk->late.empty()) return false;
  const Node* last = graph.find(walk->order.back());
  return std::holds_alternative<Output>(last->primitive);
}

Changes order_edges(Graph& graph) {
  return detail::at_every_level(graph, [](Graph& level, const std::string& prefix) -> Changes {
    const Adjacency edges(level);
    const auto root = only_root(edges);
    if (!root || runs_rightly(level)) return {};
    const Orders orders = walked(edges, *root);
    std::map<std::string, std::size_t> place;  // edges move while they are sorted
    for (std::size_t i = 0; i < orders.after.size(); ++i)
      place[level.nodes[orders.after[i]].name] = orders.after.size() - i;
    std::vector<Edge> kept = level.edges;
    std::ranges::stable_sort(level.edges, {}, [&](const Edge& edge) {
      return std::pair(place[edge.source], place[edge.target]);
    });
    if (runs_rightly(level)) {
      return {{prefix, "edge-order", "edges sorted, sources before targets"}};
    }
    level.edges = std::move(kept);
    return {};
  });
}

}  // namespace neurotool::nir
