// Arithmetic on linear forms.
#include "passes/lower/linear_form.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/check.hpp"

namespace neurotool::lower {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::int64_t elements_per_channel(const Shape& neurons) {
  const std::int64_t channels = neurons.front();
  return channels == 0 ? 1 : element_count(neurons).value_or(0) / channels;
}

/// One value per channel, or nothing when elements of a channel differ.
std::optional<std::vector<double>> by_channel(const Shape& neurons,
                                              std::span<const double> values) {
  const std::int64_t inner = elements_per_channel(neurons);
  std::vector<double> result;
  for (std::size_t begin = 0; begin < values.size(); begin += index(inner)) {
    const auto channel = values.subspan(begin, index(inner));
    if (std::ranges::any_of(channel, [&](double v) { return v != channel[0]; })) return {};
    result.push_back(channel[0]);
  }
  return result;
}

void multiply(std::vector<double>& values, std::span<const double> factor) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= factor[i];
}

/// The rows of a weight (its first axis) times one factor each.
Tensor rows_times(const Tensor& weight, std::span<const double> factor) {
  const auto old = weight.as<float>();
  const std::size_t inner = factor.empty() ? 0 : old.size() / factor.size();
  std::vector<float> values(old.size());
  for (std::size_t i = 0; i < old.size(); ++i) {
    values[i] = static_cast<float>(double{old[i]} * factor[i / inner]);
  }
  return Tensor::from<float>(weight.shape(), std::move(values));
}

bool can_scale(const Term& term, bool uniform_channels) {
  if (std::holds_alternative<View>(term.part)) return true;
  const auto* weighted = std::get_if<Weighted>(&term.part);
  const bool dense = weighted != nullptr && std::holds_alternative<Dense>(weighted->connectivity);
  return dense || uniform_channels;
}

void scale_term(Term& term, std::span<const double> factor,
                const std::optional<std::vector<double>>& channels) {
  if (auto* view = std::get_if<View>(&term.part)) {
    multiply(view->factor, factor);
  } else if (auto* pooled = std::get_if<Pooled>(&term.part)) {
    multiply(pooled->factor, *channels);
  } else {
    Connectivity& connectivity = std::get<Weighted>(term.part).connectivity;
    Tensor* const weight = weight_of(connectivity);
    const bool dense = std::holds_alternative<Dense>(connectivity);
    *weight = rows_times(*weight, dense ? factor : std::span<const double>(*channels));
  }
}

bool is_whole(const View& view, const Population& source) {
  if (static_cast<std::int64_t>(view.neuron.size()) != source.size()) return false;
  for (std::size_t e = 0; e < view.neuron.size(); ++e) {
    if (view.neuron[e] != static_cast<std::int64_t>(e)) return false;
  }
  return true;
}

/// Weights of a view, one for each element.
std::vector<double> element_weights(const View& view, const Population& source) {
  std::vector<double> weights(view.neuron.size(), 0);
  for (std::size_t e = 0; e < weights.size(); ++e) {
    if (view.neuron[e] == View::kZero) continue;
    weights[e] = view.factor[e] * unit_value(source, view.neuron[e]);
  }
  return weights;
}

Tensor float_tensor(Shape shape, std::span<const double> values) {
  std::vector<float> stored(values.size());
  std::ranges::transform(values, stored.begin(), [](double v) { return static_cast<float>(v); });
  return Tensor::from<float>(std::move(shape), std::move(stored));
}

/// As few weights as the structure allows: one, one per channel, or one per neuron.
OneToOne one_to_one(const View& view, const Shape& neurons, const Population& source) {
  const std::vector<double> weights = element_weights(view, source);
  const auto factors = by_channel(neurons, view.factor);
  const bool same_channels =
      has_one_unit(source) || elements_per_channel(neurons) == elements_per_channel(source.shape);
  if (!factors || !same_channels) return {float_tensor(neurons, weights)};
  const bool one_factor =
      std::ranges::all_of(*factors, [&](double f) { return f == (*factors)[0]; });
  if (has_one_unit(source) && one_factor) return {float_tensor({}, {weights.data(), 1})};
  std::vector<double> channel;
  for (std::size_t e = 0; e < weights.size(); e += index(elements_per_channel(neurons))) {
    channel.push_back(weights[e]);
  }
  return {float_tensor({neurons.front()}, channel)};
}

Sparse sparse(const View& view, const Population& source) {
  const std::vector<double> weights = element_weights(view, source);
  std::vector<std::int64_t> row_begin(index(source.size()) + 1, 0);
  for (const std::int64_t neuron : view.neuron) {
    if (neuron != View::kZero) ++row_begin[index(neuron) + 1];
  }
  for (std::size_t i = 1; i < row_begin.size(); ++i) row_begin[i] += row_begin[i - 1];
  std::vector<std::int32_t> targets(index(row_begin.back()));
  std::vector<float> weight(targets.size());
  std::vector<std::int64_t> next(row_begin.begin(), row_begin.end() - 1);
  for (std::size_t e = 0; e < view.neuron.size(); ++e) {
    if (view.neuron[e] == View::kZero) continue;
    const std::size_t place = index(next[index(view.neuron[e])]++);
    targets[place] = static_cast<std::int32_t>(e);
    weight[place] = static_cast<float>(weights[e]);
  }
  const auto synapses = static_cast<std::int64_t>(targets.size());
  const auto rows = static_cast<std::int64_t>(row_begin.size());
  return {Tensor::from<std::int64_t>({rows}, std::move(row_begin)),
          Tensor::from<std::int32_t>({synapses}, std::move(targets)),
          Tensor::from<float>({synapses}, std::move(weight))};
}

Connectivity pool(const Pooled& pooled, const Population& source) {
  const std::int64_t inner = elements_per_channel(source.shape);
  std::vector<double> weights;
  for (std::size_t c = 0; c < pooled.factor.size(); ++c) {
    const double unit = unit_value(source, static_cast<std::int64_t>(c) * inner);
    weights.push_back(pooled.factor[c] * unit);
  }
  const Tensor weight = float_tensor({source.shape.front()}, weights);
  return std::visit(
      [&](auto kind) -> Connectivity {
        kind.weight = weight;
        return kind;
      },
      pooled.pool);
}

}  // namespace

Shape population_shape(const Shape& shape) {
  if (shape.empty()) return {1};
  if (shape.size() == 1 || shape.size() == 3) return shape;
  const std::int64_t inner =
      element_count(std::span(shape).subspan(shape.size() == 2 ? 1 : 2)).value_or(0);
  return {shape[0], shape.size() == 2 ? 1 : shape[1], inner};
}

std::int64_t channel_of(const Shape& neurons, std::int64_t neuron) {
  return neuron / elements_per_channel(neurons);
}

bool has_one_unit(const Population& population) {
  return !population.payload_value.defined() || population.payload_value.size() == 1;
}

double unit_value(const Population& population, std::int64_t neuron) {
  const Tensor& value = population.payload_value;
  if (!value.defined()) return 1;
  return value.at(value.size() == 1 ? 0 : channel_of(population.shape, neuron));
}

LinearForm whole(const SpikeGraph& graph, PopulationId id, Shape shape) {
  LinearForm form;
  form.shape = std::move(shape);
  form.neurons = population_shape(form.shape);
  View view;
  for (std::int64_t e = 0; e < graph[id].size(); ++e) view.neuron.push_back(e);
  view.factor.assign(view.neuron.size(), 1.0);
  form.terms.push_back({id, std::move(view), {}});
  return form;
}

bool is_plain(const LinearForm& form) {
  return form.bias.empty() && std::ranges::all_of(form.terms, [](const Term& term) {
           return std::holds_alternative<View>(term.part);
         });
}

PopulationId plain_source(const LinearForm& form, const SpikeGraph& graph) {
  if (form.terms.size() != 1 || !is_plain(form)) return {};
  const View& view = std::get<View>(form.terms[0].part);
  const Population& source = graph[form.terms[0].source];
  const bool fits = source.shape == form.neurons && is_whole(view, source) &&
                    by_channel(form.neurons, view.factor).has_value();
  return fits ? form.terms[0].source : PopulationId{};
}

std::vector<double> channel_factors(const LinearForm& form) {
  const auto factors = by_channel(form.neurons, std::get<View>(form.terms.at(0).part).factor);
  NT_CHECK(factors.has_value(), "a plain form has one factor per channel");
  return *factors;
}

bool is_non_negative(const LinearForm& form, const SpikeGraph& graph) {
  const auto no_negative = [](const std::vector<double>& factor) {
    return std::ranges::all_of(factor, [](double f) { return f >= 0; });
  };
  return form.bias.empty() && std::ranges::all_of(form.terms, [&](const Term& term) {
           const auto* neuron = std::get_if<If>(&graph[term.source].neuron);
           if (neuron == nullptr || neuron->firing.emission.min_total < 0) return false;
           if (const auto* view = std::get_if<View>(&term.part)) return no_negative(view->factor);
           const auto* pooled = std::get_if<Pooled>(&term.part);
           return pooled != nullptr && no_negative(pooled->factor);
         });
}

bool needs_shape(const LinearForm& form) {
  return std::ranges::any_of(form.terms, [](const Term& term) {
    if (std::holds_alternative<Pooled>(term.part)) return true;
    const auto* weighted = std::get_if<Weighted>(&term.part);
    return weighted != nullptr && std::holds_alternative<Conv2d>(weighted->connectivity);
  });
}

bool scale(LinearForm& form, std::span<const double> factor) {
  const auto channels = by_channel(form.neurons, factor);
  const auto scalable = [&](const Term& term) { return can_scale(term, channels.has_value()); };
  if (!std::ranges::all_of(form.terms, scalable)) return false;
  for (Term& term : form.terms) scale_term(term, factor, channels);
  multiply(form.bias, factor);
  return true;
}

LinearForm sum(LinearForm a, LinearForm b) {
  NT_CHECK(a.shape == b.shape, "a sum needs equal shapes");
  NT_CHECK(a.neurons == b.neurons || !needs_shape(a) || !needs_shape(b),
           "two terms need different shapes of one population");
  if (needs_shape(b)) a.neurons = b.neurons;
  std::ranges::move(b.terms, std::back_inserter(a.terms));
  std::ranges::move(b.origins, std::back_inserter(a.origins));
  if (!b.bias.empty()) add_bias(a, b.bias);
  return a;
}

void add_bias(LinearForm& form, std::span<const double> bias) {
  form.bias.resize(index(form.size()), 0.0);
  for (std::size_t e = 0; e < form.bias.size(); ++e) form.bias[e] += bias[e];
}

LinearForm picked(const LinearForm& form, std::span<const std::int64_t> pick, Shape shape) {
  NT_CHECK(is_plain(form), "only elements of a plain form can be picked");
  LinearForm result;
  result.shape = std::move(shape);
  result.neurons = population_shape(result.shape);
  result.origins = form.origins;
  for (const Term& term : form.terms) {
    const View& old = std::get<View>(term.part);
    View view;
    for (const std::int64_t element : pick) {
      const bool zero = element == View::kZero;
      view.neuron.push_back(zero ? View::kZero : old.neuron[index(element)]);
      view.factor.push_back(zero ? 1.0 : old.factor[index(element)]);
    }
    const auto shows = [](std::int64_t neuron) { return neuron != View::kZero; };
    if (std::ranges::none_of(view.neuron, shows)) continue;
    result.terms.push_back({term.source, std::move(view), term.origins});
  }
  return result;
}

Connectivity connectivity_of(const Term& term, const LinearForm& form, const SpikeGraph& graph) {
  const Population& source = graph[term.source];
  if (const auto* weighted = std::get_if<Weighted>(&term.part)) return weighted->connectivity;
  if (const auto* pooled = std::get_if<Pooled>(&term.part)) return pool(*pooled, source);
  const View& view = std::get<View>(term.part);
  if (is_whole(view, source)) return one_to_one(view, form.neurons, source);
  return sparse(view, source);
}

Tensor bias_tensor(const LinearForm& form) {
  if (std::ranges::all_of(form.bias, [](double b) { return b == 0; })) return {};
  if (const auto channels = by_channel(form.neurons, form.bias)) {
    return float_tensor({form.neurons.front()}, *channels);
  }
  return float_tensor(form.neurons, form.bias);
}

}  // namespace neurotool::lower
