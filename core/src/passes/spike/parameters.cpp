// Parameters and real values of populations, from real to whole numbers.
#include "passes/spike/parameters.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace neurotool::integer {
namespace {

/// One number for all channels where they are equal.
Tensor value_tensor(std::vector<double> values) {
  const bool uniform = std::ranges::all_of(values, [&](double v) { return v == values[0]; });
  if (uniform) return Tensor::scalar(values[0]);
  const auto channels = static_cast<std::int64_t>(values.size());
  return Tensor::from<double>({channels}, std::move(values));
}

}  // namespace

Tensor scaled_value(const Tensor& old, const Shape& shape, std::vector<double> factor) {
  const std::int64_t inner = element_count(shape).value_or(0) / channels_of(shape);
  for (std::size_t c = 0; c < factor.size(); ++c) {
    factor[c] *= parameter_at(old, shape, static_cast<std::int64_t>(c) * inner, 1);
  }
  return value_tensor(std::move(factor));
}

/// A parameter in units of `unit`, one per channel, rounded. Rank 0 stays rank 0 if units are
/// equal.
Tensor whole_parameter(const Tensor& real, const Shape& shape, const std::vector<double>& unit) {
  if (!real.defined()) return {};
  const bool uniform = std::ranges::all_of(unit, [&](double u) { return u == unit[0]; });
  const bool spread = real.rank() == 0 && !uniform;
  const Shape result = spread ? Shape{channels_of(shape)} : real.shape();
  const std::int64_t count = spread ? channels_of(shape) : real.size();
  const std::int64_t inner = element_count(shape).value_or(0) / count;
  std::vector<std::int32_t> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t neuron = i * inner;
    const double value = parameter_at(real, shape, neuron, 0);
    const double whole =
        round_half_even(value / unit[static_cast<std::size_t>(channel_of(shape, neuron))]);
    values.push_back(static_cast<std::int32_t>(whole));
  }
  return Tensor::from<std::int32_t>(result, std::move(values));
}

Interval channel_interval(const Tensor& real, const Shape& shape, std::int64_t channel,
                          double unit) {
  if (!real.defined()) return {};
  const std::int64_t inner = element_count(shape).value_or(0) / channels_of(shape);
  const bool per_neuron = real.rank() > 0 && real.size() != channels_of(shape);
  Interval result{std::numeric_limits<double>::infinity(),
                  -std::numeric_limits<double>::infinity()};
  for (std::int64_t i = 0; i < (per_neuron ? inner : 1); ++i) {
    const double whole = round_half_even(parameter_at(real, shape, channel * inner + i, 0) / unit);
    result = result.hull({whole, whole});
  }
  return result;
}

}  // namespace neurotool::integer
