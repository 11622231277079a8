// Removes populations from which no output can be reached, and the projections into them. Inputs
// stay: they are what a run is given.
#include <vector>

#include "passes/spike/clean_passes.hpp"

namespace neurotool {
namespace {

Result<Changed> remove_dead(SpikeGraph& graph, const Model& model, Context& context) {
  std::vector<bool> needed(graph.populations.size(), false);
  std::vector<PopulationId> open;
  for (const PopulationId id : graph.live_populations()) {
    if (graph[id].output) open.push_back(id);
  }
  while (!open.empty()) {
    const PopulationId id = open.back();
    open.pop_back();
    if (needed[id.index]) continue;
    needed[id.index] = true;
    for (const ProjectionId p : graph.incoming(id)) open.push_back(graph[p].source);
  }
  double populations = 0, neurons = 0;
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    if (std::holds_alternative<Input>(population.neuron)) continue;
    if (needed[id.index]) continue;
    ++populations;
    neurons += static_cast<double>(population.size());
    graph.remove(id);
  }
  context.facts.push_back({"remove_dead", model.name, "removed_populations", populations});
  context.facts.push_back({"remove_dead", model.name, "removed_neurons", neurons});
  return populations > 0 ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry remove_dead_entry() {
  return spike_passes::clean_pass_entry<remove_dead>(
      "remove_dead", "Removes populations that no output depends on.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return spike_passes::create_clean_pass<remove_dead>("remove_dead", section, path, out);
      });
}

}  // namespace neurotool
