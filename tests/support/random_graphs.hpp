// Seeded, valid spiking graphs and stimuli for property tests. The same options give the same graph
// on every machine. Each `allow_` switch admits one feature, so that a test can keep to what its
// subject supports; a switch that is on makes the feature possible, not certain, so run many seeds.
//
// In integer graphs no current or membrane leaves 32 bits within kRandomGraphSteps steps.
#pragma once

#include <cstdint>
#include <vector>

#include "eval/spike_eval.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool::test {

/// The most steps that a random graph may run.
inline constexpr std::uint32_t kRandomGraphSteps = 32;

struct RandomGraphOptions {
  std::uint64_t seed = 1;
  Arithmetic arithmetic = Arithmetic::kFloat32;

  bool allow_lif = true;
  bool allow_cuba = true;
  bool allow_relay = true;
  bool allow_burst = true;           ///< max_per_step > 1
  bool allow_signed = true;          ///< min_per_step = -1, with and without bounds of the count
  bool allow_windows = true;         ///< integrate and fire windows, bias_timing
  bool allow_radix = true;           ///< radix-2 producers, doubling consumers; implies windows
  bool allow_reset_to_value = true;  ///< and neurons that fire only above their threshold

  bool allow_conv = true;  ///< conv2d and populations of shape [channels,height,width]
  bool allow_pool = true;  ///< sum_pool2d and, if the next is on too, max_pool2d
  bool allow_max_pool = true;
  bool allow_one_to_one = true;
  bool allow_sparse = true;
  bool allow_delays = true;
  bool allow_recurrent = true;  ///< cycles, each with a delay
  bool allow_per_step_inputs = true;

  int max_populations = 7;  ///< inputs and outputs included; at least 3
  int max_neurons = 160;    ///< of one population; at least 12
};

/// A graph that verify accepts (checked), compact, with one or two inputs and one to three outputs.
SpikeGraph random_graph(const RandomGraphOptions& options);

/// One stimulus for each input: [neurons] for a held one, [steps, neurons] otherwise.
std::vector<Stimulus> random_stimuli(const SpikeGraph& graph, std::uint64_t seed,
                                     std::uint32_t steps);

}  // namespace neurotool::test
