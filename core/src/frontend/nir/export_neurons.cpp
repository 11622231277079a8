// Neurons in each profile. The encodings and what they rest on are in docs/nir.md; here every one
// is a function.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "frontend/nir/exporter.hpp"

namespace neurotool::to_nir {
namespace {

using Values = std::vector<double>;

/// 2^30: (1 + 2^-30) rounds to 1 in float32, so a leak this slow is none.
constexpr double kNoLeak = 1073741824.0;

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

bool any_nonzero(const Values& values) {
  return std::ranges::any_of(values, [](double value) { return value != 0; });
}

/// Why no profile can hold the neuron, or "".
std::string misfit(const Firing& firing) {
  const Emission binary;
  if (firing.emission.max_per_step != binary.max_per_step ||
      firing.emission.min_per_step != binary.min_per_step) {
    return fmt::format("it sends {} to {} per step, and NIR neurons send 0 or 1",
                       firing.emission.min_per_step, firing.emission.max_per_step);
  }
  if (firing.emission != binary) return "its spikes are counted and bounded over the run";
  if (firing.window != Window{}) return "it integrates or fires in a window of steps only";
  if (firing.radix_bits > 0) return "its threshold changes with the step (radix code)";
  return {};
}

/// The parameters of a firing population, in real numbers.
struct Parts {
  const Population& population;
  const Firing& firing;
  Values threshold, start, reset, decay = {}, current_decay = {};
  bool soft = false, above = false, leaks = false, cuba = false;
};

Result<Parts> parts_of(const Population& population, bool integer) {
  const Firing& firing = *firing_of(population.neuron);
  if (const std::string why = misfit(firing); !why.empty()) {
    return cannot(why, "convert with a code that has binary spikes, such as qcfs");
  }
  const Shape& shape = population.shape;
  Parts parts{.population = population,
              .firing = firing,
              .threshold = values_of(firing.threshold, shape, 1),
              .start = values_of(firing.initial_membrane, shape, 0),
              .reset = values_of(firing.reset_value, shape, 0),
              .soft = firing.reset == Reset::kSubtract,
              .above = firing.comparison == Comparison::kAbove};
  const auto* lif = std::get_if<Lif>(&population.neuron);
  const auto* cuba = std::get_if<CubaLif>(&population.neuron);
  if (lif == nullptr && cuba == nullptr) return parts;
  if (integer) {
    return cannot("its decay is a fixed-point number that rounds at every step",
                  "export before 'quantize'");
  }
  parts.decay = values_of(lif ? lif->decay : cuba->decay, shape, 1);
  parts.leaks = true;
  if (cuba) {
    parts.cuba = true;
    parts.current_decay = values_of(cuba->current_decay, shape, 0);
  }
  for (const Values* values : {&parts.decay, &parts.current_decay}) {
    for (const double decay : *values) {
      if (decay >= 0 && decay < 1) continue;
      return cannot(fmt::format("a decay of {} has no time constant", decay),
                    "decays from 0 to less than 1 have one");
    }
  }
  return parts;
}

/// dt / (1 - decay): Euler's step of that time constant decays so.
Values time_constants(const Values& decay, double dt) {
  Values tau(decay.size());
  std::ranges::transform(decay, tau.begin(), [&](double a) { return dt / (1 - a); });
  return tau;
}
Values per_step(const Values& tau, double dt) {
  Values r(tau.size());
  std::ranges::transform(tau, r.begin(), [&](double t) { return t / dt; });
  return r;
}

/// v >= threshold and v > threshold are the same once the membrane lies half a grid step higher.
void leave_grid(Parts& parts, bool integer) {
  if (!integer || !parts.soft || parts.above) return;
  for (double& start : parts.start) start += 0.5;
}

Tensor reset_tensor(const Parts& parts, const Shape& shape) {
  return any_nonzero(parts.reset) ? full_tensor(parts.reset, shape) : Tensor{};
}

nir::CubaLIF cuba_node(const Parts& parts, double dt) {
  const Shape& shape = parts.population.shape;
  const Values tau = time_constants(parts.decay, dt);
  const Values tau_syn =
      parts.cuba ? time_constants(parts.current_decay, dt) : Values(tau.size(), dt);
  return {.tau_syn = full_tensor(tau_syn, shape),
          .tau_mem = full_tensor(tau, shape),
          .r = full_tensor(per_step(tau, dt), shape),
          .v_leak = nir::filled(shape, 0),
          .v_threshold = full_tensor(parts.threshold, shape),
          .w_in = full_tensor(per_step(tau_syn, dt), shape),
          .v_reset = reset_tensor(parts, shape)};
}

LoweredNeuron add_single(const NeuronContext& c, const std::string& name, nir::Primitive node) {
  const std::string made = c.namer(name);
  nir::add(c.graph, made, std::move(node));
  return {made, made, {}};
}

Result<LoweredNeuron> plain(const NeuronContext& c, const Parts& parts, const std::string& name) {
  const Shape& shape = parts.population.shape;
  if (parts.cuba) return add_single(c, name, cuba_node(parts, c.dt));
  if (!parts.leaks) {
    return add_single(c, name,
                      nir::IF{.r = nir::filled(shape, 1),
                              .v_threshold = full_tensor(parts.threshold, shape),
                              .v_reset = reset_tensor(parts, shape)});
  }
  const Values tau = time_constants(parts.decay, c.dt);
  return add_single(c, name,
                    nir::LIF{.tau = full_tensor(tau, shape),
                             .r = full_tensor(per_step(tau, c.dt), shape),
                             .v_leak = nir::filled(shape, 0),
                             .v_threshold = full_tensor(parts.threshold, shape),
                             .v_reset = reset_tensor(parts, shape)});
}

Result<LoweredNeuron> hard(const NeuronContext& c, const Parts& parts, const std::string& name) {
  if (parts.leaks) return plain(c, parts, name);
  const Shape& shape = parts.population.shape;
  return add_single(c, name,
                    nir::LIF{.tau = nir::filled(shape, static_cast<float>(kNoLeak * c.dt)),
                             .r = nir::filled(shape, static_cast<float>(kNoLeak)),
                             .v_leak = nir::filled(shape, 0),
                             .v_threshold = full_tensor(parts.threshold, shape),
                             .v_reset = reset_tensor(parts, shape)});
}

/// u = v - v(0) in an I node; the Threshold compares with theta - v(0); the spike, scaled by
/// -theta, comes back one step later and is the subtraction.
Result<LoweredNeuron> native(const NeuronContext& c, Parts parts, const std::string& name) {
  const Shape& shape = parts.population.shape;
  if (parts.leaks || !parts.soft) {
    return cannot(parts.leaks ? "a neuron with a leak has no loop of primitives"
                              : "a hard reset has no loop of primitives",
                  "use the profile 'plain'");
  }
  Values limit(parts.threshold.size()), back(parts.threshold.size());
  for (std::size_t i = 0; i < limit.size(); ++i) {
    const auto exact = static_cast<float>(parts.threshold[i] - parts.start[i]);
    // u >= x and u > the float below x are the same.
    limit[i] = parts.above ? exact : std::nextafter(exact, -std::numeric_limits<float>::infinity());
    back[i] = -parts.threshold[i];
  }
  const std::string sum = c.namer(name + "_v"), spike = c.namer(name), loop = c.namer(name + "_r");
  nir::add(c.graph, sum, nir::I{.r = nir::filled(shape, static_cast<float>(1 / c.dt))});
  nir::add(c.graph, spike, nir::Threshold{.threshold = full_tensor(limit, shape)});
  nir::add(c.graph, loop, nir::Scale{.scale = full_tensor(back, shape)});
  const std::vector<std::string> chain{sum, spike, loop, sum};
  nir::connect(c.graph, chain);
  return LoweredNeuron{sum, spike, {}};
}

/// tau_syn = dt makes the current follow at once, tau_mem = 2^30 dt and r = 2^30 make a sum without
/// leak, and v_leak is where norse starts; it drives the synapse too, so the bias gives it back.
Result<LoweredNeuron> norse(const NeuronContext& c, Parts parts, const std::string& name) {
  const Shape& shape = parts.population.shape;
  if (any_nonzero(parts.reset)) {
    return cannot("it resets to another value than 0, and norse resets to 0",
                  "use the profile 'plain'");
  }
  if (parts.leaks) {
    if (any_nonzero(parts.start)) {
      return cannot("it leaks and starts at v(0) other than 0, which norse ties together",
                    "use the profile 'plain'");
    }
    return add_single(c, name, cuba_node(parts, c.dt));
  }
  leave_grid(parts, c.integer);
  LoweredNeuron made =
      add_single(c, name,
                 nir::CubaLIF{.tau_syn = nir::filled(shape, static_cast<float>(c.dt)),
                              .tau_mem = nir::filled(shape, static_cast<float>(kNoLeak * c.dt)),
                              .r = nir::filled(shape, static_cast<float>(kNoLeak)),
                              .v_leak = full_tensor(parts.start, shape),
                              .v_threshold = full_tensor(parts.threshold, shape),
                              .w_in = nir::filled(shape, 1),
                              .v_reset = {}});
  if (any_nonzero(parts.start)) made.bias_taken = parts.start;
  return made;
}

/// Divides row n of a weight with one row per target (or per channel) by divisor[n].
Tensor divided_rows(const Tensor& weight, const Values& divisor, std::int64_t neurons) {
  const auto rows = weight.shape()[0];
  const auto from = weight.as<float>();
  std::vector<float> made(from.begin(), from.end());
  const std::size_t row = made.size() / static_cast<std::size_t>(rows);
  const auto repeat = static_cast<std::size_t>(neurons / rows);
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i] = static_cast<float>(static_cast<double>(made[i]) / divisor[i / row * repeat]);
  }
  return Tensor::from<float>(weight.shape(), std::move(made));
}

bool equal_values(const Values& values) {
  return std::ranges::all_of(values, [&](double value) { return value == values.front(); });
}

bool is_channelwise(const Values& values, const Shape& shape) {
  const auto repeat = values.size() / static_cast<std::size_t>(shape[0]);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] != values[i / repeat * repeat]) return false;
  return true;
}

/// Whether a division by `divisor`, one for each neuron, reaches every weight of what comes in.
bool can_divide(const SpikeGraph& graph, PopulationId id, const Values& divisor) {
  const bool channelwise = is_channelwise(divisor, graph[id].shape);
  return std::ranges::all_of(graph.incoming(id), [&](ProjectionId p) {
    const Connectivity& kind = graph[p].connectivity;
    return std::holds_alternative<Dense>(kind) ||
           (channelwise &&
            (std::holds_alternative<Conv2d>(kind) || std::holds_alternative<OneToOne>(kind)));
  });
}

/// The same neurons in another unit: everything that is added to a membrane or compared with it.
void divide(SpikeGraph& graph, PopulationId id, const Values& divisor) {
  Population& population = graph[id];
  for (const ProjectionId p : graph.incoming(id)) {
    Tensor& weight = *weight_of(graph[p].connectivity);
    if (std::holds_alternative<OneToOne>(graph[p].connectivity) && weight.rank() == 0) {
      weight = nir::filled({population.shape[0]}, static_cast<float>(weight.at(0)));
    }
    weight = divided_rows(weight, divisor, population.size());
  }
  const auto scaled = [&](Tensor& parameter) {
    if (!parameter.defined()) return;
    Values values = values_of(parameter, population.shape, 0);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] /= divisor[i];
    parameter = full_tensor(values, population.shape);
  };
  Firing& firing = *firing_of(population.neuron);
  for (Tensor* parameter :
       {&population.bias, &firing.threshold, &firing.initial_membrane, &firing.reset_value}) {
    scaled(*parameter);
  }
}

/// The weights of a connection from spikes to neurons one to one, if they are positive and others
/// come in beside it.
std::optional<Values> skip_weights(const SpikeGraph& graph, PopulationId id) {
  const std::vector<ProjectionId> incoming = graph.incoming(id);
  if (incoming.size() < 2 || firing_of(graph[id].neuron) == nullptr) return std::nullopt;
  for (const ProjectionId p : incoming) {
    const auto* one = std::get_if<OneToOne>(&graph[p].connectivity);
    if (one == nullptr || one->weight.rank() > 1) continue;
    const bool per_channel = one->weight.size() == 1 || one->weight.size() == graph[id].shape[0];
    if (!per_channel) continue;
    Values weights = values_of(one->weight, graph[id].shape, 1);
    const bool positive = std::ranges::all_of(weights, [](double w) { return w > 0; });
    const bool ones = std::ranges::all_of(weights, [](double w) { return w == 1; });
    if (positive && !ones && can_divide(graph, id, weights)) return weights;
  }
  return std::nullopt;
}

}  // namespace

std::vector<double> values_of(const Tensor& parameter, const Shape& shape, double absent) {
  const auto size = static_cast<std::size_t>(element_count(shape).value_or(0));
  Values values(size, absent);
  if (!parameter.defined()) return values;
  const std::size_t repeat = size / static_cast<std::size_t>(parameter.size());
  for (std::size_t i = 0; i < size; ++i)
    values[i] = parameter.at(static_cast<std::int64_t>(i / repeat));
  return values;
}

Tensor full_tensor(const std::vector<double>& values, const Shape& shape) {
  std::vector<float> made(values.size());
  std::ranges::transform(values, made.begin(), [](double v) { return static_cast<float>(v); });
  return Tensor::from<float>(shape, std::move(made));
}

Result<LoweredNeuron> lower_neuron(const NeuronContext& context, const Population& population,
                                   const std::string& name) {
  NT_TRY(Parts parts, parts_of(population, context.integer));
  switch (context.options.profile) {
    case Profile::kPlain:
      return plain(context, parts, name);
    case Profile::kNative:
      return native(context, std::move(parts), name);
    case Profile::kNorse:
      return norse(context, std::move(parts), name);
    case Profile::kHard:
      return hard(context, parts, name);
  }
  return plain(context, parts, name);
}

SpikeGraph with_equal_thresholds(const SpikeGraph& graph, Diagnostics& diagnostics) {
  SpikeGraph made = graph;
  if (graph.arithmetic == Arithmetic::kInteger) return made;
  for (const PopulationId id : graph.live_populations()) {
    const Firing* firing = firing_of(graph[id].neuron);
    if (firing == nullptr || firing->threshold.size() <= 1) continue;
    const Values threshold = values_of(firing->threshold, graph[id].shape, 1);
    if (equal_values(threshold) || !can_divide(graph, id, threshold)) continue;
    divide(made, id, threshold);
    diagnostics.report(note("nir.lowered", ModelNode{"", graph[id].name},
                            fmt::format("'{}' has {} thresholds; its weights, bias and v(0) are "
                                        "divided by them, so that all are 1",
                                        graph[id].name, firing->threshold.size())));
  }
  return made;
}

SpikeGraph with_thresholds_below(const SpikeGraph& graph) {
  SpikeGraph made = graph;
  if (graph.arithmetic == Arithmetic::kInteger) return made;
  for (const PopulationId id : graph.live_populations()) {
    Firing* firing = firing_of(made[id].neuron);
    if (firing == nullptr) continue;
    // A reset by subtraction takes the threshold itself.
    if (firing->reset == Reset::kSubtract || firing->comparison == Comparison::kAbove) return graph;
    const Tensor given = firing->threshold.defined() ? firing->threshold : Tensor::scalar(1.0F);
    std::vector<float> below(static_cast<std::size_t>(given.size()));
    for (std::size_t i = 0; i < below.size(); ++i) {
      below[i] = std::nextafter(static_cast<float>(given.at(static_cast<std::int64_t>(i))),
                                -std::numeric_limits<float>::infinity());
    }
    firing->threshold = Tensor::from<float>(given.shape(), std::move(below));
    firing->comparison = Comparison::kAbove;
  }
  return made;
}

SpikeGraph with_plain_skips(const SpikeGraph& graph, Diagnostics& diagnostics) {
  SpikeGraph made = graph;
  if (graph.arithmetic == Arithmetic::kInteger) return made;
  for (const PopulationId id : graph.live_populations()) {
    const std::optional<Values> weights = skip_weights(graph, id);
    if (!weights) continue;
    divide(made, id, *weights);
    diagnostics.report(note("nir.lowered", ModelNode{"", graph[id].name},
                            fmt::format("'{}' is divided by the weights of its residual "
                                        "connection, so that this is an edge without a node",
                                        graph[id].name)));
  }
  return made;
}

}  // namespace neurotool::to_nir
