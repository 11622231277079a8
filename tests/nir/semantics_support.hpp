// Runs one network twice: a NIR graph in a preset, and populations in the oracle.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "eval/nir/simulate.hpp"
#include "eval/spike_eval.hpp"
#include "frontend/nir/export.hpp"
#include "frontend/nir/import.hpp"
#include "support/nir_networks.hpp"

namespace neurotool::test {

/// What was sent, by population or node, all steps in one row.
using Spikes = std::map<std::string, std::vector<double>>;

/// `input` is [steps, neurons] or, for a held input, [neurons].
inline Spikes oracle_spikes(const SpikeGraph& graph, const Tensor& input, std::uint64_t steps) {
  Spikes spikes;
  PopulationId in;
  for (const PopulationId id : graph.live_populations())
    if (std::holds_alternative<Input>(graph[id].neuron)) in = id;
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const std::vector<Stimulus> stimuli{{in, input}};
  const auto done = evaluator.run(state, stimuli, steps, [&](const StepRecord& record) {
    auto& row = spikes[graph[record.population].name];
    row.insert(row.end(), record.payload_f.begin(), record.payload_f.end());
    row.insert(row.end(), record.payload_i.begin(), record.payload_i.end());
  });
  EXPECT_TRUE(done) << to_string(done.error());
  return spikes;
}

inline Spikes preset_spikes(const nir::Graph& graph, const nir::Discretization& discretization,
                            const Tensor& input, std::uint64_t steps) {
  Spikes spikes;
  Diagnostics diagnostics;
  const auto simulator = nir::Simulator::make(graph, "", discretization, diagnostics);
  if (!simulator) {
    ADD_FAILURE() << to_string(simulator.error());
    return spikes;
  }
  const std::vector<Tensor> inputs{input};
  const auto done = simulator->run(inputs, steps, [&](const nir::NodeStep& step) {
    auto& row = spikes[std::string(step.name)];
    row.insert(row.end(), step.output.begin(), step.output.end());
  });
  EXPECT_TRUE(done) << to_string(done.error());
  return spikes;
}

/// What a node sent for the neurons of its population, which are the first ones in every step.
inline std::vector<double> sent_by(const Spikes& spikes, const to_nir::ExportedLayer& layer,
                                   std::uint64_t steps) {
  const std::vector<double>& all = spikes.at(layer.node);
  const std::size_t width = all.size() / steps;
  std::vector<double> own;
  for (std::size_t t = 0; t < steps; ++t) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(t * width);
    own.insert(own.end(), begin, begin + layer.neurons);
  }
  return own;
}

/// A held sample shown at every step.
inline Tensor repeated(const Tensor& sample, std::uint64_t steps) {
  std::vector<float> values;
  for (std::uint64_t t = 0; t < steps; ++t) {
    for (std::int64_t i = 0; i < sample.size(); ++i)
      values.push_back(static_cast<float>(sample.at(i)));
  }
  return Tensor::from<float>({static_cast<std::int64_t>(steps), sample.size()}, std::move(values));
}

}  // namespace neurotool::test
