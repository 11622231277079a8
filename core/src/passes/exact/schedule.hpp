// When each population of an integer network integrates and fires, so that every neuron has its
// whole sum before it sends what the sum asks for, or can take back what it sent too early.
#pragma once

#include <string>

#include "passes/exact/exact_options.hpp"
#include "passes/pass.hpp"

namespace neurotool::exact {

/// Sets windows, emission bounds, bias timing, decays, delays and the number of steps of a graph
/// that IntegerLayers made. `realisation` is not kAuto. Reports populations that no schedule of
/// this kind serves (exact.schedule, exact.levels).
Result<> schedule(SpikeGraph& graph, const ExactOptions& options, Realisation realisation,
                  const std::string& path, Diagnostics& out);

/// The realisation that kAuto stands for in this graph.
Realisation chosen_realisation(const SpikeGraph& graph);

/// Encoders that send the binary digits of held inputs, in front of all that read them.
Result<> encode_inputs(SpikeGraph& graph, const std::string& path, Diagnostics& out);

}  // namespace neurotool::exact
