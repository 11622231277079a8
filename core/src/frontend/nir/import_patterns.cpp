// The encodings of our exporter, read back. Nothing here depends on our metadata but v(0), which a
// loop of primitives rounds.
#include "frontend/nir/import_patterns.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "eval/nir/plan_shapes.hpp"

namespace neurotool::from_nir {
namespace {

using nir::CubaLIF, nir::I, nir::IF, nir::Scale, nir::Threshold;
using nir::Dialect, nir::Discretization, nir::GraphPlan, nir::Integrator, nir::MembraneForm,
    nir::NeuronRule, nir::PlannedNode, nir::Primitive;
using nir::dt_in_file_units, nir::neuron_rule, nir::spread;

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

}  // namespace

std::vector<ResetLoop> find_reset_loops(const GraphPlan& plan,
                                        const std::vector<std::vector<std::size_t>>& consumers) {
  std::vector<ResetLoop> loops;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    if (!std::holds_alternative<I>(plan.nodes[i].primitive) || consumers[i].size() != 1) continue;
    const std::size_t threshold = consumers[i].front();
    if (!std::holds_alternative<Threshold>(plan.nodes[threshold].primitive)) continue;
    for (const std::size_t scale : consumers[threshold]) {
      if (!std::holds_alternative<Scale>(plan.nodes[scale].primitive)) continue;
      if (consumers[scale] != std::vector<std::size_t>{i}) continue;
      loops.push_back({i, threshold, scale});
      break;
    }
  }
  return loops;
}

Result<MadeNeuron> loop_neuron(const GraphPlan& plan, const ResetLoop& loop, const Shape& shape,
                               const Discretization& discretization, const OwnMetadata& own) {
  NT_TRY(const NeuronRule rule,
         neuron_rule(plan.nodes[loop.integrator].primitive, "", shape, discretization));
  if (rule.membrane != MembraneForm::kSum) {
    return cannot("r times dt is not 1 in its soft reset", "set model.nir.dt to 1 / r");
  }
  const PlannedNode& threshold = plan.nodes[loop.threshold];
  const PlannedNode& scale = plan.nodes[loop.scale];
  NT_TRY(std::vector<double> theta, spread(std::get<Scale>(scale.primitive).scale, scale.shape, 0));
  NT_TRY(const std::vector<double> limit,
         spread(std::get<Threshold>(threshold.primitive).threshold, threshold.shape, 0));
  const bool above = own.compare == "gt";
  std::vector<double> start(theta.size());
  for (std::size_t i = 0; i < theta.size(); ++i) {
    theta[i] = -theta[i];
    // More than the limit is at least the next number.
    const float least = above ? static_cast<float>(limit[i])
                              : std::nextafter(static_cast<float>(limit[i]),
                                               std::numeric_limits<float>::infinity());
    start[i] = static_cast<float>(theta[i]) - least;
  }
  const auto known = own.v_init.find(threshold.name);
  if (own.present && known != own.v_init.end()) {
    NT_TRY(start, spread(known->second, shape, 0));
  }
  if (std::ranges::any_of(theta, [](double value) { return !(value > 0); })) {
    return cannot("what its Scale feeds back is not negative", "repair the file");
  }
  Firing firing;
  if (above) firing.comparison = Comparison::kAbove;
  firing.threshold = compressed(theta, shape);
  firing.initial_membrane = compressed(start, shape, true);
  return MadeNeuron{If{firing}, {}};
}

bool is_norse_integrator(const Primitive& primitive, const Discretization& discretization) {
  const auto* p = std::get_if<CubaLIF>(&primitive);
  if (p == nullptr || discretization.dialect != Dialect::kGeneric ||
      discretization.integrator != Integrator::kDecay)
    return false;
  const double dt = dt_in_file_units(discretization);
  const auto near = [](double value, double wanted) {
    return std::abs(value - wanted) <= 1e-5 * std::abs(wanted);
  };
  const auto all_of = [](const Tensor& tensor, auto&& holds) {
    for (std::int64_t k = 0; k < tensor.size(); ++k) {
      if (!holds(tensor.at(k))) return false;
    }
    return true;
  };
  const double tau = p->tau_mem.size() > 0 ? p->tau_mem.at(0) : 0;
  return tau >= dt * std::ldexp(1.0, 24) &&
         all_of(p->tau_mem, [&](double t) { return near(t, tau); }) &&
         all_of(p->tau_syn, [&](double t) { return near(t, dt); }) &&
         all_of(p->r, [&](double r) { return near(r, tau / dt); }) &&
         all_of(p->w_in, [&](double w) { return w == 1; });
}

Result<NorseNeuron> norse_integrator(const PlannedNode& node, const Shape& shape,
                                     const Discretization& discretization) {
  const auto& p = std::get<CubaLIF>(node.primitive);
  NorseNeuron neuron;
  NT_TRY(neuron.drive, spread(p.v_leak, shape, 0));
  const IF plain{.r = nir::filled({1}, 1), .v_threshold = p.v_threshold, .v_reset = p.v_reset};
  NT_TRY(NeuronRule rule, neuron_rule(plain, node.name, shape, discretization));
  if (discretization.v_init != nir::InitialPotential::kByNode) rule.v_start = neuron.drive;
  NT_TRY(neuron.made, make_neuron(rule, shape));
  return neuron;
}

}  // namespace neurotool::from_nir
