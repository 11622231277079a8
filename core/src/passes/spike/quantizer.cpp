// The walk of the quantiser: inputs, then relays in the order in which they feed each other, then
// neurons and readouts.
#include "passes/spike/quantizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/spike/leaks.hpp"
#include "passes/spike/parameters.hpp"

namespace neurotool::integer {
namespace {

constexpr int kMostFractionBits = 16;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Why there is no integer form of a neuron here, or "".
std::string unsupported_part(const Neuron& neuron) {
  struct {
    std::string operator()(const Input&) const { return {}; }
    std::string operator()(const Relay&) const { return {}; }
    std::string operator()(const If&) const { return {}; }
    std::string operator()(const Lif& model) const { return decay_misfit(model.decay); }
    std::string operator()(const CubaLif& model) const {
      const std::string slow = decay_misfit(model.current_decay);
      return slow.empty() ? decay_misfit(model.decay) : slow;
    }
    std::string operator()(const Li& model) const { return decay_misfit(model.decay); }
  } part;
  return std::visit(part, neuron);
}

bool is_whole_time(const Window& window) { return window == Window{}; }

}  // namespace

Result<> Quantizer::run(const std::optional<InputRange>& range) {
  Diagnostics& out = context_.diagnostics;
  if (!check_models()) return out.first_error();
  sent_.resize(graph_.populations.size());
  known_.assign(graph_.populations.size(), false);
  const std::vector<PopulationId> ids = graph_.live_populations();
  for (const PopulationId id : ids) {
    const Population& population = graph_[id];
    if (std::holds_alternative<Input>(population.neuron)) quantize_input(id, range);
    if (const Firing* firing = firing_of(population.neuron)) {
      const Interval payload{double(firing->emission.min_per_step),
                             double(firing->emission.max_per_step)};
      sent_[id.index] = {1, ChannelIntervals(index(channels_of(population.shape)), payload)};
      known_[id.index] = true;
    }
  }
  if (!quantize_relays()) return out.first_error();
  // Rates are known of what comes earlier in a step.
  const std::vector<PopulationId> order = rates_ ? graph_.step_order() : ids;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double done = static_cast<double>(i) / static_cast<double>(order.size());
    if (!context_.progress.update(done, graph_[order[i]].name)) {
      return error("pass.cancelled", {}, "cancelled while quantising weights");
    }
    const Neuron& neuron = graph_[order[i]].neuron;
    if (std::holds_alternative<Input>(neuron)) continue;
    if (!std::holds_alternative<Relay>(neuron)) NT_TRY_VOID(quantize_neurons(order[i]));
    if (rates_ && !graph_.outgoing(order[i]).empty()) NT_TRY_VOID(rates_->advance(order[i]));
  }
  if (out.has_errors()) return out.first_error();
  graph_.arithmetic = Arithmetic::kInteger;
  return {};
}

bool Quantizer::check_models() {
  bool good = true;
  for (const PopulationId id : graph_.live_populations()) {
    const Population& population = graph_[id];
    const std::string part = unsupported_part(population.neuron);
    if (part.empty()) continue;
    good = false;
    context_.diagnostics.report(
        error("quantize.unsupported-neuron", ModelNode{path_, population.name},
              fmt::format("'{}' ({}) has {}, which 'quantize' does not bring to whole numbers",
                          population.name, model_name(population.neuron), part),
              "leave out 'quantize', or use integrate-and-fire neurons"));
  }
  return good;
}

bool Quantizer::quantize_relays() {
  std::vector<PopulationId> waiting = graph_.live_populations();
  std::erase_if(waiting,
                [&](PopulationId id) { return !std::holds_alternative<Relay>(graph_[id].neuron); });
  while (!waiting.empty()) {
    const auto ready = std::ranges::find_if(waiting, [&](PopulationId id) {
      return std::ranges::all_of(graph_.incoming(id),
                                 [&](ProjectionId p) { return known_[graph_[p].source.index]; });
    });
    if (ready == waiting.end()) {
      const std::string& name = graph_[waiting[0]].name;
      context_.diagnostics.report(error(
          "quantize.unsupported-neuron", ModelNode{path_, name},
          fmt::format("relay '{}' feeds back into itself, so that no bound holds for it", name),
          "put a neuron into the loop"));
      return false;
    }
    quantize_relay(*ready);
    waiting.erase(ready);
  }
  return true;
}

void Quantizer::quantize_relay(PopulationId id) {
  Population& population = graph_[id];
  std::vector<Incoming> parts = incoming(id, false);
  const std::size_t channels = index(channels_of(population.shape));
  // Sums of payloads of one unit are whole numbers as they are.
  const bool sums_only =
      !population.bias.defined() && !parts.empty() &&
      std::ranges::all_of(parts, [&](const Incoming& part) {
        return all_ones(graph_[part.id].connectivity) && part.unit == parts[0].unit;
      });
  // What a relay sends is multiplied by weights once more: no room for 16 bits here.
  for (Incoming& part : parts) part.bits = options_.weight_bits;
  const double unit = sums_only ? parts[0].unit : sum_scales(id, parts, false)[0];
  const std::vector<double> scale(channels, unit);
  if (!sums_only) place_weights(parts, scale);
  round_weights(parts, scale, 0);
  Interval every;
  ChannelIntervals payload = currents(id, parts, scale, every);
  for (Interval& channel : payload) channel = channel.hull({});
  sent_[id.index] = {unit, std::move(payload)};
  known_[id.index] = true;
  if (!every.fits_int32()) return overflow(id, every, every, 0);
  store_weights(parts, scale);
  population.bias = whole_parameter(population.bias, population.shape, scale);
  population.payload_value = scaled_value(population.payload_value, population.shape, scale);
}

std::vector<Quantizer::Incoming> Quantizer::incoming(PopulationId id, bool per_channel) const {
  std::vector<Incoming> parts;
  for (const ProjectionId p : graph_.incoming(id)) {
    Incoming part;
    part.id = p;
    part.real = weights_of(graph_[p].connectivity, graph_[id].shape, per_channel);
    part.unit = sent_[graph_[p].source.index].unit;
    part.bits = part.real.few ? 16 : options_.weight_bits;
    parts.push_back(std::move(part));
  }
  // Sums that a relay sends have digits enough; 16 bits of weight below them would need too many.
  for (Incoming& part : parts) {
    if (!part.real.few || !sends_sums(graph_[part.id].source)) continue;
    const bool as_they_are = parts.size() == 1 && all_ones(graph_[part.id].connectivity);
    part.bits = as_they_are ? 2 : options_.weight_bits;
  }
  return parts;
}

bool Quantizer::sends_sums(PopulationId id) const {
  constexpr double kMostCount = 4096;
  return std::ranges::any_of(sent_[id.index].channels, [](const Interval& payload) {
    return std::max(-payload.low, payload.high) > kMostCount;
  });
}

ChannelIntervals Quantizer::currents(PopulationId id, const std::vector<Incoming>& parts,
                                     const std::vector<double>& membrane, Interval& every) const {
  const Population& population = graph_[id];
  ChannelIntervals total(membrane.size());
  const auto account = [&] {
    for (const Interval& channel : total) every = every.hull(channel);
  };
  for (const Incoming& part : parts) {
    const Projection& projection = graph_[part.id];
    const Sent& source = sent_[projection.source.index];
    const ChannelIntervals sums = delivered(projection.connectivity, part.whole, source.channels,
                                            graph_[projection.source].shape, population.shape);
    const double factor = std::ldexp(1.0, static_cast<int>(part.shift));
    for (std::size_t c = 0; c < total.size(); ++c) total[c] = total[c] + sums[c].times(factor);
    for (const Interval& sum : sums) every = every.hull(sum.times(factor));
    account();
  }
  for (std::size_t c = 0; c < total.size(); ++c) {
    total[c] = total[c] + channel_interval(population.bias, population.shape,
                                           static_cast<std::int64_t>(c), membrane[c]);
  }
  account();
  return total;
}

Quantizer::Candidate Quantizer::candidate(PopulationId id, std::vector<Incoming>& parts,
                                          const std::vector<double>& scale,
                                          int fraction_bits) const {
  Candidate result;
  result.fraction_bits = fraction_bits;
  for (const double s : scale) result.membrane.push_back(std::ldexp(s, -fraction_bits));
  round_weights(parts, scale, fraction_bits);
  const ChannelIntervals current = currents(id, parts, result.membrane, result.current);

  for (std::size_t c = 0; c < current.size(); ++c) {
    const MembraneRule rule = rule_of(id, static_cast<std::int64_t>(c), current[c], result);
    result.range = result.range.hull(membrane_range(rule, graph_.steps));
  }
  result.fits = result.current.fits_int32() && result.range.fits_int32();
  return result;
}

MembraneRule Quantizer::rule_of(PopulationId id, std::int64_t channel, const Interval& current,
                                Candidate& candidate) const {
  const Population& population = graph_[id];
  const Shape& shape = population.shape;
  const auto in_units = [&](const Tensor& tensor) {
    return channel_interval(tensor, shape, channel, candidate.membrane[index(channel)]);
  };
  MembraneRule rule;
  // A bias that is added once is counted as if it were added in every step: a wider bound.
  rule.current = current.hull({});
  rule.leak = leak_of(population, channel);
  if (const auto* cuba = std::get_if<CubaLif>(&population.neuron)) {
    // The synaptic current is a membrane of its own, without a threshold.
    const MembraneRule slow{.current = rule.current,
                            .leak = leak_of(cuba->current_decay, cuba->rounding, shape, channel)};
    // Changes, and spikes that come once, add up to one value of each sender.
    if (!hears_each_value_once(id)) rule.current = membrane_range(slow, graph_.steps);
    candidate.current = candidate.current.hull(rule.current);
  }
  const Firing* const firing = firing_of(population.neuron);
  if (firing == nullptr) {
    rule.initial = in_units(std::get<Li>(population.neuron).initial_membrane);
    return rule;
  }
  rule.initial = in_units(firing->initial_membrane);
  rule.threshold = in_units(firing->threshold);
  rule.max_per_step = firing->emission.max_per_step;
  rule.always_fires = firing->emission.max_total == Emission::kUnbounded &&
                      is_whole_time(firing->window) && firing->radix_bits == 0;
  rule.fires_down = firing->emission.min_per_step < 0;
  rule.to_value = firing->reset == Reset::kToValue;
  rule.reset = in_units(firing->reset_value);
  rule.integrating = firing->window.integrate_end - firing->window.integrate_begin;
  candidate.threshold_low = std::min(candidate.threshold_low, rule.threshold.low);
  // The first threshold of a radix train is the largest.
  const int most = static_cast<int>(firing->radix_bits > 0 ? firing->radix_bits - 1 : 0);
  rule.threshold.high = std::ldexp(rule.threshold.high, most);
  candidate.range = candidate.range.hull(rule.threshold);
  return rule;
}

Result<> Quantizer::quantize_neurons(PopulationId id) {
  // Readouts are compared with each other, so that all classes share one unit.
  const bool per_channel = options_.per_channel && !std::holds_alternative<Li>(graph_[id].neuron);
  std::vector<Incoming> parts = incoming(id, per_channel);
  const std::vector<double> scale = sum_scales(id, parts, per_channel);
  place_weights(parts, scale);
  if (rates_) NT_TRY_VOID(correct_bias(id, parts, scale));
  const bool automatic = options_.fraction_bits < 0;
  int fraction_bits = automatic ? kMostFractionBits : options_.fraction_bits;
  Candidate chosen = candidate(id, parts, scale, fraction_bits);
  while (automatic && !chosen.fits && fraction_bits > 0) {
    chosen = candidate(id, parts, scale, --fraction_bits);
  }
  if (!chosen.fits) {
    overflow(id, chosen.current, chosen.range, fraction_bits);
    return {};
  }
  if (chosen.threshold_low < 1) {
    context_.diagnostics.report(
        error("quantize.threshold", ModelNode{path_, graph_[id].name},
              fmt::format("a threshold of '{}' is below half a membrane unit at {} fraction bits",
                          graph_[id].name, fraction_bits),
              "raise 'fraction_bits', or calibrate with granularity layer"));
    return {};
  }
  store(id, parts, chosen);
  return {};
}

void Quantizer::store(PopulationId id, const std::vector<Incoming>& parts,
                      const Candidate& chosen) {
  Population& population = graph_[id];
  const Shape& shape = population.shape;
  const auto to_whole = [&](Tensor& tensor) {
    tensor = whole_parameter(tensor, shape, chosen.membrane);
  };
  to_whole(population.bias);
  if (Firing* firing = firing_of(population.neuron)) {
    const Tensor real = firing->threshold;
    to_whole(firing->threshold);
    to_whole(firing->initial_membrane);
    to_whole(firing->reset_value);
    double worst = 0;
    const std::int64_t step = population.size() / firing->threshold.size();
    for (std::int64_t n = 0; n < population.size(); n += step) {
      const double theta = parameter_at(real, shape, n, 0);
      const double kept = parameter_at(firing->threshold, shape, n, 0) *
                          chosen.membrane[index(channel_of(shape, n))];
      worst = std::max(worst, std::abs(kept - theta) / theta);
    }
    fact(id, "threshold_error", worst);
  } else {
    to_whole(std::get<Li>(population.neuron).initial_membrane);
  }
  store_decays(population.neuron);
  population.membrane_value = scaled_value(population.membrane_value, shape, chosen.membrane);
  store_weights(parts, chosen.membrane);
  fact(id, "fraction_bits", chosen.fraction_bits);
  fact(id, "membrane_bits", bits_for(chosen.range.low, chosen.range.high));
}

void Quantizer::store_weights(const std::vector<Incoming>& parts,
                              const std::vector<double>& membrane) {
  for (const Incoming& part : parts) {
    Projection& projection = graph_[part.id];
    std::vector<double> scale = membrane;
    for (double& s : scale) s = std::ldexp(s, static_cast<int>(part.shift)) / part.unit;
    double worst = 0;
    for (std::size_t i = 0; i < part.real.value.size(); ++i) {
      const double real = part.real.value[i];
      if (real == 0) continue;
      const double kept = part.whole.value[i] * scale[index(part.real.channel[i])];
      worst = std::max(worst, std::abs(kept - real) / std::abs(real));
    }
    // A pool that only adds keeps its weights absent.
    const Tensor* const weight = weight_of(projection.connectivity);
    const bool stays_absent =
        (weight == nullptr || !weight->defined()) && worst == 0 &&
        std::ranges::all_of(part.whole.value, [](double v) { return v == 1; });
    if (!stays_absent) {
      projection.connectivity =
          with_integers(std::move(projection.connectivity), part.whole, scale, part.bits);
    }
    projection.shift = part.shift;
    if (part.real.few && worst > 0) {
      context_.facts.push_back({"quantize", projection.name, "weight_error", worst});
    }
  }
}

void Quantizer::overflow(PopulationId id, const Interval& current, const Interval& range,
                         int fraction_bits) {
  const int bits = std::max(bits_for(current.low, current.high), bits_for(range.low, range.high));
  context_.diagnostics.report(error(
      "quantize.overflow", ModelNode{path_, graph_[id].name},
      fmt::format("'{}' needs {} bits for its sums and membranes over {} steps at {} fraction "
                  "bits, and there are 32",
                  graph_[id].name, bits, graph_.steps, fraction_bits),
      "use fewer weight_bits, input_bits or fraction_bits, or fewer steps"));
}

void Quantizer::fact(PopulationId id, const char* name, double value) {
  context_.facts.push_back({"quantize", graph_[id].name, name, value});
}

}  // namespace neurotool::integer
