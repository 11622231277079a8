// The network as a NIR file among the artifacts of a run: how the pipeline says it is read, checked
// and annotated.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "config/pipeline.hpp"
#include "frontend/nir/export.hpp"
#include "frontend/nir_reading.hpp"
#include "session/nir_fidelity.hpp"
#include "target/target.hpp"

namespace neurotool {

/// model.nir of the pipeline; every word is empty where the file decides.
NirReading nir_reading(const PipelineConfig& config);
/// The first key of model.nir that says something; std::monostate when none does.
Location nir_reading_place(const PipelineConfig& config);

/// What the report says of an export.
struct NirExportReport {
  std::string file;  ///< below artifacts/; empty when the check did not pass
  std::string profile;
  double dt_seconds = 0;
  double limit_percent = 0;
  std::optional<Fidelity> check;  ///< absent when none was wanted

  bool faithful() const;
};

/// How the reader that export.nir.check names runs `file`; "auto" is the one that the profile is
/// made for. Adapters set what tools/nir_adapters set.
nir::Discretization reader_of(const nir::Graph& file, const to_nir::Exported& exported,
                              const NirExportConfig& config);

/// Writes where a target placed the neurons as metadata of their nodes: neurotool/chip and
/// neurotool/core where one core holds a population, else neurotool/placement, rows of first
/// neuron, neurons, chip and core. The graph gets the target's name and version.
void annotate_mapping(const SpikeGraph& graph, const TargetDescription& target,
                      std::span<const Placement> placements, to_nir::Exported& exported);

/// "0.02 % of the spikes differ, at most 0.1 % may". Only where there was a check.
std::string nir_export_verdict(const NirExportReport& report);
/// For the terminal.
std::string nir_export_text(const NirExportReport& report);
Json nir_export_json(const NirExportReport& report);

}  // namespace neurotool
