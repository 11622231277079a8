// The range of the calibration samples, from which inputs get their integer unit.
#pragma once

#include <optional>

#include "passes/pass.hpp"

namespace neurotool::integer {

/// Smallest and largest value of the calibration set; absent: a plan.
struct InputRange {
  double low = 0, high = 0;
};

Result<std::optional<InputRange>> input_range(Context& context);

}  // namespace neurotool::integer
