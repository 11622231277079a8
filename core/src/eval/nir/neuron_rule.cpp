// From a node to its rule: its parameters spread over its neurons, the dialect's coefficients, and
// where membranes and currents start.
#include "eval/nir/neuron_rule.hpp"

#include <fmt/format.h>

#include <optional>

#include "base/text.hpp"
#include "eval/nir/dialects.hpp"
#include "eval/nir/plan_shapes.hpp"

namespace neurotool::nir {
namespace {

using dialects::Parameters, dialects::Values, dialects::f32;

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

Result<NeuronRule> dialect_rule(const Parameters& p, const Discretization& d) {
  switch (d.dialect) {
    case Dialect::kGeneric:
      return dialects::generic_rule(p, d);
    case Dialect::kNorse:
      return dialects::norse_rule(p, d);
    case Dialect::kSnntorch:
      return dialects::snntorch_rule(p, d);
    case Dialect::kSpikingjelly:
      return dialects::spikingjelly_rule(p, d);
    case Dialect::kSinabs:
      return dialects::sinabs_rule(p, d);
    case Dialect::kRockpool:
      return dialects::rockpool_rule(p, d);
    case Dialect::kLava:
      return dialects::lava_rule(p, d);
    case Dialect::kSpyx:
      return dialects::spyx_rule(p, d);
  }
  return dialects::generic_rule(p, d);
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
