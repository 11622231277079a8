// Follows sums from the layers that make them: additions, scalings and changes of shape keep a sum
// one, an activation ends it.
#include "passes/tensor/linear_values.hpp"

#include <algorithm>
#include <variant>

namespace neurotool::tensor_passes {
namespace {

bool has_weights(const Op& op) {
  return std::holds_alternative<Conv>(op) || std::holds_alternative<Gemm>(op) ||
         std::holds_alternative<MatMul>(op);
}

bool is_pool(const Op& op) {
  return std::holds_alternative<AveragePool>(op) || std::holds_alternative<MaxPool>(op) ||
         std::holds_alternative<GlobalAveragePool>(op) || std::holds_alternative<Reduce>(op);
}

bool only_reshapes(const Op& op) {
  return std::holds_alternative<Flatten>(op) || std::holds_alternative<Reshape>(op) ||
         std::holds_alternative<Squeeze>(op) || std::holds_alternative<Unsqueeze>(op) ||
         std::holds_alternative<Transpose>(op) || std::holds_alternative<Identity>(op);
}

class Finder {
 public:
  Finder(const TensorGraph& graph, const std::set<OpId>& activations)
      : graph_(graph), activations_(activations), is_sum_(graph.values.size(), false) {}

  std::vector<ValueId> run() {
    std::vector<ValueId> found;
    for (const OpId id : graph_.topological_order()) {
      for (const ValueId value : graph_[id].outputs) {
        if (!value.valid() || !makes_sum(id)) continue;
        if (needs_levels(value)) {
          found.push_back(value);
        } else {
          is_sum_[value.index] = true;
        }
      }
    }
    return found;
  }

 private:
  bool makes_sum(OpId id) const {
    const OpNode& node = graph_[id];
    if (activations_.contains(id)) return false;
    if (has_weights(node.op)) return true;
    return std::ranges::any_of(
        node.inputs, [&](ValueId input) { return input.valid() && is_sum_[input.index]; });
  }

  bool needs_levels(ValueId value) const {
    const std::vector<OpId> readers = graph_.users(value);
    const bool summed_again = std::ranges::any_of(readers, [&](OpId id) {
      return !activations_.contains(id) && (has_weights(graph_[id].op) || is_pool(graph_[id].op));
    });
    if (summed_again) return true;
    if (readers.size() < 2) return false;
    return !std::ranges::all_of(readers, [&](OpId id) { return fires(id); });
  }

  /// An activation, also behind a scaling: the ramps of a table.
  bool fires(OpId id) const {
    if (activations_.contains(id)) return true;
    const OpNode& node = graph_[id];
    const auto* binary = std::get_if<Binary>(&node.op);
    const auto* unary = std::get_if<Unary>(&node.op);
    const bool scales = (unary != nullptr && unary->kind == UnaryKind::kNeg) ||
                        std::holds_alternative<BatchNorm>(node.op) || only_reshapes(node.op) ||
                        (binary != nullptr && std::ranges::any_of(node.inputs, [&](ValueId input) {
                           return graph_[input].constant.defined();
                         }));
    if (!scales) return false;
    const std::vector<OpId> readers = graph_.users(node.outputs.at(0));
    return !readers.empty() &&
           std::ranges::all_of(readers, [&](OpId reader) { return fires(reader); });
  }

  const TensorGraph& graph_;
  const std::set<OpId>& activations_;
  std::vector<bool> is_sum_;  ///< by value
};

}  // namespace

std::vector<ValueId> linear_values(const TensorGraph& graph, const std::set<OpId>& activations) {
  return Finder(graph, activations).run();
}

}  // namespace neurotool::tensor_passes
