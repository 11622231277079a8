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

/// The steps that a function without a table goes on with, back to the `sums` of those that have
/// one.
std::vector<OpId> steps_behind(const TensorGraph& graph, const TabulatedFunction& one,
                               const std::set<ValueId>& sums) {
  std::vector<OpId> found;
  std::set<ValueId> wanted{one.to};
  for (auto step = one.steps.rbegin(); step != one.steps.rend(); ++step) {
    const OpNode& node = graph[*step];
    if (!wanted.contains(node.outputs[0]) || sums.contains(node.outputs[0])) continue;
    found.push_back(*step);
    wanted.insert(node.inputs.begin(), node.inputs.end());
  }
  return found;
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
    one.makes_numbers = types[value].dtype == DType::kFloat32;
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
  std::set<OpId> tabulated;
  std::set<ValueId> sums;
  std::vector<TabulatedFunction> without;
  for (TabulatedFunction& one : functions_without_neurons(graph)) {
    const ScalarFunction function(graph, one.from, one.steps);
    if (one.makes_numbers && ramps_needed(function, kUsualError)) {
      tabulated.insert(one.steps.begin(), one.steps.end());
      sums.insert(one.to);
    } else {
      without.push_back(std::move(one));
    }
  }
  for (const TabulatedFunction& one : without) {
    for (const OpId step : steps_behind(graph, one, sums)) tabulated.erase(step);
  }
  return tabulated;
}

}  // namespace neurotool::tensor_passes
