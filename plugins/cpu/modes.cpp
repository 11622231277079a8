// Bounds travel from the inputs along the components. A relay inside a cycle has no bound; a float
// bound is widened by a hundredth, more than rounding can add to any sum that fits into memory.
#include "modes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace neurotool::cpu {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kInt32 = std::numeric_limits<std::int32_t>::max();
constexpr double kInt62 = 4.6e18;

/// The largest magnitude that needs no check.
template <class Number>
constexpr double kSafe = std::is_same_v<Number, float> ? 1e37 : kInt32;

template <class Number>
double widened(double bound) {
  return std::is_same_v<Number, float> ? bound * 1.01 : bound;
}

/// `start` decayed and fed with `drive` for `steps` steps; a rounding may add 1 each.
double after(std::uint64_t steps, double start, double decay, double drive, double limit) {
  const double added = drive + 1;
  if (decay <= 1) return start + static_cast<double>(steps) * added;
  double bound = start;
  for (std::uint64_t i = 0; i < steps && bound < limit; ++i) bound = decay * bound + added;
  return bound;
}

/// What the fast update can find out itself: a sum that leaves its range, but no product.
template <class Number>
bool can_check(const PopulationProgram<Number>& p, double current) {
  return p.facts.model != Model::kCubaLif && p.largest_decay <= 1 && current <= kSafe<Number>;
}

template <class Number>
bool is_proven(const PopulationProgram<Number>& p, std::uint64_t steps, double current) {
  double drive = current;
  if (p.facts.model == Model::kCubaLif) {
    drive = after(steps, 0, p.largest_current_decay, current, kSafe<Number>);
  }
  // Comparisons are written so that NaN proves nothing.
  if (!(drive <= kSafe<Number>)) return false;
  return after(steps, p.largest_start, p.largest_decay, drive, kSafe<Number>) <= kSafe<Number>;
}

template <class Number>
double firing_bound(const PopulationProgram<Number>& p) {
  const auto most = static_cast<double>(p.facts.emission.max_per_step);
  const auto least = static_cast<double>(p.facts.emission.min_per_step);
  return std::max({most, -least, 0.0});
}

/// The trains of a max pool in a float network add up outside of any check.
template <class Number>
bool train_may_overflow(const ProjectionProgram<Number>& p, std::uint64_t steps, double payload) {
  if (std::is_integral_v<Number> || p.route != Route::kMaxPool) return false;
  const std::uint64_t works = std::min(p.pool_end, steps) - std::min(p.pool_begin, steps);
  const double base = p.pool_base;
  return !(after(works, 0, base, payload, kSafe<Number>) <= kSafe<Number>);
}

template <class Number>
double current_bound(const Program<Number>& program, std::uint32_t index, std::uint64_t steps,
                     const std::vector<Mode>& modes) {
  double bound = program.populations[index].largest_bias;
  for (const std::uint32_t i : program.plan.incoming[index]) {
    const ProjectionProgram<Number>& p = program.projections[i];
    const double payload = modes[p.source].payload;
    if (p.largest_sum == 0 || payload == 0) continue;
    if (train_may_overflow(p, steps, payload)) return kInfinity;
    bound += std::ldexp(p.largest_sum * payload, static_cast<int>(p.shift));
  }
  return widened<Number>(bound);
}

template <class Number>
Mode input_mode(const PopulationProgram<Number>& p, const InputRange& range) {
  Mode mode;
  mode.form = p.facts.held ? Form::kHeld : range.zero_or_one ? Form::kBits : Form::kValues;
  mode.payload = range.largest;
  return mode;
}

}  // namespace

template <class Number>
std::vector<Mode> choose_modes(const Program<Number>& program, std::uint64_t steps,
                               const std::vector<InputRange>& inputs) {
  constexpr bool kInteger = std::is_integral_v<Number>;
  std::vector<Mode> modes(program.populations.size());
  // What does not depend on others first: cycles ask for it before its turn.
  for (std::uint32_t i = 0; i < modes.size(); ++i) {
    const PopulationProgram<Number>& p = program.populations[i];
    if (p.facts.model == Model::kInput) modes[i] = input_mode(p, inputs[i]);
    if (p.facts.fires()) modes[i].payload = firing_bound(p);
    if (p.facts.model == Model::kRelay) modes[i].payload = kInteger ? kInt32 + 1 : kInfinity;
    if (p.facts.model == Model::kRelay) modes[i].form = p.constant ? Form::kHeld : Form::kValues;
    if (p.facts.fires()) modes[i].form = p.binary ? Form::kBits : Form::kValues;
  }
  for (const Component& component : program.plan.components) {
    for (const std::uint32_t i : component.populations) {
      const PopulationProgram<Number>& p = program.populations[i];
      if (p.facts.model == Model::kInput) continue;
      Mode& mode = modes[i];
      mode.current = current_bound(program, i, steps, modes);
      mode.wide = kInteger && !(mode.current <= kInt32);
      mode.may_spill = kInteger && !(mode.current <= kInt62);
      if (p.facts.model == Model::kRelay) {
        mode.plain = !(mode.current <= kSafe<Number>);
        if (!component.recurrent) mode.payload = std::min(mode.payload, mode.current);
      } else {
        mode.checked = !is_proven(p, steps, mode.current);
        mode.plain = mode.wide || !p.simple || (mode.checked && !can_check(p, mode.current));
      }
    }
  }
  return modes;
}

template <class Number>
std::vector<InputRange> declared_ranges(const Program<Number>& program) {
  std::vector<InputRange> ranges(program.populations.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const Population& p = program.populations[i].facts;
    const std::uint32_t bits = p.bits == 0 || p.bits > 32 ? 32 : p.bits;
    ranges[i].largest = std::ldexp(1.0, static_cast<int>(p.is_signed ? bits - 1 : bits));
  }
  return ranges;
}

template std::vector<Mode> choose_modes(const Program<float>&, std::uint64_t,
                                        const std::vector<InputRange>&);
template std::vector<Mode> choose_modes(const Program<std::int32_t>&, std::uint64_t,
                                        const std::vector<InputRange>&);
template std::vector<InputRange> declared_ranges(const Program<float>&);
template std::vector<InputRange> declared_ranges(const Program<std::int32_t>&);

}  // namespace neurotool::cpu
