// Chooses thresholds from data: runs the float network over the calibration samples and looks at
// the values that go into each activation function.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "passes/lower/lowering.hpp"
#include "passes/pass.hpp"

namespace neurotool::lower {

enum class ThresholdMethod {
  kMax,         ///< the largest activation
  kPercentile,  ///< a quantile of the rectified activations, zeros included
  kMmse,        ///< least mean square error of `levels` equal steps
  kLloyd,       ///< the same error, by fixed-point iteration
};

struct CalibrationOptions {
  ThresholdMethod method = ThresholdMethod::kMmse;
  double percentile = 0.999;
  Granularity granularity = Granularity::kChannel;
  std::int64_t samples = 512;
  std::int64_t levels = 1;  ///< steps times the largest payload of one step
};

/// What calibration found at one site.
struct SiteThresholds {
  std::vector<float> threshold;    ///< one per channel, or one
  std::int64_t dead_channels = 0;  ///< (or 1 for a dead layer) never above 0 on these samples
  double clipped_share = 0;        ///< of all activations: those above their threshold
};

/// Samples as the network's one input takes them. Errors: lowering.calibration-shape.
Result<Tensor> batch_for(const TensorGraph& graph, const SampleSource& source, std::int64_t first,
                         std::int64_t count);

/// How many of the first `samples` calibration samples the network runs on: all that there are, or
/// whole batches where it takes one batch size and no other.
std::int64_t runnable_samples(const TensorGraph& graph, const SampleSource& source,
                              std::int64_t samples);

/// Calls `body` with the first `samples` calibration samples, a batch after the other; `task` is
/// what progress shows. Errors: lowering.calibration-empty, lowering.calibration-shape,
/// pass.cancelled, and those of the samples and of `body`.
Result<> for_each_batch(const TensorGraph& graph, std::int64_t samples, std::string_view task,
                        Context& context, const std::function<Result<>(const Tensor&)>& body);

/// Runs samples 0 … min(samples, size) in batches. The result depends on the samples and options,
/// never on the number of threads. Errors: lowering.calibration-shape, lowering.calibration-empty,
/// lowering.not-finite, pass.cancelled, and those of the evaluator.
Result<std::vector<SiteThresholds>> calibrate(const TensorGraph& graph, std::span<const Site> sites,
                                              const CalibrationOptions& options, Context& context);

}  // namespace neurotool::lower
