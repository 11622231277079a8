// From the errors of the layers to the settings that are most likely to help.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/pipeline.hpp"
#include "session/doctor/diagnosis.hpp"

namespace neurotool::doctor {

/// A changed pipeline, and how the change is written on the command line.
struct Remedy {
  std::string reason;
  std::string setting;  ///< "passes.rate.neuron=signed"
  PipelineConfig config;
};

/// The remedies for what was found, most promising first, at most `most`. `resolved` has every
/// option of every pass filled in; the lowering pass is looked for in the registry.
std::vector<Remedy> remedies(const Diagnosis& diagnosis, const PipelineConfig& resolved,
                             std::size_t most);

/// The accuracy that a pipeline reaches on the samples of the diagnosis.
using Trial = std::function<Result<Accuracy>(const PipelineConfig&)>;

/// Puts the remedies into the diagnosis; with a trial, each is tried and the best comes first.
void advise(Diagnosis& diagnosis, std::vector<Remedy> remedies, const Trial& trial);

}  // namespace neurotool::doctor
