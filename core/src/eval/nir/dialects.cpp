// The seven simulators, one function for each. Coefficients are computed in float32 where the
// simulator's import does, with the same roundings, because a decay that is off by one unit in the
// last place moves spikes.
#include "eval/nir/dialects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"

namespace neurotool::nir::dialects {

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

Error refused(const Discretization& d, std::string message) {
  return error("nir.preset", {}, fmt::format("{} does not read this node: {}", d.name, message),
               "choose another preset, or dt, reset and the rest one by one");
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

Result<NeuronRule> spikingjelly_cuba(const Parameters& p, const Discretization& d,
                                     NeuronRule rule) {
  const std::size_t size = p.r.size();
  if (!all_equal(p.tau) || !all_equal(p.tau_syn)) {
    return refused(d, "time constants differ between neurons");
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (!close(p.r[i], p.tau[i] / d.dt)) return refused(d, "r is not tau_mem / dt");
    if (!close(p.w_in[i], p.tau_syn[i] / d.dt)) return refused(d, "w_in is not tau_syn / dt");
  }
  if (!all_zero(p.v_leak)) return refused(d, "v_leak is not 0");
  const auto decay = [&](const Values& tau) {
    return each(size, [&](std::size_t i) { return f32(1 - d.dt / tau[i]); });
  };
  rule.synapse = SynapseForm::kDecay;
  rule.sa = decay(p.tau_syn);
  rule.membrane = MembraneForm::kDecay;
  rule.a = decay(p.tau);
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
  if (p.cuba) return spikingjelly_cuba(p, d, std::move(rule));
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
    rule.reset = ResetForm::kSubtractFirst;
    rule.synapse = SynapseForm::kDecay;
    rule.sa = decay(p.tau_syn);
  }
  return rule;
}

}  // namespace neurotool::nir::dialects
