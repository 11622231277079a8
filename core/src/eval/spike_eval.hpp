// The oracle: docs/semantics.md in code. Slow and obvious; every target is compared with it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

/// What an input population receives for one sample: float32 in float graphs, int32 in integer
/// ones. Shape [neurons] for a held input, [steps, neurons] otherwise (flattened neuron order).
struct Stimulus {
  PopulationId population;
  Tensor value;
};

/// State of one sample in float (float32) or integer (int64) arithmetic, whichever the graph uses;
/// it may be kept between calls: running 5 steps and then 3 equals running 8.
struct SpikeState {
  std::uint64_t step = 0;  ///< steps done so far
  std::vector<std::vector<float>> membrane_f, current_f;
  std::vector<std::vector<std::int64_t>> membrane_i, current_i;
  std::vector<std::vector<std::int64_t>> emitted;  ///< net payload per neuron so far
  /// Payloads of past steps that delayed projections still need; [population][ring slot][neuron].
  std::vector<std::vector<std::vector<float>>> history_f;
  std::vector<std::vector<std::vector<std::int64_t>>> history_i;
  /// What each source neuron of a max_pool2d has sent so far; [projection][neuron], empty elsewhere.
  std::vector<std::vector<float>> trains_f;
  std::vector<std::vector<std::int64_t>> trains_i;
};

/// What one population did in one step. Spans are valid during the call.
struct StepRecord {
  PopulationId population;
  std::uint64_t step = 0;
  std::span<const float> payload_f, membrane_f;         ///< float graphs
  std::span<const std::int64_t> payload_i, membrane_i;  ///< integer graphs
};
using StepObserver = std::function<void(const StepRecord&)>;

class SpikeEvaluator {
 public:
  /// The graph must be compact and verified, and must outlive the evaluator.
  explicit SpikeEvaluator(const SpikeGraph& graph);
  ~SpikeEvaluator();

  SpikeState initial_state() const;
  /// Runs `steps` more steps. Errors: eval.stimulus (shape, type or range), eval.overflow (an
  /// integer left its 32 bits: population, neuron and step are named).
  Result<> run(SpikeState& state, std::span<const Stimulus> stimuli, std::uint64_t steps,
               const StepObserver& observer = {}) const;

  /// Synapses that leave one neuron over all projections, zero weights included, padding excluded:
  /// what one event of it costs (docs/semantics.md, section 6).
  std::int64_t fan_out(PopulationId population, std::int64_t neuron) const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace neurotool
