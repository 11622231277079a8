// The tuned numbers back into the graph they came from.
#include <algorithm>
#include <optional>
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

/// One number for each channel, shaped to meet axis 1 of a value of this rank.
ValueId channel_constant(TensorGraph& graph, const std::string& name, std::vector<float> values,
                         std::size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = static_cast<std::int64_t>(values.size());
  return graph.add_constant(name, Tensor::from<float>(std::move(shape), std::move(values)));
}

/// scale * clip(floor(x / scale + 1/2), 0, levels), as exporters write it.
void write_activation(TensorGraph& graph, const TrainedSite& site,
                      const std::vector<float>& thresholds, std::int64_t levels) {
  const std::string name = graph[site.op].name;
  const std::vector<std::string> origins = graph[site.op].origins;
  const ValueId old = graph[site.op].outputs[0], input = site.site.value;
  const std::optional<Shape> shape = graph[input].shape;
  std::vector<float> scale;
  for (const float threshold : thresholds) {
    scale.push_back(threshold / static_cast<float>(levels));
  }
  const ValueId step = channel_constant(graph, name + ".scale", std::move(scale), site.rank);
  const auto number = [&](const char* what, float value) {
    return graph.add_constant(name + what, Tensor::scalar(value));
  };
  const auto add = [&](const char* suffix, Op op, std::vector<ValueId> inputs) {
    const ValueId made = graph.add_op(name + suffix, std::move(op), std::move(inputs), origins);
    graph[made].shape = shape;
    return made;
  };
  const ValueId scaled = add(".scaled", Binary{BinaryKind::kDiv}, {input, step});
  const ValueId shifted =
      add(".shifted", Binary{BinaryKind::kAdd}, {scaled, number(".half", 0.5f)});
  const ValueId floored = add(".level", Unary{UnaryKind::kFloor}, {shifted});
  const ValueId clipped =
      add(".clipped", Clip{},
          {floored, number(".low", 0), number(".high", static_cast<float>(levels))});
  const ValueId made = add(".value", Binary{BinaryKind::kMul}, {clipped, step});
  graph.replace_uses(old, made);
  graph.remove(site.op);
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
