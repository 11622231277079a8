// Calibration with the spiking neurons in the loop: biases and membranes are chosen while the
// network spikes, layer after layer, with the very neurons that it will have.
#pragma once

#include <cstdint>
#include <vector>

#include "passes/lower/calibrate.hpp"
#include "passes/lower/site_fit.hpp"

namespace neurotool::lower {

struct InLoopOptions {
  FitOptions fit;
  std::int64_t samples = 128;  ///< calibration samples to run, at most
};

struct InLoopResult {
  std::vector<NeuronParameters> parameters;  ///< one for each site
  std::vector<double> relative_error;        ///< of the rates at each site, afterwards
  std::int64_t samples = 0;   ///< that were run: memory may hold fewer than were asked for
  std::int64_t agreeing = 0;  ///< those for which the largest output is that of the float network
};

/// `unit` is the network lowered without data: thresholds 1, so that its weights are those of the
/// float network and currents are in the unit of activations. Layers are visited in order, each
/// driven by the layers before as they were corrected. Depends on the samples and options, not on
/// the number of threads. Errors: those of calibrate(), and eval.unsupported.
Result<InLoopResult> calibrate_in_loop(const TensorGraph& graph, const Lowered& unit,
                                       const LoweringOptions& lowering,
                                       std::vector<NeuronParameters> start,
                                       const InLoopOptions& options, Context& context);

}  // namespace neurotool::lower
