// Reads and writes the weights of every kind of connectivity as one list.
#include "passes/spike/integer_weights.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace neurotool::integer {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Channels of weights whose first axis is that of the target.
void channels_by_row(Weights& weights, const Shape& target) {
  const std::int64_t rows = weights.shape.empty() ? 1 : weights.shape[0];
  const auto inner =
      static_cast<std::int64_t>(weights.value.size()) / std::max<std::int64_t>(rows, 1);
  const std::int64_t neurons = element_count(target).value_or(0);
  const bool by_channel = rows == channels_of(target);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t neuron = by_channel ? row * (neurons / rows) : row;
    weights.channel.insert(weights.channel.end(), index(inner), channel_of(target, neuron));
  }
}

template <class T>
Tensor stored(const Weights& whole) {
  std::vector<T> values;
  values.reserve(whole.value.size());
  for (const double value : whole.value) values.push_back(static_cast<T>(value));
  return Tensor::from<T>(whole.shape, std::move(values));
}

}  // namespace

double round_half_even(double value) {
  const double floor = std::floor(value);
  const double rest = value - floor;
  if (rest != 0.5) return rest < 0.5 ? floor : floor + 1;
  return std::fmod(floor, 2) == 0 ? floor : floor + 1;
}

int bits_for(double low, double high) {
  int bits = 1;
  while (low < -std::ldexp(1.0, bits - 1) || high > std::ldexp(1.0, bits - 1) - 1) ++bits;
  return bits;
}

std::int64_t channels_of(const Shape& shape) { return shape.empty() ? 1 : shape.front(); }

std::int64_t channel_of(const Shape& shape, std::int64_t neuron) {
  return neuron / (element_count(shape).value_or(1) / channels_of(shape));
}

double parameter_at(const Tensor& parameter, const Shape& shape, std::int64_t neuron,
                    double absent) {
  if (!parameter.defined()) return absent;
  if (parameter.rank() == 0) return parameter.at(0);
  return parameter.at(parameter.size() == channels_of(shape) ? channel_of(shape, neuron) : neuron);
}

Weights weights_of(const Connectivity& connectivity, const Shape& target, bool per_channel) {
  Weights weights;
  const bool dense = std::holds_alternative<Dense>(connectivity);
  weights.few = !dense && !std::holds_alternative<Conv2d>(connectivity);
  const Tensor* const tensor = weight_of(connectivity);
  const bool one = tensor == nullptr || !tensor->defined() || tensor->rank() == 0;
  if (one) {
    const double value = tensor != nullptr && tensor->defined() ? tensor->at(0) : 1;
    const std::int64_t count = per_channel ? channels_of(target) : 1;
    weights.shape = per_channel ? Shape{count} : Shape{};
    weights.value.assign(index(count), value);
  } else {
    weights.shape = tensor->shape();
    for (std::int64_t i = 0; i < tensor->size(); ++i) weights.value.push_back(tensor->at(i));
  }
  if (const auto* sparse = std::get_if<Sparse>(&connectivity)) {
    for (const std::int32_t neuron : sparse->targets.as<std::int32_t>()) {
      weights.channel.push_back(channel_of(target, neuron));
    }
  } else {
    channels_by_row(weights, target);
  }
  return weights;
}

bool all_ones(const Connectivity& connectivity) {
  const Tensor* const tensor = weight_of(connectivity);
  if (tensor == nullptr || !tensor->defined()) return true;
  return std::ranges::all_of(tensor->as<float>(), [](float weight) { return weight == 1; });
}

Connectivity with_integers(Connectivity connectivity, const Weights& whole,
                           std::span<const double> scale, std::uint32_t bits) {
  Quantization quantization;
  quantization.bits = std::max(bits, 2u);  // 1 and -1 are numbers of two bits
  const bool uniform = std::ranges::all_of(scale, [&](double s) { return s == scale.front(); });
  const std::int64_t rows = whole.shape.empty() || uniform ? 1 : whole.shape[0];
  const std::size_t inner = rows == 0 ? 1 : whole.value.size() / index(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::size_t first = index(row) * inner;
    quantization.scales.push_back(uniform ? scale.front() : scale[index(whole.channel[first])]);
  }
  const Tensor weight = bits <= 8 ? stored<std::int8_t>(whole) : stored<std::int16_t>(whole);
  std::visit([&](auto& kind) { kind.weight = weight.with_quantization(quantization); },
             connectivity);
  return connectivity;
}

}  // namespace neurotool::integer
