// Thresholds and v(0) of one layer, by either rule: floor with an offset, which is the neuron's own
// arithmetic, or the network's rounding, through a table and a certificate.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "passes/exact/integer_layers.hpp"

namespace neurotool::exact {
namespace {

using integer::ChannelIntervals;
using integer::Interval;

constexpr int kMostFractionBits = 16;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

void IntegerLayers::make_site(const lower::LevelSite& site) {
  const PopulationId id = site.population;
  // Known whatever becomes of the layer, so that the layers behind it are judged too.
  const std::size_t channels = index(integer::channels_of(graph_[id].shape));
  const Interval counts{static_cast<double>(site.op.low), static_cast<double>(site.op.high)};
  sent_[id.index] = {1, ChannelIntervals(channels, counts)};
  std::vector<Branch> parts = branches(id, true);
  const std::vector<double> unit = sum_units(id, parts, true);
  const bool half_up = options_.rounding == RoundingRule::kHalfUp;
  // A sum of branches with halves up is defined in whole numbers, as one that floors is.
  const bool floors = site.op.rounding == LevelRounding::kFloor || (half_up && parts.size() > 1);
  std::optional<Candidate> chosen;
  if (!floors) {
    const auto rule = rule_of(site, parts, unit);
    if (!rule) return;
    auto one = certified(site, parts, unit, *rule);
    const bool may_split = !half_up && site.op.low == 0;
    if (may_split && !(one && one->fits) && split(site, parts, unit, *rule)) return;
    if (!one) return refuse_rounding(site, one.error());
    chosen = *std::move(one);
  }
  if (floors || (half_up && !chosen->fits)) {
    chosen = most_precise(site, parts, unit);
    if (std::ranges::min(chosen->threshold) < 1) {
      return refuse(id, "exact.threshold",
                    fmt::format("a level of '{}' is below half a unit of its sum at {} fraction "
                                "bits",
                                node_of(id), chosen->fraction_bits),
                    "use more weight_bits, or calibrate with granularity layer");
    }
    if (!floors && chosen->fits) report_moved(site, parts, unit, *chosen);
  }
  if (!chosen->fits) return overflow(id, *chosen);
  store(id, parts, *chosen);
}

/// The rule that neurons follow by themselves, with as many fraction bits as fit.
IntegerLayers::Candidate IntegerLayers::most_precise(const lower::LevelSite& site,
                                                     std::vector<Branch>& parts,
                                                     const std::vector<double>& unit) const {
  const bool automatic = options_.fraction_bits < 0;
  int fraction_bits = automatic ? kMostFractionBits : options_.fraction_bits;
  Candidate chosen = floored(site, parts, unit, fraction_bits);
  while (automatic && !chosen.has_room && fraction_bits > 0) {
    chosen = floored(site, parts, unit, --fraction_bits);
  }
  return chosen;
}

/// Halves up, but in fewer fraction bits than a certificate takes: how many levels begin at another
/// sum than in the network.
void IntegerLayers::report_moved(const lower::LevelSite& site, const std::vector<Branch>& parts,
                                 const std::vector<double>& unit, const Candidate& chosen) {
  const PopulationId id = site.population;
  Interval every;
  const ChannelIntervals sum = sums(id, parts, every);
  const std::int64_t inner = graph_[id].size() / integer::channels_of(graph_[id].shape);
  const auto power = std::int64_t{1} << chosen.fraction_bits;
  std::int64_t moved = 0, all = 0;
  for (std::size_t c = 0; c < unit.size(); ++c) {
    const auto neuron = static_cast<std::int64_t>(c) * inner;
    const double level =
        integer::parameter_at(graph_[id].payload_value, graph_[id].shape, neuron, 1);
    const double bias = integer::parameter_at(graph_[id].bias, graph_[id].shape, neuron, 0);
    const auto rule = [&](std::int64_t a) {
      return half_up_count(a, bias / unit[c], unit[c] / level, site.op.low, site.op.high);
    };
    // Sums are in membrane units by now.
    const ThresholdTable table =
        threshold_table(rule, static_cast<std::int64_t>(sum[c].low) / power,
                        static_cast<std::int64_t>(sum[c].high) / power, site.op.low, site.op.high);
    const std::int64_t whole_bias = chosen.bias.empty() ? 0 : chosen.bias[c];
    const Certificate neuron_rule{chosen.fraction_bits, chosen.threshold[c],
                                  chosen.initial[c] + whole_bias};
    for (std::size_t i = 0; i < table.rises.size(); ++i) {
      const std::int64_t k = table.low + 1 + static_cast<std::int64_t>(i);
      if (table.rises[i] == ThresholdTable::kNever) continue;
      const std::int64_t at = table.rises[i];
      const bool same = neuron_rule.count(at, table.low, table.high) >= k &&
                        (at == table.least || neuron_rule.count(at - 1, table.low, table.high) < k);
      moved += same ? 0 : 1;
      ++all;
    }
  }
  fact(id, "moved_levels", static_cast<double>(moved));
  if (moved == 0) return;
  context_.diagnostics.report(warning(
      "exact.moved-levels", ModelNode{path_, node_of(id)},
      fmt::format("{} of {} levels of '{}' begin at a sum beside the network's: 32 bits leave {} "
                  "fraction bits",
                  moved, all, node_of(id), chosen.fraction_bits),
      "the spiking network is exact for the levels as they are now; use fewer levels for those "
      "of the file"));
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
  const ChannelIntervals sum = sums(site.population, parts, candidate.sum);
  lower_unreached(site, sum, candidate);
  check_range(site, sum, candidate);
  return candidate;
}

/// A channel of tiny weights has a threshold far above all that can arrive. Any threshold above
/// that is never reached either, and needs fewer bits.
void IntegerLayers::lower_unreached(const lower::LevelSite& site, const ChannelIntervals& sum,
                                    Candidate& candidate) const {
  if (site.op.low < 0) return;
  for (std::size_t c = 0; c < sum.size(); ++c) {
    const Interval bias =
        bias_of_channel(site.population, candidate.bias, static_cast<std::int64_t>(c));
    const double most = std::max(sum[c].high, 0.0) + std::max(bias.high, 0.0);
    const auto theta = static_cast<double>(candidate.threshold[c]);
    if (most + static_cast<double>(candidate.initial[c]) >= theta || most >= 0x1p62) continue;
    candidate.threshold[c] = std::min(candidate.threshold[c], static_cast<std::int64_t>(most) + 1);
    candidate.initial[c] = 0;
  }
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

}  // namespace neurotool::exact
