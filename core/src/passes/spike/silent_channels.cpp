// Interval arithmetic in the order of a step. In float graphs the bound of a membrane is widened by
// what roundings can add up to, so that "below the threshold" holds for the computed numbers too.
#include "passes/spike/silent_channels.hpp"

#include <algorithm>
#include <cmath>

#include "passes/spike/bounds.hpp"
#include "passes/spike/integer_weights.hpp"
#include "passes/spike/parameters.hpp"

namespace neurotool::integer {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// What each channel of a population may send in one step; nothing while that is not known.
using Payload = std::optional<ChannelIntervals>;

/// Smallest and largest value of a parameter in a channel, as it is stored.
Interval range_of(const Tensor& parameter, const Shape& shape, std::int64_t channel) {
  if (!parameter.defined()) return {};
  const std::int64_t inner = element_count(shape).value_or(0) / channels_of(shape);
  Interval range;
  for (std::int64_t i = 0; i < inner; ++i) {
    const double value = parameter_at(parameter, shape, channel * inner + i, 0);
    range = i == 0 ? Interval{value, value} : range.hull({value, value});
  }
  return range;
}

class Analysis {
 public:
  explicit Analysis(const SpikeGraph& graph)
      : graph_(graph), payload_(graph.populations.size()), fates_(graph.populations.size()) {}

  std::vector<std::vector<ChannelFate>> run() {
    for (const PopulationId id : graph_.live_populations()) payload_[id.index] = at_most(id);
    for (const PopulationId id : graph_.step_order()) {
      const Population& population = graph_[id];
      if (std::holds_alternative<Relay>(population.neuron)) relay(id);
      if (firing_of(population.neuron) != nullptr) neurons(id);
    }
    return std::move(fates_);
  }

 private:
  struct Current {
    ChannelIntervals sum;       ///< bias included
    std::vector<double> size;   ///< of everything that is added, absolutely
    double terms = 0;           ///< most additions behind one sum
    bool from_outside = false;  ///< something that may send reaches it
  };

  /// What the kind of the population alone says.
  Payload at_most(PopulationId id) const {
    const Population& population = graph_[id];
    const std::size_t channels = index(channels_of(population.shape));
    if (const Firing* firing = firing_of(population.neuron)) {
      double high = firing->emission.max_per_step;
      return ChannelIntervals(channels, {double(firing->emission.min_per_step), high});
    }
    const auto* input = std::get_if<Input>(&population.neuron);
    if (input == nullptr || input->bits == 0) return std::nullopt;
    const int bits = static_cast<int>(input->bits) - (input->is_signed ? 1 : 0);
    const double most = std::ldexp(1.0, bits);
    return ChannelIntervals(channels, {input->is_signed ? -most : 0, most - 1});
  }

  /// The current of one step, or nothing where a source is not bounded.
  std::optional<Current> current_of(PopulationId id) const {
    const Population& population = graph_[id];
    const std::size_t channels = index(channels_of(population.shape));
    Current result{.sum = ChannelIntervals(channels), .size = std::vector<double>(channels, 0)};
    for (const ProjectionId p : graph_.incoming(id)) {
      const Projection& projection = graph_[p];
      const Payload& sent = payload_[projection.source.index];
      if (!sent) return std::nullopt;
      const Shape& source = graph_[projection.source].shape;
      Weights weights = weights_of(projection.connectivity, population.shape, false);
      const auto sums =
          delivered(projection.connectivity, weights, *sent, source, population.shape);
      for (double& weight : weights.value) weight = std::abs(weight);
      ChannelIntervals reach;
      for (const Interval& channel : *sent) {
        const double most = std::max(-channel.low, channel.high);
        reach.push_back({-most, most});
        result.from_outside = result.from_outside || most > 0;
      }
      const auto sizes =
          delivered(projection.connectivity, weights, reach, source, population.shape);
      const double factor = std::ldexp(1.0, static_cast<int>(projection.shift));
      for (std::size_t c = 0; c < channels; ++c) {
        result.sum[c] = result.sum[c] + sums[c].times(factor).hull({});
        result.size[c] += sizes[c].high * factor;
      }
      // No neuron has more synapses than there are weights, or sources.
      result.terms += static_cast<double>(graph_[projection.source].size());
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const Interval bias =
          range_of(population.bias, population.shape, static_cast<std::int64_t>(c));
      result.sum[c] = result.sum[c] + bias;
      result.size[c] += std::max(-bias.low, bias.high);
    }
    return result;
  }

  /// How far the computed numbers can be from the exact ones after so many steps.
  double slack(const Current& current, std::size_t channel, double initial, double steps) const {
    if (graph_.arithmetic == Arithmetic::kInteger) return 0;
    const double size = std::abs(initial) + steps * current.size[channel];
    return (current.terms + steps + 8) * std::ldexp(1.0, -23) * size;
  }

  void relay(PopulationId id) {
    const auto current = current_of(id);
    if (!current) return;
    ChannelIntervals payload;
    for (std::size_t c = 0; c < current->sum.size(); ++c) {
      const double more = slack(*current, c, 0, 1);
      payload.push_back({current->sum[c].low - more, current->sum[c].high + more});
    }
    payload_[id.index] = std::move(payload);
  }

  void neurons(PopulationId id) {
    const Population& population = graph_[id];
    std::vector<ChannelFate>& fates = fates_[id.index];
    fates.resize(index(channels_of(population.shape)));
    const auto* model = std::get_if<If>(&population.neuron);
    const auto current = current_of(id);
    if (model == nullptr || !current) return;
    for (std::size_t c = 0; c < fates.size(); ++c) {
      fates[c].silent = is_silent(population, model->firing, *current, c);
      if (!fates[c].silent && !current->from_outside) {
        fates[c].constant = constant_payload(population, model->firing, c);
      }
      if (fates[c].silent) (*payload_[id.index])[c] = {};
    }
  }

  bool is_silent(const Population& population, const Firing& firing, const Current& current,
                 std::size_t channel) const {
    const auto c = static_cast<std::int64_t>(channel);
    const Interval theta = range_of(firing.threshold, population.shape, c);
    MembraneRule rule;  // without a threshold: what would be if it did not fire
    rule.initial = range_of(firing.initial_membrane, population.shape, c);
    // Outside its window, and before a delay is over, nothing arrives.
    rule.current = current.sum[channel].hull({});
    const bool only_falls = current.sum[channel].high <= 0;
    if (graph_.steps == 0 && !only_falls) return false;
    const std::uint32_t steps = std::max<std::uint32_t>(graph_.steps, 1);
    const Interval range = membrane_range(rule, steps);
    const double initial = std::max(-rule.initial.low, rule.initial.high);
    const double more =
        only_falls && graph_.arithmetic == Arithmetic::kFloat32 && current.size[channel] == 0
            ? 0
            : slack(current, channel, initial, steps);
    // A neuron that has sent nothing may still send a negative payload where its count may fall.
    const bool falls = firing.emission.min_per_step < 0 && firing.emission.min_total < 0;
    return range.high + more < theta.low && !(falls && range.low - more < 0);
  }

  /// Payload of every neuron of the channel in every step, when nothing but a bias drives them.
  std::optional<std::int64_t> constant_payload(const Population& population, const Firing& firing,
                                               std::size_t channel) const {
    const bool plain = graph_.arithmetic == Arithmetic::kInteger && graph_.steps > 0 &&
                       firing.window == Window{} && firing.radix_bits == 0 &&
                       firing.reset == Reset::kSubtract && firing.emission.min_per_step == 0 &&
                       firing.emission.max_total == Emission::kUnbounded &&
                       population.bias_timing == BiasTiming::kEveryStep;
    if (!plain) return std::nullopt;
    const std::int64_t inner = population.size() / channels_of(population.shape);
    std::optional<std::int64_t> payload;
    for (std::int64_t i = 0; i < inner; ++i) {
      const std::int64_t neuron = static_cast<std::int64_t>(channel) * inner + i;
      const auto at = [&](const Tensor& tensor) {
        return static_cast<std::int64_t>(parameter_at(tensor, population.shape, neuron, 0));
      };
      const std::int64_t theta = at(firing.threshold), bias = at(population.bias);
      std::int64_t v = at(firing.initial_membrane);
      for (std::uint32_t t = 0; t < graph_.steps; ++t) {
        v += bias;
        const std::int64_t sent =
            v < theta ? 0 : std::min<std::int64_t>(v / theta, firing.emission.max_per_step);
        v -= sent * theta;
        if (payload && *payload != sent) return std::nullopt;
        payload = sent;
      }
    }
    return payload && *payload != 0 ? payload : std::nullopt;
  }

  const SpikeGraph& graph_;
  std::vector<Payload> payload_;
  std::vector<std::vector<ChannelFate>> fates_;
};

}  // namespace

std::vector<std::vector<ChannelFate>> channel_fates(const SpikeGraph& graph) {
  return Analysis(graph).run();
}

}  // namespace neurotool::integer
