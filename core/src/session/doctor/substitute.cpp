// The copy keeps the numbering of values, so that nothing has to be translated.
#include "session/doctor/substitute.hpp"

#include <algorithm>

namespace neurotool::doctor {
namespace {

TensorGraph cut(TensorGraph graph, std::span<const ValueId> given,
                std::span<const ValueId> wanted) {
  for (const ValueId id : given) {
    Value& value = graph[id];
    if (value.producer.valid()) graph[value.producer].removed = true;
    value.producer = {};
    graph.inputs.push_back(id);
  }
  std::vector<bool> needed(graph.values.size(), false);
  for (const ValueId id : graph.outputs) needed[id.index] = true;
  for (const ValueId id : wanted) needed[id.index] = true;
  std::vector<OpId> order = graph.topological_order();
  std::ranges::reverse(order);
  for (const OpId id : order) {
    OpNode& node = graph[id];
    if (std::ranges::none_of(node.outputs, [&](ValueId v) { return needed[v.index]; })) {
      node.removed = true;
      continue;
    }
    for (const ValueId input : node.inputs) {
      if (input.valid()) needed[input.index] = true;
    }
  }
  return graph;
}

}  // namespace

SubstitutedNetwork::SubstitutedNetwork(const TensorGraph& network, std::span<const ValueId> given,
                                       std::span<const ValueId> wanted)
    : graph_(cut(network, given, wanted)),
      wanted_(wanted.begin(), wanted.end()),
      evaluator_(graph_) {}

Result<std::vector<Tensor>> SubstitutedNetwork::run(const Tensor& sample,
                                                    std::span<const Tensor> values,
                                                    const ValueObserver& observer) const {
  NT_CHECK(values.size() + 1 == graph_.inputs.size(), "one tensor for each value that is given");
  const std::int64_t count = sample.shape().front();
  std::vector<Tensor> inputs{sample};
  for (std::size_t i = 0; i < values.size(); ++i) {
    Shape shape = graph_[graph_.inputs[i + 1]].shape.value_or(values[i].shape());
    shape.front() = count;
    inputs.push_back(values[i].reshaped(std::move(shape)));
  }
  return evaluator_.run(inputs, wanted_, observer);
}

}  // namespace neurotool::doctor
