// Decays get 15 fraction bits: as many as leave room for a product with 32-bit membranes in 64.
#include "passes/spike/leaks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/spike/integer_weights.hpp"

namespace neurotool::integer {
namespace {

/// Fraction bits of a decay.
constexpr int kDecayBits = 15;

double whole_decay(double decay) { return round_half_even(std::ldexp(decay, kDecayBits)); }

}  // namespace

std::string decay_misfit(const Tensor& decay) {
  for (std::int64_t i = 0; decay.defined() && i < decay.size(); ++i) {
    const double value = decay.at(i);
    if (value < 0 || value > 2) return fmt::format("a decay of {} (outside 0 to 2)", value);
  }
  return {};
}

Leak leak_of(const Tensor& decay, Rounding rounding, const Shape& shape, std::int64_t channel) {
  if (!decay.defined()) return {};
  const std::int64_t inner = element_count(shape).value_or(0) / channels_of(shape);
  Leak leak{.least = std::numeric_limits<double>::infinity(),
            .most = 0,
            .shift = kDecayBits,
            .rounding = rounding};
  for (std::int64_t i = 0; i < inner; ++i) {
    const double whole = whole_decay(parameter_at(decay, shape, channel * inner + i, 1));
    leak.least = std::min(leak.least, whole);
    leak.most = std::max(leak.most, whole);
  }
  return leak;
}

Leak leak_of(const Population& population, std::int64_t channel) {
  const auto of = [&](const Tensor& decay, Rounding rounding) {
    return leak_of(decay, rounding, population.shape, channel);
  };
  if (const auto* lif = std::get_if<Lif>(&population.neuron)) return of(lif->decay, lif->rounding);
  if (const auto* li = std::get_if<Li>(&population.neuron)) return of(li->decay, li->rounding);
  if (const auto* cuba = std::get_if<CubaLif>(&population.neuron)) {
    return of(cuba->decay, cuba->rounding);
  }
  return {};
}

void store_decays(Neuron& neuron) {
  const auto store = [](Tensor& decay, std::uint32_t& shift) {
    if (!decay.defined()) return;
    std::vector<std::int32_t> whole;
    for (std::int64_t i = 0; i < decay.size(); ++i) {
      whole.push_back(static_cast<std::int32_t>(whole_decay(decay.at(i))));
    }
    decay = Tensor::from<std::int32_t>(decay.shape(), std::move(whole));
    shift = kDecayBits;
  };
  if (auto* lif = std::get_if<Lif>(&neuron)) store(lif->decay, lif->decay_shift);
  if (auto* li = std::get_if<Li>(&neuron)) store(li->decay, li->decay_shift);
  if (auto* cuba = std::get_if<CubaLif>(&neuron)) {
    store(cuba->decay, cuba->decay_shift);
    store(cuba->current_decay, cuba->current_decay_shift);
  }
}

}  // namespace neurotool::integer
