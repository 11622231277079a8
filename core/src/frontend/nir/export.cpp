// The walk over populations and projections. A projection becomes a linear node, a relay disappears
// into the edges, a neuron becomes the nodes of its profile.
#include "frontend/nir/export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "frontend/nir/carried.hpp"
#include "frontend/nir/export_order.hpp"
#include "frontend/nir/export_projections.hpp"
#include "frontend/nir/exporter.hpp"
#include "frontend/nir/neurons.hpp"
#include "frontend/nir/sparse_window.hpp"
#include "ir/nir/walk.hpp"

namespace neurotool::to_nir {
namespace {

using from_nir::compressed;

constexpr std::array<std::pair<std::string_view, Profile>, 4> kProfiles{
    {{"plain", Profile::kPlain},
     {"native", Profile::kNative},
     {"norse", Profile::kNorse},
     {"hard", Profile::kHard}}};

Error cannot(std::string message, std::string help) {
  return error("nir.cannot-express", {}, std::move(message), std::move(help));
}

double default_dt(const SpikeGraph& graph, const ExportOptions& options) {
  if (options.dt_seconds > 0) return options.dt_seconds;
  // A power of two, so that dt / tau and r dt are exact.
  const bool exact = options.profile == Profile::kNative || options.profile == Profile::kNorse;
  if (exact) return 1.0 / 8192;
  return graph.dt_seconds > 0 ? graph.dt_seconds : 1e-4;
}

class Exporter {
 public:
  Exporter(const SpikeGraph& graph, const ExportOptions& options, Diagnostics& diagnostics)
      : graph_(graph),
        options_(options),
        diagnostics_(diagnostics),
        integer_(graph.arithmetic == Arithmetic::kInteger),
        projections_(graph, options, made_, namer_, diagnostics) {
    made_.dt_seconds = default_dt(graph, options);
    ends_.resize(graph.populations.size());
    enter_.resize(graph.populations.size());
    taken_.resize(graph.populations.size());
  }

  Result<Exported> run() {
    NT_TRY_VOID(check_resets());
    for (const PopulationId id : graph_.live_populations()) NT_TRY_VOID(placed(id, add_ends(id)));
    for (const PopulationId id : graph_.live_populations()) NT_TRY_VOID(placed(id, connect(id)));
    for (const PopulationId id : graph_.live_populations()) {
      if (graph_[id].output) NT_TRY_VOID(placed(id, add_output(id)));
    }
    NT_TRY_VOID(check_delays(
        graph_, made_.graph, options_, [&](const std::string& node) { return is_entered(node); },
        diagnostics_));
    add_metadata();
    made_.graph = nir::sorted(std::move(made_.graph));
    NT_TRY_VOID(order_edges(made_.graph, diagnostics_));
    if (options_.profile == Profile::kNorse) warn_of_order("norse 1.1.0");
    if (options_.profile == Profile::kPlain) warn_of_order("sinabs 2.0.3");
    return std::move(made_);
  }

 private:
  static bool is_relay(const Population& p) { return std::holds_alternative<Relay>(p.neuron); }
  static bool is_readout(const Population& p) { return std::holds_alternative<Li>(p.neuron); }
  bool native() const { return options_.profile == Profile::kNative; }

  Result<> placed(PopulationId id, Result<> done) const {
    if (done) return done;
    Error found = std::move(done).error();
    if (std::holds_alternative<std::monostate>(found.at)) found.at = ModelNode{"", graph_[id].name};
    return found;
  }

  /// norse resets all neurons in one way; the loop of primitives only subtracts.
  /// The file says once how its neurons reset and compare, and the readers have one rule for all.
  Result<> check_resets() {
    std::optional<bool> soft, above;
    std::size_t soft_count = 0;
    for (const PopulationId id : graph_.live_populations()) {
      const Firing* firing = firing_of(graph_[id].neuron);
      if (firing == nullptr) continue;
      const bool mine = firing->reset == Reset::kSubtract;
      const bool mine_above = firing->comparison == Comparison::kAbove;
      soft_count += mine ? 1 : 0;
      if (soft.value_or(mine) != mine && options_.profile != Profile::kHard) {
        return error("nir.cannot-express", ModelNode{"", graph_[id].name},
                     "some populations reset by subtraction and others to a value, and readers "
                     "have one reset for all",
                     "let all populations reset alike");
      }
      if (above.value_or(mine_above) != mine_above) {
        return error("nir.cannot-express", ModelNode{"", graph_[id].name},
                     "some populations fire at their threshold and others only above it, and "
                     "readers have one comparison for all",
                     "let all populations compare alike");
      }
      soft = mine;
      above = mine_above;
    }
    made_.resets_by_subtraction = soft.value_or(true);
    made_.fires_above = above.value_or(false);
    if (options_.profile == Profile::kHard && soft_count > 0) {
      diagnostics_.report(warning(
          "nir.reset-lost", options_.at,
          fmt::format("{} populations reset by subtraction, and the profile 'hard' has no such "
                      "reset: the file computes something else",
                      soft_count),
          "use 'norse', 'native', or 'plain' with its adapters; the fidelity report has the "
          "numbers"));
    }
    return {};
  }

  Result<> add_ends(PopulationId id) {
    const Population& p = graph_[id];
    if (std::holds_alternative<Input>(p.neuron)) {
      const std::string name = namer_(made_.input.empty() ? "input" : p.name);
      nir::add(made_.graph, name, nir::Input{nir::shape_tensor(p.shape)});
      if (made_.input.empty()) {
        made_.input = name;
        held_ = std::get<Input>(p.neuron).held;
        note_input_unit(p);
      }
      ends_[id.index] = {name};
    }
    const bool known = std::holds_alternative<Input>(p.neuron) || is_relay(p) || is_readout(p) ||
                       std::holds_alternative<If>(p.neuron) ||
                       std::holds_alternative<Lif>(p.neuron) ||
                       std::holds_alternative<CubaLif>(p.neuron);
    if (!known) {
      return cannot(fmt::format("NIR has no '{}' populations", model_name(p.neuron)),
                    "export a network without them");
    }
    if (firing_of(p.neuron) == nullptr) return {};
    if (integer_) warn_of_range(p);
    const NeuronContext context{made_.graph, namer_, options_, made_.dt_seconds, integer_};
    NT_TRY(LoweredNeuron lowered, lower_neuron(context, p, p.name));
    enter_[id.index] = lowered.enter;
    ends_[id.index] = {lowered.leave};
    taken_[id.index] = std::move(lowered.bias_taken);
    made_.layers.push_back({p.name, lowered.leave, p.size()});
    annotate(p, lowered.leave);
    return {};
  }

  void annotate(const Population& p, const std::string& node) {
    if (p.chip < 0) return;
    nir::Metadata& tree = nir::subtree(made_.graph.find(node)->metadata, "neurotool");
    nir::set(tree, "chip", nir::int_tensor(p.chip));
  }

  /// The nodes whose sum is what the population sends; made on first use where it is a relay.
  Result<Ends> ends_of(PopulationId id) {
    const Population& p = graph_[id];
    if (!is_relay(p) || !ends_[id.index].empty()) return ends_[id.index];
    if (!open_relays_.insert(id).second) {
      return cannot(
          fmt::format("relays on the cycle through '{}' have no node that could be late", p.name),
          "let the cycle pass through a neuron");
    }
    NT_TRY(ends_[id.index], lower_incoming(id));
    if (ends_[id.index].empty())
      return cannot(fmt::format("nothing leads to the relay '{}'", p.name), "remove it");
    return ends_[id.index];
  }

  Result<> connect(PopulationId id) {
    const Population& p = graph_[id];
    if (std::holds_alternative<Input>(p.neuron) || is_relay(p) || is_readout(p)) return {};
    NT_TRY(const Ends sources, lower_incoming(id));
    for (const std::string& source : sources) nir::connect(made_.graph, source, enter_[id.index]);
    return {};
  }

  /// The bias that linear nodes must add to a population's current.
  Result<std::vector<double>> bias_of(PopulationId id) const {
    const Population& p = graph_[id];
    std::vector<double> bias = values_of(p.bias, p.shape, 0);
    if (p.bias.defined() && p.bias_timing != BiasTiming::kEveryStep) {
      return cannot("its bias is added in one step only", "convert with a bias of every step");
    }
    const std::vector<double>& taken = taken_[id.index];
    for (std::size_t i = 0; i < taken.size(); ++i) {
      // The encoding adds it in float32; the difference is what must arrive.
      bias[i] = static_cast<float>(bias[i]) - static_cast<float>(taken[i]);
    }
    return bias;
  }

  /// Nodes for all projections into a population; gives the ones whose sum is its current.
  Result<Ends> lower_incoming(PopulationId id) {
    NT_TRY(const std::vector<double> bias, bias_of(id));
    bool open = std::ranges::any_of(bias, [](double value) { return value != 0; });
    const std::vector<ProjectionId> incoming = graph_.incoming(id);
    const auto carrier = open ? bias_carrier(incoming) : incoming.end();
    Ends sums;
    for (auto it = incoming.begin(); it != incoming.end(); ++it) {
      const bool carries = open && it == carrier;
      auto ends = lower_projection(*it, carries ? &bias : nullptr);
      if (!ends) {
        Error found = std::move(ends).error();
        if (std::holds_alternative<std::monostate>(found.at))
          found.at = ModelNode{"", graph_[*it].name};
        return found;
      }
      sums.insert(sums.end(), ends->begin(), ends->end());
      if (carries) open = false;
    }
    if (open) {
      return cannot(
          "its bias is current in every step, and no projection without delay could "
          "bring it",
          "give it a projection without delay");
    }
    return sums;
  }

  Result<Ends> lower_projection(ProjectionId id, const std::vector<double>* bias) {
    NT_TRY(Ends ends, ends_of(graph_[id].source));
    return projections_.lower(id, std::move(ends), bias);
  }

  /// The projection whose node gets the bias: a dense or convolution one if there is any.
  std::vector<ProjectionId>::const_iterator bias_carrier(
      const std::vector<ProjectionId>& incoming) const {
    const auto undelayed = [&](ProjectionId p) { return graph_[p].delay_steps == 0; };
    const auto best = std::ranges::find_if(incoming, [&](ProjectionId p) {
      const Connectivity& kind = graph_[p].connectivity;
      return undelayed(p) &&
             (std::holds_alternative<Dense>(kind) || std::holds_alternative<Conv2d>(kind));
    });
    return best != incoming.end() ? best : std::ranges::find_if(incoming, undelayed);
  }

  Result<> add_output(PopulationId id) {
    const Population& p = graph_[id];
    const std::string name = namer_(made_.output.empty() ? "output" : "output_" + p.name);
    Ends ends;
    if (is_readout(p)) {
      NT_TRY(ends, lower_readout(id));
      made_.sums_output = made_.sums_output || (made_.output.empty() && !native());
    } else {
      NT_TRY(ends, ends_of(id));
    }
    if (ends.size() != 1) {
      return cannot(fmt::format("{} nodes would end at its Output, and readers do not add them up",
                                ends.size()),
                    "use the profile 'native', whose readout is a node");
    }
    nir::add(made_.graph, name, nir::Output{nir::shape_tensor(p.shape)});
    nir::connect(made_.graph, ends.front(), name);
    if (made_.output.empty()) made_.output = name;
    return {};
  }

  /// A readout is what arrives, added up over the steps: an I node, or the reader's own sum.
  Result<Ends> lower_readout(PopulationId id) {
    const Population& p = graph_[id];
    const auto& li = std::get<Li>(p.neuron);
    if (li.decay.defined() && !is_one(li.decay))
      return cannot("its readout leaks", "read it out without a leak, or export before");
    NT_TRY(Ends ends, lower_incoming(id));
    if (!native()) return ends;
    return projections_.behind(
        ends, p.name, nir::I{nir::filled(p.shape, static_cast<float>(1 / made_.dt_seconds))});
  }

  bool is_entered(const std::string& node) const {
    return std::ranges::find(enter_, node) != enter_.end() ||
           std::holds_alternative<nir::Affine>(made_.graph.find(node)->primitive) ||
           std::holds_alternative<nir::Conv2d>(made_.graph.find(node)->primitive);
  }

  /// Readers on nirtorch.load walk depth first, and some graphs have no order of edges for it.
  void warn_of_order(std::string_view reader) {
    const auto walk = nir::depth_first_walk(made_.graph);
    if (!walk || walk->late.empty()) return;
    const nir::Edge& edge = walk->late.front();
    diagnostics_.report(
        warning("nir.order", ModelNode{"", edge.target},
                fmt::format("{} runs '{}' before '{}', one of {} edges that would be a step late",
                            reader, edge.target, edge.source, walk->late.size()),
                options_.profile == Profile::kPlain
                    ? "use spikingjelly, which runs it rightly, or the profile 'norse'"
                    : "use the profile 'native', or a reader on nirtorch.nir_to_torch"));
  }

  /// Readers add up in float32, which has every whole number up to 2^24.
  void warn_of_range(const Population& p) {
    constexpr double kExact = 1 << 24;
    const double most = std::ranges::max(values_of(firing_of(p.neuron)->threshold, p.shape, 1));
    if (most <= kExact) return;
    diagnostics_.report(
        warning("nir.float-range", ModelNode{"", p.name},
                fmt::format("'{}' has thresholds up to {:.0f}, and float32 has every whole number "
                            "up to {:.0f} only: where a membrane comes that far, its sums round",
                            p.name, most, kExact),
                "the fidelity report counts the spikes that differ; quantize with fewer bits, or "
                "export before 'quantize'"));
  }

  /// NIR has no place for the real value of a whole number.
  void note_input_unit(const Population& p) {
    if (!p.payload_value.defined() || is_one(p.payload_value)) return;
    input_unit_ = compressed(values_of(p.payload_value, p.shape, 1), p.shape);
    diagnostics_.report(note("nir.lowered", ModelNode{"", p.name},
                             fmt::format("'{}' takes whole numbers: a sample is divided by {} and "
                                         "rounded, half to even, before it is shown",
                                         p.name, number_text(input_unit_.at(0))),
                             "the file says it as metadata/neurotool/input_unit"));
  }

  void add_metadata() {
    nir::Metadata& tree = nir::subtree(made_.graph.metadata, "neurotool");
    const auto text = [&](std::string_view key, std::string value) {
      nir::set(tree, key, std::move(value));
    };
    nir::set(tree, "schema", nir::int_tensor(1));
    nir::set(tree, "dt", Tensor::scalar(made_.dt_seconds));
    text("time_unit", "s");
    text("reset", made_.resets_by_subtraction ? "subtract" : "value");
    text("compare", made_.fires_above ? "gt" : "ge");
    text("spikes", "single");
    text("profile", std::string(profile_name(options_.profile)));
    text("input", held_ ? "held" : "steps");
    if (input_unit_.defined()) nir::set(tree, "input_unit", input_unit_);
    text("readout", made_.sums_output ? "sum" : "last");
    if (!options_.producer.empty()) text("producer", options_.producer);
    if (graph_.steps > 0) nir::set(tree, "T", nir::int_tensor(graph_.steps));
    for (const ExportedLayer& layer : made_.layers) {
      const Population& p = graph_[graph_.find(layer.population)];
      const Firing& firing = *firing_of(p.neuron);
      nir::set(nir::subtree(tree, "theta"), layer.node,
               compressed(values_of(firing.threshold, p.shape, 1), p.shape));
      nir::set(nir::subtree(tree, "v_init"), layer.node,
               compressed(values_of(firing.initial_membrane, p.shape, 0), p.shape));
    }
  }

  const SpikeGraph& graph_;
  const ExportOptions& options_;
  Diagnostics& diagnostics_;
  const bool integer_;
  Exported made_;
  Namer namer_;
  bool held_ = true;
  Tensor input_unit_;       ///< real value of one unit of the input; absent: 1
  std::vector<Ends> ends_;  ///< by population
  std::vector<std::string> enter_;
  std::vector<std::vector<double>> taken_;
  std::set<PopulationId> open_relays_;
  ProjectionLowering projections_;
};

}  // namespace

std::optional<Profile> profile_named(std::string_view word) {
  for (const auto& [name, profile] : kProfiles)
    if (name == word) return profile;
  return std::nullopt;
}

std::string_view profile_name(Profile profile) {
  for (const auto& [name, value] : kProfiles)
    if (value == profile) return name;
  return {};
}

Result<Exported> export_graph(const SpikeGraph& graph, const ExportOptions& options,
                              Diagnostics& diagnostics) {
  const bool equal = options.profile == Profile::kPlain || options.profile == Profile::kHard;
  SpikeGraph prepared = with_windows(graph, kMostDenseWeights, diagnostics);
  if (equal) prepared = with_equal_thresholds(prepared, diagnostics);
  if (options.profile == Profile::kNorse || options.profile == Profile::kHard) {
    prepared = with_thresholds_below(prepared);
  }
  if (options.profile == Profile::kNorse) {
    prepared = with_plain_skips(prepared, diagnostics);
    prepared = with_carried_shortcuts(prepared, diagnostics);
  }
  auto made = Exporter(prepared, options, diagnostics).run();
  if (!made) {
    diagnostics.report(made.error());
    return made;
  }
  for (ExportedLayer& layer : made->layers)
    layer.neurons = graph[graph.find(layer.population)].size();
  return made;
}

}  // namespace neurotool::to_nir
