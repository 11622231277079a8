// Each value that is read from outside its chain ends one function.
#include "passes/tensor/tabulated_functions.hpp"

#include <algorithm>

#include "passes/lower/refusal.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/ramp_table.hpp"

namespace neurotool::tensor_passes {
namespace {

constexpr double kUsualError = 0.05;

const std::string& name_in_file(const OpNode& node) {
  return node.origins.empty() ? node.name : node.origins.front();
}

}  // namespace

std::vector<TabulatedFunction> functions_without_neurons(const TensorGraph& graph) {
  const ValueTypes types = types_of(graph);
  const PointwiseMap map(graph, types);
  std::vector<TabulatedFunction> found;
  for (const OpId id : graph.topological_order()) {
    if (graph[id].outputs.size() != 1) continue;
    const ValueId value = graph[id].outputs[0];
    if (map.root(value) == value || !map.is_exit(value)) continue;
    TabulatedFunction one{map.root(value), value, map.steps(value), {}, {}};
    for (const OpId step : one.steps) {
      const OpNode& node = graph[step];
      if (one.name.empty() && lower::refusal_by_kind(graph, node)) one.name = name_in_file(node);
      for (const std::string& origin : node.origins) {
        if (std::ranges::find(one.origins, origin) == one.origins.end()) {
          one.origins.push_back(origin);
        }
      }
    }
    if (!one.name.empty()) found.push_back(std::move(one));
  }
  return found;
}

std::set<OpId> ops_with_tables(const TensorGraph& graph) {
  std::set<OpId> found;
  for (const TabulatedFunction& one : functions_without_neurons(graph)) {
    if (!ramps_needed(ScalarFunction(graph, one.from, one.steps), kUsualError)) continue;
    found.insert(one.steps.begin(), one.steps.end());
  }
  return found;
}

}  // namespace neurotool::tensor_passes
