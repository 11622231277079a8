// The walk from planned NIR nodes to populations. Neurons become populations; a linear node becomes
// the projection into its neuron where that is the same arithmetic, and a relay otherwise, because
// in float32 (W x + b) + y is not W x + (y + b).
#include "frontend/nir/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "eval/nir/plan.hpp"
#include "eval/nir/plan_shapes.hpp"
#include "frontend/nir/choose.hpp"
#include "frontend/nir/import_linear.hpp"
#include "frontend/nir/import_patterns.hpp"
#include "frontend/nir/neurons.hpp"
#include "ir/builder.hpp"
#include "ir/verify.hpp"

namespace neurotool::from_nir {
namespace {

using nir::Delay, nir::Flatten, nir::Input, nir::Output, nir::Threshold;
using nir::Discretization, nir::GraphPlan, nir::NeuronRule, nir::PlannedEdge, nir::PlannedNode,
    nir::Primitive, nir::TimeUnit;
using nir::dt_in_file_units, nir::has_neurons, nir::neuron_rule, nir::spread;

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

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
  bool is_linear(std::size_t i) const { return from_nir::is_linear(node(i).primitive); }
  bool is_population(std::size_t i) const {
    if (loop_parts_.contains(i)) return false;
    return node(i).is_input || has_neurons(node(i).primitive);
  }

  void find_loops() {
    for (const ResetLoop& loop : find_reset_loops(plan_, consumers_)) {
      loops_[loop.integrator] = loop;
      loop_parts_.insert({loop.threshold, loop.scale});
      loop_of_threshold_[loop.threshold] = loop.integrator;
      std::erase_if(plan_.nodes[loop.integrator].incoming,
                    [&](const PlannedEdge& edge) { return edge.source == loop.scale; });
    }
  }

  void recognised(std::size_t i, std::string message) {
    diagnostics_.report(note("nir.recognised", at(i), std::move(message)));
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
      NT_TRY(made,
             loop_neuron(plan_, loop->second, population.shape, choice_.discretization, own_));
      recognised(loop->second.threshold,
                 "I, Threshold and Scale in a loop are an integrate-and-fire neuron "
                 "that resets by subtraction");
      population.name = population_name(node(loop->second.threshold).name);
      population.origins.push_back(node(loop->second.threshold).name);
      population.origins.push_back(node(loop->second.scale).name);
    } else if (is_norse_integrator(node(i).primitive, choice_.discretization)) {
      NT_TRY(NorseNeuron norse,
             norse_integrator(node(i), population.shape, choice_.discretization));
      recognised(i,
                 "a CubaLIF without leak is an integrate-and-fire neuron, and v_leak is its v(0)");
      made = std::move(norse.made);
      drive_[i] = std::move(norse.drive);
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
      NT_TRY(graph_[relay].bias, bias_of(node(i)));
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
    NT_TRY(Connectivity connectivity, connectivity_of(node(i), at(i), diagnostics_));
    const ProjectionId made = graph_.connect(from, target, std::move(connectivity), delay_steps);
    graph_[made].origins = {node(i).name};
    return {};
  }

  /// One projection for each number of steps that the tensor of delays holds.
  Result<> project_delay(std::size_t i, const Delay& delay, PopulationId target) {
    std::uint32_t before = 0;
    NT_TRY(const PopulationId from, arriving_at(i, before));
    NT_TRY(std::vector<LatePart> parts,
           late_parts(node(i), delay, dt_in_file_units(choice_.discretization)));
    for (LatePart& part : parts)
      graph_.connect(from, target, std::move(part.connectivity), before + part.steps);
    return {};
  }

  /// Whether the linear node may be the projection itself instead of a relay in front of one.
  Result<bool> may_fuse(const Source& source, std::size_t incoming) const {
    if (!is_linear(source.node) || consumers_[source.node].size() != 1) return false;
    NT_TRY(const Tensor bias, bias_of(node(source.node)));
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
      NT_TRY(const Tensor bias, bias_of(node(source.node)));
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
