// The lists of spike_plan.hpp, taken from the graph once for each evaluator.
#include "eval/spike_plan.hpp"

#include <algorithm>
#include <type_traits>

namespace neurotool {
namespace {

/// A parameter spread over the neurons of its population.
template <class Number>
std::vector<Number> spread(const Tensor& parameter, const Population& population, Number absent) {
  const auto size = static_cast<std::size_t>(population.size());
  std::vector<Number> result(size, absent);
  if (!parameter.defined()) return result;
  const std::size_t count = static_cast<std::size_t>(parameter.size());
  const std::size_t repeat = parameter.rank() == 0 ? size : size / count;
  for (std::size_t i = 0; i < size; ++i)
    result[i] = static_cast<Number>(parameter.at(static_cast<std::int64_t>(i / repeat)));
  return result;
}

/// Position of every neuron in the order in which a population delivers: by row, column, channel
/// for [C,H,W], by flat index otherwise.
std::vector<std::uint32_t> delivery_order(const Shape& shape) {
  std::vector<std::uint32_t> order;
  if (shape.size() != 3) {
    order.resize(static_cast<std::size_t>(element_count(shape).value_or(0)));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    return order;
  }
  const std::int64_t plane = shape[1] * shape[2];
  for (std::int64_t pixel = 0; pixel < plane; ++pixel)
    for (std::int64_t channel = 0; channel < shape[0]; ++channel)
      order.push_back(static_cast<std::uint32_t>(channel * plane + pixel));
  return order;
}

template <class Number>
PlannedProjection<Number> plan_projection(const SpikeGraph& graph, ProjectionId id) {
  const Projection& projection = graph[id];
  const Population& source = graph[projection.source];
  const Population& target = graph[projection.target];
  PlannedProjection<Number> plan;
  plan.index = id.index;
  plan.source = projection.source.index;
  plan.delay = projection.delay_steps;
  if constexpr (std::is_integral_v<Number>) plan.factor = Number{1} << projection.shift;

  if (const auto* pool = std::get_if<MaxPool2d>(&projection.connectivity)) {
    if (pool->weight.defined()) plan.scale = spread<Number>(pool->weight, target, Number{1});
    plan.max_pool.emplace(*pool, source.shape, target.shape);
    return plan;
  }
  // A pool sums payloads first and multiplies the finished sum.
  const auto* pool = std::get_if<SumPool2d>(&projection.connectivity);
  if (pool && pool->weight.defined()) plan.scale = spread<Number>(pool->weight, target, Number{1});
  for (const std::uint32_t neuron : delivery_order(source.shape)) {
    const std::size_t begin = plan.synapses.size();
    for (const Synapse& synapse : row(projection.connectivity, source.shape, target.shape, neuron))
      plan.synapses.push_back({static_cast<std::uint32_t>(synapse.target),
                               pool ? Number{1} : static_cast<Number>(synapse.weight)});
    plan.rows.push_back({neuron, begin, plan.synapses.size()});
  }
  return plan;
}

}  // namespace

template <class Number>
PlannedPopulation<Number> plan_population(const SpikeGraph& graph, PopulationId id) {
  const Population& population = graph[id];
  PlannedPopulation<Number> plan;
  plan.population = &population;
  plan.size = static_cast<std::size_t>(population.size());
  for (const ProjectionId p : graph.incoming(id))
    plan.incoming.push_back(plan_projection<Number>(graph, p));
  for (const ProjectionId p : graph.outgoing(id))
    plan.history = std::max(plan.history, graph[p].delay_steps);
  if (population.bias.defined()) plan.bias = spread<Number>(population.bias, population, Number{0});
  if (const Firing* firing = firing_of(population.neuron)) {
    plan.threshold = spread<Number>(firing->threshold, population, Number{1});
    plan.initial = spread<Number>(firing->initial_membrane, population, Number{0});
    plan.reset_value = spread<Number>(firing->reset_value, population, Number{0});
  }
  if (const auto* lif = std::get_if<Lif>(&population.neuron)) {
    plan.decay = spread<Number>(lif->decay, population, Number{1});
  } else if (const auto* cuba = std::get_if<CubaLif>(&population.neuron)) {
    plan.decay = spread<Number>(cuba->decay, population, Number{1});
    plan.current_decay = spread<Number>(cuba->current_decay, population, Number{1});
  } else if (const auto* li = std::get_if<Li>(&population.neuron)) {
    plan.initial = spread<Number>(li->initial_membrane, population, Number{0});
    if (li->decay.defined()) plan.decay = spread<Number>(li->decay, population, Number{1});
  }
  return plan;
}

template PlannedPopulation<float> plan_population(const SpikeGraph&, PopulationId);
template PlannedPopulation<std::int64_t> plan_population(const SpikeGraph&, PopulationId);

}  // namespace neurotool
