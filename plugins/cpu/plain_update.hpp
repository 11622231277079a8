// Steps 2 to 5 of docs/semantics.md, one neuron at a time and every number checked: for bursts,
// signed spikes, windows, radix thresholds, hard reset, bounded totals, and wherever ranges are not
// proven.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "program.hpp"

namespace neurotool::cpu {

/// A number that left its range: float beyond the finite, integers beyond 32 bits.
struct Overflow {
  std::uint32_t population = 0;
  std::uint64_t neuron = 0;  ///< flat
  std::uint64_t step = 0;
  const char* what = "";
  double value = 0;
};

/// The pixels [first_pixel, first_pixel + pixels) of a population at one step. Arrays other than
/// `current` begin with pixel 0.
template <class Number>
struct PlainRow {
  const PopulationProgram<Number>* program = nullptr;
  std::uint32_t population = 0;
  std::size_t first_pixel = 0, pixels = 0;
  std::uint64_t step = 0;
  Number* membrane = nullptr;
  Number* synaptic = nullptr;
  std::int64_t* emitted = nullptr;  ///< null where nothing depends on it
  std::uint64_t* bits = nullptr;    ///< payloads out: bits, or values where null
  Number* values = nullptr;
  std::uint64_t* events = nullptr;  ///< per pixel
};

/// True in the one step, or in every step, in which a bias is added.
inline bool bias_is_due(const Population& p, std::uint64_t step) {
  switch (p.bias_timing) {
    case BiasTiming::kEveryStep:
      return true;
    case BiasTiming::kFirstStep:
      return step == p.phases.integrate_begin;
    case BiasTiming::kLastStep:
      return step + 1 == p.phases.integrate_end;
  }
  return true;
}

template <class Number, class Sum>
class PlainUpdate {
 public:
  /// Products of 32-bit state fit.
  using Real = Wide<Number>;

  explicit PlainUpdate(const PlainRow<Number>& row)
      : row_(row), p_(*row.program), facts_(p_.facts) {
    const Phases& phases = facts_.phases;
    integrates_ = phases.integrates(row.step);
    fires_ = facts_.fires() && phases.fires(row.step);
    if (fires_ && facts_.radix_bits > 0) {
      const std::uint64_t j = row.step - phases.fire_begin;
      fires_ = j < facts_.radix_bits;
      if (fires_) power_ = static_cast<Real>(std::int64_t{1} << (facts_.radix_bits - 1 - j));
    }
    has_bias_ = p_.bias.present() && integrates_ && bias_is_due(facts_, row.step);
  }

  /// `current` begins with the first pixel of the row.
  std::optional<Overflow> run(const Sum* current) {
    for (std::size_t pixel = row_.first_pixel; pixel < row_.first_pixel + row_.pixels; ++pixel) {
      if (row_.bits) {
        for (std::size_t w = 0; w < p_.grid.words; ++w) row_.bits[pixel * p_.grid.words + w] = 0;
      }
      for (std::size_t c = 0; c < p_.grid.channels; ++c) {
        neuron(pixel, c,
               static_cast<Real>(current[(pixel - row_.first_pixel) * p_.grid.lanes + c]));
        if (overflow_) return overflow_;
      }
    }
    return std::nullopt;
  }

 private:
  void neuron(std::size_t pixel, std::size_t c, Real arriving) {
    const std::size_t at = pixel * p_.grid.lanes + c;
    if (has_bias_) arriving = arriving + Real{p_.bias.at(pixel)[c]};
    if (!check(arriving, pixel, c, "current")) return;
    if (facts_.model == Model::kRelay) return send(pixel, c, static_cast<Number>(arriving));

    Real v = row_.membrane[at];
    if (integrates_) {
      if (facts_.model == Model::kCubaLif) {
        arriving =
            decayed(row_.synaptic[at], p_.current_decay.at(pixel)[c], facts_.current_decay_shift) +
            arriving;
        if (!check(arriving, pixel, c, "synaptic current")) return;
        row_.synaptic[at] = static_cast<Number>(arriving);
      }
      if (p_.decay.present()) v = decayed(v, p_.decay.at(pixel)[c], facts_.decay_shift);
      v = v + arriving;
      if (!check(v, pixel, c, "membrane potential")) return;
    }
    std::int64_t units = 0;
    if (fires_) {
      const Real threshold = Real{p_.threshold.at(pixel)[c]} * power_;
      units = emitted_units(v, threshold, row_.emitted != nullptr ? row_.emitted[at] : 0);
      if (units != 0) {
        v = facts_.reset == Reset::kSubtract ? v - static_cast<Real>(units) * threshold
            : p_.reset_value.present()       ? Real{p_.reset_value.at(pixel)[c]}
                                             : Real{0};
        if (row_.emitted != nullptr) row_.emitted[at] += units;
        if (!check(v, pixel, c, "membrane potential")) return;
      }
    }
    row_.membrane[at] = static_cast<Number>(v);
    if (facts_.fires()) send(pixel, c, static_cast<Number>(units));
  }

  Real decayed(Real value, Number decay, std::uint32_t shift) const {
    if constexpr (std::is_same_v<Number, float>) {
      return decay * value;
    } else {
      const std::int64_t product = value * decay;
      if (facts_.rounding == Rounding::kTowardZero) return product / (std::int64_t{1} << shift);
      return product >> shift;
    }
  }

  /// How many thresholds the membrane gives up in this step: docs/semantics.md section 3, step 4.
  std::int64_t emitted_units(Real v, Real threshold, std::int64_t so_far) const {
    const Emission& rule = facts_.emission;
    const auto reaches = [&](Real amount) {
      return facts_.comparison == Comparison::kAbove ? v > amount : v >= amount;
    };
    if (reaches(threshold)) {
      std::int64_t room = rule.max_per_step;
      if (rule.max_total != Emission::kUnbounded) room = std::min(room, rule.max_total - so_far);
      std::int64_t units = 0;
      while (units < room && reaches(static_cast<Real>(units + 1) * threshold)) ++units;
      return units;
    }
    if (v < Real{0} && rule.min_per_step < 0) {
      const std::int64_t room = std::min(-rule.min_per_step, so_far - rule.min_total);
      std::int64_t units = 0;
      while (units < room && v + static_cast<Real>(units) * threshold < Real{0}) ++units;
      return -units;
    }
    return 0;
  }

  void send(std::size_t pixel, std::size_t c, Number payload) {
    if (row_.bits) {
      if (payload == Number{0}) return;
      row_.bits[pixel * p_.grid.words + c / 64] |= std::uint64_t{1} << (c % 64);
      ++row_.events[pixel];
      return;
    }
    row_.values[pixel * p_.grid.lanes + c] = payload;
    if (payload == Number{0}) return;
    // One event per unit of a neuron's payload; what a relay sends counts once.
    const bool once = facts_.model == Model::kRelay;
    row_.events[pixel] +=
        once ? 1 : static_cast<std::uint64_t>(std::abs(static_cast<double>(payload)));
  }

  bool check(Real value, std::size_t pixel, std::size_t c, const char* what) {
    bool fits = true;
    if constexpr (std::is_same_v<Number, float>) {
      fits = std::isfinite(value);
    } else {
      fits = value >= std::numeric_limits<std::int32_t>::min() &&
             value <= std::numeric_limits<std::int32_t>::max();
    }
    if (!fits) {
      overflow_ = Overflow{row_.population, p_.grid.flat(pixel, c), row_.step, what,
                           static_cast<double>(value)};
    }
    return fits;
  }

  const PlainRow<Number>& row_;
  const PopulationProgram<Number>& p_;
  const Population& facts_;
  bool integrates_ = false, fires_ = false, has_bias_ = false;
  Real power_ = 1;
  std::optional<Overflow> overflow_;
};

}  // namespace neurotool::cpu
