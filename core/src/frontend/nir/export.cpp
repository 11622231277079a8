// The walk over populations and projections. A projection becomes a linear node, a relay disappears
// into the edges, a neuron becomes the nodes of its profile. The order of cycles in the result is
// checked against the delays of the projections.
#include "frontend/nir/export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "eval/nir/plan.hpp"
#include "frontend/nir/exporter.hpp"
#include "frontend/nir/neurons.hpp"
#include "frontend/nir/weights.hpp"

namespace neurotool::to_nir {
namespace {

using from_nir::compressed;

/// A dense node that stands for something sparser may not be larger than this.
constexpr std::int64_t kMostDenseWeights = 1 << 24;

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

bool is_one(const Tensor& weight) {
  if (!weight.defined()) return true;
  for (std::int64_t i = 0; i < weight.size(); ++i)
    if (weight.at(i) != 1) return false;
  return true;
}

class Exporter {
 public:
  Exporter(const SpikeGraph& graph, const ExportOptions& options, Diagnostics& diagnostics)
      : graph_(graph),
        options_(options),
        diagnostics_(diagnostics),
        integer_(graph.arithmetic == Arithmetic::kInteger) {
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
    NT_TRY_VOID(check_delays());
    add_metadata();
    made_.graph = nir::sorted(std::move(made_.graph));
    NT_TRY_VOID(order_edges());
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
  Result<> check_resets() {
    std::optional<bool> soft;
    std::size_t soft_count = 0;
    for (const PopulationId id : graph_.live_populations()) {
      const Firing* firing = firing_of(graph_[id].neuron);
      if (firing == nullptr) continue;
      const bool mine = firing->reset == Reset::kSubtract;
      soft_count += mine ? 1 : 0;
      if (soft && *soft != mine && options_.profile == Profile::kNorse) {
        return error("nir.cannot-express", ModelNode{"", graph_[id].name},
                     "some populations reset by subtraction and others to a value, and norse has "
                     "one reset for all",
                     "use the profile 'plain'");
      }
      soft = mine;
    }
    made_.resets_by_subtraction = soft.value_or(true);
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
    const NeuronContext context{made_.graph, namer_, options_, made_.dt_seconds, integer_};
    NT_TRY(LoweredNeuron lowered, lower_neuron(context, p, p.name));
    enter_[id.index] = lowered.enter;
    ends_[id.index] = {lowered.leave};
    taken_[id.index] = std::move(lowered.bias_taken);
    made_.layers.push_back({p.name, lowered.leave});
    annotate(p, lowered.leave);
    return {};
  }

  void annotate(const Population& p, const std::string& node) {
    if (p.chip < 0) return;
    nir::Metadata& tree = nir::subtree(made_.graph.find(node)->metadata, "neurotool");
    nir::set(tree, "chip", nir::int_tensor(p.chip));
  }

  /// The nodes whose sum is what the population sends; made on first use where it is a relay.
  Result<std::vector<std::string>> ends_of(PopulationId id) {
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
    NT_TRY(const std::vector<std::string> sources, lower_incoming(id));
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
  Result<std::vector<std::string>> lower_incoming(PopulationId id) {
    NT_TRY(const std::vector<double> bias, bias_of(id));
    bool open = std::ranges::any_of(bias, [](double value) { return value != 0; });
    const std::vector<ProjectionId> incoming = graph_.incoming(id);
    const auto carrier = open ? bias_carrier(incoming) : incoming.end();
    std::vector<std::string> sums;
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

  /// Adds `node` behind `sources`; gives it as the only end.
  std::vector<std::string> behind(const std::vector<std::string>& sources,
                                  const std::string& wanted, nir::Primitive node) {
    const std::string name = namer_(wanted);
    nir::add(made_.graph, name, std::move(node));
    for (const std::string& source : sources) nir::connect(made_.graph, source, name);
    return {name};
  }

  std::vector<std::string> flattened(PopulationId source, std::vector<std::string> ends) {
    const Population& p = graph_[source];
    if (p.shape.size() <= 1) return ends;
    auto& flat = flat_[source.index];
    if (flat.empty()) {
      flat = behind(ends, p.name + "_flat",
                    nir::Flatten{.start_dim = nir::int_tensor(0),
                                 .end_dim = nir::int_tensor(-1),
                                 .input_type = nir::shape_tensor(p.shape)});
    }
    return flat;
  }

  Result<std::vector<std::string>> lower_projection(ProjectionId id,
                                                    const std::vector<double>* bias) {
    const Projection& projection = graph_[id];
    NT_TRY(std::vector<std::string> ends, ends_of(projection.source));
    const std::uint32_t implied = closes_cycle(projection) ? 1 : 0;
    if (projection.delay_steps > implied) {
      const auto late = static_cast<float>((projection.delay_steps - implied) * made_.dt_seconds);
      ends = behind(ends, projection.name + "_delay",
                    nir::Delay{nir::filled(graph_[projection.source].shape, late)});
    }
    const Shape& source = graph_[projection.source].shape;
    const Shape& target = graph_[projection.target].shape;
    const auto dense = [&](const Tensor& weight) -> Result<std::vector<std::string>> {
      if (target.size() != 1) {
        return cannot(
            fmt::format("a dense projection onto {} has no node: NIR cannot fold a vector "
                        "into channels",
                        to_string(target)),
            "let the layer be flat");
      }
      const std::vector<double> none(static_cast<std::size_t>(target[0]), 0.0);
      const bool waits = projection.delay_steps > implied;  // the Delay is in front already
      ends = waits && source.size() > 1 ? flattened_late(ends, source, projection.name)
                                        : flattened(projection.source, ends);
      return behind(ends, projection.name,
                    nir::Affine{weight, full_tensor(bias ? *bias : none, target)});
    };
    const auto convolution = [&](const Conv2d& conv, const Tensor& weight,
                                 const std::string& name) -> Result<std::vector<std::string>> {
      NT_TRY(nir::Conv2d node, portable_convolution(conv, weight, source));
      if (bias != nullptr) {
        NT_TRY(node.bias, channel_bias(*bias, target));
      }
      return behind(ends, name, std::move(node));
    };
    const auto wide = [&](std::int64_t weights) -> Result<> {
      if (weights <= kMostDenseWeights) return {};
      return cannot(fmt::format("as a dense node it has {} weights, more than {}", weights,
                                kMostDenseWeights),
                    "use the profile 'native', or a smaller layer");
    };
    if (const auto* p = std::get_if<Dense>(&projection.connectivity))
      return dense(real_weight(p->weight, projection.shift));
    if (const auto* p = std::get_if<Conv2d>(&projection.connectivity))
      return convolution(*p, real_weight(p->weight, projection.shift), projection.name);
    if (const auto* p = std::get_if<Sparse>(&projection.connectivity)) {
      const std::int64_t targets = element_count(target).value_or(0),
                         sources = element_count(source).value_or(0);
      NT_TRY_VOID(wide(targets * sources));
      return dense(real_weight(dense_weight(*p, targets, sources), projection.shift));
    }
    if (const auto* p = std::get_if<SumPool2d>(&projection.connectivity))
      return lower_pool(*p, projection, ends, bias, convolution);
    if (!std::holds_alternative<OneToOne>(projection.connectivity)) {
      return cannot(fmt::format("NIR has no '{}' projections", kind_name(projection.connectivity)),
                    "export a network without them");
    }
    return lower_one_to_one(projection, ends, bias, dense, convolution, wide);
  }

  std::vector<std::string> flattened_late(const std::vector<std::string>& ends, const Shape& source,
                                          const std::string& name) {
    return behind(ends, name + "_flat",
                  nir::Flatten{.start_dim = nir::int_tensor(0),
                               .end_dim = nir::int_tensor(-1),
                               .input_type = nir::shape_tensor(source)});
  }

  template <class Convolution>
  Result<std::vector<std::string>> lower_pool(const SumPool2d& pool, const Projection& projection,
                                              const std::vector<std::string>& ends,
                                              const std::vector<double>* bias,
                                              const Convolution& convolution) {
    const double area = static_cast<double>(pool.kernel[0] * pool.kernel[1]);
    const bool padded = std::ranges::any_of(pool.padding, [](auto pad) { return pad != 0; });
    const bool exact = std::exp2(std::round(std::log2(area))) == area;
    const Tensor factor =
        pool.weight.defined() || projection.shift > 0
            ? real_weight(pool.weight.defined() ? pool.weight : Tensor::scalar(1.0F),
                          projection.shift)
            : Tensor{};
    if (bias == nullptr && is_one(factor) && !padded && (exact || native())) {
      return behind(
          ends, projection.name,
          nir::SumPool2d{nir::pair_tensor(pool.kernel[0], pool.kernel[1]),
                         nir::pair_tensor(pool.stride[0], pool.stride[1]), nir::pair_tensor(0, 0)});
    }
    const Conv2d conv = pooling_convolution(pool, graph_[projection.source].shape[0], factor);
    diagnostics_.report(note("nir.lowered", ModelNode{"", projection.name},
                             fmt::format("the pooling '{}' becomes a convolution, because readers "
                                         "compute a SumPool2d of {} values as a mean, drop its "
                                         "padding, or have no place for a factor or bias",
                                         projection.name, area)));
    return convolution(conv, conv.weight, projection.name);
  }

  template <class DenseNode, class Convolution, class Wide>
  Result<std::vector<std::string>> lower_one_to_one(const Projection& projection,
                                                    const std::vector<std::string>& ends,
                                                    const std::vector<double>* bias,
                                                    const DenseNode& dense,
                                                    const Convolution& convolution,
                                                    const Wide& wide) {
    const Shape& source = graph_[projection.source].shape;
    const Shape& target = graph_[projection.target].shape;
    const Tensor weight =
        real_weight(std::get<OneToOne>(projection.connectivity).weight, projection.shift);
    const bool flattens = source != target && target.size() == 1;
    if (source != target && !flattens)
      return cannot(fmt::format("{} to {} is a fold that NIR has no node for", to_string(source),
                                to_string(target)),
                    "let both have one shape");
    if (is_one(weight) && bias == nullptr) {
      return flattens ? flattened(projection.source, ends) : ends;
    }
    const std::vector<double> values = values_of(
        weight.rank() == 1 && weight.size() == element_count(target) ? weight.reshaped(target)
                                                                     : weight,
        target, 1);
    if (native() && bias == nullptr && !flattens)
      return behind(ends, projection.name, nir::Scale{full_tensor(values, target)});
    if (target.size() == 1) {
      NT_TRY_VOID(wide(target[0] * target[0]));
      return dense(diagonal(values, target[0]));
    }
    const Tensor per_channel = compressed(values, target);
    if (per_channel.rank() > 1)
      return cannot("its weight differs within a channel, and no portable node has such a weight",
                    "use the profile 'native'");
    const SumPool2d one{.weight = {}};
    const Conv2d conv = pooling_convolution(one, target[0], per_channel);
    return convolution(conv, conv.weight, projection.name);
  }

  static Result<Tensor> channel_bias(const std::vector<double>& bias, const Shape& shape) {
    const auto channels = static_cast<std::size_t>(shape[0]);
    const std::size_t repeat = bias.size() / channels;
    std::vector<float> made(channels);
    for (std::size_t i = 0; i < bias.size(); ++i) {
      made[i / repeat] = static_cast<float>(bias[i]);
      if (bias[i] == bias[i / repeat * repeat]) continue;
      return cannot(
          "its bias, less v(0), differs within a channel, and a Conv2d has one per channel",
          "calibrate per channel");
    }
    return Tensor::from<float>({shape[0]}, std::move(made));
  }

  Result<> add_output(PopulationId id) {
    const Population& p = graph_[id];
    const std::string name = namer_(made_.output.empty() ? "output" : "output_" + p.name);
    std::vector<std::string> ends;
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
  Result<std::vector<std::string>> lower_readout(PopulationId id) {
    const Population& p = graph_[id];
    const auto& li = std::get<Li>(p.neuron);
    if (li.decay.defined() && !is_one(li.decay))
      return cannot("its readout leaks", "read it out without a leak, or export before");
    NT_TRY(std::vector<std::string> ends, lower_incoming(id));
    if (!native()) return ends;
    return behind(ends, p.name,
                  nir::I{nir::filled(p.shape, static_cast<float>(1 / made_.dt_seconds))});
  }

  /// Whether the target leads back to the source.
  bool closes_cycle(const Projection& projection) const {
    if (projection.delay_steps == 0) return false;
    std::vector<bool> seen(graph_.populations.size());
    std::vector<PopulationId> open{projection.target};
    while (!open.empty()) {
      const PopulationId at = open.back();
      open.pop_back();
      if (at == projection.source) return true;
      if (seen[at.index]) continue;
      seen[at.index] = true;
      for (const ProjectionId next : graph_.outgoing(at)) open.push_back(graph_[next].target);
    }
    return false;
  }

  /// Readers delay the edge that closes a cycle in their order; it must be the delayed projection.
  Result<> check_delays() {
    std::size_t wanted = 0;
    for (const ProjectionId id : graph_.live_projections())
      wanted += closes_cycle(graph_[id]) ? 1 : 0;
    if (wanted == 0) return {};
    NT_TRY(const nir::GraphPlan plan, nir::plan_graph(made_.graph, "", diagnostics_));
    for (const nir::PlannedNode& node : plan.nodes) {
      const bool loops = native() && std::holds_alternative<nir::I>(node.primitive);
      for (const nir::PlannedEdge& edge : node.incoming) {
        if (!edge.delayed) continue;
        const nir::PlannedNode& source = plan.nodes[edge.source];
        if (loops && std::holds_alternative<nir::Scale>(source.primitive)) continue;
        if (wanted > 0) --wanted;
        if (is_entered(node.name)) continue;
        return error("nir.cannot-express", ModelNode{"", node.name},
                     "readers would enter the cycle here, and not where the delay is",
                     "use delays of one step on the projection that closes the cycle");
      }
    }
    return {};
  }
  bool is_entered(const std::string& node) const {
    return std::ranges::find(enter_, node) != enter_.end() ||
           std::holds_alternative<nir::Affine>(made_.graph.find(node)->primitive) ||
           std::holds_alternative<nir::Conv2d>(made_.graph.find(node)->primitive);
  }

  /// Edges in the order of a step, sources first, then targets. The order means nothing, but some
  /// executors walk depth first along it, and then only this one is right.
  Result<> order_edges() {
    NT_TRY(const nir::GraphPlan plan, nir::plan_graph(made_.graph, "", diagnostics_));
    std::map<std::string, std::size_t, std::less<>> place;
    for (std::size_t i = 0; i < plan.order.size(); ++i) place[plan.nodes[plan.order[i]].name] = i;
    std::ranges::sort(made_.graph.edges, {}, [&](const nir::Edge& edge) {
      return std::pair(place.at(edge.source), place.at(edge.target));
    });
    return {};
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
    text("compare", "ge");
    text("spikes", "single");
    text("profile", std::string(profile_name(options_.profile)));
    text("input", held_ ? "held" : "steps");
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
  std::vector<std::vector<std::string>> ends_;  ///< by population
  std::vector<std::string> enter_;
  std::vector<std::vector<double>> taken_;
  std::map<std::uint32_t, std::vector<std::string>> flat_;
  std::set<PopulationId> open_relays_;
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

std::string Namer::operator()(std::string wanted) {
  static const std::set<std::string, std::less<>> kReserved{"and",      "as",
                                                            "assert",   "async",
                                                            "await",    "break",
                                                            "class",    "continue",
                                                            "def",      "del",
                                                            "elif",     "else",
                                                            "except",   "false",
                                                            "finally",  "for",
                                                            "from",     "global",
                                                            "if",       "import",
                                                            "in",       "is",
                                                            "lambda",   "none",
                                                            "nonlocal", "not",
                                                            "or",       "pass",
                                                            "raise",    "return",
                                                            "true",     "try",
                                                            "while",    "with",
                                                            "yield",    "state",
                                                            "is_none",  "initialized_state"};
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  if (kReserved.contains(lower(wanted))) wanted += "_";
  std::string name = wanted;
  for (int& count = used_[lower(wanted)]; used_[lower(name)] > 0;)
    name = fmt::format("{}_{}", wanted, ++count);
  ++used_[lower(name)];
  return name;
}

Result<Exported> export_graph(const SpikeGraph& graph, const ExportOptions& options,
                              Diagnostics& diagnostics) {
  const bool equal = options.profile == Profile::kPlain || options.profile == Profile::kHard;
  const SpikeGraph prepared = equal ? with_equal_thresholds(graph, diagnostics)
                              : options.profile == Profile::kNorse
                                  ? with_plain_skips(graph, diagnostics)
                                  : graph;
  auto made = Exporter(prepared, options, diagnostics).run();
  if (!made) diagnostics.report(made.error());
  return made;
}

}  // namespace neurotool::to_nir
