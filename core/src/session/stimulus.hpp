// From samples to what an input population receives: as they are in float graphs, rounded to the
// population's integers in integer graphs.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/spike_graph.hpp"
#include "target/target.hpp"

namespace neurotool {

/// The one input population of a graph that one data set can drive. Error: run.inputs.
Result<PopulationId> only_input(const SpikeGraph& graph);
/// The one output population. Error: run.outputs.
Result<PopulationId> only_output(const SpikeGraph& graph);

/// `samples` is float32 [count, …]; `first` is the number of its first sample, for messages.
/// Integer graphs: x / payload_value, half to even. Error: run.input-range, with sample, neuron and
/// value. A coded input is encoded for `steps` steps, with `seed` where its code draws numbers
/// (encode_samples.hpp); no other input reads the two.
Result<BatchStimulus> make_stimulus(const SpikeGraph& graph, PopulationId input,
                                    const Tensor& samples, std::int64_t first,
                                    std::uint64_t steps = 0, std::uint64_t seed = 1);

}  // namespace neurotool
