// Weights on their grid: the scale of each sum, the place of each weight of few bits, and the bias
// that takes back what rounding did to the mean current.
#include <algorithm>
#include <cmath>

#include "passes/spike/quantizer.hpp"

namespace neurotool::integer {
namespace {

constexpr double kFewMost = 32767;  // what 16 bits hold

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

std::vector<double> Quantizer::part_scales(const Incoming& part, std::size_t channels,
                                           bool per_channel) const {
  compress::Rows rows(channels, part.real.value.size() / channels);
  for (std::size_t i = 0; i < rows.value.size(); ++i) {
    rows.value[i] = part.real.value[i] * part.unit;
  }
  const compress::GridOptions grid{part.bits, options_.scale, options_.power_of_two, per_channel};
  std::vector<double> scale = compress::choose_scales(rows, grid);
  for (std::size_t c = 0; c < channels; ++c) {
    if (std::ranges::all_of(rows.row(c), [](double weight) { return weight == 0; })) scale[c] = 0;
  }
  return scale;
}

std::vector<double> Quantizer::sum_scales(PopulationId id, const std::vector<Incoming>& parts,
                                          bool per_channel) const {
  const Population& population = graph_[id];
  std::vector<double> scale(index(channels_of(population.shape)), 0);
  for (const Incoming& part : parts) {
    if (!part.real.few && part.real.value.size() % scale.size() == 0) {
      const std::vector<double> wanted = part_scales(part, scale.size(), per_channel);
      for (std::size_t c = 0; c < scale.size(); ++c) scale[c] = std::max(scale[c], wanted[c]);
      continue;
    }
    const double most = compress::most_of_grid(part.bits);
    for (std::size_t i = 0; i < part.real.value.size(); ++i) {
      double& channel = scale[index(part.real.channel[i])];
      channel = std::max(channel, std::abs(part.real.value[i]) * part.unit / most);
    }
  }
  double largest = *std::ranges::max_element(scale);
  if (largest == 0) {
    // No weight at all; the unit only has to represent the parameters.
    const Firing* firing = firing_of(population.neuron);
    for (const Tensor* tensor : {&population.bias, firing ? &firing->threshold : nullptr}) {
      for (std::int64_t i = 0; tensor && tensor->defined() && i < tensor->size(); ++i) {
        largest = std::max(largest,
                           std::abs(tensor->at(i)) / compress::most_of_grid(options_.weight_bits));
      }
    }
    if (largest == 0) largest = 1;
  }
  for (double& channel : scale) {
    if (!per_channel || channel == 0) channel = largest;
  }
  return scale;
}

void Quantizer::place_weights(std::vector<Incoming>& parts,
                              const std::vector<double>& scale) const {
  for (Incoming& part : parts) {
    if (part.bits == 16 && part.real.few) continue;
    const Connectivity& connectivity = graph_[part.id].connectivity;
    const bool spread = rates_ && options_.method == WeightMethod::kGptq && !part.real.few &&
                        !std::holds_alternative<Relay>(graph_[graph_[part.id].target].neuron);
    const std::vector<compress::SquareMatrix> moments =
        spread ? rates_->moments(part.id) : std::vector<compress::SquareMatrix>(1);
    const auto* conv = std::get_if<Conv2d>(&connectivity);
    const std::size_t groups = conv ? index(conv->groups) : 1;
    const std::size_t all = part.real.shape.empty() ? 1 : index(part.real.shape[0]);
    const std::size_t rows = all / groups, columns = part.real.value.size() / all;
    part.place.clear();
    for (std::size_t g = 0; g < groups; ++g) {
      compress::Rows weights(rows, columns);
      std::vector<double> row_scale;
      for (std::size_t i = 0; i < weights.value.size(); ++i) {
        const std::size_t at = g * weights.value.size() + i;
        weights.value[i] = part.real.value[at] * part.unit;
        if (i % columns == 0) row_scale.push_back(scale[index(part.real.channel[at])]);
      }
      std::optional<compress::ErrorSpread> errors;
      if (spread) errors.emplace(moments[g]);
      const auto whole =
          compress::round_rows(weights, row_scale, part.bits, errors ? &*errors : nullptr);
      part.place.insert(part.place.end(), whole.begin(), whole.end());
    }
  }
}

Result<> Quantizer::correct_bias(PopulationId id, const std::vector<Incoming>& parts,
                                 const std::vector<double>& scale) {
  for (const Incoming& part : parts) {
    if (part.place.empty()) continue;
    std::vector<float> real;
    for (std::size_t i = 0; i < part.place.size(); ++i) {
      const double unit = scale[index(part.real.channel[i])] / part.unit;
      real.push_back(static_cast<float>(part.place[i] * unit));
    }
    rates_->set_weight(part.id, Tensor::from<float>(part.real.shape, std::move(real)));
  }
  if (!options_.corrects_bias()) return {};
  Population& population = graph_[id];
  NT_TRY(const std::vector<double> shift, rates_->bias_shift(id));
  const bool per_neuron = population.bias.defined() && population.bias.rank() > 0 &&
                          population.bias.size() != channels_of(population.shape);
  const std::int64_t count = per_neuron ? population.size() : channels_of(population.shape);
  std::vector<float> bias;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t neuron = i * (population.size() / count);
    const double before = parameter_at(population.bias, population.shape, neuron, 0);
    const double more = shift[index(channel_of(population.shape, neuron))];
    bias.push_back(static_cast<float>(before + more));
  }
  population.bias =
      Tensor::from<float>(per_neuron ? population.shape : Shape{count}, std::move(bias));
  rates_->set_bias(id, population.bias);
  return {};
}

void Quantizer::round_weights(std::vector<Incoming>& parts, const std::vector<double>& scale,
                              int fraction_bits) const {
  for (Incoming& part : parts) {
    part.whole = part.real;
    if (!part.place.empty()) {
      part.whole.value = part.place;
      part.shift = static_cast<std::uint32_t>(fraction_bits);
      continue;
    }
    double most = 0;
    for (std::size_t i = 0; i < part.real.value.size(); ++i) {
      double& value = part.whole.value[i];
      value *= part.unit / scale[index(part.real.channel[i])];
      most = std::max(most, std::abs(value));
    }
    // A smaller shift leaves fraction bits to the weights, where 16 bits have room for them.
    int extra = 0;
    while (part.bits == 16 && part.real.few && extra < fraction_bits &&
           std::ldexp(most, extra + 1) <= kFewMost) {
      ++extra;
    }
    part.shift = static_cast<std::uint32_t>(fraction_bits - extra);
    for (double& value : part.whole.value) value = round_half_even(std::ldexp(value, extra));
  }
}

}  // namespace neurotool::integer
