// Adding, removing and ordering populations and projections.
#include "ir/spike_graph.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>
#include <variant>

#include "ir/unique_name.hpp"

namespace neurotool {
namespace {

bool is_live(const SpikeGraph& graph, PopulationId id) {
  return id.index < graph.populations.size() && !graph[id].removed;
}

template <class IdType, class Node>
std::vector<IdType> live(const std::vector<Node>& nodes) {
  std::vector<IdType> ids;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].removed) ids.push_back({i});
  }
  return ids;
}

}  // namespace

PopulationId SpikeGraph::add(Population population) {
  const PopulationId id{static_cast<std::uint32_t>(populations.size())};
  population.name = unique_name(populations, population.name);
  populations.push_back(std::move(population));
  return id;
}

ProjectionId SpikeGraph::connect(PopulationId source, PopulationId target,
                                 Connectivity connectivity, std::uint32_t delay_steps) {
  const ProjectionId id{static_cast<std::uint32_t>(projections.size())};
  Projection projection;
  projection.name = unique_name(projections, (*this)[source].name + "_to_" + (*this)[target].name);
  projection.source = source;
  projection.target = target;
  projection.connectivity = std::move(connectivity);
  projection.delay_steps = delay_steps;
  projections.push_back(std::move(projection));
  return id;
}

void SpikeGraph::remove(PopulationId id) {
  (*this)[id].removed = true;
  for (Projection& projection : projections) {
    if (projection.source == id || projection.target == id) projection.removed = true;
  }
}

void SpikeGraph::remove(ProjectionId id) { (*this)[id].removed = true; }

PopulationId SpikeGraph::find(std::string_view wanted) const {
  for (std::uint32_t i = 0; i < populations.size(); ++i) {
    if (!populations[i].removed && populations[i].name == wanted) return {i};
  }
  return {};
}

std::vector<PopulationId> SpikeGraph::live_populations() const {
  return live<PopulationId>(populations);
}

std::vector<ProjectionId> SpikeGraph::live_projections() const {
  return live<ProjectionId>(projections);
}

std::vector<ProjectionId> SpikeGraph::incoming(PopulationId id) const {
  std::vector<ProjectionId> found = live_projections();
  std::erase_if(found, [&](ProjectionId p) { return (*this)[p].target != id; });
  return found;
}

std::vector<ProjectionId> SpikeGraph::outgoing(PopulationId id) const {
  std::vector<ProjectionId> found = live_projections();
  std::erase_if(found, [&](ProjectionId p) { return (*this)[p].source != id; });
  return found;
}

std::vector<PopulationId> SpikeGraph::step_order() const {
  const std::vector<PopulationId> alive = live_populations();
  std::vector<std::vector<PopulationId>> followers(populations.size());
  std::vector<std::uint32_t> waiting_for(populations.size(), 0);
  for (const Projection& projection : projections) {
    const bool waits = !projection.removed && projection.delay_steps == 0 &&
                       is_live(*this, projection.source) && is_live(*this, projection.target);
    if (!waits) continue;
    followers[projection.source.index].push_back(projection.target);
    ++waiting_for[projection.target.index];
  }
  std::priority_queue<PopulationId, std::vector<PopulationId>, std::greater<>> ready;
  for (const PopulationId id : alive) {
    if (waiting_for[id.index] == 0) ready.push(id);
  }
  std::vector<PopulationId> order;
  while (!ready.empty()) {
    const PopulationId id = ready.top();
    ready.pop();
    order.push_back(id);
    for (const PopulationId follower : followers[id.index]) {
      if (--waiting_for[follower.index] == 0) ready.push(follower);
    }
  }
  if (order.size() < alive.size()) order.clear();
  return order;
}

void SpikeGraph::compact() {
  // A removed population that a live projection still names stays, so that verify can say so.
  std::vector<bool> keep(populations.size());
  for (std::size_t i = 0; i < populations.size(); ++i) keep[i] = !populations[i].removed;
  std::erase_if(projections, [](const Projection& projection) { return projection.removed; });
  for (const Projection& projection : projections) {
    for (const PopulationId end : {projection.source, projection.target}) {
      if (end.index < keep.size()) keep[end.index] = true;
    }
  }
  std::vector<std::uint32_t> place(populations.size(), PopulationId::kNoIndex);
  std::vector<Population> kept;
  for (std::size_t i = 0; i < populations.size(); ++i) {
    if (!keep[i]) continue;
    place[i] = static_cast<std::uint32_t>(kept.size());
    kept.push_back(std::move(populations[i]));
  }
  for (Projection& projection : projections) {
    for (PopulationId* end : {&projection.source, &projection.target}) {
      if (end->index < place.size()) end->index = place[end->index];
    }
  }
  populations = std::move(kept);
}

std::int64_t SpikeGraph::neuron_count() const {
  std::int64_t count = 0;
  for (const Population& population : populations) {
    const bool counts = !population.removed && !std::holds_alternative<Input>(population.neuron) &&
                        !std::holds_alternative<Relay>(population.neuron);
    if (counts) count += population.size();
  }
  return count;
}

std::int64_t SpikeGraph::synapse_count() const {
  std::int64_t count = 0;
  for (const Projection& projection : projections) {
    if (projection.removed) continue;
    if (!is_live(*this, projection.source) || !is_live(*this, projection.target)) continue;
    count += neurotool::synapse_count(projection.connectivity, (*this)[projection.source].shape,
                                      (*this)[projection.target].shape);
  }
  return count;
}

}  // namespace neurotool
