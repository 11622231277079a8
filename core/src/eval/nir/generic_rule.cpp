// Rules of no simulator: the equations of NIR under one of four integrators, with coefficients
// computed in double and rounded once.
#include <algorithm>
#include <cmath>
#include <utility>

#include "eval/nir/dialects.hpp"

namespace neurotool::nir::dialects {
namespace {

/// A coefficient of the generic rules: computed in double, rounded once.
double rounded(double value, const Discretization& d) {
  return d.width == FloatWidth::kFloat32 ? static_cast<double>(f32(value)) : value;
}

/// Solves both equations over a step with constant input. With w = sb x, i -> i', v -> v':
///   i' = sa i + (1 - sa) w,  v' = a v + b (leak + r w) + cross (r (i - w)),
/// cross being the share of a decaying current: tau_syn / (tau_syn - tau_mem) (sa - a), and its
/// limit dt / tau a where both time constants are equal.
double cross_share(double dt, double tau, double tau_syn) {
  if (std::abs(tau - tau_syn) <= 1e-9 * tau) return dt / tau * std::exp(-dt / tau);
  return tau_syn / (tau_syn - tau) * (std::exp(-dt / tau_syn) - std::exp(-dt / tau));
}

void generic_cuba(const Parameters& p, const Discretization& d, double dt, NeuronRule& rule) {
  const std::size_t size = p.r.size();
  const auto make = [&](auto&& f) {
    return each(size, [&](std::size_t i) { return rounded(f(i), d); });
  };
  rule.leak = p.v_leak;
  rule.r = p.r;
  switch (d.integrator) {
    case Integrator::kEuler:
      rule.synapse = SynapseForm::kEuler;
      rule.sa = make([&](std::size_t i) { return dt / p.tau_syn[i]; });
      rule.sb = p.w_in;
      rule.membrane = MembraneForm::kEulerScaled;
      rule.a = make([&](std::size_t i) { return dt / p.tau[i]; });
      return;
    case Integrator::kExact:
      rule.membrane = MembraneForm::kExactWithCurrent;
      rule.sa = make([&](std::size_t i) { return std::exp(-dt / p.tau_syn[i]); });
      rule.sb = p.w_in;
      rule.a = make([&](std::size_t i) { return std::exp(-dt / p.tau[i]); });
      rule.b = make([&](std::size_t i) { return -std::expm1(-dt / p.tau[i]); });
      rule.cross = make([&](std::size_t i) { return cross_share(dt, p.tau[i], p.tau_syn[i]); });
      return;
    case Integrator::kNormFree:
      rule.synapse = SynapseForm::kDecay;
      rule.sa = make([&](std::size_t i) { return std::exp(-dt / p.tau_syn[i]); });
      rule.membrane = MembraneForm::kDecay;
      rule.a = make([&](std::size_t i) { return std::exp(-dt / p.tau[i]); });
      return;
    case Integrator::kDecay:
      rule.synapse = SynapseForm::kDecayGain;
      rule.sa = make([&](std::size_t i) { return 1 - dt / p.tau_syn[i]; });
      // Both gains at the input: the current is then in units of the membrane, as in our neurons.
      rule.sb = make([&](std::size_t i) {
        return (p.w_in[i] * dt / p.tau_syn[i]) * (p.r[i] * dt / p.tau[i]);
      });
      rule.membrane = MembraneForm::kDecay;
      rule.a = make([&](std::size_t i) { return 1 - dt / p.tau[i]; });
      return;
  }
}

void generic_leaky(const Parameters& p, const Discretization& d, double dt, NeuronRule& rule) {
  const auto make = [&](auto&& f) {
    return each(p.r.size(), [&](std::size_t i) { return rounded(f(i), d); });
  };
  rule.leak = p.v_leak;
  rule.r = p.r;
  switch (d.integrator) {
    case Integrator::kEuler:
      rule.membrane = MembraneForm::kEulerScaled;
      rule.a = make([&](std::size_t i) { return dt / p.tau[i]; });
      return;
    case Integrator::kExact:
      rule.membrane = MembraneForm::kDecayShifted;
      rule.a = make([&](std::size_t i) { return std::exp(-dt / p.tau[i]); });
      rule.b = make([&](std::size_t i) { return -std::expm1(-dt / p.tau[i]); });
      return;
    case Integrator::kNormFree:
      rule.membrane = MembraneForm::kDecay;
      rule.a = make([&](std::size_t i) { return std::exp(-dt / p.tau[i]); });
      return;
    case Integrator::kDecay:
      rule.membrane = MembraneForm::kDecayGain;
      rule.a = make([&](std::size_t i) { return 1 - dt / p.tau[i]; });
      rule.b = make([&](std::size_t i) { return p.r[i] * dt / p.tau[i]; });
      return;
  }
}

}  // namespace

Result<NeuronRule> generic_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  const double dt = dt_in_file_units(d);
  if (p.integrator) {
    Values gain = each(p.r.size(), [&](std::size_t i) { return rounded(p.r[i] * dt, d); });
    // Both spellings of "one weight is one unit of potential": r = 1/dt as the equations have it,
    // and r = 1 as exporters write it.
    const bool free = d.integrator == Integrator::kNormFree || d.integrator == Integrator::kDecay;
    if (all_close(gain, 1) || (free && all_close(p.r, 1))) {
      rule.membrane = MembraneForm::kSum;
    } else {
      rule.membrane = MembraneForm::kSumGain;
      rule.b = std::move(gain);
    }
    return rule;
  }
  const bool shifts = d.integrator == Integrator::kNormFree || d.integrator == Integrator::kDecay;
  if (shifts && !all_zero(p.v_leak)) return refused(d, "v_leak is not 0");
  p.cuba ? generic_cuba(p, d, dt, rule) : generic_leaky(p, d, dt, rule);
  return rule;
}

}  // namespace neurotool::nir::dialects
