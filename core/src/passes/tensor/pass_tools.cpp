// Small questions that every tensor pass asks.
#include "passes/tensor/pass_tools.hpp"

namespace neurotool::tensor_passes {

Location at_node(const Model& model, const OpNode& node) {
  return ModelNode{.path = model.path, .node = node.name};
}

ValueTypes types_of(const TensorGraph& graph) {
  ValueTypes types(graph);
  for (const OpId id : graph.topological_order()) {
    const OpNode& node = graph[id];
    if (auto type = types.infer(node)) types.set(node.outputs[0], *std::move(type));
  }
  return types;
}

std::vector<std::size_t> count_readers(const TensorGraph& graph) {
  std::vector<std::size_t> readers(graph.values.size(), 0);
  for (const OpId id : graph.live_ops()) {
    for (const ValueId input : graph[id].inputs) {
      if (input.valid()) ++readers[input.index];
    }
  }
  for (const ValueId output : graph.outputs) ++readers[output.index];
  return readers;
}

ValueId input_of(const OpNode& node, std::size_t index) {
  return index < node.inputs.size() ? node.inputs[index] : ValueId{};
}

const Tensor& constant_of(const TensorGraph& graph, const OpNode& node, std::size_t index) {
  static const Tensor absent;
  const ValueId id = input_of(node, index);
  return id.valid() ? graph[id].constant : absent;
}

}  // namespace neurotool::tensor_passes
