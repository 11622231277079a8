// What a NIR file leaves open, as far as a caller says it.
#pragma once

#include <string>

#include "base/diagnostic.hpp"

namespace neurotool {

/// Each word is one of Discretization's. Empty, or 0 for dt: chosen by the file's metadata, its
/// version and its values, and reported.
struct NirReading {
  std::string preset, time_unit, integrator, compare, reset, v_init;
  std::string input;  ///< "held": one value per neuron and sample; "steps": one per step
  double dt_seconds = 0;
  Location at = {};  ///< where that was said
};

}  // namespace neurotool
