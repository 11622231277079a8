// Local threshold balancing: thresholds grow until little of the activations is clipped.
#pragma once

#include <cstdint>
#include <vector>

#include "passes/lower/calibrate.hpp"

namespace neurotool::lower {

/// One threshold per channel, or one, for each site of `unit`, the network lowered without data.
/// All sites start at 0 and clip while the float network runs; after each batch the threshold of a
/// channel grows by twice the mean of what lay above it. `samples` are looked at four times.
/// Errors: those of calibrate(), and eval.unsupported.
Result<std::vector<std::vector<float>>> balance_thresholds(const TensorGraph& graph,
                                                           const Lowered& unit,
                                                           Granularity granularity,
                                                           std::int64_t samples, Context& context);

}  // namespace neurotool::lower
