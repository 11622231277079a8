// How faithfully a simulator that reads an exported NIR file runs the network: both run freely on
// the same samples, and every neuron is compared in every step. docs/report.md defines the numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/progress.hpp"
#include "eval/nir/discretization.hpp"
#include "frontend/nir/export.hpp"
#include "io/nir/data.hpp"
#include "ir/samples.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

/// The spikes of one population beside those of its node in the file.
struct FidelityLayer {
  std::string population, node;
  std::int64_t spikes = 0;         ///< that the network sends
  std::int64_t reader_spikes = 0;  ///< that the reader sends
  std::int64_t either = 0;         ///< neurons and steps at which one of them sends, or both
  std::int64_t mismatches = 0;     ///< those at which they do not send the same

  FidelityLayer& operator+=(const FidelityLayer& other);  ///< the counts
};

struct Fidelity {
  std::string reader;  ///< the discretisation, in one line
  std::int64_t samples = 0;
  std::uint64_t steps = 0;
  std::vector<FidelityLayer> layers;  ///< in graph order
  std::int64_t other_classes = 0;     ///< samples whose largest readout is another
  double readout_difference = 0;      ///< the largest, of one output and sample

  FidelityLayer total() const;
  double mismatch_percent() const;  ///< of `either`
  double class_percent() const;
};

/// What both sides are run on.
struct FidelityRun {
  const SpikeGraph& graph;
  const to_nir::Exported& exported;
  const SampleSource& data;
  std::int64_t samples = 0;  ///< at most
  std::uint64_t steps = 0, seed = 1;
};

/// Runs the oracle and `reader` on `file`, the exported graph as it was read back. What the reader
/// drops is a warning (nir.dropped). Errors: eval.*, nir.*, run.*
Result<Fidelity> measure_fidelity(const FidelityRun& run, const nir::Graph& file,
                                  const nir::Discretization& reader, Diagnostics& diagnostics,
                                  Progress& progress);

/// The samples as the file's input gets them, step by step; the spikes that each layer should send;
/// and what the readout should be after each step.
Result<nir::GraphData> recorded_data(const FidelityRun& run);

/// Three digits: "88.8", "1.67e-05".
std::string short_number(double value);
/// What was run, in one line; the layers below a line of headings; and what the readouts did.
struct FidelityText {
  std::string headline;
  std::vector<std::vector<std::string>> rows;
  std::string readouts;
};
FidelityText fidelity_text(const Fidelity& fidelity);
Json fidelity_json(const Fidelity& fidelity);

}  // namespace neurotool
