// Two clean-up passes of the tensor level. remove_dead_ops drops operations that lead to no output;
// merge_equal_ops lets one operation stand for all that do the same with the same values.
#include <map>

#include "passes/compress/compress_passes.hpp"
#include "passes/structural_key.hpp"
#include "passes/tensor/tensor_pass.hpp"

namespace neurotool {
namespace {

Result<Changed> remove_dead_ops(TensorGraph& graph, const Model& model, Context& context) {
  std::vector<bool> needed(graph.values.size(), false);
  for (const ValueId output : graph.outputs) needed[output.index] = true;
  const std::vector<OpId> order = graph.topological_order();
  double removed = 0;
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    bool any = false;
    for (const ValueId output : graph[*at].outputs) any = any || needed[output.index];
    if (!any) {
      graph.remove(*at);
      ++removed;
      continue;
    }
    for (const ValueId input : graph[*at].inputs) {
      if (input.valid()) needed[input.index] = true;
    }
  }
  context.facts.push_back({"remove_dead_ops", model.name, "removed_ops", removed});
  return removed > 0 ? Changed::kYes : Changed::kNo;
}

/// Equal constants first, so that their readers are seen to read the same.
class Merger {
 public:
  explicit Merger(TensorGraph& graph) : graph_(graph), instead_(graph.values.size()) {
    for (std::uint32_t v = 0; v < graph.values.size(); ++v) instead_[v] = ValueId{v};
  }

  double run() {
    std::map<std::string, ValueId> constants;
    for (std::uint32_t v = 0; v < graph_.values.size(); ++v) {
      const Value& value = graph_.values[v];
      if (value.removed || !value.constant.defined()) continue;
      StructuralKey key;
      key.add(value.constant);
      instead_[v] = constants.try_emplace(key.text(), ValueId{v}).first->second;
    }
    double merged = 0;
    std::map<std::string, OpId> known;
    for (const OpId id : graph_.topological_order()) {
      StructuralKey key;
      key.add(graph_[id].op);
      for (const ValueId input : graph_[id].inputs) {
        key.add(input.valid() ? instead_[input.index].index : ValueId::kNoIndex);
      }
      const auto [first, is_new] = known.try_emplace(key.text(), id);
      // A result of the network keeps its name.
      if (is_new || graph_.is_output(graph_[id].outputs[0])) continue;
      merge(id, first->second);
      ++merged;
    }
    if (merged == 0) return 0;
    for (const OpId id : graph_.live_ops()) {
      for (ValueId& input : graph_[id].inputs) {
        if (input.valid()) input = instead_[input.index];
      }
    }
    return merged;
  }

 private:
  void merge(OpId id, OpId into) {
    OpNode &gone = graph_[id], &stays = graph_[into];
    instead_[gone.outputs[0].index] = stays.outputs[0];
    stays.origins.insert(stays.origins.end(), gone.origins.begin(), gone.origins.end());
    graph_.remove(id);
  }

  TensorGraph& graph_;
  std::vector<ValueId> instead_;  ///< which value is read in place of each
};

Result<Changed> merge_equal_ops(TensorGraph& graph, const Model& model, Context& context) {
  const double merged = Merger(graph).run();
  context.facts.push_back({"merge_equal_ops", model.name, "merged_ops", merged});
  return merged > 0 ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry remove_dead_ops_entry() {
  return tensor_pass_entry<remove_dead_ops>(
      "remove_dead_ops", "Removes operations that lead to no output.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<remove_dead_ops>("remove_dead_ops", section, path, out);
      });
}

PassEntry merge_equal_ops_entry() {
  return tensor_pass_entry<merge_equal_ops>(
      "merge_equal_ops", "Computes once what several operations compute from the same values.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<merge_equal_ops>("merge_equal_ops", section, path, out);
      });
}

}  // namespace neurotool
