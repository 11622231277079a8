// The range of the values that a network is fed, from its calibration samples.
#pragma once

#include <optional>

#include "passes/pass.hpp"

namespace neurotool {

struct InputRange {
  double low = 0, high = 0;
};

/// Nothing without calibration data. Error: pass.cancelled.
Result<std::optional<InputRange>> calibrated_input_range(Context& context);

}  // namespace neurotool
