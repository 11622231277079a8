// The small graphs that every plugin meets: one per thing that a graph may hold, in float and in
// integer arithmetic, each with stimuli. Always the same bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool::conformance {

struct ZooStimulus {
  PopulationId population;
  Tensor value;  ///< [samples, shape…] for a held input, else [samples, steps, shape…]
};

struct ZooGraph {
  std::string name;     ///< "dense/float"
  std::string subject;  ///< what it is there for: "two dense layers and a readout"
  SpikeGraph graph;
  std::uint64_t samples = 3, steps = 8;
  std::vector<ZooStimulus> stimuli;
};

/// From the empty graph to convolutions and loops. A target that does not declare a model or a kind
/// is not shown the graphs that hold it.
const std::vector<ZooGraph>& zoo();

/// One dense projection of a thousand by a thousand neurons.
ZooGraph million_synapses(Arithmetic arithmetic);

/// The graph of the zoo with this name; it must exist.
const ZooGraph& zoo_graph(std::string_view name);

/// The same graph with the stimuli of samples [first, first + count).
ZooGraph part_of(const ZooGraph& whole, std::uint64_t first, std::uint64_t count);
/// The same graph with every stimulus 0.
ZooGraph silenced(const ZooGraph& whole);

}  // namespace neurotool::conformance
