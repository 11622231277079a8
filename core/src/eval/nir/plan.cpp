// Inlining and order. Edges of a cycle that close it carry what was sent a step earlier: a
// cycle is entered at the node that something outside of it feeds, as nirtorch does.
#include "eval/nir/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/check.hpp"
#include "eval/nir/plan_shapes.hpp"

namespace neurotool::nir {
namespace {

constexpr std::size_t kMaxDepth = 32;

Error problem(std::string_view code, std::string message, std::string help) {
  return error(code, {}, std::move(message), std::move(help));
}

class Planner {
 public:
  Planner(const std::string& path, Diagnostics& diagnostics)
      : path_(path), diagnostics_(diagnostics) {}

  Result<GraphPlan> plan(const Graph& graph) {
    inline_graph(graph, "", 0);
    if (!first_error_) sort_names();
    if (!first_error_) connect();
    if (!first_error_) order();
    if (!first_error_) shapes();
    if (first_error_) return *first_error_;
    return std::move(plan_);
  }

 private:
  Location at(const std::string& node) const { return ModelNode{path_, node}; }

  void report(Error found, const std::string& node) {
    found.at = at(node);
    if (!first_error_) first_error_ = found;
    diagnostics_.report(std::move(found));
  }

  /// What stands for a node of `graph` when an edge leaves it, or enters it.
  struct Ends {
    std::vector<std::string> enter, leave;
  };

  void inline_graph(const Graph& graph, const std::string& prefix, std::size_t depth) {
    if (depth > kMaxDepth) {
      return report(
          problem("nir.shape", fmt::format("graphs are nested more than {} deep", kMaxDepth),
                  "inline the subgraphs when the file is written"),
          prefix);
    }
    std::map<std::string, Ends, std::less<>> ends;
    for (const Node& node : graph.nodes) {
      const std::string name = prefix + node.name;
      Ends& mine = ends[node.name];
      if (const auto* inner = std::get_if<Graph>(&node.primitive)) {
        for (const Node& port : inner->nodes) {
          const std::string port_name = name + "." + port.name;
          if (std::holds_alternative<Input>(port.primitive)) mine.enter.push_back(port_name);
          if (std::holds_alternative<Output>(port.primitive)) mine.leave.push_back(port_name);
        }
        inline_graph(*inner, name + ".", depth + 1);
        continue;
      }
      mine = {{name}, {name}};
      PlannedNode planned{.name = name, .primitive = node.primitive};
      planned.is_input = depth == 0 && std::holds_alternative<Input>(node.primitive);
      planned.is_output = depth == 0 && std::holds_alternative<Output>(node.primitive);
      plan_.nodes.push_back(std::move(planned));
    }
    std::set<Edge> seen;
    for (const Edge& edge : graph.edges) add_edge(edge, prefix, ends, seen);
  }

  void add_edge(const Edge& edge, const std::string& prefix,
                const std::map<std::string, Ends, std::less<>>& ends, std::set<Edge>& seen) {
    const auto source = ends.find(edge.source), target = ends.find(edge.target);
    if (source == ends.end() || target == ends.end()) {
      const std::string& missing = source == ends.end() ? edge.source : edge.target;
      return report(problem("nir.edge",
                            fmt::format("the edge from '{}' to '{}' names '{}', which is no node",
                                        edge.source, edge.target, missing),
                            "repair the file, or write it again with its simulator"),
                    prefix + edge.target);
    }
    if (!seen.insert(edge).second) {
      diagnostics_.report(
          warning("nir.duplicate-edge", at(prefix + edge.target),
                  fmt::format("the edge from '{}' to '{}' is there twice and counts once",
                              edge.source, edge.target),
                  "some readers count it twice; write the file again without it"));
      return;
    }
    for (const std::string& from : source->second.leave) {
      for (const std::string& to : target->second.enter) edges_.push_back({from, to});
    }
  }

  void sort_names() {
    std::ranges::stable_sort(plan_.nodes, {}, &PlannedNode::name);
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      const PlannedNode& node = plan_.nodes[i];
      if (!index_.emplace(node.name, i).second) {
        report(problem("nir.edge", "two nodes have this name once nested graphs are inlined",
                       "rename one of them"),
               node.name);
      }
      if (node.is_input) plan_.inputs.push_back(i);
      if (node.is_output) plan_.outputs.push_back(i);
    }
    if (plan_.inputs.empty()) {
      report(problem("nir.no-input", "the graph has no Input node", "add one, with its shape"), "");
    }
  }

  void connect() {
    for (const Edge& edge : edges_) {
      plan_.nodes[index_.at(edge.target)].incoming.push_back({index_.at(edge.source), false});
    }
    for (PlannedNode& node : plan_.nodes) {
      std::ranges::sort(node.incoming, {}, &PlannedEdge::source);
    }
  }

  bool reaches(std::size_t from, std::size_t to,
               const std::vector<std::vector<std::size_t>>& successors) const {
    std::vector<bool> seen(plan_.nodes.size());
    std::vector<std::size_t> open{from};
    while (!open.empty()) {
      const std::size_t node = open.back();
      open.pop_back();
      if (node == to) return true;
      if (seen[node]) continue;
      seen[node] = true;
      for (const std::size_t next : successors[node]) open.push_back(next);
    }
    return false;
  }

  /// Of the nodes that wait, the first whose open sources all wait for it; one that something else
  /// feeds goes before one that lives on the cycle alone.
  std::optional<std::size_t> entry_of_cycle(
      const std::vector<bool>& done,
      const std::vector<std::vector<std::size_t>>& successors) const {
    std::optional<std::size_t> closed;
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      if (done[i]) continue;
      bool fed = false, ready = true;
      for (const PlannedEdge& edge : plan_.nodes[i].incoming) {
        if (done[edge.source]) {
          fed = true;
        } else if (!reaches(i, edge.source, successors)) {
          ready = false;
        }
      }
      if (ready && fed) return i;
      if (ready && !closed) closed = i;
    }
    return closed;
  }

  void order() {
    const std::size_t count = plan_.nodes.size();
    std::vector<std::vector<std::size_t>> successors(count);
    std::vector<std::size_t> open(count);
    for (std::size_t i = 0; i < count; ++i) {
      open[i] = plan_.nodes[i].incoming.size();
      for (const PlannedEdge& edge : plan_.nodes[i].incoming) successors[edge.source].push_back(i);
    }
    std::vector<bool> done(count);
    std::set<std::size_t> ready;
    for (std::size_t i = 0; i < count; ++i) {
      if (open[i] == 0) ready.insert(i);
    }
    while (plan_.order.size() < count) {
      if (ready.empty()) {
        const auto entry = entry_of_cycle(done, successors);
        NT_CHECK(entry, "what waits for nothing outside itself is on a cycle");
        for (PlannedEdge& edge : plan_.nodes[*entry].incoming) edge.delayed = !done[edge.source];
        ready.insert(*entry);
      }
      const std::size_t node = *ready.begin();
      ready.erase(ready.begin());
      done[node] = true;
      plan_.order.push_back(node);
      for (const std::size_t next : successors[node]) {
        if (--open[next] == 0 && !done[next]) ready.insert(next);
      }
    }
  }

  void shapes() {
    for (const std::size_t i : plan_.order) {
      PlannedNode& node = plan_.nodes[i];
      for (const PlannedEdge& edge : node.incoming) {
        if (edge.delayed || !node.in_shape.empty()) continue;
        node.in_shape = plan_.nodes[edge.source].shape;
        node.layout_in = node.layout = plan_.nodes[edge.source].layout;
      }
      auto shape = sent_shape(node.primitive, node.is_input ? Shape{} : node.in_shape);
      if (!shape) return report(std::move(shape).error(), node.name);
      node.shape = *std::move(shape);
      const bool keeps_layout =
          element_count(node.layout) == element_count(node.shape) &&
          (std::holds_alternative<Flatten>(node.primitive) || node.layout == node.shape);
      if (!keeps_layout) node.layout = node.shape;
    }
    for (const PlannedNode& node : plan_.nodes) check_sources(node);
  }

  void check_sources(const PlannedNode& node) {
    for (const PlannedEdge& edge : node.incoming) {
      const PlannedNode& source = plan_.nodes[edge.source];
      if (element_count(source.shape) == element_count(node.in_shape)) continue;
      report(problem("nir.shape",
                     fmt::format("'{}' sends {} where {} is expected", source.name,
                                 to_string(source.shape), to_string(node.in_shape)),
                     "check the shapes of the Input and of the parameters"),
             node.name);
    }
  }

  const std::string& path_;
  Diagnostics& diagnostics_;
  GraphPlan plan_;
  std::vector<Edge> edges_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::optional<Error> first_error_;
};

}  // namespace

Result<GraphPlan> plan_graph(const Graph& graph, const std::string& path,
                             Diagnostics& diagnostics) {
  return Planner(path, diagnostics).plan(graph);
}

}  // namespace neurotool::nir
