// What the two files of rewrites share: walks over nested graphs.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "ir/nir/lower.hpp"

namespace neurotool::nir::detail {

/// f(graph, prefix) for the graph and all graphs inside it; the changes of all.
template <class F>
Changes at_every_level(Graph& graph, F&& f, const std::string& prefix = {}) {
  Changes all;
  for (Node& node : graph.nodes) {
    if (auto* inner = std::get_if<Graph>(&node.primitive)) {
      Changes changes = at_every_level(*inner, f, prefix + node.name + "/");
      all.insert(all.end(), changes.begin(), changes.end());
    }
  }
  Changes changes = f(graph, prefix);
  all.insert(all.end(), changes.begin(), changes.end());
  return all;
}

/// f(node) for every node that is no graph; what it returns, if anything, is what it changed.
template <class F>
Changes at_every_node(Graph& graph, F&& f, std::string_view rule) {
  return at_every_level(graph, [&](Graph& level, const std::string& prefix) {
    Changes changes;
    for (Node& node : level.nodes) {
      if (std::string what = f(node); !what.empty()) {
        changes.push_back({prefix + node.name, rule, std::move(what)});
      }
    }
    return changes;
  });
}

}  // namespace neurotool::nir::detail
