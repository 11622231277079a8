// How large whole numbers can get, by interval arithmetic over a whole run. Bounds are doubles:
// exact where they matter, and still far too large where they are not.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ir/spike_graph.hpp"
#include "passes/spike/integer_weights.hpp"

namespace neurotool::integer {

struct Interval {
  double low = 0, high = 0;

  Interval operator+(const Interval& other) const { return {low + other.low, high + other.high}; }
  /// Both ends, and everything between.
  Interval hull(const Interval& other) const;
  Interval times(double factor) const;
  bool fits_int32() const;
};

using ChannelIntervals = std::vector<Interval>;

/// The sum that a projection delivers in one step, per target channel. `payload` holds what each
/// channel of the source may send; 0 is always among it (padding, silence).
ChannelIntervals delivered(const Connectivity& connectivity, const Weights& whole,
                           const ChannelIntervals& payload, const Shape& source,
                           const Shape& target);

/// What is left of a value after a step, by a fixed-point decay between two bounds.
struct Leak {
  double least = 1, most = 1;  ///< whole numbers, in units of 2^-shift
  std::uint32_t shift = 0;
  Rounding rounding = Rounding::kFloor;

  Interval of(const Interval& value) const;
};

/// What decides how far a membrane can go, all in membrane units.
struct MembraneRule {
  Interval initial, current;  ///< at the start; arriving per step
  Interval threshold;         ///< smallest and largest of the channel; 0: never fires
  double max_per_step = 1;
  bool always_fires = true;  ///< nothing but the threshold keeps a neuron from firing
  bool fires_down = false;   ///< negative payloads lift a membrane below 0 to less than theta
  bool to_value = false;
  Interval reset;  ///< with to_value
  Leak leak;
  std::uint32_t integrating = std::numeric_limits<std::uint32_t>::max();  ///< steps, at most
};
/// Every value that the membrane can have before or after firing, in `steps` steps.
Interval membrane_range(const MembraneRule& rule, std::uint32_t steps);

}  // namespace neurotool::integer
