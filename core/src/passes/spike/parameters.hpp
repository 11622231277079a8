// Parameters and real values of populations, from real to whole numbers.
#pragma once

#include <vector>

#include "passes/spike/bounds.hpp"

namespace neurotool::integer {

/// The real value of a unit, times a new factor for each channel.
Tensor scaled_value(const Tensor& old, const Shape& shape, std::vector<double> factor);

/// A parameter in units of `unit`, one per channel, rounded; the caller has seen that it fits. Rank
/// 0 stays rank 0 where all units are equal.
Tensor whole_parameter(const Tensor& real, const Shape& shape, const std::vector<double>& unit);

/// The rounded parameter's smallest and largest value in a channel; 0 where it is absent.
Interval channel_interval(const Tensor& real, const Shape& shape, std::int64_t channel,
                          double unit);

}  // namespace neurotool::integer
