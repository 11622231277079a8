// Runs a feed-forward float spike graph one population at a time, all steps and many samples at
// once: the rates that calibration needs, an order of magnitude faster than the oracle.
//
// Convolutions and products are dense and go through oneDNN, so that their sums come in another
// order than docs/semantics.md fixes. Counts may differ from a target's where a membrane meets a
// threshold within rounding: an estimator of rates, never a reference. What it computes depends on
// its inputs alone, not on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

/// What one population sends or receives in a run. Row t * samples + s holds step t of sample s.
struct Train {
  std::int64_t steps = 0;  ///< 1: the same at every step
  std::int64_t samples = 0, neurons = 0;
  std::vector<std::int8_t> spikes;  ///< of firing neurons,
  std::vector<float> values;        ///< of all others; one of the two
  /// What one unit of a spike is worth to those that read it, one per channel; empty: 1. Weights
  /// that hold the worth already, as in a finished graph, need none.
  std::vector<float> worth;
};

/// One firing neuron model with its parameters, for the neurons of one channel.
struct FiringRule {
  float threshold = 1, initial = 0;
  float bias = 0;  ///< added every step
  std::int32_t max_per_step = 1, min_per_step = 0;
  std::uint32_t fire_begin = 0;  ///< integrates from step 0, fires from here on
};

/// Neurons of one rule that lie side by side: neuron i receives current[t * current_stride + i] in
/// step t, and the same in every step where current_stride is 0.
struct FiringBlock {
  const float* current = nullptr;
  std::size_t current_stride = 0;
  std::size_t neurons = 0;
  std::uint32_t steps = 0;
};

/// The net count of each neuron after all steps, and, where `spikes` is not null, what it sent in
/// step t at spikes[t * spikes_stride + i]. Soft reset, net counts never below 0. `initial`, where
/// not null, replaces rule.initial neuron by neuron.
void fire(const FiringRule& rule, const FiringBlock& block, const float* initial, float* counts,
          std::int8_t* spikes, std::size_t spikes_stride);

class LayerEvaluator {
 public:
  /// The graph must be compact and verified and must outlive the evaluator.
  LayerEvaluator(const SpikeGraph& graph, std::uint32_t steps);
  ~LayerEvaluator();

  /// Nothing, or why the graph cannot be run here (eval.unsupported, at a population): integer
  /// arithmetic, cycles, models other than held inputs, relays, soft-reset `if` and plain `li`.
  static Result<> check(const SpikeGraph& graph);

  /// Populations in the order in which they must be visited.
  const std::vector<PopulationId>& order() const;

  /// Gives an input its values: float32 [samples, …].
  Result<> feed(PopulationId input, const Tensor& samples);
  /// The sum of all that arrives, without the bias; values. Every source must have been kept.
  Result<Train> currents(PopulationId population);
  /// What a population sends, for its readers; dropped when the last of them has been visited.
  void keep(PopulationId population, Train sent);

  /// The populations behind the inputs, as the graph says they are: currents, bias, neurons.
  /// Returns net counts of a firing population and the membranes of a readout, [samples, neurons];
  /// nothing is returned of a relay.
  Result<std::vector<float>> visit(PopulationId population);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurotool
