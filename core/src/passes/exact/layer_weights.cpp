// The weights of one layer in whole numbers. Weights that already lie on a grid of few levels keep
// it (a quantised network); others are rounded to the nearest of weight_bits, with one scale for
// each output channel.
#include <algorithm>
#include <cmath>
#include <utility>

#include "passes/exact/integer_layers.hpp"
#include "passes/spike/parameters.hpp"

namespace neurotool::exact {
namespace {

using integer::ChannelIntervals;
using integer::Interval;
using integer::Weights;

constexpr double kFewMost = 32767;  // what 16 bits hold
constexpr double kNear = 2e-4;      // of a step of the grid: what float32 products leave open
// A level is at most so many bits above the unit of its sum beyond those of a weight: the roundings
// of some hundred weights then add up to less than a hundredth of a level.
constexpr int kBitsBelowLevel = 6;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

double most_of(std::uint32_t bits) { return std::ldexp(1.0, static_cast<int>(bits) - 1) - 1; }

/// The largest step of which all values are whole multiples, `most` at most; 0: there is none.
double grid_step(const std::vector<double>& values, double most) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  if (largest == 0) return 0;
  for (double levels = 1; levels <= most + 1; ++levels) {
    const double step = largest / levels;
    const bool fits = std::ranges::all_of(values, [&](double value) {
      return std::abs(value / step - std::nearbyint(value / step)) <= kNear;
    });
    if (!fits) continue;
    // The least-squares step: the rounding of single products averages out.
    double product = 0, square = 0;
    for (const double value : values) {
      const double level = std::nearbyint(value / step);
      product += value * level;
      square += level * level;
    }
    return product / square;
  }
  return 0;
}

/// The values of the weights that share each channel's unit.
std::vector<std::vector<double>> by_channel(const Weights& weights, std::size_t channels) {
  std::vector<std::vector<double>> lists(channels);
  for (std::size_t i = 0; i < weights.value.size(); ++i) {
    lists[channels == 1 ? 0 : index(weights.channel[i])].push_back(weights.value[i]);
  }
  return lists;
}

}  // namespace

std::vector<IntegerLayers::Branch> IntegerLayers::branches(PopulationId id,
                                                           bool per_channel) const {
  std::vector<Branch> parts;
  for (const ProjectionId p : graph_.incoming(id)) {
    const Projection& projection = graph_[p];
    Branch part;
    part.id = p;
    part.real = integer::weights_of(projection.connectivity, graph_[id].shape, per_channel);
    for (double& value : part.real.value) value *= sent_[projection.source.index].unit;
    part.bits = part.real.few ? 16 : options_.weight_bits;
    parts.push_back(std::move(part));
  }
  return parts;
}

/// The least unit of a channel's sum that is of use. A channel of tiny weights would otherwise
/// count in a tiny unit, and identities, thresholds and biases would take the bits of the whole
/// layer.
double IntegerLayers::least_unit(PopulationId id, std::int64_t channel,
                                 const std::vector<Branch>& parts) const {
  const Population& population = graph_[id];
  const std::int64_t inner = population.size() / integer::channels_of(population.shape);
  const double level =
      integer::parameter_at(population.payload_value, population.shape, channel * inner, 1);
  double least = std::ldexp(level, -static_cast<int>(options_.weight_bits) - kBitsBelowLevel);
  for (const Branch& part : parts) {
    if (!part.real.few) continue;
    for (std::size_t i = 0; i < part.real.value.size(); ++i) {
      if (part.real.channel[i] != channel) continue;
      least = std::max(least, std::abs(part.real.value[i]) / kFewMost);
    }
  }
  return least;
}

std::vector<double> IntegerLayers::sum_units(PopulationId id, const std::vector<Branch>& parts,
                                             bool per_channel) const {
  const std::size_t channels = per_channel ? index(integer::channels_of(graph_[id].shape)) : 1;
  const bool has_matrix = std::ranges::any_of(parts, [](const Branch& b) { return !b.real.few; });
  std::vector<std::vector<double>> values(channels);
  for (const Branch& part : parts) {
    if (part.real.few && has_matrix) continue;
    const auto lists = by_channel(part.real, channels);
    for (std::size_t c = 0; c < channels; ++c) {
      values[c].insert(values[c].end(), lists[c].begin(), lists[c].end());
    }
  }
  // What a relay sends is multiplied once more.
  const bool few_bits = has_matrix || std::holds_alternative<Relay>(graph_[id].neuron);
  const double most = few_bits ? most_of(options_.weight_bits) : kFewMost;
  const auto unit_of_silent = [&](std::size_t channel) {
    return per_channel ? least_unit(id, static_cast<std::int64_t>(channel), parts) : 1;
  };
  std::vector<double> unit;
  bool on_grid = true;
  // A pool or an identity has one weight, which is its own grid; a long list of levels is none.
  for (std::size_t c = 0; on_grid && c < channels; ++c) {
    const bool silent = std::ranges::all_of(values[c], [](double v) { return v == 0; });
    unit.push_back(silent ? unit_of_silent(c) : grid_step(values[c], std::min(most, 127.0)));
    on_grid = unit.back() > 0;
  }
  if (on_grid) return unit;
  unit.clear();
  for (std::size_t c = 0; c < channels; ++c) {
    double largest = 0;
    for (const double value : values[c]) largest = std::max(largest, std::abs(value));
    const double least = per_channel ? least_unit(id, static_cast<std::int64_t>(c), parts) : 0;
    unit.push_back(largest > 0 || least > 0 ? std::max(largest / most, least) : 1);
  }
  return unit;
}

void IntegerLayers::round_weights(std::vector<Branch>& parts, const std::vector<double>& unit,
                                  int fraction_bits) const {
  const bool has_matrix = std::ranges::any_of(parts, [](const Branch& b) { return !b.real.few; });
  for (Branch& part : parts) {
    part.whole = part.real;
    double most = 0;
    for (std::size_t i = 0; i < part.real.value.size(); ++i) {
      double& value = part.whole.value[i];
      value /= unit[unit.size() == 1 ? 0 : index(part.real.channel[i])];
      most = std::max(most, std::abs(value));
    }
    // An identity beside a convolution has a ratio of its own: the fraction bits that 16 bits hold.
    int extra = 0;
    while (part.real.few && has_matrix && extra < fraction_bits &&
           std::ldexp(most, extra + 1) <= kFewMost) {
      ++extra;
    }
    part.shift = static_cast<std::uint32_t>(fraction_bits - extra);
    for (double& value : part.whole.value) {
      value = integer::round_half_even(std::ldexp(value, extra));
    }
  }
}

ChannelIntervals IntegerLayers::sums(PopulationId id, const std::vector<Branch>& parts,
                                     Interval& every) const {
  const Shape& shape = graph_[id].shape;
  ChannelIntervals total(index(integer::channels_of(shape)));
  for (const Branch& part : parts) {
    const Projection& projection = graph_[part.id];
    const ChannelIntervals one = integer::delivered(projection.connectivity, part.whole,
                                                    sent_[projection.source.index].channels,
                                                    graph_[projection.source].shape, shape);
    const double factor = std::ldexp(1.0, static_cast<int>(part.shift));
    for (std::size_t c = 0; c < total.size(); ++c) {
      // Counts come bit by bit and branch by branch: nothing yet is among what can have come.
      const Interval whole = one[c].times(factor).hull({});
      total[c] = total[c] + whole;
      every = every.hull(whole).hull(total[c]);
    }
  }
  return total;
}

void IntegerLayers::store_weights(const std::vector<Branch>& parts,
                                  const std::vector<double>& membrane) {
  for (const Branch& part : parts) {
    Projection& projection = graph_[part.id];
    const double unit = sent_[projection.source.index].unit;
    std::vector<double> scale = membrane;
    for (double& s : scale) s = std::ldexp(s, static_cast<int>(part.shift)) / unit;
    // A readout has one unit for all classes.
    scale.resize(index(integer::channels_of(graph_[projection.target].shape)), scale.front());
    const Tensor* const weight = weight_of(projection.connectivity);
    const bool stays_absent =
        (weight == nullptr || !weight->defined()) &&
        std::ranges::all_of(part.whole.value, [](double v) { return v == 1; });
    if (!stays_absent) {
      const double most =
          std::ranges::max(part.whole.value, {}, [](double v) { return std::abs(v); });
      const std::uint32_t bits = std::abs(most) <= 127 ? std::min(part.bits, 8U) : part.bits;
      projection.connectivity =
          integer::with_integers(std::move(projection.connectivity), part.whole, scale, bits);
    }
    projection.shift = part.shift;
  }
}

}  // namespace neurotool::exact
