// From parameters to rules: one function per dialect. Coefficients are computed in float32 where
// the simulator's import does, with the same roundings, because a decay that is off by one unit in
// the last place moves spikes.
#include "eval/nir/neuron_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.hpp"
#include "eval/nir/plan_shapes.hpp"

namespace neurotool::nir {
namespace {

using Values = std::vector<double>;

/// The parameters of a node in one form, spread over its neurons. A CubaLIF's tau is tau_mem.
struct Parameters {
  std::string_view type;
  bool integrator = false;  ///< I, IF: no leak
  bool cuba = false, fires = false;
  Values tau, tau_syn, r, v_leak, w_in, threshold, reset;
};

Error refused(const Discretization& d, std::string message) {
  return error("nir.preset", {}, fmt::format("{} does not read this node: {}", d.name, message),
               "choose another preset, or dt, reset and the rest one by one");
}

Result<Parameters> parameters_of(const Primitive& primitive, const Shape& shape) {
  Parameters all{.type = type_name(primitive)};
  std::optional<Error> failed;
  const auto take = [&](Values& values, const Tensor& tensor, double absent) {
    auto spreaded = spread(tensor, shape, absent);
    if (spreaded) {
      values = *std::move(spreaded);
    } else if (!failed) {
      failed = std::move(spreaded).error();
    }
  };
  std::visit(
      [&](const auto& p) {
        using T = std::decay_t<decltype(p)>;
        if constexpr (requires { p.r; }) {
          take(all.r, p.r, 1);
          all.integrator = std::is_same_v<T, I> || std::is_same_v<T, IF>;
        }
        if constexpr (requires { p.tau; }) take(all.tau, p.tau, 1);
        if constexpr (requires { p.tau_mem; }) {
          all.cuba = true;
          take(all.tau, p.tau_mem, 1);
          take(all.tau_syn, p.tau_syn, 1);
          take(all.w_in, p.w_in, 1);
        }
        if constexpr (requires { p.v_threshold; }) {
          all.fires = true;
          take(all.threshold, p.v_threshold, 1);
          take(all.reset, p.v_reset, 0);
        }
        if constexpr (requires { p.v_leak; }) take(all.v_leak, p.v_leak, 0);
      },
      primitive);
  if (failed) return *failed;
  return all;
}

bool close(double value, double wanted) {
  return std::abs(value - wanted) <= 1e-8 + 1e-5 * std::abs(wanted);
}
bool all_close(const Values& values, double wanted) {
  return std::ranges::all_of(values, [&](double value) { return close(value, wanted); });
}
bool all_equal(const Values& values) {
  return std::ranges::all_of(values, [&](double value) { return value == values.front(); });
}
bool all_zero(const Values& values) {
  return std::ranges::all_of(values, [](double value) { return value == 0; });
}

float f32(double value) { return static_cast<float>(value); }

template <class F>
Values each(std::size_t size, F&& f) {
  Values values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<double>(f(i));
  return values;
}

/// What all rules of firing neurons begin with.
NeuronRule started(const Parameters& p, const Discretization& d) {
  NeuronRule rule;
  rule.compare = d.compare;
  rule.threshold = p.threshold;
  if (p.fires) {
    rule.fire = d.spikes == SpikeCount::kMany ? FireForm::kFloor : FireForm::kSingle;
    rule.reset = d.reset == ResetRule::kSubtract ? ResetForm::kSubtract
                 : d.reset == ResetRule::kValue  ? ResetForm::kValue
                                                 : ResetForm::kZero;
    rule.reset_value = p.reset;
    rule.clamps = d.clamp_low == ClampLow::kMinusThreshold;
  }
  if (d.v_init == InitialPotential::kLeak && !p.v_leak.empty()) rule.v_start = p.v_leak;
  if (d.v_init == InitialPotential::kReset && !p.reset.empty()) rule.v_start = p.reset;
  return rule;
}

Result<NeuronRule> norse_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  const std::size_t size = p.r.size();
  const float dt = f32(d.dt);
  const auto rate = [&](const Values& tau) {
    return each(size, [&](std::size_t i) { return dt * (1.0F / f32(tau[i])); });
  };
  rule.leak = p.v_leak;
  if (p.fires && !p.cuba && d.reset == ResetRule::kSubtract) {
    rule.reset = ResetForm::kZero;  // from_nir hands reset_method to CubaLIF nodes alone
  }
  if (p.integrator) {
    rule.membrane = MembraneForm::kSum;
  } else if (!p.cuba) {
    rule.membrane = MembraneForm::kEuler;
    rule.a = rate(p.tau);
  } else {
    rule.synapse = SynapseForm::kEuler;
    rule.sa = rate(p.tau_syn);
    rule.sb = p.w_in;
    rule.membrane = MembraneForm::kEulerOfCurrent;
    rule.a = rate(p.tau);
    rule.r = p.r;
    rule.i_start = p.v_leak;
  }
  return rule;
}

Result<NeuronRule> snntorch_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  const std::size_t size = p.r.size();
  if (p.fires && !all_equal(p.threshold)) return refused(d, "its thresholds differ");
  if (!p.v_leak.empty() && !all_close(p.v_leak, 0)) return refused(d, "v_leak is not 0");
  const float dt = f32(d.dt);
  const auto decay = [&](const Values& tau) {
    return each(size, [&](std::size_t i) { return 1.0F - dt / f32(tau[i]); });
  };
  rule.membrane = MembraneForm::kDecay;
  if (p.integrator) {
    if (!all_equal(p.r) || p.r.front() != 1) return refused(d, "r is not 1");
    rule.a = Values(size, f32(d.if_beta));
    rule.reset = ResetForm::kSubtractTwice;
    return rule;
  }
  rule.a = decay(p.tau);
  if (!p.cuba) {
    const Values scale =
        each(size, [&](std::size_t i) { return f32(p.r[i]) * dt / f32(p.tau[i]); });
    if (!all_close(scale, 1)) {
      rule.threshold =
          each(size, [&](std::size_t i) { return f32(p.threshold[i]) / f32(scale[i]); });
    }
    return rule;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (!close(p.r[i], p.tau[i] / d.dt)) return refused(d, "r is not tau_mem / dt");
  }
  rule.synapse = SynapseForm::kDecay;
  rule.sa = decay(p.tau_syn);
  rule.threshold = each(size, [&](std::size_t i) {
    const float scale =
        d.synapse_scales_threshold ? f32(p.w_in[i]) * (dt / f32(p.tau_syn[i])) : f32(p.w_in[i]);
    return close(scale, 1) ? f32(p.threshold[i]) : f32(p.threshold[i]) / scale;
  });
  return rule;
}

Result<NeuronRule> spikingjelly_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  const std::size_t size = p.r.size();
  if (!all_equal(p.threshold) || !all_equal(p.reset)) {
    return refused(d, "thresholds or v_reset differ between neurons");
  }
  if (p.integrator) {
    if (!all_close(p.r, 1 / d.dt)) {
      return refused(d, fmt::format("r is {}, expected 1 / dt = {}", number_text(p.r.front()),
                                    number_text(1 / d.dt)));
    }
    rule.membrane = MembraneForm::kSum;
    return rule;
  }
  if (p.v_leak != p.reset) return refused(d, "v_leak is not v_reset");
  rule.membrane = p.r.front() == 1 ? MembraneForm::kRelaxation : MembraneForm::kRelaxationFree;
  rule.a = each(size, [&](std::size_t i) { return f32(p.tau[i] / d.dt); });
  return rule;
}

Result<NeuronRule> sinabs_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  if (p.fires && d.spikes == SpikeCount::kMany) rule.fire = FireForm::kTruncated;
  if (p.integrator) {
    rule.membrane = MembraneForm::kSum;
    return rule;
  }
  if (!all_zero(p.v_leak)) return refused(d, "v_leak is not 0");
  if (!p.fires && !all_close(p.r, 1)) return refused(d, "r is not 1");
  rule.clamps = false;
  rule.membrane = MembraneForm::kDecay;
  rule.a = each(p.tau.size(), [&](std::size_t i) { return std::exp(-1.0F / f32(p.tau[i])); });
  return rule;
}

Result<NeuronRule> rockpool_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  float dt = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < p.r.size(); ++i)
    dt = std::min(dt, f32(p.tau[i]) / (1.0F + f32(p.r[i])));
  const auto decay = [&](const Values& tau) {
    return each(tau.size(), [&](std::size_t i) { return std::exp(-dt / f32(tau[i])); });
  };
  rule.synapse = SynapseForm::kDecayAfter;
  rule.sa = decay(p.tau_syn);
  rule.membrane = all_zero(p.v_leak) ? MembraneForm::kDecay : MembraneForm::kDecayOffset;
  rule.a = decay(p.tau);
  rule.leak = p.v_leak;
  return rule;
}

Result<NeuronRule> lava_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  const std::size_t size = p.r.size();
  if (!all_equal(p.threshold)) return refused(d, "thresholds differ between neurons");
  if (p.integrator) {
    rule.membrane = MembraneForm::kSum;
    rule.grid = std::ldexp(1.0, -18);
    rule.threshold = each(size, [&](std::size_t i) { return f32(p.threshold[i]) * f32(p.r[i]); });
    return rule;
  }
  if (!all_zero(p.v_leak)) return refused(d, "v_leak is not 0");
  const auto share = [&](const Values& tau, const Values& scale) {
    return each(size, [&](std::size_t i) { return f32(scale[i] * d.dt / tau[i]); });
  };
  const auto decay = [&](const Values& tau) {
    return each(size, [&](std::size_t i) { return f32(1 - d.dt / tau[i]); });
  };
  rule.membrane = MembraneForm::kDecayGain;
  rule.a = decay(p.tau);
  rule.b = share(p.tau, p.r);
  if (p.cuba) {
    rule.synapse = SynapseForm::kDecayGain;
    rule.sa = decay(p.tau_syn);
    rule.sb = share(p.tau_syn, p.w_in);
  }
  return rule;
}

Result<NeuronRule> spyx_rule(const Parameters& p, const Discretization& d) {
  NeuronRule rule = started(p, d);
  const auto decay = [&](const Values& tau) {
    return each(tau.size(), [&](std::size_t i) { return f32(1 - d.dt / tau[i]); });
  };
  rule.reset = ResetForm::kSubtractLate;
  rule.membrane = p.integrator ? MembraneForm::kSum : MembraneForm::kDecay;
  if (!p.integrator) rule.a = decay(p.tau);
  if (p.cuba) {
    rule.synapse = SynapseForm::kDecay;
    rule.sa = decay(p.tau_syn);
  }
  return rule;
}

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

Result<NeuronRule> dialect_rule(const Parameters& p, const Discretization& d) {
  switch (d.dialect) {
    case Dialect::kGeneric:
      return generic_rule(p, d);
    case Dialect::kNorse:
      return norse_rule(p, d);
    case Dialect::kSnntorch:
      return snntorch_rule(p, d);
    case Dialect::kSpikingjelly:
      return spikingjelly_rule(p, d);
    case Dialect::kSinabs:
      return sinabs_rule(p, d);
    case Dialect::kRockpool:
      return rockpool_rule(p, d);
    case Dialect::kLava:
      return lava_rule(p, d);
    case Dialect::kSpyx:
      return spyx_rule(p, d);
  }
  return generic_rule(p, d);
}

Error positive(std::string_view what, double value) {
  return error("nir.parameter", {},
               fmt::format("{} is {}, expected more than 0", what, number_text(value)),
               "repair the file");
}

}  // namespace

bool has_neurons(const Primitive& primitive) {
  return std::holds_alternative<I>(primitive) || std::holds_alternative<LI>(primitive) ||
         std::holds_alternative<IF>(primitive) || std::holds_alternative<LIF>(primitive) ||
         std::holds_alternative<CubaLI>(primitive) || std::holds_alternative<CubaLIF>(primitive);
}

Result<NeuronRule> neuron_rule(const Primitive& primitive, const std::string& name,
                               const Shape& shape, const Discretization& d) {
  NT_TRY(const Parameters p, parameters_of(primitive, shape));
  for (const double tau : p.tau) {
    if (!(tau > 0)) return positive(p.cuba ? "tau_mem" : "tau", tau);
  }
  for (const double tau : p.tau_syn) {
    if (!(tau > 0)) return positive("tau_syn", tau);
  }
  NT_TRY(NeuronRule rule, dialect_rule(p, d));
  if (rule.v_start.empty()) rule.v_start.assign(p.r.size(), 0);
  if (rule.i_start.empty()) rule.i_start.assign(p.r.size(), 0);
  if (d.v_init == InitialPotential::kByNode) {
    if (const auto given = d.v_init_by_node.find(name); given != d.v_init_by_node.end()) {
      NT_TRY(rule.v_start, spread(given->second, shape, 0));
    }
  }
  if (d.width == FloatWidth::kFloat32) {
    for (Values* values : {&rule.sb, &rule.r, &rule.leak, &rule.threshold, &rule.reset_value,
                           &rule.v_start, &rule.i_start}) {
      for (double& value : *values) value = f32(value);
    }
  }
  return rule;
}

}  // namespace neurotool::nir
