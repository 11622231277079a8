// A graph as the reference steps through it: parameters spread over the neurons, synapses as lists
// in delivery order (docs/semantics.md, section 3). Used by spike_eval.cpp alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "eval/max_pool_state.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

template <class Number>
struct PlannedSynapse {
  std::uint32_t target;
  Number weight;
};

/// The synapses of one source neuron: [begin, end) of the projection's list.
struct PlannedRow {
  std::uint32_t source;
  std::size_t begin, end;
};

template <class Number>
struct PlannedProjection {
  std::size_t index = 0, source = 0;
  std::uint32_t delay = 0;
  Number factor = 1;             ///< of the finished sum: 2^shift
  std::vector<Number> scale;     ///< of the finished sum, per target (a pool's weight); empty = 1
  std::vector<PlannedRow> rows;  ///< in delivery order
  std::vector<PlannedSynapse<Number>> synapses;
  std::optional<PlannedMaxPool<Number>> max_pool;  ///< in place of rows and synapses
};

template <class Number>
struct PlannedPopulation {
  const Population* population = nullptr;
  std::size_t size = 0;
  std::vector<PlannedProjection<Number>> incoming;
  std::vector<Number> bias, threshold, initial, reset_value, decay, current_decay;
  std::uint32_t history = 0;  ///< past steps that outgoing projections need
};

/// What a population needs, with all its incoming projections. Number is float or std::int64_t.
template <class Number>
PlannedPopulation<Number> plan_population(const SpikeGraph& graph, PopulationId id);

}  // namespace neurotool
