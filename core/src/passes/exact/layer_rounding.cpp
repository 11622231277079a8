// Layers that round halves to even, as ONNX does: one neuron where it provably follows the rule,
// several that share the levels where it does not.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "passes/exact/integer_layers.hpp"
#include "passes/spike/parameters.hpp"

namespace neurotool::exact {
namespace {

using integer::ChannelIntervals;
using integer::Interval;

constexpr int kMostFractionBits = 16;
constexpr std::size_t kMostParts = 32;
constexpr double kNear = 1e-3;  // of a unit of the sum

/// One synapse of weight 1 for each neuron.
Connectivity identity() { return OneToOne{Tensor::scalar(1.0f)}; }

}  // namespace

ThresholdTable IntegerLayers::table_of(const lower::LevelSite& site, std::int64_t channel,
                                       double unit, const Interval& sums, double whole_bias,
                                       double& sums_per_count) const {
  const Population& population = graph_[site.population];
  const std::int64_t neuron =
      channel * (population.size() / integer::channels_of(population.shape));
  const double level = integer::parameter_at(population.payload_value, population.shape, neuron, 1);
  // What is left of a bias that lies between two sums belongs to the rule, unless it is what
  // float32 leaves of a whole number of units.
  const double rest =
      integer::parameter_at(population.bias, population.shape, neuron, 0) / unit - whole_bias;
  const double offset = std::abs(rest) < kNear + std::ldexp(std::abs(whole_bias), -22) ? 0 : rest;
  const bool half_up = options_.rounding == RoundingRule::kHalfUp;
  const auto multiplier = static_cast<float>(unit / level);
  sums_per_count = half_up ? level / unit : 1.0 / double{multiplier};
  const auto rule = [&](std::int64_t a) {
    return half_up ? half_up_count(a, offset, unit / level, site.op.low, site.op.high)
                   : onnx_count(a, offset, multiplier, site.op.low, site.op.high);
  };
  return threshold_table(rule, static_cast<std::int64_t>(sums.low),
                         static_cast<std::int64_t>(sums.high), site.op.low, site.op.high);
}

std::optional<IntegerLayers::Rule> IntegerLayers::rule_of(const lower::LevelSite& site,
                                                          std::vector<Branch>& parts,
                                                          const std::vector<double>& unit) {
  const PopulationId id = site.population;
  if (parts.size() != 1) {
    refuse(id, "exact.scales",
           fmt::format("'{}' rounds halves to even a sum of {} branches with scales of their own",
                       node_of(id), parts.size()),
           "set 'rounding: half_up' in 'exact', which defines the sum in whole numbers");
    return {};
  }
  round_weights(parts, unit, 0);
  Interval every;
  const ChannelIntervals sum = sums(id, parts, every);
  Rule rule;
  rule.bias = whole_bias(id, unit);
  for (std::size_t c = 0; c < unit.size(); ++c) {
    const auto channel = static_cast<std::int64_t>(c);
    const Interval shift = bias_of_channel(id, rule.bias, channel);
    if (shift.low != shift.high) {
      refuse(id, "exact.scales",
             fmt::format("'{}' adds a bias of its own at each position", node_of(id)),
             "give the layer one bias for each channel");
      return {};
    }
    const Interval all = sum[c] + shift;
    if (!all.fits_int32()) {
      overflow(id, {.sum = all, .range = all});
      return {};
    }
    double sums_per_count = 0;
    rule.tables.push_back(table_of(site, channel, unit[c], all, shift.low, sums_per_count));
    rule.sums_per_count.push_back(sums_per_count);
  }
  return rule;
}

tl::expected<IntegerLayers::Candidate, IntegerLayers::Uncertified> IntegerLayers::certified(
    const lower::LevelSite& site, std::vector<Branch>& parts, const std::vector<double>& unit,
    const Rule& rule) {
  std::vector<Certificate> found;
  int bits = 0;
  for (std::size_t c = 0; c < unit.size(); ++c) {
    const auto one = certify(rule.tables[c], rule.sums_per_count[c], kMostFractionBits);
    if (!one) return tl::unexpected(Uncertified{static_cast<std::int64_t>(c), one.error()});
    found.push_back(*one);
    bits = std::max(bits, one->fraction_bits);
  }
  Candidate candidate;
  candidate.fraction_bits = bits;
  for (std::size_t c = 0; c < unit.size(); ++c) {
    const Certificate wide = found[c].widened(bits);
    candidate.threshold.push_back(wide.threshold);
    candidate.initial.push_back(wide.initial);
    candidate.membrane.push_back(std::ldexp(unit[c], -bits));
  }
  for (const std::int64_t b : rule.bias) candidate.bias.push_back(b * (std::int64_t{1} << bits));
  round_weights(parts, unit, bits);
  check_range(site, sums(site.population, parts, candidate.sum), candidate);
  fact(site.population, "certified_channels", static_cast<double>(found.size()));
  return candidate;
}

void IntegerLayers::refuse_rounding(const lower::LevelSite& site, const Uncertified& none) {
  const bool half_up = options_.rounding == RoundingRule::kHalfUp;
  const PopulationId id = site.population;
  refuse(id, "exact.certificate",
         fmt::format("channel {} of '{}' has no threshold with {} fraction bits or fewer that "
                     "places the step to level {} where rounding halves {} puts it{}",
                     none.channel, node_of(id), none.why.fraction_bits, none.why.count,
                     half_up ? "up" : "to even",
                     half_up ? "" : fmt::format(", nor have {} populations together", kMostParts)),
         half_up ? "use fewer levels"
                 : "set 'rounding: half_up' in 'exact': counts then differ from the network's only "
                   "where float32 sees a tie");
}

/// Thresholds of each part with the most fraction bits that 32 bits leave; nothing where there are
/// too many parts.
std::optional<std::vector<IntegerLayers::Candidate>> IntegerLayers::part_candidates(
    const lower::LevelSite& site, const std::vector<double>& unit, const Rule& rule,
    const ChannelIntervals& sum, std::vector<LevelPart>& found) {
  for (int bits = kMostFractionBits; bits >= 0; --bits) {
    ChannelIntervals wide = sum;
    for (Interval& one : wide) one = one.times(std::ldexp(1.0, bits));
    if (!std::ranges::all_of(wide, [](const Interval& one) { return has_room(one); })) continue;
    const auto parts = level_parts(rule.tables, bits, kMostParts);
    if (!parts) return {};
    std::vector<Candidate> candidates;
    for (const LevelPart& part : *parts) {
      Candidate& candidate = candidates.emplace_back();
      candidate.fraction_bits = bits;
      for (std::size_t c = 0; c < unit.size(); ++c) {
        const double per_count = rule.sums_per_count[c] * static_cast<double>(part.stride);
        const auto one = certify(part_of(rule.tables[c], part), per_count, bits);
        if (!one) return {};
        const Certificate all_bits = one->widened(bits);
        candidate.threshold.push_back(all_bits.threshold);
        candidate.initial.push_back(all_bits.initial);
        candidate.membrane.push_back(std::ldexp(unit[c], -bits));
      }
      for (const std::int64_t b : rule.bias) {
        candidate.bias.push_back(b * (std::int64_t{1} << bits));
      }
      lower::LevelSite own = site;
      own.op.high = part.levels();
      check_range(own, wide, candidate);
    }
    found = *parts;
    if (std::ranges::all_of(candidates, &Candidate::has_room)) return candidates;
  }
  return {};
}

/// The sums of the layer, which several populations read.
PopulationId IntegerLayers::relay_before(PopulationId id, std::vector<Branch>& parts,
                                         const std::vector<double>& unit) {
  Population relay;
  relay.name = graph_[id].name + "_sum";
  relay.shape = graph_[id].shape;
  relay.neuron = Relay{};
  relay.origins = graph_[id].origins;
  relay.payload_value = integer::scaled_value({}, relay.shape, unit);
  const PopulationId made = graph_.add(std::move(relay));
  graph_[parts[0].id].target = made;
  round_weights(parts, unit, 0);
  Interval every;
  sent_.resize(graph_.populations.size());
  sent_[made.index].channels = sums(made, parts, every);
  store_weights(parts, unit);
  return made;
}

/// The counts of all of them, for those who read the one.
void IntegerLayers::relay_behind(PopulationId id, const std::vector<PopulationId>& sources) {
  Population relay;
  relay.name = graph_[id].name + "_count";
  relay.shape = graph_[id].shape;
  relay.neuron = Relay{};
  relay.origins = graph_[id].origins;
  relay.payload_value = graph_[id].payload_value;
  const PopulationId made = graph_.add(std::move(relay));
  sent_.resize(graph_.populations.size());
  sent_[made.index] = sent_[id.index];
  for (const ProjectionId p : graph_.outgoing(id)) graph_[p].source = made;
  for (const PopulationId source : sources) {
    const Tensor one = Tensor::scalar(std::int8_t{1})
                           .with_quantization({.scales = {1}, .zero_point = 0, .bits = 8});
    graph_.connect(source, made, OneToOne{one});
  }
}

bool IntegerLayers::split(const lower::LevelSite& site, std::vector<Branch>& parts,
                          const std::vector<double>& unit, const Rule& rule) {
  const PopulationId id = site.population;
  round_weights(parts, unit, 0);
  Interval every;
  const ChannelIntervals sum = sums(id, parts, every);
  std::vector<LevelPart> levels;
  const auto candidates = part_candidates(site, unit, rule, sum, levels);
  if (!candidates) return false;
  const PopulationId before = relay_before(id, parts, unit);
  std::vector<PopulationId> populations{id};
  while (populations.size() < levels.size()) populations.push_back(graph_.add(graph_[id]));
  relay_behind(id, populations);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const PopulationId own = populations[i];
    std::get<If>(graph_[own].neuron).firing.emission.max_total = levels[i].levels();
    Branch branch;
    branch.id = graph_.connect(before, own, identity());
    branch.real = integer::weights_of(identity(), graph_[own].shape, true);
    branch.whole = branch.real;
    branch.shift = static_cast<std::uint32_t>((*candidates)[i].fraction_bits);
    store(own, {branch}, (*candidates)[i]);
    const Interval counts{0, static_cast<double>(levels[i].levels())};
    sent_[own.index] = {1, ChannelIntervals(unit.size(), counts)};
  }
  fact(id, "parts", static_cast<double>(levels.size()));
  has_split_ = true;
  return true;
}

}  // namespace neurotool::exact
