// A function of one number as a sum of clipped ramps, each of which a population of neurons can
// stand for:
//
//   f(x) ~ constant + sum over g of gain_g * clip(direction_g * (x - knot_g), 0, width_g)
//
// Ramps lie end to end and begin where f is 0 (at x = 0, or at an end of the line where f dies
// out), so that the constant is 0 for the usual activations and most ramps are silent for most x.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace neurotool::tensor_passes {

struct Ramp {
  double direction = 1;  ///< 1 or -1
  double knot = 0;       ///< where it begins
  double width = std::numeric_limits<double>::infinity();
  double gain = 0;

  double operator()(double x) const;  ///< between 0 and width: without the gain
};

struct RampTable {
  double constant = 0;
  std::vector<Ramp> ramps;

  double operator()(double x) const;
};

struct WeightedPoint {
  double x = 0, weight = 0;
};

using RealFunction = std::function<double(double)>;

struct RampFit {
  RampTable table;
  double low = 0, high = 0;  ///< of the points, or where the function bends
  double max_error = 0;      ///< no x between low and high is farther off
  double line_error = 0;     ///< nor any x at all, where `settles`
  double rms_error = 0;      ///< over the points; without points over where the function bends
  bool settles = true;  ///< both ends of the function are straight lines, and those the table's
};

constexpr std::size_t kMostRamps = 16;

/// The fewest ramps whose error is `error` at most wherever the function bends. Depends on the
/// function alone. Else the reason why there are none, as the end of a sentence.
tl::expected<std::size_t, std::string> ramps_needed(const RealFunction& f, double error);

/// Knots and gains of the least square error over the points (nine parts) and over where the
/// function bends (one part). No points: the latter alone.
tl::expected<RampFit, std::string> fit_ramps(const RealFunction& f, std::size_t ramps,
                                             std::span<const WeightedPoint> points);

}  // namespace neurotool::tensor_passes
