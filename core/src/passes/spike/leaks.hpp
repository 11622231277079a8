// Decays on their way from real to whole numbers.
#pragma once

#include <string>

#include "passes/spike/bounds.hpp"

namespace neurotool::integer {

/// Why a decay has no integer form, or "". Up to 2, which is what reads a radix train.
std::string decay_misfit(const Tensor& decay);

/// What one step leaves of a value in this channel, with the decay as it will be stored.
Leak leak_of(const Tensor& decay, Rounding rounding, const Shape& shape, std::int64_t channel);
/// Of the membrane.
Leak leak_of(const Population& population, std::int64_t channel);

/// Real decays to whole numbers, beside their shift.
void store_decays(Neuron& neuron);

}  // namespace neurotool::integer
