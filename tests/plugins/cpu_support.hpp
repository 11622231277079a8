// The engine of plugins/cpu beside the oracle: the same graph and stimuli through both, and what
// each of them showed in one form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine.hpp"
#include "eval/spike_eval.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool::test {

/// A SpikeGraph as the engine's network, without the ABI between them.
cpu::Network network_of(const SpikeGraph& graph);

/// Stimuli of several samples, each in the shape that the oracle takes.
using Samples = std::vector<std::vector<Stimulus>>;
Samples random_samples(const SpikeGraph& graph, std::uint64_t seed, std::size_t count,
                       std::uint32_t steps);

/// All that a run shows: by sample, population and step. Payloads and membranes of every neuron.
struct Shown {
  std::vector<std::vector<std::vector<std::vector<double>>>> payloads, membranes;
  std::vector<std::vector<std::vector<double>>> readouts;  ///< by sample and population
  std::vector<std::uint64_t> spikes, synaptic_ops;         ///< by population
  std::uint64_t input_macs = 0;

  bool operator==(const Shown&) const = default;
};

/// "payload of 'layer', sample 1, step 3, neuron 7: 1 instead of 0", or empty.
std::string first_difference(const SpikeGraph& graph, const Shown& wanted, const Shown& got);

Shown run_oracle(const SpikeGraph& graph, const Samples& samples, std::uint32_t steps);

struct EngineSetup {
  cpu::Options options;
  std::size_t threads = 1;
  std::size_t batch = 0;  ///< samples per run; 0 = all
};
Shown run_engine(const SpikeGraph& graph, const Samples& samples, std::uint32_t steps,
                 const EngineSetup& setup);

/// Runs body over [0, count) on `threads` threads of its own.
cpu::Environment threads_of(std::size_t threads);

}  // namespace neurotool::test
