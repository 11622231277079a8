// What the rules of all dialects are made from, and the dialects: how each simulator, and a reading
// of our own, turns the parameters of a node into coefficients. For neuron_rule.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "eval/nir/neuron_rule.hpp"

namespace neurotool::nir::dialects {

using Values = std::vector<double>;

/// The parameters of a node in one form, spread over its neurons. A CubaLIF's tau is tau_mem.
struct Parameters {
  std::string_view type;
  bool integrator = false;  ///< I, IF: no leak
  bool cuba = false, fires = false;
  Values tau, tau_syn, r, v_leak, w_in, threshold, reset;
};

inline float f32(double value) { return static_cast<float>(value); }

template <class F>
Values each(std::size_t size, F&& f) {
  Values values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<double>(f(i));
  return values;
}

/// As numpy's isclose() has it.
bool close(double value, double wanted);
bool all_close(const Values& values, double wanted);
bool all_equal(const Values& values);
bool all_zero(const Values& values);

/// What all rules of firing neurons begin with.
NeuronRule started(const Parameters& p, const Discretization& d);

/// Error: nir.preset, without a place.
Error refused(const Discretization& d, std::string message);

// One for each Dialect. Errors: nir.preset, without a place.
Result<NeuronRule> norse_rule(const Parameters& p, const Discretization& d);
Result<NeuronRule> snntorch_rule(const Parameters& p, const Discretization& d);
Result<NeuronRule> spikingjelly_rule(const Parameters& p, const Discretization& d);
Result<NeuronRule> sinabs_rule(const Parameters& p, const Discretization& d);
Result<NeuronRule> rockpool_rule(const Parameters& p, const Discretization& d);
Result<NeuronRule> lava_rule(const Parameters& p, const Discretization& d);
Result<NeuronRule> spyx_rule(const Parameters& p, const Discretization& d);
/// Of the four integrators, for a discretisation that names no simulator.
Result<NeuronRule> generic_rule(const Parameters& p, const Discretization& d);

}  // namespace neurotool::nir::dialects
