// What one thread needs to run samples: the state of every population, and scratch. Made once per
// thread and run; nothing is allocated after that.
#pragma once

#include <cstdint>
#include <vector>

#include "memory.hpp"
#include "run_plan.hpp"

namespace neurotool::cpu {

/// Membranes and what a population has sent lately. Trains hold the steps of a window and, before
/// them, the `history` steps that delayed projections still need.
template <class Number>
struct PopulationState {
  LineVector<Number> membrane, synaptic;
  LineVector<std::int64_t> emitted;   ///< so far, where Emission::counts()
  LineVector<std::uint64_t> bits;     ///< Form::kBits: [history + window][pixel][word]
  LineVector<Number> values;          ///< kValues: [history + window][pixel][lane]; kHeld: one step
  std::vector<std::uint64_t> events;  ///< over all samples: per pixel
  std::uint64_t steps_run = 0;        ///< over all samples
  std::vector<std::uint64_t> neuron_events;  ///< per pixel and channel, where fan-outs differ
};

/// The rows of one source that the current target row hears, for all steps that run together.
template <class Number>
struct Ring {
  LineVector<std::uint32_t> ids, offsets;  ///< lists
  LineVector<Number> payloads;             ///< beside ids, where the source is no train of bits
  LineVector<Number> values;               ///< bits spread into numbers
  Way way = Way::kEvents;
  std::uint32_t slots = 1, steps = 0, next_row = 0;
  std::size_t id_stride = 0, offset_stride = 0;
};

template <class Number>
struct State {
  explicit State(const RunPlan<Number>& plan);

  std::vector<PopulationState<Number>> populations;
  std::vector<LineVector<Number>> constant_sums;             ///< per projection from a constant
  std::vector<LineVector<Wide<Number>>> wide_constant_sums;  ///< where targets need 64 bits
  std::vector<LineVector<Wide<Number>>> trains;  ///< per projection that is a max pool
  std::vector<Ring<Number>> rings;  ///< by position among a population's projections
  LineVector<Number> current, more;
  LineVector<Wide<Number>> wide_current, wide_more;
  std::vector<Range> ranges;
  LineVector<std::uint32_t> merged;
  LineVector<Number> merged_payloads;
};

}  // namespace neurotool::cpu
