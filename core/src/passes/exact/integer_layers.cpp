// The walk over the populations, and thresholds by either rule: floor with an offset, which is the
// neuron's own arithmetic, or the network's rounding, through a table and a certificate.
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

/// The sum of magnitudes is the difference of both bounds at most.
bool has_room(const Interval& sum) { return sum.low >= -0x1p30 && sum.high <= 0x1p30; }

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

void IntegerLayers::make_site(const lower::LevelSite& site) {
  const PopulationId id = site.population;
  // Known whatever becomes of the layer, so that the layers behind it are judged too.
  const std::size_t channels = index(integer::channels_of(graph_[id].shape));
  const Interval counts{static_cast<double>(site.op.low), static_cast<double>(site.op.high)};
  sent_[id.index] = {1, ChannelIntervals(channels, counts)};
  std::vector<Branch> parts = branches(id, true);
  const std::vector<double> unit = sum_units(id, parts, true);
  const bool floors =
      site.op.rounding == LevelRounding::kFloor || options_.rounding == RoundingRule::kHalfUp;
  std::optional<Candidate> chosen;
  if (floors) {
    const bool automatic = options_.fraction_bits < 0;
    int fraction_bits = automatic ? kMostFractionBits : options_.fraction_bits;
    chosen = floored(site, parts, unit, fraction_bits);
    while (automatic && !chosen->has_room && fraction_bits > 0) {
      chosen = floored(site, parts, unit, --fraction_bits);
    }
    if (std::ranges::min(chosen->threshold) < 1) {
      return refuse(id, "exact.threshold",
                    fmt::format("a level of '{}' is below half a unit of its sum at {} fraction "
                                "bits",
                                node_of(id), fraction_bits),
                    "use more weight_bits, or calibrate with granularity layer");
    }
  } else {
    chosen = certified(site, parts, unit);
    if (!chosen) return;
  }
  if (!chosen->fits) return overflow(id, *chosen);
  store(id, parts, *chosen);
}

std::vector<std::int64_t> IntegerLayers::whole_bias(PopulationId id,
                                                    const std::vector<double>& unit) const {
  const Population& population = graph_[id];
  std::vector<std::int64_t> result;
  if (!population.bias.defined()) return result;
  const std::int64_t neurons = population.size(), channels = integer::channels_of(population.shape);
  const bool per_neuron = population.bias.rank() > 0 && population.bias.size() != channels;
  const std::int64_t count = per_neuron ? neurons : channels;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t neuron = i * (neurons / count);
    const std::size_t c = index(integer::channel_of(population.shape, neuron));
    const double real = integer::parameter_at(population.bias, population.shape, neuron, 0);
    result.push_back(
        static_cast<std::int64_t>(integer::round_half_even(real / unit[unit.size() == 1 ? 0 : c])));
  }
  return result;
}

Interval IntegerLayers::bias_of_channel(PopulationId id, const std::vector<std::int64_t>& bias,
                                        std::int64_t channel) const {
  if (bias.empty()) return {};
  const std::int64_t channels = integer::channels_of(graph_[id].shape);
  const std::int64_t inner = static_cast<std::int64_t>(bias.size()) / channels;
  const auto first = bias.begin() + channel * inner;
  const auto [low, high] = std::ranges::minmax(std::span(first, index(inner)));
  return {static_cast<double>(low), static_cast<double>(high)};
}

IntegerLayers::Candidate IntegerLayers::floored(const lower::LevelSite& site,
                                                std::vector<Branch>& parts,
                                                const std::vector<double>& unit,
                                                int fraction_bits) const {
  const Population& population = graph_[site.population];
  Candidate candidate;
  candidate.fraction_bits = fraction_bits;
  for (const double u : unit) candidate.membrane.push_back(std::ldexp(u, -fraction_bits));
  round_weights(parts, unit, fraction_bits);
  candidate.bias = whole_bias(site.population, candidate.membrane);
  const double offset =
      site.op.rounding == LevelRounding::kFloor ? double{site.op.offset} : site.op.offset + 0.5;
  const std::int64_t inner = population.size() / integer::channels_of(population.shape);
  for (std::size_t c = 0; c < unit.size(); ++c) {
    const auto neuron = static_cast<std::int64_t>(c) * inner;
    const double level =
        integer::parameter_at(population.payload_value, population.shape, neuron, 1);
    const double theta = std::min(std::nearbyint(level / candidate.membrane[c]), 0x1p62);
    candidate.threshold.push_back(static_cast<std::int64_t>(theta));
    candidate.initial.push_back(static_cast<std::int64_t>(std::floor(offset * theta)));
  }
  check_range(site, sums(site.population, parts, candidate.sum), candidate);
  return candidate;
}

std::optional<IntegerLayers::Candidate> IntegerLayers::certified(const lower::LevelSite& site,
                                                                 std::vector<Branch>& parts,
                                                                 const std::vector<double>& unit) {
  const PopulationId id = site.population;
  const Population& population = graph_[id];
  if (parts.size() != 1) {
    refuse(id, "exact.scales",
           fmt::format("'{}' rounds halves to even a sum of {} branches with scales of their own",
                       node_of(id), parts.size()),
           "set 'rounding: half_up' in 'exact', which defines the sum in whole numbers");
    return {};
  }
  round_weights(parts, unit, 0);
  Candidate candidate;
  const ChannelIntervals sum = sums(id, parts, candidate.sum);
  const std::vector<std::int64_t> bias = whole_bias(id, unit);
  const std::int64_t inner = population.size() / integer::channels_of(population.shape);
  std::vector<Certificate> found;
  for (std::size_t c = 0; c < unit.size(); ++c) {
    const auto neuron = static_cast<std::int64_t>(c) * inner;
    const double level =
        integer::parameter_at(population.payload_value, population.shape, neuron, 1);
    const double real_bias =
        integer::parameter_at(population.bias, population.shape, neuron, 0) / unit[c];
    const Interval shift = bias_of_channel(id, bias, static_cast<std::int64_t>(c));
    // What is left of a bias that lies between two sums belongs to the rule.
    const double rest = shift.low == shift.high ? real_bias - shift.low : 0;
    const double offset = std::abs(rest) < 1e-3 ? 0 : rest;
    const auto multiplier = static_cast<float>(unit[c] / level);
    const auto rule = [&](std::int64_t a) {
      return onnx_count(a, offset, multiplier, site.op.low, site.op.high);
    };
    const Interval all{sum[c].low + shift.low, sum[c].high + shift.high};
    if (!all.fits_int32()) {
      overflow(id, {.sum = all, .range = all});
      return {};
    }
    const ThresholdTable table =
        threshold_table(rule, static_cast<std::int64_t>(all.low),
                        static_cast<std::int64_t>(all.high), site.op.low, site.op.high);
    const auto certificate = certify(table, level / unit[c], kMostFractionBits);
    if (!certificate) {
      const NoCertificate& none = certificate.error();
      refuse(id, "exact.certificate",
             fmt::format("channel {} of '{}' has no threshold with {} fraction bits or fewer that "
                         "places the step to level {} where rounding halves to even puts it",
                         c, node_of(id), kMostFractionBits, none.count),
             "set 'rounding: half_up' in 'exact': counts then differ from the network's on ties, "
             "and on nothing else");
      return {};
    }
    found.push_back(*certificate);
  }
  int bits = 0;
  for (const Certificate& one : found) bits = std::max(bits, one.fraction_bits);
  candidate.fraction_bits = bits;
  for (std::size_t c = 0; c < unit.size(); ++c) {
    const Certificate wide = found[c].widened(bits);
    candidate.threshold.push_back(wide.threshold);
    candidate.initial.push_back(wide.initial);
    candidate.membrane.push_back(std::ldexp(unit[c], -bits));
  }
  for (const std::int64_t b : bias) candidate.bias.push_back(b * (std::int64_t{1} << bits));
  round_weights(parts, unit, bits);
  candidate.sum = {};
  check_range(site, sums(id, parts, candidate.sum), candidate);
  fact(id, "certified_channels", static_cast<double>(found.size()));
  return candidate;
}

/// The membrane over a run. Sums of counts that have come so far stay between the bounds of the
/// whole sum with 0 among them, doubled binary digits too; firing takes away what was counted.
void IntegerLayers::check_range(const lower::LevelSite& site, const ChannelIntervals& sum,
                                Candidate& candidate) const {
  const auto low = static_cast<double>(site.op.low), high = static_cast<double>(site.op.high);
  for (std::size_t c = 0; c < sum.size(); ++c) {
    const auto theta = static_cast<double>(candidate.threshold[c]);
    const auto initial = static_cast<double>(candidate.initial[c]);
    const Interval bias =
        bias_of_channel(site.population, candidate.bias, static_cast<std::int64_t>(c)).hull({});
    Interval all = (sum[c] + bias) + Interval{std::min(initial, 0.0), std::max(initial, 0.0)};
    candidate.sum = candidate.sum.hull(sum[c] + bias);
    if (is_concurrent(realisation_)) all = all + Interval{-high * theta, -low * theta};
    const double digit = realisation_ == Realisation::kRadix ? (high + 1) / 2 * theta : theta;
    candidate.range = candidate.range.hull(all).hull({0, digit});
  }
  candidate.fits = candidate.sum.fits_int32() && candidate.range.fits_int32();
  candidate.has_room = candidate.fits && has_room(candidate.sum);
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
