// Examines a converted network beside the float network it came from (docs/doctor.md).
#pragma once

#include <cstdint>

#include "base/progress.hpp"
#include "ir/samples.hpp"
#include "ir/spike_graph.hpp"
#include "ir/tensor_graph.hpp"
#include "session/doctor/diagnosis.hpp"
#include "target/target.hpp"

namespace neurotool {

struct Patient {
  const TensorGraph& network;  ///< as the lowering pass saw it, or before activations got levels
  const SpikeGraph& graph;     ///< as the target compiled it
  const Program& program;
  const SampleSource& data;  ///< with labels
  std::int64_t samples = 0;  ///< the first so many; at most data.size()
  std::uint64_t steps = 0, seed = 0;
};

/// Everything but the advice. The float network, the network with one layer spiking, and the
/// target's run are compared on the same samples. Errors: doctor.no-layers, run.interrupted, and
/// those of the evaluator and the target.
Result<Diagnosis> examine(const Patient& patient, Diagnostics& diagnostics, Progress& progress);

}  // namespace neurotool
