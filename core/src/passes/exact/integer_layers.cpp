// The walk over the populations: inputs, relays and readouts, and what all kinds share.
#include "passes/exact/integer_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/exact/certificate.hpp"
#include "passes/spike/parameters.hpp"

namespace neurotool::exact {
namespace {

using integer::ChannelIntervals;
using integer::Interval;

constexpr int kMostFractionBits = 16;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

template <class T>
Tensor whole_tensor(const std::vector<T>& values, bool one) {
  std::vector<std::int32_t> stored;
  for (const T value : values) stored.push_back(static_cast<std::int32_t>(value));
  if (one) return Tensor::scalar(stored.at(0));
  const auto count = static_cast<std::int64_t>(stored.size());
  return Tensor::from<std::int32_t>({count}, std::move(stored));
}

}  // namespace

Result<> IntegerLayers::run(const std::optional<InputRange>& range) {
  sent_.resize(graph_.populations.size());
  absorb_input_quantizers();
  for (const PopulationId id : graph_.step_order()) {
    const Population& population = graph_[id];
    if (std::holds_alternative<Input>(population.neuron)) make_input(id, range);
    if (std::holds_alternative<Relay>(population.neuron)) make_relay(id);
    if (std::holds_alternative<Li>(population.neuron)) make_readout(id);
    const auto site = std::ranges::find(sites_, id, &lower::LevelSite::population);
    if (site != sites_.end()) make_site(*site);
  }
  Diagnostics& out = context_.diagnostics;
  if (out.has_errors()) return out.first_error();
  graph_.arithmetic = Arithmetic::kInteger;
  return {};
}

/// A quantiser of the input is how the stimulus is rounded, not a layer.
void IntegerLayers::absorb_input_quantizers() {
  std::erase_if(sites_, [&](const lower::LevelSite& site) { return absorbed(site); });
}

bool IntegerLayers::absorbed(const lower::LevelSite& site) {
  const std::vector<ProjectionId> in = graph_.incoming(site.population);
  if (in.size() != 1 || graph_[site.population].bias.defined()) return false;
  const PopulationId source = graph_[in[0]].source;
  auto* input = std::get_if<Input>(&graph_[source].neuron);
  const auto* one = std::get_if<OneToOne>(&graph_[in[0]].connectivity);
  const Tensor& unit = graph_[site.population].payload_value;
  const bool plain = input != nullptr && input->bits == 0 && one != nullptr &&
                     one->weight.size() == 1 && one->weight.at(0) == 1 && unit.size() == 1 &&
                     graph_.outgoing(source).size() == 1 &&
                     site.op.rounding == LevelRounding::kHalfEven && site.op.offset == 0;
  if (!plain) return false;
  input->is_signed = site.op.low < 0;
  const auto low = static_cast<double>(site.op.low), high = static_cast<double>(site.op.high);
  const int bits = integer::bits_for(low, high);
  input->bits = static_cast<std::uint32_t>(input->is_signed ? bits : bits - 1);
  const std::size_t channels = index(integer::channels_of(graph_[source].shape));
  sent_[source.index] = {1, ChannelIntervals(channels, Interval{low, high})};
  graph_[source].payload_value = unit.reshaped({});
  for (const ProjectionId p : graph_.outgoing(site.population)) graph_[p].source = source;
  graph_.remove(site.population);
  return true;
}

void IntegerLayers::make_input(PopulationId id, const std::optional<InputRange>& range) {
  Population& population = graph_[id];
  Input& input = std::get<Input>(population.neuron);
  if (input.bits > 0) return;
  const auto bits = static_cast<int>(options_.input_bits);
  input.bits = options_.input_bits;
  input.is_signed = range && range->low < 0;
  const double most = range ? std::max(std::abs(range->low), range->high) : 1;
  const double levels = std::ldexp(1.0, input.is_signed ? bits - 1 : bits) - 1;
  const double unit = most > 0 ? most / levels : 1;
  population.provisional = !range;
  // The stored range is one wider than the levels below 0.
  const Interval payload{input.is_signed ? -levels - 1 : 0, levels};
  const std::size_t channels = index(integer::channels_of(population.shape));
  sent_[id.index] = {unit, ChannelIntervals(channels, payload)};
  population.payload_value = Tensor::scalar(unit);
  fact(id, "payload_value", unit);
}

void IntegerLayers::make_relay(PopulationId id) {
  Population& population = graph_[id];
  sent_[id.index].channels.resize(index(integer::channels_of(population.shape)));
  if (population.bias.defined()) {
    return refuse(id, "exact.unsupported-op",
                  fmt::format("'{}' adds a bias between two linear layers, where nothing counts",
                              node_of(id)),
                  "quantise the activation behind it, so that neurons stand there");
  }
  std::vector<Branch> parts = branches(id, false);
  const auto unit_of = [&](const Branch& part) { return sent_[graph_[part.id].source.index].unit; };
  bool only_adds = true;
  for (const Branch& part : parts) {
    only_adds = only_adds && integer::all_ones(graph_[part.id].connectivity) &&
                unit_of(part) == unit_of(parts.front());
  }
  Interval every;
  Sent& sent = sent_[id.index];
  if (only_adds) {
    const double unit = unit_of(parts.front());
    sent.unit = unit;
    for (Branch& part : parts) {
      part.whole = part.real;
      std::ranges::fill(part.whole.value, 1.0);
    }
    sent.channels = sums(id, parts, every);
    store_weights(parts, {unit});
    const std::size_t channels = index(integer::channels_of(population.shape));
    population.payload_value = integer::scaled_value(population.payload_value, population.shape,
                                                     std::vector<double>(channels, unit));
  } else {
    const std::vector<double> unit = sum_units(id, parts, false);
    round_weights(parts, unit, 0);
    sent.unit = unit[0];
    sent.channels = sums(id, parts, every);
    store_weights(parts, unit);
    population.payload_value = Tensor::scalar(unit[0]);
  }
  if (!every.fits_int32()) overflow(id, {.sum = every, .range = every});
}

void IntegerLayers::make_readout(PopulationId id) {
  std::vector<Branch> parts = branches(id, false);
  const std::vector<double> unit = sum_units(id, parts, false);
  const bool automatic = options_.fraction_bits < 0;
  Candidate chosen;
  int fraction_bits = automatic ? kMostFractionBits : options_.fraction_bits;
  for (;; --fraction_bits) {
    chosen = Candidate{.fraction_bits = fraction_bits,
                       .membrane = {std::ldexp(unit[0], -fraction_bits)}};
    round_weights(parts, unit, fraction_bits);
    chosen.bias = whole_bias(id, chosen.membrane);
    const ChannelIntervals sum = sums(id, parts, chosen.sum);
    for (std::size_t c = 0; c < sum.size(); ++c) {
      const auto channel = static_cast<std::int64_t>(c);
      chosen.sum = chosen.sum.hull(sum[c] + bias_of_channel(id, chosen.bias, channel).hull({}));
    }
    chosen.range = chosen.sum;
    chosen.fits = chosen.sum.fits_int32();
    if (has_room(chosen.sum) || !automatic || fraction_bits == 0) break;
  }
  if (!chosen.fits) return overflow(id, chosen);
  store(id, parts, chosen);
}

void IntegerLayers::store(PopulationId id, const std::vector<Branch>& parts,
                          const Candidate& chosen) {
  Population& population = graph_[id];
  if (!chosen.bias.empty()) {
    const bool per_neuron = std::ssize(chosen.bias) == population.size() &&
                            std::ssize(chosen.bias) != integer::channels_of(population.shape);
    population.bias = whole_tensor(chosen.bias, false);
    if (per_neuron) population.bias = population.bias.reshaped(population.shape);
  }
  if (auto* neuron = std::get_if<If>(&population.neuron)) {
    const auto equal = [](const std::vector<std::int64_t>& list) {
      return std::ranges::all_of(list, [&](std::int64_t v) { return v == list[0]; });
    };
    neuron->firing.threshold = whole_tensor(chosen.threshold, equal(chosen.threshold));
    neuron->firing.initial_membrane = whole_tensor(chosen.initial, equal(chosen.initial));
    fact(
        id, "levels",
        static_cast<double>(neuron->firing.emission.max_total - neuron->firing.emission.min_total));
  }
  const std::size_t channels = index(integer::channels_of(population.shape));
  std::vector<double> membrane = chosen.membrane;
  membrane.resize(channels, membrane.front());
  population.membrane_value = integer::scaled_value({}, population.shape, membrane);
  store_weights(parts, chosen.membrane);
  fact(id, "fraction_bits", chosen.fraction_bits);
  fact(id, "sum_bits", integer::bits_for(chosen.sum.low, chosen.sum.high));
  fact(id, "membrane_bits", integer::bits_for(chosen.range.low, chosen.range.high));
}

const std::string& IntegerLayers::node_of(PopulationId id) const {
  const auto site = std::ranges::find(sites_, id, &lower::LevelSite::population);
  return site == sites_.end() ? graph_[id].name : site->node;
}

void IntegerLayers::refuse(PopulationId id, std::string_view code, std::string message,
                           std::string help) {
  context_.diagnostics.report(
      error(code, ModelNode{path_, node_of(id)}, std::move(message), std::move(help)));
}

void IntegerLayers::overflow(PopulationId id, const Candidate& candidate) {
  const int bits = std::max(integer::bits_for(candidate.sum.low, candidate.sum.high),
                            integer::bits_for(candidate.range.low, candidate.range.high));
  refuse(id, "exact.overflow",
         fmt::format("'{}' needs {} bits for its sums and membranes at {} fraction bits, and there "
                     "are 32",
                     node_of(id), bits, candidate.fraction_bits),
         "use fewer weight_bits, input_bits or fraction_bits");
}

void IntegerLayers::fact(PopulationId id, const char* name, double value) {
  context_.facts.push_back({"exact", graph_[id].name, name, value});
}

}  // namespace neurotool::exact
