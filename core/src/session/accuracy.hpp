// Accuracy over labelled samples.
#pragma once

#include <cstdint>

namespace neurotool {

/// Counts, so that nothing is lost to rounding.
struct Accuracy {
  std::int64_t correct = 0, samples = 0;
  double share() const {
    return samples ? static_cast<double>(correct) / static_cast<double>(samples) : 0;
  }
};

}  // namespace neurotool
