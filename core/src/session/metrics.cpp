// Sums over batches are made in batch order, so that they do not depend on threads; counts are
// whole numbers far below 2^53 and add up exactly.
#include "session/metrics.hpp"

#include <algorithm>
#include <optional>

#include "ir/words.hpp"

namespace neurotool {
namespace {

template <class Metrics>
auto find_named(Metrics& metrics, std::string_view name) {
  return std::ranges::find(metrics, name, &Metric::name);
}

std::optional<Metric> total(std::span<const Metric> totals, std::string_view name) {
  const auto found = find_named(totals, name);
  return found == totals.end() ? std::nullopt : std::optional(*found);
}

bool is_held_input(const Population& population) {
  const auto* input = std::get_if<Input>(&population.neuron);
  return input != nullptr && input->held;
}

bool is_relay(const Population& population) {
  return std::holds_alternative<Relay>(population.neuron);
}

std::int64_t synapses_of(const SpikeGraph& graph, const Projection& projection) {
  return synapse_count(projection.connectivity, graph[projection.source].shape,
                       graph[projection.target].shape);
}

/// A quotient of counts has the origin of its counts.
Metric quotient(std::string name, std::string unit, const Metric& count, double divisor) {
  return {.name = std::move(name),
          .unit = std::move(unit),
          .value = count.value / divisor,
          .origin = count.origin};
}

/// The model, and the code of a coded input: "if", "input (poisson)".
std::string model_words(const Neuron& neuron) {
  std::string words(model_name(neuron));
  const auto* input = std::get_if<Input>(&neuron);
  if (input == nullptr || input->encoder.coding == Coding::kNone) return words;
  return words.append(" (").append(word_of(input->encoder.coding)).append(")");
}

PopulationReport describe_population(const SpikeGraph& graph, PopulationId id) {
  const Population& population = graph[id];
  PopulationReport row{.name = population.name,
                       .model = model_words(population.neuron),
                       .shape = to_string(population.shape),
                       .neurons = population.size(),
                       .origins = population.origins};
  for (const ProjectionId incoming : graph.incoming(id)) {
    row.synapses_in += synapses_of(graph, graph[incoming]);
  }
  return row;
}

/// What inputs sent of the total: they are no neurons, so that rates and sparsity leave it out.
double input_events(const SpikeGraph& graph, std::span<const Metric> totals) {
  double events = 0;
  for (const PopulationId id : graph.live_populations()) {
    if (!std::holds_alternative<Input>(graph[id].neuron)) continue;
    const auto sent = total(totals, "population." + std::to_string(id.index) + ".spikes");
    if (sent) events += sent->value;
  }
  return events;
}

/// Whether no neuron sends more than one event in a step: only then do events say how many steps of
/// neurons were silent.
bool sends_one_event_a_step(const SpikeGraph& graph) {
  return std::ranges::all_of(graph.live_populations(), [&](PopulationId id) {
    const Firing* firing = firing_of(graph[id].neuron);
    return firing == nullptr ||
           (firing->emission.max_per_step <= 1 && firing->emission.min_per_step >= -1);
  });
}

/// `all` counts the events of inputs too.
void add_event_metrics(const Metric& all, double of_inputs, double samples, bool counts_steps,
                       Report& report) {
  Metric spikes = all;
  spikes.value -= of_inputs;
  const double neurons = static_cast<double>(report.spiking_neurons);
  const double slots = neurons * static_cast<double>(report.steps);
  report.metrics.push_back(quotient("events_per_sample", "events", all, samples));
  if (slots <= 0) return;
  report.metrics.push_back(quotient("events_per_neuron", "events", spikes, samples * neurons));
  report.metrics.push_back(quotient("events_per_neuron_step", "events", spikes, samples * slots));
  if (!counts_steps) return;
  report.metrics.push_back({.name = "activation_sparsity",
                            .unit = "1",
                            .value = 1 - spikes.value / (samples * slots),
                            .origin = spikes.origin});
}

/// Targets count by index: a name may hold what a metric's name may not.
void fill_population(std::span<const Metric> totals, double samples, std::uint64_t steps,
                     std::size_t index, PopulationReport& row) {
  const std::string prefix = "population." + std::to_string(index);
  const double neurons = static_cast<double>(row.neurons);
  if (const auto spikes = total(totals, prefix + ".spikes"); spikes && neurons > 0) {
    row.events_per_neuron = spikes->value / (samples * neurons);
    if (steps > 0) row.events_per_neuron_step = *row.events_per_neuron / static_cast<double>(steps);
  }
  if (const auto ops = total(totals, prefix + ".synaptic_ops")) {
    row.synaptic_operations = ops->value / samples;
  }
}

}  // namespace

void add_metrics(std::vector<Metric>& sums, std::span<const Metric> batch) {
  for (const Metric& metric : batch) {
    const auto found = find_named(sums, metric.name);
    if (found == sums.end()) {
      sums.push_back(metric);
      continue;
    }
    found->value += metric.value;
    found->limit = std::max(found->limit, metric.limit);
    found->origin = std::max(found->origin, metric.origin);
  }
}

std::int64_t input_macs(const SpikeGraph& graph) {
  std::vector<bool> analog(graph.populations.size());
  for (const PopulationId id : graph.live_populations())
    analog[id.index] = is_held_input(graph[id]);
  std::int64_t macs = 0;
  for (const PopulationId id : graph.step_order()) {
    if (!analog[id.index]) continue;
    for (const ProjectionId outgoing : graph.outgoing(id)) {
      macs += synapses_of(graph, graph[outgoing]);
      const PopulationId next = graph[outgoing].target;
      const bool steady = !std::holds_alternative<MaxPool2d>(graph[outgoing].connectivity);
      if (is_relay(graph[next]) && steady) analog[next.index] = true;
    }
  }
  return macs;
}

void describe_graph(const SpikeGraph& graph, Report& report) {
  report.populations.clear();
  report.spiking_neurons = 0;
  report.provisional = false;
  for (const PopulationId id : graph.live_populations()) {
    report.populations.push_back(describe_population(graph, id));
    if (firing_of(graph[id].neuron) != nullptr) report.spiking_neurons += graph[id].size();
    report.provisional = report.provisional || graph[id].provisional;
  }
  report.neurons = graph.neuron_count();
  report.synapses = graph.synapse_count();
}

void derive_metrics(const SpikeGraph& graph, std::span<const Metric> totals, Report& report) {
  const double samples = static_cast<double>(report.samples);
  if (report.samples == 0) return;
  if (const auto spikes = total(totals, kSpikesTotal)) {
    add_event_metrics(*spikes, input_events(graph, totals), samples, sends_one_event_a_step(graph),
                      report);
  }
  if (const auto ops = total(totals, kSynapticOpsTotal)) {
    report.metrics.push_back(
        quotient("synaptic_operations_per_sample", "operations", *ops, samples));
  }
  const auto pushed_macs = total(totals, kInputMacsTotal);
  report.metrics.push_back(
      pushed_macs ? quotient("input_macs_per_sample", "operations", *pushed_macs, samples)
                  : Metric{.name = "input_macs_per_sample",
                           .unit = "operations",
                           .value = static_cast<double>(input_macs(graph)),
                           .origin = Origin::kModelled});
  if (const auto latency = total(totals, kLatencyTotal)) {
    report.metrics.push_back(quotient("latency_per_sample", "s", *latency, samples));
  }
  for (std::size_t i = 0; i < report.populations.size(); ++i) {
    fill_population(totals, samples, report.steps, i, report.populations[i]);
  }
  report.metrics.insert(report.metrics.end(), totals.begin(), totals.end());
}

}  // namespace neurotool
