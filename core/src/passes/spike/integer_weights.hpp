// Weights on their way from real to whole numbers, all kinds of connectivity alike: one number for
// each stored weight, and the target channel whose unit it shares.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool::integer {

/// To the nearest whole number, halves to the even one.
double round_half_even(double value);

/// Bits of a two's complement number that hold both.
int bits_for(double low, double high);

std::int64_t channels_of(const Shape& shape);
std::int64_t channel_of(const Shape& shape, std::int64_t neuron);
/// A parameter at a neuron: rank 0, per channel or per neuron. `absent` where it is not defined.
double parameter_at(const Tensor& parameter, const Shape& shape, std::int64_t neuron,
                    double absent);

struct Weights {
  Shape shape;                        ///< of the tensor
  std::vector<double> value;          ///< row-major
  std::vector<std::int64_t> channel;  ///< of the target, for each value
  /// one_to_one, sparse and pools: few synapses per neuron, which 16 bits keep nearly exact.
  bool few = false;
};

/// The weights of a projection. An absent or single weight becomes one per channel of the target
/// where `per_channel` asks for it and the kind allows.
Weights weights_of(const Connectivity& connectivity, const Shape& target, bool per_channel);

/// True if every weight is exactly 1, absent ones included.
bool all_ones(const Connectivity& connectivity);

/// Stores whole numbers as i8 or i16 with their scales: `scale` has one number per target channel;
/// value ~= stored * scale[channel].
Connectivity with_integers(Connectivity connectivity, const Weights& whole,
                           std::span<const double> scale, std::uint32_t bits);

}  // namespace neurotool::integer
