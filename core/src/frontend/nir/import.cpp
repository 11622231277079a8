// The walk from planned NIR nodes to populations. Neurons become populations; a linear node becomes
// the projection into its neuron where that is the same arithmetic, and a relay otherwise, because
// in float32 (W x + b) + y is not W x + (y + b).
#include "frontend/nir/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "eval/nir/plan.hpp"
#include "frontend/nir/choose.hpp"
#include "frontend/nir/neurons.hpp"
#include "ir/builder.hpp"
#include "ir/verify.hpp"

namespace neurotool::from_nir {
namespace {

using nir::Affine, nir::AvgPool2d, nir::Conv1d, nir::Conv2d, nir::CubaLIF, nir::Delay, nir::Flatten,
    nir::I, nir::IF, nir::Input, nir::Linear, nir::Output, nir::Scale, nir::SumPool2d,
    nir::Threshold;
using nir::Dialect, nir::Discretization, nir::GraphPlan, nir::Integrator, nir::MembraneForm,
    nir::NeuronRule, nir::PlannedEdge, nir::PlannedNode, nir::Primitive, nir::TimeUnit,
    nir::WindowGeometry;
using nir::dt_in_file_units, nir::has_neurons, nir::neuron_rule, nir::spread, nir::window_geometry;

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

std::string population_name(std::string_view name) {
  std::string made;
  for (const char c : name) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    made += word ? c : '_';
  }
  const bool letter =
      !made.empty() && ((made[0] >= 'a' && made[0] <= 'z') || (made[0] >= 'A' && made[0] <= 'Z'));
  return letter ? made : "n" + made;
}

/// Our populations have one axis or three.
Result<Shape> population_shape(const Shape& shape) {
  if (shape.size() == 1 || shape.size() == 3) return shape;
  if (shape.size() == 2) return Shape{shape[0], 1, shape[1]};
  return cannot(fmt::format("its shape {} has {} axes", to_string(shape), shape.size()),
                "one axis, [channels, length] or [channels, height, width] can be read");
}

Tensor floats(const Tensor& tensor) { return tensor.converted(DType::kFloat32); }

/// The soft reset of the `native` profile: I -> Threshold -> Scale -> I.
struct ResetLoop {
  std::size_t integrator = 0, threshold = 0, scale = 0;
};

class Builder {
 public:
  Builder(GraphPlan plan, Choice choice, OwnMetadata own, const std::string& path,
          Diagnostics& diagnostics)
      : plan_(std::move(plan)),
        choice_(std::move(choice)),
        own_(std::move(own)),
        path_(path),
        diagnostics_(diagnostics) {
    made_.resize(plan_.nodes.size());
    consumers_.resize(plan_.nodes.size());
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i)
      for (const PlannedEdge& edge : plan_.nodes[i].incoming) consumers_[edge.source].push_back(i);
  }

  Result<SpikeGraph> build() {
    find_loops();
    // Populations first, in the order of a step, so that cycles find both their ends.
    for (const std::size_t i : plan_.order) {
      if (is_population(i)) NT_TRY_VOID(placed(i, add_population(i)));
    }
    for (const std::size_t i : plan_.order) {
      if (is_population(i) && !plan_.nodes[i].is_input) NT_TRY_VOID(placed(i, connect_neuron(i)));
    }
    for (const std::size_t i : plan_.outputs) NT_TRY_VOID(placed(i, add_output(i)));
    graph_.steps = choice_.steps;
    const Discretization& d = choice_.discretization;
    if (d.time_unit != TimeUnit::kSteps) graph_.dt_seconds = d.dt;
    return std::move(graph_);
  }

 private:
  const PlannedNode& node(std::size_t i) const { return plan_.nodes[i]; }
  Location at(std::size_t i) const { return ModelNode{path_, node(i).name}; }

  Result<> placed(std::size_t i, Result<> done) const {
    if (done) return done;
    Error found = std::move(done).error();
    if (std::holds_alternative<std::monostate>(found.at)) found.at = at(i);
    return found;
  }

  bool passes_on(std::size_t i) const {
    const Primitive& p = node(i).primitive;
    return std::holds_alternative<Flatten>(p) ||
           (std::holds_alternative<Input>(p) && !node(i).is_input) ||
           (std::holds_alternative<Output>(p) && !node(i).is_output);
  }
  bool is_linear(std::size_t i) const {
    const Primitive& p = node(i).primitive;
    return std::holds_alternative<Affine>(p) || std::holds_alternative<Linear>(p) ||
           std::holds_alternative<Conv1d>(p) || std::holds_alternative<Conv2d>(p) ||
           std::holds_alternative<SumPool2d>(p) || std::holds_alternative<AvgPool2d>(p) ||
           std::holds_alternative<Scale>(p);
  }
  bool is_population(std::size_t i) const {
    if (loop_parts_.contains(i)) return false;
    return node(i).is_input || has_neurons(node(i).primitive);
  }

  void find_loops() {
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      if (!std::holds_alternative<I>(node(i).primitive) || consumers_[i].size() != 1) continue;
      const std::size_t threshold = consumers_[i].front();
      if (!std::holds_alternative<Threshold>(node(threshold).primitive)) continue;
      for (const std::size_t scale : consumers_[threshold]) {
        if (!std::holds_alternative<Scale>(node(scale).primitive)) continue;
        if (consumers_[scale] != std::vector<std::size_t>{i}) continue;
        loops_[i] = {i, threshold, scale};
        loop_parts_.insert({threshold, scale});
        loop_of_threshold_[threshold] = i;
        std::erase_if(plan_.nodes[i].incoming,
                      [&](const PlannedEdge& edge) { return edge.source == scale; });
        break;
      }
    }
  }

  /// The neuron that the loop is: theta from the Scale, v(0) from what the Threshold lacks.
  Result<MadeNeuron> loop_neuron(const ResetLoop& loop, const Shape& shape) {
    NT_TRY(const NeuronRule rule,
           neuron_rule(node(loop.integrator).primitive, "", shape, choice_.discretization));
    if (rule.membrane != MembraneForm::kSum) {
      return cannot("r times dt is not 1 in its soft reset",
                    "write 1 / r as dt into the metadata of the file");
    }
    const PlannedNode& threshold = node(loop.threshold);
    NT_TRY(std::vector<double> theta,
           spread(std::get<Scale>(node(loop.scale).primitive).scale, node(loop.scale).shape, 0));
    NT_TRY(const std::vector<double> limit,
           spread(std::get<Threshold>(threshold.primitive).threshold, threshold.shape, 0));
    std::vector<double> start(theta.size());
    for (std::size_t i = 0; i < theta.size(); ++i) {
      theta[i] = -theta[i];
      // More than the limit is at least the next number.
      const float least =
          std::nextafter(static_cast<float>(limit[i]), std::numeric_limits<float>::infinity());
      start[i] = static_cast<float>(theta[i]) - least;
    }
    const auto known = own_.v_init.find(threshold.name);
    if (own_.present && known != own_.v_init.end()) {
      NT_TRY(start, spread(known->second, shape, 0));
    }
    if (std::ranges::any_of(theta, [](double value) { return !(value > 0); })) {
      return cannot("what its Scale feeds back is not negative", "repair the file");
    }
    Firing firing;
    firing.threshold = compressed(theta, shape);
    firing.initial_membrane = compressed(start, shape, true);
    recognised(loop.threshold,
               "I, Threshold and Scale in a loop are an integrate-and-fire neuron "
               "that resets by subtraction");
    return MadeNeuron{If{firing}, {}};
  }

  void recognised(std::size_t i, std::string message) {
    diagnostics_.report(note("nir.recognised", at(i), std::move(message)));
  }

  /// A CubaLIF whose synapse follows at once and whose membrane never leaks: the encoding that
  /// norse runs as a neuron without leak. There v_leak is v(0), and joins the input in every step.
  bool is_norse_integrator(std::size_t i) const {
    const auto* p = std::get_if<CubaLIF>(&node(i).primitive);
    const Discretization& d = choice_.discretization;
    if (p == nullptr || d.dialect != Dialect::kGeneric || d.integrator != Integrator::kDecay)
      return false;
    const double dt = dt_in_file_units(d);
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

  Result<MadeNeuron> norse_integrator(std::size_t i, const Shape& shape) {
    const auto& p = std::get<CubaLIF>(node(i).primitive);
    NT_TRY(const std::vector<double> start, spread(p.v_leak, shape, 0));
    const IF plain{.r = nir::filled({1}, 1), .v_threshold = p.v_threshold, .v_reset = p.v_reset};
    NT_TRY(NeuronRule rule, neuron_rule(plain, node(i).name, shape, choice_.discretization));
    if (choice_.discretization.v_init != nir::InitialPotential::kByNode) rule.v_start = start;
    drive_[i] = start;
    recognised(i, "a CubaLIF without leak is an integrate-and-fire neuron, and v_leak is its v(0)");
    return make_neuron(rule, shape);
  }

  Result<> add_population(std::size_t i) {
    Population population;
    NT_TRY(population.shape, population_shape(node(i).shape));
    population.name = population_name(node(i).name);
    population.origins = {node(i).name};
    if (node(i).is_input) {
      population.neuron = neurotool::Input{.held = choice_.held_input};
      made_[i] = graph_.add(std::move(population));
      return {};
    }
    MadeNeuron made;
    if (const auto loop = loops_.find(i); loop != loops_.end()) {
      NT_TRY(made, loop_neuron(loop->second, population.shape));
      population.name = population_name(node(loop->second.threshold).name);
      population.origins.push_back(node(loop->second.threshold).name);
      population.origins.push_back(node(loop->second.scale).name);
    } else if (is_norse_integrator(i)) {
      NT_TRY(made, norse_integrator(i, population.shape));
    } else {
      NT_TRY(const NeuronRule rule,
             neuron_rule(node(i).primitive, node(i).name, node(i).shape, choice_.discretization));
      NT_TRY(made, make_neuron(rule, population.shape));
    }
    if (choice_.discretization.delay_out > 0) return cannot("its spikes are sent later", "");
    if (std::holds_alternative<Li>(made.neuron)) NT_TRY_VOID(check_readout(i));
    population.neuron = std::move(made.neuron);
    if (!made.gain.empty()) gain_[i] = std::move(made.gain);
    made_[i] = graph_.add(std::move(population));
    return {};
  }

  /// An integrator sends its potential at every step; ours are read at the end.
  Result<> check_readout(std::size_t i) const {
    for (const std::size_t consumer : consumers_[i]) {
      if (node(consumer).is_output) continue;
      return cannot(
          fmt::format("its potential goes to '{}' at every step; only an Output may read it",
                      node(consumer).name),
          "a Threshold behind an integrator is a neuron without reset, which none of "
          "ours is; with a Scale of -threshold back into it, it is read as an IF");
    }
    return {};
  }

  struct Source {
    std::size_t node = 0;
    bool delayed = false;
  };

  /// Through nodes that pass on what they get from one source.
  Source resolved(PlannedEdge edge) const {
    Source source{edge.source, edge.delayed};
    while (passes_on(source.node) && node(source.node).incoming.size() == 1) {
      const PlannedEdge& before = node(source.node).incoming.front();
      source = {before.source, source.delayed || before.delayed};
    }
    return source;
  }

  static OneToOne one_to_one() { return {Tensor::scalar(1.0F)}; }

  Result<PopulationId> add_relay(std::size_t i, const Shape& shape, const std::string& suffix) {
    Population relay;
    NT_TRY(relay.shape, population_shape(shape));
    relay.name = population_name(node(i).name) + suffix;
    relay.neuron = Relay{};
    relay.origins = {node(i).name};
    return graph_.add(std::move(relay));
  }

  /// The population that sends what the node sends.
  Result<PopulationId> population_of(std::size_t i) {
    if (const auto loop = loop_of_threshold_.find(i); loop != loop_of_threshold_.end())
      return *made_[loop->second];
    if (made_[i]) return *made_[i];
    if (std::holds_alternative<Threshold>(node(i).primitive)) {
      return cannot("a Threshold without a reset is none of our neurons",
                    "with a Scale of -threshold back into its integrator it is read as an IF");
    }
    NT_CHECK(!is_population(i), "neurons are made before they are joined");
    NT_TRY(const PopulationId relay, add_relay(i, node(i).shape, ""));
    made_[i] = relay;
    if (is_linear(i)) {
      NT_TRY_VOID(project_linear(i, relay, 0));
      NT_TRY(graph_[relay].bias, bias_of(i));
    } else if (const auto* delay = std::get_if<Delay>(&node(i).primitive)) {
      NT_TRY_VOID(project_delay(i, *delay, relay));
    } else {
      NT_TRY_VOID(project_sum(i, relay));
    }
    return relay;
  }

  /// The population whose payload is the sum of all that arrives at the node.
  Result<PopulationId> arriving_at(std::size_t i, std::uint32_t& delay_steps) {
    const auto& incoming = node(i).incoming;
    if (incoming.size() == 1) {
      const Source source = resolved(incoming.front());
      delay_steps += source.delayed ? 1 : 0;
      return population_of(source.node);
    }
    if (incoming.empty()) return cannot("nothing leads to it", "remove the node");
    NT_TRY(const PopulationId sum, add_relay(i, node(i).layout_in, "_sum"));
    NT_TRY_VOID(project_sum(i, sum));
    return sum;
  }

  Result<> project_sum(std::size_t i, PopulationId target) {
    for (const PlannedEdge& edge : node(i).incoming) {
      const Source source = resolved(edge);
      NT_TRY(const PopulationId from, population_of(source.node));
      graph_.connect(from, target, one_to_one(), source.delayed ? 1 : 0);
    }
    return {};
  }

  Result<> project_linear(std::size_t i, PopulationId target, std::uint32_t delay_steps) {
    NT_TRY(const PopulationId from, arriving_at(i, delay_steps));
    NT_TRY(Connectivity connectivity, connectivity_of(i));
    const ProjectionId made = graph_.connect(from, target, std::move(connectivity), delay_steps);
    graph_[made].origins = {node(i).name};
    return {};
  }

  /// One projection for each number of steps that the tensor of delays holds.
  Result<> project_delay(std::size_t i, const Delay& delay, PopulationId target) {
    std::uint32_t before = 0;
    NT_TRY(const PopulationId from, arriving_at(i, before));
    NT_TRY(const std::vector<double> times, spread(delay.delay, node(i).shape, 0));
    std::map<std::uint32_t, std::vector<std::size_t>> groups;
    for (std::size_t k = 0; k < times.size(); ++k) {
      const double steps = std::nearbyint(times[k] / dt_in_file_units(choice_.discretization));
      if (!(steps >= 0 && steps <= 1 << 20)) {
        return cannot(fmt::format("a delay of {} is {} steps", times[k], steps),
                      "check dt and the time unit");
      }
      groups[static_cast<std::uint32_t>(steps)].push_back(k);
    }
    for (const auto& [steps, members] : groups) {
      if (groups.size() == 1) {
        graph_.connect(from, target, one_to_one(), before + steps);
        break;
      }
      graph_.connect(from, target, picked(members, times.size()), before + steps);
    }
    return {};
  }

  static Sparse picked(const std::vector<std::size_t>& members, std::size_t size) {
    std::vector<std::int64_t> begin(size + 1);
    std::vector<std::int32_t> targets;
    for (const std::size_t k : members) {
      begin[k + 1] = 1;
      targets.push_back(static_cast<std::int32_t>(k));
    }
    for (std::size_t k = 0; k < size; ++k) begin[k + 1] += begin[k];
    const auto count = static_cast<std::int64_t>(members.size());
    return {Tensor::from<std::int64_t>({static_cast<std::int64_t>(size + 1)}, std::move(begin)),
            Tensor::from<std::int32_t>({count}, std::move(targets)),
            Tensor::from<float>({count}, std::vector<float>(members.size(), 1.0F))};
  }

  static neurotool::Conv2d conv2d(const Tensor& weight, const WindowGeometry& w) {
    neurotool::Conv2d conv{.weight = floats(weight)};
    if (weight.rank() == 3) {
      const Shape& s = weight.shape();
      conv.weight = conv.weight.reshaped({s[0], s[1], 1, s[2]});
    }
    conv.stride = {w.stride[0], w.stride[1]};
    conv.dilation = {w.dilation[0], w.dilation[1]};
    conv.padding = {w.before[0], w.before[1], w.after[0], w.after[1]};
    conv.groups = w.groups;
    return conv;
  }

  Result<neurotool::SumPool2d> sum_pool(std::size_t i, bool averages) {
    NT_TRY(const WindowGeometry w, window_geometry(node(i).primitive));
    neurotool::SumPool2d pool{.kernel = {w.kernel[0], w.kernel[1]},
                              .stride = {w.stride[0], w.stride[1]},
                              .padding = {w.before[0], w.before[1], w.after[0], w.after[1]},
                              .weight = {}};
    if (!averages) return pool;
    const auto area = static_cast<float>(w.kernel[0] * w.kernel[1]);
    pool.weight = Tensor::scalar(1.0F / area);
    if (std::exp2(std::round(std::log2(area))) != area) {
      diagnostics_.report(warning(
          "nir.rounding", at(i),
          fmt::format(
              "its mean over {} values becomes a product with 1/{}, which may differ from a "
              "division in the last bit",
              area, area),
          "a pooling over a power of two is exact"));
    }
    return pool;
  }

  Result<Connectivity> connectivity_of(std::size_t i) {
    const PlannedNode& n = node(i);
    if (const auto* p = std::get_if<Affine>(&n.primitive)) return Dense{floats(p->weight)};
    if (const auto* p = std::get_if<Linear>(&n.primitive)) return Dense{floats(p->weight)};
    if (const auto* p = std::get_if<Scale>(&n.primitive)) {
      NT_TRY(const std::vector<double> values, spread(p->scale, n.shape, 1));
      NT_TRY(const Shape shape, population_shape(n.shape));
      return OneToOne{compressed(values, shape)};
    }
    if (std::holds_alternative<SumPool2d>(n.primitive) ||
        std::holds_alternative<AvgPool2d>(n.primitive)) {
      NT_TRY(neurotool::SumPool2d pool,
             sum_pool(i, std::holds_alternative<AvgPool2d>(n.primitive)));
      return pool;
    }
    NT_TRY(const WindowGeometry w, window_geometry(n.primitive));
    const auto* wide = std::get_if<Conv2d>(&n.primitive);
    return conv2d(wide ? wide->weight : std::get<Conv1d>(n.primitive).weight, w);
  }

  Result<Tensor> bias_of(std::size_t i) const {
    const PlannedNode& n = node(i);
    const Tensor* bias = nullptr;
    if (const auto* p = std::get_if<Affine>(&n.primitive)) bias = &p->bias;
    if (const auto* p = std::get_if<Conv1d>(&n.primitive)) bias = &p->bias;
    if (const auto* p = std::get_if<Conv2d>(&n.primitive)) bias = &p->bias;
    if (bias == nullptr || !bias->defined()) return Tensor{};
    NT_TRY(const std::vector<double> values, spread(*bias, n.shape, 0));
    NT_TRY(const Shape shape, population_shape(n.shape));
    return compressed(values, shape, true);
  }

  /// Whether the linear node may be the projection itself instead of a relay in front of one.
  Result<bool> may_fuse(const Source& source, std::size_t incoming) const {
    if (!is_linear(source.node) || consumers_[source.node].size() != 1) return false;
    NT_TRY(const Tensor bias, bias_of(source.node));
    return !bias.defined() || (incoming == 1 && !source.delayed);
  }

  Result<> connect_neuron(std::size_t i) {
    PopulationId target = *made_[i];
    if (const auto gain = gain_.find(i); gain != gain_.end()) {
      NT_TRY(const PopulationId relay, add_relay(i, node(i).shape, "_in"));
      graph_.connect(relay, target, OneToOne{compressed(gain->second, graph_[target].shape)});
      target = relay;
    }
    return connect_incoming(i, target);
  }

  Result<> connect_incoming(std::size_t i, PopulationId target) {
    for (const PlannedEdge& edge : node(i).incoming) {
      const Source source = resolved(edge);
      NT_TRY(const bool fuses, may_fuse(source, node(i).incoming.size()));
      if (!fuses) {
        NT_TRY(const PopulationId from, population_of(source.node));
        graph_.connect(from, target, one_to_one(), source.delayed ? 1 : 0);
        continue;
      }
      NT_TRY_VOID(project_linear(source.node, target, source.delayed ? 1 : 0));
      NT_TRY(const Tensor bias, bias_of(source.node));
      if (bias.defined()) graph_[target].bias = bias;
      graph_[target].origins.push_back(node(source.node).name);
    }
    return add_drive(i, target);
  }

  /// Puts back what the norse encoding took off the bias.
  Result<> add_drive(std::size_t i, PopulationId target) {
    const auto drive = drive_.find(i);
    if (drive == drive_.end()) return {};
    Population& population = graph_[target];
    NT_TRY(std::vector<double> bias, spread(population.bias, population.shape, 0));
    for (std::size_t k = 0; k < bias.size(); ++k) {
      bias[k] = static_cast<float>(bias[k]) + static_cast<float>(drive->second[k]);
    }
    population.bias = compressed(bias, population.shape, true);
    return {};
  }

  Result<> add_output(std::size_t i) {
    const auto& incoming = node(i).incoming;
    if (incoming.size() != 1) {
      return cannot(fmt::format("{} edges end at this Output", incoming.size()),
                    "give it one; sums belong in front of a neuron");
    }
    const Source source = resolved(incoming.front());
    const bool spikes = loop_of_threshold_.contains(source.node) || is_population(source.node);
    if (spikes && !node(source.node).is_input) {
      NT_TRY(const PopulationId id, population_of(source.node));
      graph_[id].output = true;
      return {};
    }
    // Values, not spikes: their sum over the steps is what can be read.
    Population readout;
    NT_TRY(readout.shape, population_shape(node(i).shape));
    readout.name = population_name(node(i).name);
    readout.neuron = Li{};
    readout.output = true;
    readout.origins = {node(i).name};
    const PopulationId target = graph_.add(std::move(readout));
    diagnostics_.report(note("nir.recognised", at(i),
                             "the Output gets no spikes, so its sum over the steps is read"));
    return connect_incoming(i, target);
  }

  GraphPlan plan_;
  const Choice choice_;
  const OwnMetadata own_;
  const std::string& path_;
  Diagnostics& diagnostics_;
  SpikeGraph graph_;
  std::vector<std::optional<PopulationId>> made_;
  std::vector<std::vector<std::size_t>> consumers_;
  std::map<std::size_t, ResetLoop> loops_;
  std::set<std::size_t> loop_parts_;
  std::map<std::size_t, std::size_t> loop_of_threshold_;
  std::map<std::size_t, std::vector<double>> gain_, drive_;
};

/// A file may break a rule of ours that no node shows: that is its fault, not a bug.
Result<> check(const Model& model, const std::string& path) {
  Diagnostics findings;
  verify(model, findings);
  if (!findings.has_errors()) return {};
  const Error first = findings.first_error();
  return error("nir.cannot-express", ModelNode{path, ""},
               fmt::format("the network breaks the rule '{}': {}", first.code, first.message),
               "write the file again with its simulator, or leave the node out");
}

Result<Model> import_checked(const nir::Document& document, const std::string& path,
                             const NirReading& reading, Diagnostics& diagnostics) {
  Model model{.name = {}, .path = path, .graph = SpikeGraph{}};
  NT_TRY(Choice choice, choose(document, path, reading, diagnostics));
  NT_TRY(GraphPlan plan, nir::plan_graph(document.graph, path, diagnostics));
  if (plan.outputs.empty()) {
    return error("nir.no-output", ModelNode{path, ""}, "the graph has no Output node", "add one");
  }
  Builder builder(std::move(plan), std::move(choice), own_metadata(document.graph), path,
                  diagnostics);
  NT_TRY(model.graph, builder.build());
  NT_TRY_VOID(check(model, path));
  return model;
}

}  // namespace

Result<Model> import_model(const nir::Document& document, const std::string& path,
                           const NirReading& reading, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  auto model = import_checked(document, path, reading, diagnostics);
  if (!model && diagnostics.error_count() == before) diagnostics.report(model.error());
  return model;
}

}  // namespace neurotool::from_nir
