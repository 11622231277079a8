// A list of synapses is a connection layer when some target has two of them: with one at most it
// only moves elements (a slice, a transpose, a concatenation).
#include "session/neurobench/connections.hpp"

#include <algorithm>

namespace neurotool::neurobench {
namespace {

bool has_target_with_two(const Sparse& sparse, std::int64_t targets) {
  std::vector<bool> taken(static_cast<std::size_t>(targets));
  for (const std::int32_t target : sparse.targets.as<std::int32_t>()) {
    if (taken[static_cast<std::size_t>(target)]) return true;
    taken[static_cast<std::size_t>(target)] = true;
  }
  return false;
}

}  // namespace

const Tensor* connection_weight(const TensorGraph& network, const OpNode& node) {
  const bool is_connection = std::holds_alternative<Conv>(node.op) ||
                             std::holds_alternative<Gemm>(node.op) ||
                             std::holds_alternative<MatMul>(node.op);
  if (!is_connection || node.inputs.size() < 2 || !node.inputs[1].valid()) return nullptr;
  const Tensor& weight = network[node.inputs[1]].constant;
  return weight.defined() ? &weight : nullptr;
}

bool is_connection_layer(const SpikeGraph& graph, const Projection& projection) {
  if (const auto* sparse = std::get_if<Sparse>(&projection.connectivity)) {
    return has_target_with_two(*sparse, graph[projection.target].size());
  }
  return std::holds_alternative<Dense>(projection.connectivity) ||
         std::holds_alternative<Conv2d>(projection.connectivity);
}

FanOut fan_out(const SpikeGraph& graph, const Projection& projection) {
  const Population& source = graph[projection.source];
  const Population& target = graph[projection.target];
  FanOut result;
  for (std::int64_t neuron = 0; neuron < source.size(); ++neuron) {
    const auto synapses = row(projection.connectivity, source.shape, target.shape, neuron);
    result.all.push_back(static_cast<std::int64_t>(synapses.size()));
    result.non_zero.push_back(
        std::ranges::count_if(synapses, [](const Synapse& s) { return s.weight != 0; }));
    result.total += result.all.back();
  }
  return result;
}

}  // namespace neurotool::neurobench
