// The network as a NIR file of the report folder, and how faithfully its reader runs it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "config/pipeline.hpp"
#include "frontend/nir/export.hpp"
#include "frontend/nir_reading.hpp"
#include "io/nir/data.hpp"
#include "ir/samples.hpp"
#include "passes/pass.hpp"

namespace neurotool {

/// model.nir of the pipeline file.
NirReading nir_reading(const PipelineConfig& config);

/// Spikes of one population against those of its node in the file.
struct FidelityLayer {
  std::string population, node;
  std::int64_t spikes = 0;      ///< of the network
  std::int64_t mismatches = 0;  ///< neurons and steps where the other does something else
};

struct Fidelity {
  std::string reader;  ///< the discretisation, in one line
  std::int64_t samples = 0;
  std::uint64_t steps = 0;
  std::vector<FidelityLayer> layers;  ///< in graph order
  double largest_output_difference = 0;

  std::int64_t spikes() const;
  std::int64_t mismatches() const;
  double percent() const;  ///< mismatches of spikes
};

/// How the reader that export.nir.check names runs the file; with "auto" the one that the profile
/// is made for. spikingjelly and sinabs run with the adapters that we ship.
nir::Discretization reader_of(const to_nir::Exported& exported, const NirExportConfig& config);

/// Runs the oracle and the reader on the first samples. Errors: eval.*, nir.*, run.*
Result<Fidelity> measure_fidelity(const SpikeGraph& graph, const to_nir::Exported& exported,
                                  const nir::Discretization& reader, const SampleSource& data,
                                  std::int64_t samples, std::uint64_t steps, Progress& progress);

/// The first samples as the file's input gets them, and the spikes that its nodes should send.
Result<nir::GraphData> recorded_data(const SpikeGraph& graph, const to_nir::Exported& exported,
                                     const SampleSource& data, std::int64_t samples,
                                     std::uint64_t steps);

/// One note with a line per layer, and an error (nir.fidelity) where more differs than `limit`.
std::vector<Diagnostic> fidelity_findings(const Fidelity& fidelity, const NirExportConfig& limit);
/// The same numbers for the report.
std::vector<PassFact> fidelity_facts(const Fidelity& fidelity);

}  // namespace neurotool
