// Invariants of a spiking graph's structure: names, references, shapes along the edges, delays,
// what may be joined to what, and that an answer comes out. Each check stands on its own: it skips
// what another check reports, so that a broken graph never crashes verify.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "ir/verify_checks.hpp"

namespace neurotool::checks {
namespace {

/// Neuron indices travel as 32-bit numbers.
constexpr std::int64_t kMostNeurons = std::numeric_limits<std::int32_t>::max();

Subject subject(const Population& population) { return {population.name, population.origins}; }
Subject subject(const Projection& projection) { return {projection.name, projection.origins}; }

bool exists(const SpikeGraph& graph, PopulationId id) {
  return id.index < graph.populations.size() && !graph[id].removed;
}

bool joined(const SpikeGraph& graph, const Projection& projection) {
  return exists(graph, projection.source) && exists(graph, projection.target);
}

bool is_good_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto rest = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && letter(name[0]) && std::ranges::all_of(name, rest);
}

void check_names_unique(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  std::unordered_set<std::string_view> seen;
  for (const PopulationId id : graph.live_populations()) {
    if (seen.insert(graph[id].name).second) continue;
    violated(out, model, "unique-names", subject(graph[id]),
             fmt::format("two populations are named '{}'", graph[id].name));
  }
  seen.clear();
  for (const ProjectionId id : graph.live_projections()) {
    if (seen.insert(graph[id].name).second) continue;
    violated(out, model, "unique-names", subject(graph[id]),
             fmt::format("two projections are named '{}'", graph[id].name));
  }
}

void check_names_good(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  const auto complain = [&](Subject where, std::string_view kind) {
    violated(out, model, "names", where, fmt::format("'{}' is no name for a {}", where.name, kind),
             "a name is a letter and then letters, digits and '_'");
  };
  for (const PopulationId id : graph.live_populations()) {
    if (!is_good_name(graph[id].name)) complain(subject(graph[id]), "population");
  }
  for (const ProjectionId id : graph.live_projections()) {
    if (!is_good_name(graph[id].name)) complain(subject(graph[id]), "projection");
  }
}

void check_references(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  for (const ProjectionId id : graph.live_projections()) {
    const Projection& projection = graph[id];
    for (const PopulationId end : {projection.source, projection.target}) {
      if (exists(graph, end)) continue;
      const bool removed = end.index < graph.populations.size();
      violated(out, model, "references", subject(projection),
               removed ? fmt::format("projection '{}' names the removed population '{}'",
                                     projection.name, graph[end].name)
                       : fmt::format("projection '{}' names population number {} of {}",
                                     projection.name, end.index, graph.populations.size()));
    }
  }
}

void check_population_shapes(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  for (const PopulationId id : graph.live_populations()) {
    const Shape& shape = graph[id].shape;
    const std::int64_t count = element_count(shape).value_or(0);
    if (!shape.empty() && count >= 1 && count <= kMostNeurons) continue;
    violated(out, model, "population-shapes", subject(graph[id]),
             fmt::format("population '{}' has shape {}, which is not 1 to {} neurons",
                         graph[id].name, to_string(shape), kMostNeurons));
  }
}

/// Why `weight` does not fit a one-to-one projection onto `target`, or "".
std::string one_to_one_misfit(const OneToOne& one, const Shape& source, const Shape& target) {
  const auto sources = element_count(source), targets = element_count(target);
  if (sources != targets) {
    return fmt::format("{} neurons cannot go one to one to {}", sources.value_or(0),
                       targets.value_or(0));
  }
  const Shape& weight = one.weight.shape();
  const bool fits = weight.empty() || weight == target || weight == Shape{*targets} ||
                    (!target.empty() && weight == Shape{target[0]});
  return fits ? ""
              : fmt::format("a one_to_one weight {} does not fit a target {}", to_string(weight),
                            to_string(target));
}

/// Why the lists of a sparse projection do not fit `targets` neurons, or "".
std::string sparse_misfit(const Sparse& sparse, std::int64_t targets) {
  const auto begin = sparse.row_begin.as<std::int64_t>();
  const auto list = sparse.targets.as<std::int32_t>();
  const auto synapses = static_cast<std::int64_t>(list.size());
  if (begin.front() != 0 || begin.back() != synapses || !std::ranges::is_sorted(begin)) {
    return fmt::format("row_begin does not rise from 0 to the {} synapses", synapses);
  }
  for (std::size_t row = 0; row + 1 < begin.size(); ++row) {
    const auto row_list = list.subspan(static_cast<std::size_t>(begin[row]),
                                       static_cast<std::size_t>(begin[row + 1] - begin[row]));
    const bool rising =
        std::ranges::adjacent_find(row_list, std::ranges::greater_equal{}) == row_list.end();
    const bool inside = row_list.empty() || (row_list.front() >= 0 && row_list.back() < targets);
    if (!rising || !inside) {
      return fmt::format("the targets of source neuron {} do not rise within 0 to {}", row,
                         targets - 1);
    }
  }
  return {};
}

/// Why the projection does not lead from `source` to `target`, or "".
std::string misfit(const Connectivity& connectivity, const Shape& source, const Shape& target) {
  const auto wanted = target_shape(connectivity, source);
  if (!wanted) return wanted.error().message;
  if (*wanted && **wanted != target) {
    return fmt::format("a {} from {} makes {}, not {}", kind_name(connectivity), to_string(source),
                       to_string(**wanted), to_string(target));
  }
  const std::int64_t targets = element_count(target).value_or(0);
  if (const auto* dense = std::get_if<Dense>(&connectivity);
      dense != nullptr && dense->weight.shape()[0] != targets) {
    return fmt::format("a dense weight {} does not fit a target {}",
                       to_string(dense->weight.shape()), to_string(target));
  }
  if (const auto* one = std::get_if<OneToOne>(&connectivity)) {
    return one_to_one_misfit(*one, source, target);
  }
  if (const auto* sparse = std::get_if<Sparse>(&connectivity)) {
    return sparse_misfit(*sparse, targets);
  }
  return {};
}

void check_edge_shapes(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  for (const ProjectionId id : graph.live_projections()) {
    const Projection& projection = graph[id];
    if (!joined(graph, projection)) continue;
    const std::string why = misfit(projection.connectivity, graph[projection.source].shape,
                                   graph[projection.target].shape);
    if (!why.empty()) violated(out, model, "edge-shapes", subject(projection), why);
  }
}

/// A cycle of projections without delay, in order of the arrows; empty if there is none.
std::vector<PopulationId> undelayed_cycle(const SpikeGraph& graph) {
  std::vector<bool> stuck(graph.populations.size(), false);
  for (const PopulationId id : graph.live_populations()) stuck[id.index] = true;
  const auto blocks = [&](const Projection& p) {
    return !p.removed && p.delay_steps == 0 && joined(graph, p) && stuck[p.source.index];
  };
  // Let everything run that can; what stays waits for a cycle or stands on one.
  std::vector<PopulationId> waits_for(graph.populations.size());
  for (bool progress = true; progress;) {
    progress = false;
    std::fill(waits_for.begin(), waits_for.end(), PopulationId{});
    for (const Projection& projection : graph.projections) {
      if (blocks(projection)) waits_for[projection.target.index] = projection.source;
    }
    for (std::size_t i = 0; i < stuck.size(); ++i) {
      if (!stuck[i] || waits_for[i].valid()) continue;
      stuck[i] = false;
      progress = true;
    }
  }
  const auto first = std::ranges::find(stuck, true);
  if (first == stuck.end()) return {};
  std::vector<PopulationId> path;
  PopulationId at{static_cast<std::uint32_t>(first - stuck.begin())};
  while (std::ranges::find(path, at) == path.end()) {
    path.push_back(at);
    at = waits_for[at.index];
  }
  path.erase(path.begin(), std::ranges::find(path, at));
  std::ranges::reverse(path);
  std::rotate(path.begin(), std::ranges::min_element(path), path.end());
  return path;
}

void check_delays(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  if (graph.live_populations().empty() || !graph.step_order().empty()) return;
  std::vector<std::string> names;
  for (const PopulationId id : undelayed_cycle(graph)) names.push_back(graph[id].name);
  violated(out, model, "delays", {names.empty() ? "" : names[0], {}},
           fmt::format("the cycle '{}' has no delay", fmt::join(names, "' -> '")),
           "give one projection of the cycle a delay of one step or more");
}

void check_roles(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  for (const ProjectionId id : graph.live_projections()) {
    const Projection& projection = graph[id];
    if (!joined(graph, projection)) continue;
    if (std::holds_alternative<Input>(graph[projection.target].neuron)) {
      violated(out, model, "roles", subject(projection),
               fmt::format("projection '{}' leads into the input '{}', whose values come from "
                           "outside",
                           projection.name, graph[projection.target].name));
    }
    if (std::holds_alternative<Li>(graph[projection.source].neuron)) {
      violated(out, model, "roles", subject(projection),
               fmt::format("projection '{}' leaves '{}' (li), which never fires", projection.name,
                           graph[projection.source].name));
    }
    if (projection.target_port != 0) {
      violated(out, model, "roles", subject(projection),
               fmt::format("projection '{}' ends at port {} of '{}' ({}), which has port 0 only",
                           projection.name, projection.target_port, graph[projection.target].name,
                           model_name(graph[projection.target].neuron)));
    }
  }
}

std::vector<bool> reached_from_inputs(const SpikeGraph& graph) {
  std::vector<bool> reached(graph.populations.size(), false);
  for (const PopulationId id : graph.live_populations()) {
    reached[id.index] = std::holds_alternative<Input>(graph[id].neuron);
  }
  for (bool progress = true; progress;) {
    progress = false;
    for (const Projection& projection : graph.projections) {
      if (projection.removed || !joined(graph, projection)) continue;
      if (!reached[projection.source.index] || reached[projection.target.index]) continue;
      reached[projection.target.index] = true;
      progress = true;
    }
  }
  return reached;
}

void check_outputs(const Model& model, Diagnostics& out) {
  const SpikeGraph& graph = model.spike();
  const std::vector<bool> reached = reached_from_inputs(graph);
  bool any = false;
  for (const PopulationId id : graph.live_populations()) {
    if (!graph[id].output) continue;
    any = true;
    if (reached[id.index]) continue;
    violated(out, model, "outputs", subject(graph[id]),
             fmt::format("no input leads to the output '{}'", graph[id].name));
  }
  if (!any) {
    violated(
        out, model, "outputs", {},
        fmt::format("none of the {} populations is an output", graph.live_populations().size()));
  }
}

constexpr Invariant kRows[] = {
    {"unique-names", "No two populations and no two projections share a name.", Level::kSpike,
     check_names_unique},
    {"names", "Names of populations and projections are a letter, then letters, digits and '_'.",
     Level::kSpike, check_names_good},
    {"references", "Projections join populations that exist.", Level::kSpike, check_references},
    {"population-shapes", "A population has one neuron or more, and fewer than 2^31.",
     Level::kSpike, check_population_shapes},
    {"edge-shapes", "Shapes and weights agree along every projection.", Level::kSpike,
     check_edge_shapes},
    {"delays", "Every cycle has a delay of one step or more.", Level::kSpike, check_delays},
    {"roles", "Nothing leads into an input, nothing leaves what never fires, ports exist.",
     Level::kSpike, check_roles},
    {"outputs", "There is an output, and an input leads to each.", Level::kSpike, check_outputs},
};

}  // namespace

std::span<const Invariant> spike_structure() { return kRows; }

}  // namespace neurotool::checks
