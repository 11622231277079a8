// Knots and gains of a table of ramps over samples of a function.
#pragma once

#include <cstddef>
#include <vector>

#include "passes/tensor/ramp_table.hpp"

namespace neurotool::tensor_passes {

/// A function at ascending points; 0 is among them.
struct Samples {
  std::vector<double> x, value, weight;
  std::vector<bool> candidate;  ///< whether a knot may lie there

  Samples mirrored() const;   ///< of f(-x)
  Samples from_zero() const;  ///< the points from 0 on
};

struct KnotChoice {
  double cost = 0;  ///< weighted square error of the chords, and of what lies beyond them
  std::vector<double> knots;
};

/// For 0, 1, … `most` chords (fewer where candidates are few) the best knots: from the first point
/// on, or from any with the value 0 before it (`free_start`); a line of the given slope after the
/// last.
std::vector<KnotChoice> best_knots(const Samples& samples, bool free_start, double tail_slope,
                                   std::size_t most);

/// Gives the ramps of finite width the gains of least square error.
void fit_gains(const Samples& samples, RampTable& table);

}  // namespace neurotool::tensor_passes
