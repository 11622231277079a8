// The tuned numbers back into the graph they came from.
#include <algorithm>
#include <utility>

#include "passes/train/tune.hpp"

namespace neurotool::training {
namespace {

/// A constant that two roles read, such as one tensor for a bias and a mean, becomes two.
void write_constant(TensorGraph& graph, const TrainingPlan& plan, std::size_t parameter,
                    std::vector<float> values) {
  const ValueId old = plan.constants[parameter];
  const Tensor tensor = Tensor::from<float>(graph[old].constant.shape(), std::move(values));
  const auto first = std::ranges::find(plan.constants, old) - plan.constants.begin();
  if (static_cast<std::size_t>(first) == parameter) {
    graph[old].constant = tensor;
    return;
  }
  const ValueId made = graph.add_constant(graph[old].name, tensor);
  for (const ParameterUse& use : plan.uses) {
    if (use.parameter == parameter) graph[use.op].inputs[use.input] = made;
  }
}

void write_activation(TensorGraph& graph, const TrainedSite& site, std::vector<float> thresholds,
                      std::int64_t levels) {
  for (float& threshold : thresholds) threshold /= static_cast<float>(levels);
  const auto channels = static_cast<std::int64_t>(thresholds.size());
  const ValueId scale = graph.add_constant(graph[site.op].name + ".scale",
                                           Tensor::from<float>({channels}, std::move(thresholds)));
  OpNode& node = graph[site.op];
  node.op = QuantizedActivation{.low = 0, .high = levels};
  node.inputs = {site.site.value, scale};
}

}  // namespace

void write_back(TensorGraph& graph, const TrainingPlan& plan,
                const std::vector<std::vector<float>>& values, std::int64_t levels) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (plan.constants[i].valid()) write_constant(graph, plan, i, values[i]);
  }
  for (const TrainedSite& site : plan.sites) {
    write_activation(
        graph, site,
        values.empty() ? plan.network.parameters[site.parameter].data : values[site.parameter],
        levels);
  }
}

}  // namespace neurotool::training
