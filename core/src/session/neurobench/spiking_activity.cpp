// Activity of the spiking network, from the payloads of every population and step as the target
// pushed them. What relays send is added up from there: a pooled sum is what the next layer reads.
#include <algorithm>
#include <map>

#include "session/neurobench/connections.hpp"
#include "session/neurobench/metrics.hpp"
#include "session/stimulus.hpp"

namespace neurotool::neurobench {
namespace {

/// What one population sent in one step: non-zero payloads only, by sample.
struct Sent {
  std::int64_t sample = 0;
  std::vector<std::pair<std::uint32_t, double>> values;  ///< neuron, payload
};
using Sendings = std::vector<Sent>;

bool is_ternary(const Sendings& sendings) {
  return std::ranges::all_of(sendings, [](const Sent& sent) {
    return std::ranges::all_of(sent.values,
                               [](const auto& v) { return v.second == 1 || v.second == -1; });
  });
}

struct ConnectionLayer {
  PopulationId source;
  FanOut fan_out;
};

/// Synapses into a relay, by source neuron.
struct IntoRelay {
  PopulationId source;
  std::uint32_t delay = 0;
  std::vector<std::vector<Synapse>> rows;
};

class SpikingCounter {
 public:
  SpikingCounter(const SpikeGraph& graph, std::uint64_t steps) : graph_(graph), steps_(steps) {
    for (const ProjectionId id : graph.live_projections()) {
      const Projection& projection = graph[id];
      if (is_connection_layer(graph, projection)) {
        layers_.push_back({projection.source, neurobench::fan_out(graph, projection)});
      }
      if (std::holds_alternative<Relay>(graph[projection.target].neuron)) add_relay(projection);
    }
  }

  void add(const RunResult& run, const BatchStimulus& stimulus, std::int64_t samples) {
    by_place_.clear();
    for (const SpikeRecord& record : run.spikes) {
      by_place_[{record.population.index, record.step}].push_back(&record);
    }
    samples_ += samples;
    for (std::uint64_t step = 0; step < steps_; ++step) add_step(step, stimulus, samples);
  }

  void finish(Metrics& metrics) const;

 private:
  void add_relay(const Projection& projection) {
    IntoRelay into{projection.source, projection.delay_steps, {}};
    const Population& source = graph_[projection.source];
    const Population& target = graph_[projection.target];
    for (std::int64_t neuron = 0; neuron < source.size(); ++neuron) {
      into.rows.push_back(row(projection.connectivity, source.shape, target.shape, neuron));
    }
    relays_[projection.target.index].push_back(std::move(into));
  }

  void add_step(std::uint64_t step, const BatchStimulus& stimulus, std::int64_t samples);
  Sendings from_records(PopulationId id, std::uint64_t step) const;
  Sendings from_stimulus(const BatchStimulus& stimulus, std::uint64_t step,
                         std::int64_t samples) const;
  Sendings from_relay(PopulationId id, std::uint64_t step, std::int64_t samples) const;
  void count_neurons(PopulationId id, std::uint64_t step, const Sendings& sendings,
                     std::int64_t samples);
  void count_products(const ConnectionLayer& layer, const Sendings& sendings, std::int64_t samples);

  const SpikeGraph& graph_;
  std::uint64_t steps_;
  std::vector<ConnectionLayer> layers_;
  std::map<std::uint32_t, std::vector<IntoRelay>> relays_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<const SpikeRecord*>> by_place_;
  /// What populations sent, by step and population, as far back as a delay needs.
  std::map<std::pair<std::uint64_t, std::uint32_t>, Sendings> sent_;
  std::int64_t samples_ = 0;
  double acs_ = 0, macs_ = 0, graded_ = 0, dense_ = 0, updates_ = 0;
  std::map<std::uint32_t, std::pair<double, double>> fired_;  ///< events, slots; by population
};

void SpikingCounter::add_step(std::uint64_t step, const BatchStimulus& stimulus,
                              std::int64_t samples) {
  for (const PopulationId id : graph_.step_order()) {
    const Neuron& neuron = graph_[id].neuron;
    Sendings sendings = std::holds_alternative<Input>(neuron)
                            ? from_stimulus(stimulus, step, samples)
                        : std::holds_alternative<Relay>(neuron) ? from_relay(id, step, samples)
                                                                : from_records(id, step);
    if (firing_of(neuron) != nullptr) count_neurons(id, step, sendings, samples);
    for (const ConnectionLayer& layer : layers_) {
      if (layer.source == id) count_products(layer, sendings, samples);
    }
    sent_[{step, id.index}] = std::move(sendings);
  }
  // Relays read payloads of earlier steps only through delays.
  std::uint64_t longest = 0;
  for (const auto& [id, parts] : relays_) {
    for (const IntoRelay& part : parts) longest = std::max<std::uint64_t>(longest, part.delay);
  }
  while (!sent_.empty() && sent_.begin()->first.first + longest <= step) sent_.erase(sent_.begin());
}

Sendings SpikingCounter::from_records(PopulationId id, std::uint64_t step) const {
  Sendings result;
  const auto found = by_place_.find({id.index, step});
  if (found == by_place_.end()) return result;
  for (const SpikeRecord* record : found->second) {
    Sent sent{static_cast<std::int64_t>(record->sample), {}};
    for (std::size_t i = 0; i < record->neurons.size(); ++i) {
      sent.values.emplace_back(record->neurons[i], record->payloads.empty()
                                                       ? 1.0
                                                       : static_cast<double>(record->payloads[i]));
    }
    result.push_back(std::move(sent));
  }
  return result;
}

Sendings SpikingCounter::from_stimulus(const BatchStimulus& stimulus, std::uint64_t step,
                                       std::int64_t samples) const {
  const Population& population = graph_[stimulus.population];
  const bool held = std::get<Input>(population.neuron).held;
  const std::int64_t neurons = population.size();
  Sendings result;
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    const std::int64_t row =
        held ? sample
             : sample * static_cast<std::int64_t>(steps_) + static_cast<std::int64_t>(step);
    Sent sent{sample, {}};
    for (std::int64_t n = 0; n < neurons; ++n) {
      const double value = stimulus.value.at(row * neurons + n);
      if (value != 0) sent.values.emplace_back(static_cast<std::uint32_t>(n), value);
    }
    result.push_back(std::move(sent));
  }
  return result;
}

Sendings SpikingCounter::from_relay(PopulationId id, std::uint64_t step,
                                    std::int64_t samples) const {
  std::vector<std::vector<double>> sums(
      static_cast<std::size_t>(samples),
      std::vector<double>(static_cast<std::size_t>(graph_[id].size())));
  const auto parts = relays_.find(id.index);
  if (parts == relays_.end()) return {};
  for (const IntoRelay& part : parts->second) {
    if (step < part.delay) continue;
    const auto sendings = sent_.find({step - part.delay, part.source.index});
    if (sendings == sent_.end()) continue;
    for (const Sent& sent : sendings->second) {
      for (const auto& [neuron, payload] : sent.values) {
        for (const Synapse& synapse : part.rows[neuron]) {
          sums[static_cast<std::size_t>(sent.sample)][static_cast<std::size_t>(synapse.target)] +=
              synapse.weight * payload;
        }
      }
    }
  }
  Sendings result;
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    Sent sent{sample, {}};
    const std::vector<double>& row = sums[static_cast<std::size_t>(sample)];
    for (std::size_t n = 0; n < row.size(); ++n) {
      if (row[n] != 0) sent.values.emplace_back(static_cast<std::uint32_t>(n), row[n]);
    }
    result.push_back(std::move(sent));
  }
  return result;
}

void SpikingCounter::count_neurons(PopulationId id, std::uint64_t step, const Sendings& sendings,
                                   std::int64_t samples) {
  double events = 0;
  for (const Sent& sent : sendings) events += static_cast<double>(sent.values.size());
  const double slots = static_cast<double>(graph_[id].size() * samples);
  auto& [fired, all] = fired_[id.index];
  fired += events;
  all += slots;
  // The harness counts every neuron in the first step, then those whose membrane a spike changed.
  updates_ += step == 0 ? slots : events;
}

void SpikingCounter::count_products(const ConnectionLayer& layer, const Sendings& sendings,
                                    std::int64_t samples) {
  double effective = 0;
  for (const Sent& sent : sendings) {
    for (const auto& [neuron, payload] : sent.values) {
      effective += static_cast<double>(layer.fan_out.non_zero[neuron]);
    }
  }
  dense_ += static_cast<double>(layer.fan_out.total) * static_cast<double>(samples);
  if (is_ternary(sendings)) {
    acs_ += effective;
    return;
  }
  macs_ += effective;
  const bool from_input = std::holds_alternative<Input>(graph_[layer.source].neuron);
  if (!from_input) graded_ += effective;
}

void SpikingCounter::finish(Metrics& metrics) const {
  const double samples = static_cast<double>(std::max<std::int64_t>(samples_, 1));
  metrics.samples = samples_;
  metrics.operations = SynapticOperations{macs_ / samples, acs_ / samples, dense_ / samples};
  metrics.graded_operations = graded_ / samples;
  metrics.membrane_updates = updates_ / samples;
  double fired = 0, slots = 0;
  for (const auto& [id, sums] : fired_) {
    fired += sums.first;
    slots += sums.second;
    metrics.activation_sparsity_by_layer.emplace_back(graph_[PopulationId{id}].name,
                                                      1 - sums.first / sums.second);
  }
  if (slots > 0) metrics.activation_sparsity = 1 - fired / slots;
}

}  // namespace

Result<> run_spiking(const SpikingRunRequest& run, const SampleSource& data, std::int64_t samples,
                     std::int64_t batch, Diagnostics& diagnostics, Progress& progress,
                     Metrics& metrics) {
  NT_TRY(const PopulationId input, only_input(run.graph));
  SpikingCounter activity(run.graph, run.steps);
  for (std::int64_t first = 0; first < samples; first += batch) {
    const std::int64_t count = std::min(batch, samples - first);
    NT_TRY(const Tensor values, data.batch(first, count));
    NT_TRY(BatchStimulus stimulus,
           make_stimulus(run.graph, input, values, first, run.steps, run.seed));
    SimulateRequest request{.samples = static_cast<std::uint64_t>(count),
                            .steps = run.steps,
                            .seed = run.seed,
                            .stimuli = {stimulus},
                            .probes = {}};
    for (const PopulationId id : run.graph.live_populations()) {
      if (firing_of(run.graph[id].neuron) != nullptr) request.probes.push_back({id, "spikes"});
    }
    NT_TRY(const RunResult result, run.program.simulate(request, {diagnostics, progress, {}}));
    activity.add(result, stimulus, count);
  }
  activity.finish(metrics);
  return {};
}

}  // namespace neurotool::neurobench
