// Populations and projections out of linear forms.
#include "passes/lower/population_builder.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace neurotool::lower {
namespace {

/// The value of a payload before calibration knows it: whose it is, and the network's own factor.
struct Worth {
  PopulationId source;
  std::int64_t channel = 0;
  double factor = 1;
  bool operator==(const Worth&) const = default;
};

/// For each channel of the form the worth of all that reaches it; absent where nothing does.
using ChannelWorths = std::vector<std::optional<Worth>>;

bool unify(std::optional<Worth>& worth, const Worth& found) {
  if (!worth) worth = found;
  return *worth == found && found.factor != 0;
}

bool unify_view(ChannelWorths& worths, const LinearForm& form, const Term& term,
                const SpikeGraph& graph) {
  const View& view = std::get<View>(term.part);
  for (std::size_t e = 0; e < view.neuron.size(); ++e) {
    if (view.neuron[e] == View::kZero) continue;
    const Population& source = graph[term.source];
    const std::int64_t channel =
        has_one_unit(source) ? 0 : channel_of(source.shape, view.neuron[e]);
    const std::int64_t target = channel_of(form.neurons, static_cast<std::int64_t>(e));
    const Worth found{term.source, channel, view.factor[e]};
    if (!unify(worths[static_cast<std::size_t>(target)], found)) return false;
  }
  return true;
}

bool unify_pooled(ChannelWorths& worths, const Term& term, const SpikeGraph& graph) {
  const Pooled& pooled = std::get<Pooled>(term.part);
  const bool one_unit = has_one_unit(graph[term.source]);
  for (std::size_t c = 0; c < pooled.factor.size(); ++c) {
    const std::int64_t channel = one_unit ? 0 : static_cast<std::int64_t>(c);
    const Worth found{term.source, channel, pooled.factor[c]};
    if (!unify(worths[c], found)) return false;
  }
  return true;
}

/// Nothing when payloads of different worth meet in a channel, or weights are in the way.
std::optional<ChannelWorths> common_worths(const LinearForm& form, const SpikeGraph& graph) {
  if (!form.bias.empty()) return {};
  ChannelWorths worths(static_cast<std::size_t>(form.neurons.front()));
  for (const Term& term : form.terms) {
    if (std::holds_alternative<Weighted>(term.part)) return {};
    const bool same = std::holds_alternative<View>(term.part)
                          ? unify_view(worths, form, term, graph)
                          : unify_pooled(worths, term, graph);
    if (!same) return {};
  }
  return worths;
}

/// The real value of one unit of a relay's payload, per channel.
Tensor relay_values(const ChannelWorths& worths, const SpikeGraph& graph) {
  std::vector<double> values;
  for (const std::optional<Worth>& worth : worths) {
    if (!worth) {
      values.push_back(1);
      continue;
    }
    const Population& source = graph[worth->source];
    const std::int64_t inner = source.size() / source.shape.front();
    values.push_back(worth->factor * unit_value(source, worth->channel * inner));
  }
  const auto channels = static_cast<std::int64_t>(values.size());
  return Tensor::from<double>({channels}, std::move(values));
}

/// The same connections with weight 1.
Connectivity without_weights(Connectivity connectivity) {
  if (auto* pool = std::get_if<SumPool2d>(&connectivity)) {
    pool->weight = {};
  } else if (auto* max_pool = std::get_if<MaxPool2d>(&connectivity)) {
    max_pool->weight = {};
  } else if (auto* one = std::get_if<OneToOne>(&connectivity)) {
    one->weight = Tensor::scalar(1.0f);
  } else if (auto* sparse = std::get_if<Sparse>(&connectivity)) {
    const auto synapses = static_cast<std::size_t>(sparse->weight.size());
    sparse->weight =
        Tensor::from<float>(sparse->weight.shape(), std::vector<float>(synapses, 1.0f));
  }
  return connectivity;
}

/// What the readers of a dump call the layer.
const char* stem_of(const LinearForm& form) {
  const auto any = [&](auto matches) { return std::ranges::any_of(form.terms, matches); };
  const auto has_weighted = [&]<class Kind>(std::type_identity<Kind>) {
    return any([](const Term& term) {
      const auto* weighted = std::get_if<Weighted>(&term.part);
      return weighted != nullptr && std::holds_alternative<Kind>(weighted->connectivity);
    });
  };
  if (has_weighted(std::type_identity<Conv2d>{})) return "conv";
  if (has_weighted(std::type_identity<Dense>{})) return "fc";
  if (any([](const Term& term) { return std::holds_alternative<Pooled>(term.part); }))
    return "pool";
  return form.terms.size() > 1 ? "sum" : "map";
}

/// Adds to the bias of each channel; the population has a bias afterwards, whatever the numbers.
void correct_bias(Population& population, std::span<const float> correction) {
  const Shape per_channel{population.shape.front()};
  const Tensor& old = population.bias;
  Shape shape = old.defined() && old.size() >= population.shape.front() ? old.shape() : per_channel;
  std::vector<float> bias(static_cast<std::size_t>(element_count(shape).value_or(0)));
  const std::size_t inner = bias.size() / static_cast<std::size_t>(population.shape.front());
  for (std::size_t i = 0; i < bias.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (old.defined())
      bias[i] = old.as<float>()[old.size() == 1 ? 0 : static_cast<std::size_t>(at)];
    if (!correction.empty()) bias[i] += correction[i / inner];
  }
  population.bias = Tensor::from<float>(std::move(shape), std::move(bias));
}

void append_unique(std::vector<std::string>& names, const std::vector<std::string>& more) {
  for (const std::string& name : more) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
}

}  // namespace

LinearForm PopulationBuilder::input(Shape sample) {
  Population population;
  population.name = "input";
  population.shape = population_shape(sample);
  population.neuron = Input{};
  return whole(graph_, graph_.add(std::move(population)), std::move(sample));
}

LinearForm PopulationBuilder::relay(const LinearForm& form) {
  const auto worths = common_worths(form, graph_);
  const PopulationId id = add(form, next_name(form), Relay{});
  for (const Term& term : form.terms) {
    Connectivity connectivity = connectivity_of(term, form, graph_);
    connect(term, id, worths ? without_weights(std::move(connectivity)) : std::move(connectivity));
  }
  if (worths) graph_[id].payload_value = relay_values(*worths, graph_);
  return whole(graph_, id, form.shape);
}

LinearForm PopulationBuilder::relay_of_values(const LinearForm& form) {
  const PopulationId id = add(form, next_name(form), Relay{});
  for (const Term& term : form.terms) connect(term, id, connectivity_of(term, form, graph_));
  return whole(graph_, id, form.shape);
}

PopulationId PopulationBuilder::neurons(const LinearForm& form, const NeuronParameters& parameters,
                                        const LoweringOptions& options) {
  const std::vector<float>& thresholds = parameters.threshold;
  const Shape shape = thresholds.size() == 1 && form.neurons.front() != 1
                          ? Shape{}
                          : Shape{static_cast<std::int64_t>(thresholds.size())};
  Firing firing;
  firing.threshold = Tensor::from<float>(shape, thresholds);
  firing.emission = options.emission;
  firing.window.fire_begin = parameters.fire_begin;
  std::vector<float> initial = parameters.initial;
  if (initial.empty() && options.initial == Initial::kHalf) {
    initial = thresholds;
    for (float& value : initial) value *= 0.5f;
  }
  if (!initial.empty()) firing.initial_membrane = Tensor::from<float>(shape, std::move(initial));
  const PopulationId id = add(form, next_name(form), If{std::move(firing)});
  for (const Term& term : form.terms) connect(term, id, connectivity_of(term, form, graph_));
  const std::vector<float>& worth = parameters.worth.empty() ? thresholds : parameters.worth;
  graph_[id].payload_value = Tensor::from<double>(shape, {worth.begin(), worth.end()});
  if (options.corrects_bias) correct_bias(graph_[id], parameters.bias);
  return id;
}

PopulationId PopulationBuilder::readout(const LinearForm& form) {
  const PopulationId id = add(form, "output", Li{});
  for (const Term& term : form.terms) connect(term, id, connectivity_of(term, form, graph_));
  graph_[id].output = true;
  return id;
}

std::string PopulationBuilder::next_name(const LinearForm& form) {
  const std::string stem = stem_of(form);
  return stem + std::to_string(++used_[stem]);
}

PopulationId PopulationBuilder::add(const LinearForm& form, std::string name, Neuron neuron) {
  Population population;
  population.name = std::move(name);
  population.shape = form.neurons;
  population.neuron = std::move(neuron);
  population.bias = bias_tensor(form);
  append_unique(population.origins, form.origins);
  return graph_.add(std::move(population));
}

void PopulationBuilder::connect(const Term& term, PopulationId target, Connectivity connectivity) {
  const ProjectionId id = graph_.connect(term.source, target, std::move(connectivity));
  append_unique(graph_[id].origins, term.origins);
}

}  // namespace neurotool::lower
