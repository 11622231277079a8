// What a run showed, as maps that can be compared: from a plugin's records, and from the oracle.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.hpp"
#include "eval/spike_eval.hpp"
#include "target/check/drive.hpp"

namespace neurotool::conformance {
namespace {

/// The stimuli of one sample in the evaluator's shape: a batch of one, flattened.
std::vector<Stimulus> stimuli_of(const ZooGraph& exhibit, std::uint64_t sample) {
  const ZooGraph one = part_of(exhibit, sample, 1);
  std::vector<Stimulus> stimuli;
  for (const ZooStimulus& each : one.stimuli)
    stimuli.push_back({each.population, each.value.reshaped({each.value.size()})});
  return stimuli;
}

template <class Number>
std::vector<double> doubles(std::span<const Number> values) {
  return {values.begin(), values.end()};
}

/// Keeps of one sample's run what the probes ask for.
class Watcher {
 public:
  Watcher(const SpikeGraph& graph, const SimulateRequest& request, std::uint64_t sample,
          Observed& into)
      : graph_(graph), request_(request), sample_(sample), into_(into) {}

  void see(const StepRecord& record) const {
    const bool integer = graph_.arithmetic == Arithmetic::kInteger;
    const std::uint32_t population = record.population.index;
    if (asked(population, "spikes")) {
      const std::vector<double> payloads =
          integer ? doubles(record.payload_i) : doubles(record.payload_f);
      for (std::uint32_t i = 0; i < payloads.size(); ++i) {
        if (payloads[i] == 0) continue;
        into_.spikes[{sample_, population, record.step}].emplace_back(
            i, static_cast<std::int32_t>(payloads[i]));
      }
    }
    if (asked(population, "membrane")) {
      into_.values[{sample_, population, "membrane", record.step}] =
          integer ? doubles(record.membrane_i) : doubles(record.membrane_f);
    }
  }

  void finish(const SpikeState& state) const {
    for (std::uint32_t i = 0; i < graph_.populations.size(); ++i) {
      if (!asked(i, "readout")) continue;
      const bool fires = firing_of(graph_.populations[i].neuron) != nullptr;
      const bool integer = graph_.arithmetic == Arithmetic::kInteger;
      std::vector<double>& readout = into_.values[{sample_, i, "readout", 0}];
      if (fires) {
        readout = doubles(std::span<const std::int64_t>(state.emitted[i]));
      } else if (integer) {
        readout = doubles(std::span<const std::int64_t>(state.membrane_i[i]));
      } else {
        readout = doubles(std::span<const float>(state.membrane_f[i]));
      }
    }
  }

 private:
  bool asked(std::uint32_t population, std::string_view variable) const {
    return std::ranges::any_of(request_.probes, [&](const Probe& probe) {
      return probe.population.index == population && probe.variable == variable;
    });
  }

  const SpikeGraph& graph_;
  const SimulateRequest& request_;
  std::uint64_t sample_;
  Observed& into_;
};

using SpikeList = std::vector<std::pair<std::uint32_t, std::int32_t>>;

std::string spikes_text(const SpikeList& spikes) {
  if (spikes.empty()) return "none";
  std::vector<std::string> items;
  for (const auto& [neuron, payload] : spikes)
    items.push_back(payload == 1 ? fmt::format("{}", neuron)
                                 : fmt::format("{} (times {})", neuron, payload));
  constexpr std::size_t kShown = 6;
  const bool cut = items.size() > kShown;
  if (cut) items.resize(kShown);
  return fmt::format("{}{}", fmt::join(items, ", "), cut ? ", …" : "");
}

/// The entry at `key`, or nothing at all.
template <class Map>
typename Map::mapped_type at(const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type() : found->second;
}

/// The keys of both maps, ascending.
template <class Map>
std::vector<typename Map::key_type> keys_of(const Map& a, const Map& b) {
  std::vector<typename Map::key_type> keys;
  for (const auto& [key, value] : a) keys.push_back(key);
  for (const auto& [key, value] : b)
    if (!a.contains(key)) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

std::string values_difference(const std::vector<double>& wanted, const std::vector<double>& got) {
  if (got.empty()) return "nothing was pushed";
  if (wanted.empty()) return "pushed, but not expected";
  for (std::size_t i = 0; i < std::min(wanted.size(), got.size()); ++i) {
    if (wanted[i] == got[i]) continue;
    return fmt::format("neuron {} has {} instead of {}", i, number_text(got[i]),
                       number_text(wanted[i]));
  }
  return fmt::format("{} values instead of {}", got.size(), wanted.size());
}

}  // namespace

std::uint64_t Observed::spike_count() const {
  std::uint64_t count = 0;
  for (const auto& [place, list] : spikes) count += list.size();
  return count;
}

Observed observed(const Recorder& recorder) { return observed(recorder, 0); }

Observed observed(const Recorder& recorder, std::uint64_t first_sample) {
  Observed seen;
  for (const SpikeRecord& record : recorder.spike_records) {
    SpikeList& list =
        seen.spikes[{first_sample + record.sample, record.population.index, record.step}];
    for (std::size_t i = 0; i < record.neurons.size(); ++i)
      list.emplace_back(record.neurons[i], record.payloads.empty() ? 1 : record.payloads[i]);
  }
  for (const ValueRecord& record : recorder.value_records) {
    const std::uint64_t step = record.variable == "readout" ? 0 : record.step;
    std::vector<double>& values =
        seen.values[{first_sample + record.sample, record.population.index, record.variable, step}];
    for (std::int64_t i = 0; i < record.value.size(); ++i) values.push_back(record.value.at(i));
  }
  return seen;
}

void add(Observed& all, const Observed& part) {
  all.spikes.insert(part.spikes.begin(), part.spikes.end());
  all.values.insert(part.values.begin(), part.values.end());
}

Result<Observed> oracle(const ZooGraph& exhibit, const SimulateRequest& request) {
  Observed expected;
  const SpikeEvaluator evaluator(exhibit.graph);
  for (std::uint64_t sample = 0; sample < request.samples; ++sample) {
    const Watcher watcher(exhibit.graph, request, sample, expected);
    SpikeState state = evaluator.initial_state();
    NT_TRY_VOID(evaluator.run(state, stimuli_of(exhibit, sample), request.steps,
                              [&](const StepRecord& record) { watcher.see(record); }));
    watcher.finish(state);
  }
  return expected;
}

std::uint64_t differing_spikes(const Observed& a, const Observed& b) {
  std::uint64_t count = 0;
  for (const auto& key : keys_of(a.spikes, b.spikes)) {
    const SpikeList left = at(a.spikes, key), right = at(b.spikes, key);
    std::map<std::uint32_t, std::int32_t> difference(left.begin(), left.end());
    for (const auto& [neuron, payload] : right) difference[neuron] -= payload;
    count += static_cast<std::uint64_t>(
        std::ranges::count_if(difference, [](const auto& entry) { return entry.second != 0; }));
  }
  return count;
}

std::string first_difference(const Observed& wanted, const Observed& got, const SpikeGraph& graph) {
  for (const auto& key : keys_of(wanted.spikes, got.spikes)) {
    const SpikeList left = at(wanted.spikes, key), right = at(got.spikes, key);
    if (left == right) continue;
    const auto& [sample, population, step] = key;
    return fmt::format("spikes of '{}', sample {}, step {}: neurons {} instead of {}",
                       graph.populations[population].name, sample, step, spikes_text(right),
                       spikes_text(left));
  }
  for (const auto& key : keys_of(wanted.values, got.values)) {
    const std::vector<double> left = at(wanted.values, key), right = at(got.values, key);
    if (left == right) continue;
    const auto& [sample, population, variable, step] = key;
    const std::string when = variable == "readout" ? "" : fmt::format(", step {}", step);
    return fmt::format("{} of '{}', sample {}{}: {}", variable, graph.populations[population].name,
                       sample, when, values_difference(left, right));
  }
  return {};
}

}  // namespace neurotool::conformance
