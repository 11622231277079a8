// Lets one population stand for all that have the same neurons, the same parameters and the same
// projections from the same sources: they do the same in every step. Populations are taken in the
// order of a step, so that a merge is seen by those behind it; what feeds back into itself is equal
// only to what names the very same sources.
#include <algorithm>
#include <map>
#include <string>

#include "passes/spike/clean_passes.hpp"
#include "passes/structural_key.hpp"

namespace neurotool {
namespace {

/// Everything that decides about what a population sends, and what its numbers mean.
std::string key_of(const SpikeGraph& graph, PopulationId id) {
  const Population& population = graph[id];
  StructuralKey key;
  key.add(population.neuron);
  key.add(population.shape);
  key.add(population.bias);
  key.add(population.bias_timing);
  key.add(population.payload_value);
  key.add(population.membrane_value);
  key.add(population.provisional);
  key.add(population.chip);
  for (const ProjectionId p : graph.incoming(id)) {
    const Projection& projection = graph[p];
    key.add(projection.source.index);
    key.add(projection.connectivity);
    key.add(projection.delay_steps);
    key.add(projection.target_port);
    key.add(projection.shift);
  }
  return key.text();
}

void merge(SpikeGraph& graph, PopulationId gone, PopulationId stays) {
  for (const ProjectionId p : graph.outgoing(gone)) graph[p].source = stays;
  auto& origins = graph[stays].origins;
  for (const std::string& origin : graph[gone].origins) {
    if (std::ranges::find(origins, origin) == origins.end()) origins.push_back(origin);
  }
  graph.remove(gone);
}

Result<Changed> merge_equal(SpikeGraph& graph, const Model& model, Context& context) {
  double populations = 0, neurons = 0;
  std::map<std::string, PopulationId> known;
  for (const PopulationId id : graph.step_order()) {
    const Population& population = graph[id];
    // Each input brings its own values, and each output is read by its name.
    if (std::holds_alternative<Input>(population.neuron)) continue;
    const auto [first, is_new] = known.try_emplace(key_of(graph, id), id);
    if (is_new || population.output) continue;
    ++populations;
    neurons += static_cast<double>(population.size());
    merge(graph, id, first->second);
  }
  context.facts.push_back({"merge_equal", model.name, "merged_populations", populations});
  context.facts.push_back({"merge_equal", model.name, "merged_neurons", neurons});
  return populations > 0 ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry merge_equal_entry() {
  return spike_passes::clean_pass_entry<merge_equal>(
      "merge_equal", "Lets one population stand for those that do the same.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return spike_passes::create_clean_pass<merge_equal>("merge_equal", section, path, out);
      });
}

}  // namespace neurotool
