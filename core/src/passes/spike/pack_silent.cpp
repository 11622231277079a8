// Takes out neurons of which it is proven that they never fire, and in integer graphs those that
// send the same payload in every step, whose effect goes into the biases of those that read them.
// The proof is interval arithmetic over the steps of the graph and holds whatever comes in; see
// docs/passes/pack_silent.md.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "passes/spike/clean_passes.hpp"
#include "passes/spike/integer_weights.hpp"
#include "passes/spike/remove_neurons.hpp"
#include "passes/spike/silent_channels.hpp"

namespace neurotool {
namespace {

using integer::ChannelFate;
using integer::channels_of;

/// Adds what a channel sends in every step to the biases of its readers. False, with nothing
/// changed, where a reader does not take it every step or the sum leaves 32 bits.
bool fold_constant(SpikeGraph& graph, PopulationId id, std::int64_t channel, std::int64_t payload) {
  const Population& population = graph[id];
  const std::int64_t inner = population.size() / channels_of(population.shape);
  std::vector<std::pair<PopulationId, Tensor>> biases;
  for (const ProjectionId p : graph.outgoing(id)) {
    const Projection& projection = graph[p];
    const Population& target = graph[projection.target];
    const Firing* const firing = firing_of(target.neuron);
    const bool every = target.bias_timing == BiasTiming::kEveryStep &&
                       (firing == nullptr || firing->window == Window{});
    // A delayed payload is missing from the first steps, and a bias is not.
    if (!every || projection.delay_steps > 0) return false;
    auto known =
        std::ranges::find(biases, projection.target, [](const auto& b) { return b.first; });
    if (known == biases.end()) known = biases.emplace(biases.end(), projection.target, target.bias);
    std::vector<double> sum(static_cast<std::size_t>(target.size()), 0);
    for (std::int64_t n = 0; n < target.size(); ++n) {
      sum[static_cast<std::size_t>(n)] = integer::parameter_at(known->second, target.shape, n, 0);
    }
    const double scale =
        std::ldexp(static_cast<double>(payload), static_cast<int>(projection.shift));
    for (std::int64_t i = 0; i < inner; ++i) {
      for (const Synapse& synapse :
           row(projection.connectivity, population.shape, target.shape, channel * inner + i)) {
        sum[static_cast<std::size_t>(synapse.target)] += scale * synapse.weight;
      }
    }
    std::vector<std::int32_t> whole;
    for (const double value : sum) {
      if (std::abs(value) > std::numeric_limits<std::int32_t>::max()) return false;
      whole.push_back(static_cast<std::int32_t>(value));
    }
    known->second = Tensor::from<std::int32_t>(target.shape, std::move(whole));
  }
  for (auto& [target, bias] : biases) graph[target].bias = std::move(bias);
  return true;
}

/// Whether something that comes in can still run to every output when a population is gone: an
/// output that nothing leads to is no network any more.
bool can_go_whole(const SpikeGraph& graph, PopulationId gone) {
  std::vector<bool> reached(graph.populations.size(), false);
  std::vector<PopulationId> open;
  for (const PopulationId id : graph.live_populations()) {
    if (std::holds_alternative<Input>(graph[id].neuron)) open.push_back(id);
  }
  while (!open.empty()) {
    const PopulationId id = open.back();
    open.pop_back();
    if (id == gone || reached[id.index]) continue;
    reached[id.index] = true;
    for (const ProjectionId p : graph.outgoing(id)) open.push_back(graph[p].target);
  }
  return std::ranges::all_of(graph.live_populations(), [&](PopulationId id) {
    return !graph[id].output || reached[id.index];
  });
}

/// How many neurons went.
struct Packed {
  double silent = 0, constant = 0, kept = 0;
};

void pack(SpikeGraph& graph, PopulationId id, std::vector<ChannelFate> fates, Packed& packed) {
  const auto known = std::ranges::count_if(fates, &ChannelFate::is_known);
  if (known == 0) return;
  const double inner = static_cast<double>(graph[id].size()) / static_cast<double>(fates.size());
  if (!integer::can_lose_channels(graph, id)) {
    packed.kept += inner * static_cast<double>(known);
    return;
  }
  if (known == std::ssize(fates) && !can_go_whole(graph, id)) {
    fates[0] = {};
    packed.kept += inner;
  }
  std::vector<std::int64_t> stays;
  for (std::size_t c = 0; c < fates.size(); ++c) {
    const auto channel = static_cast<std::int64_t>(c);
    if (fates[c].silent) {
      packed.silent += inner;
    } else if (fates[c].constant && fold_constant(graph, id, channel, *fates[c].constant)) {
      packed.constant += inner;
    } else {
      stays.push_back(channel);
    }
  }
  if (stays.empty()) {
    graph.remove(id);
  } else if (stays.size() < fates.size()) {
    integer::keep_channels(graph, id, stays);
  }
}

Result<Changed> pack_silent(SpikeGraph& graph, const Model& model, Context& context) {
  const auto fates = integer::channel_fates(graph);
  Packed packed;
  for (const PopulationId id : graph.step_order()) pack(graph, id, fates[id.index], packed);
  const auto fact = [&](const char* name, double value) {
    context.facts.push_back({"pack_silent", model.name, name, value});
  };
  fact("removed_silent_neurons", packed.silent);
  fact("removed_constant_neurons", packed.constant);
  fact("kept_known_neurons", packed.kept);
  return packed.silent + packed.constant > 0 ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry pack_silent_entry() {
  return spike_passes::clean_pass_entry<pack_silent>(
      "pack_silent", "Removes neurons that provably never fire, or always send the same.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return spike_passes::create_clean_pass<pack_silent>("pack_silent", section, path, out);
      });
}

}  // namespace neurotool
