// A projection's id must not pass for a population's.
#include "ir/spike_graph.hpp"

const neurotool::Population& first(const neurotool::SpikeGraph& graph) {
#ifdef NT_RIGHT
  const neurotool::PopulationId id{0};
#else
  const neurotool::ProjectionId id{0};
#endif
  const neurotool::Population& population = graph[id];
  return population;
}
