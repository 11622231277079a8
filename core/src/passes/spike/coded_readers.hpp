// What reads an input, after the input has become a coded one: projections from copies of its
// channels, and neurons that go on hearing what they heard once.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "ir/spike_graph.hpp"

namespace neurotool::coded {

/// Why the projection cannot read `copies` copies of each channel of its source, or "".
std::string copies_refusal(const Connectivity& connectivity, std::size_t copies);

/// The same projection from a source with factor.size() channels for each of `source`: what copy k
/// sends counts factor[k] times. copies_refusal() must be empty.
Connectivity read_copies(const Connectivity& connectivity, const Shape& source, const Shape& target,
                         std::span<const double> factor);

/// Why the population cannot hold what `input` sends, or "".
std::string holding_refusal(const SpikeGraph& graph, PopulationId population, PopulationId input);

/// A payload of the input becomes a current that stays until the end of the run: a synaptic current
/// without decay. holding_refusal() must be empty.
void hold_currents(Population& population);

}  // namespace neurotool::coded
