// The integer reference of an exact spiking network: the counts that its layers must reach,
// computed layer by layer without steps, windows or membranes. It shares no code with the step
// rule, so that agreement of both says something.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "eval/spike_eval.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

/// For each population, sample by sample, one number for each neuron: the value of an input, the
/// net count of a neuron (of a radix neuron, the number that its digits spell), the sum of a relay
/// or a readout.
using IntegerCounts = std::vector<std::vector<std::int64_t>>;

class IntegerReference {
 public:
  /// The graph must be compact and must outlive the reference. Error: eval.not-feed-forward, for a
  /// float graph, a cycle, or a neuron whose count is no function of its sum.
  static Result<IntegerReference> create(const SpikeGraph& graph);
  IntegerReference(IntegerReference&&) noexcept;
  ~IntegerReference();

  /// One stimulus of int32 [samples, neurons] for each input population.
  Result<IntegerCounts> run(std::span<const Stimulus> stimuli, std::int64_t samples) const;

 private:
  struct State;
  explicit IntegerReference(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace neurotool
