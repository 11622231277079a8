// What the chip has no exact form for. Nothing is approximated: it is mapped, or refused by name.
#include <algorithm>

#include "compile.hpp"

namespace neurotool::spikecore {
namespace {

std::string quoted(const std::string& name) { return "'" + name + "'"; }
std::string number(std::int64_t value) { return std::to_string(value); }

Refusal population_refusal(std::uint32_t index, std::string code, std::string message,
                           std::string help) {
  return {Refusal::Subject::kPopulation,
          index,
          false,
          std::move(code),
          std::move(message),
          std::move(help)};
}

class Finder {
 public:
  Finder(const Network& network, const CompileOptions& options)
      : network_(network), options_(options) {}

  std::vector<Refusal> find() {
    for (std::uint32_t i = 0; i < network_.populations.size(); ++i) check_population(i);
    for (std::uint32_t i = 0; i < network_.projections.size(); ++i) check_projection(i);
    if (found_.empty()) check_relays();
    return std::move(found_);
  }

 private:
  void add(Refusal refusal) { found_.push_back(std::move(refusal)); }

  void check_population(std::uint32_t index) {
    const Population& p = network_.populations[index];
    if (p.model == Model::kInput) {
      const std::uint32_t most = 8;
      if (p.bits == 0 || p.bits > most) {
        add(population_refusal(index, "spikecore.input-bits",
                               "input " + quoted(p.name) + " has values of " +
                                   number(p.bits == 0 ? 32 : p.bits) + " bits; a spike carries 8",
                               "quantize: { input_bits: 8 }"));
      }
    }
    if (options_.schedule == Schedule::kDirect && p.model == Model::kInput && !p.held) {
      add({Refusal::Subject::kOption, 0, false, "spikecore.schedule",
           "schedule direct computes an input once, and " + quoted(p.name) +
               " changes from step to step",
           "schedule: streamed, or auto"});
    }
    if (options_.profile == Profile::kStrict) check_strict(index);
  }

  void check_strict(std::uint32_t index) {
    const Population& p = network_.populations[index];
    if (p.model == Model::kInput) return;
    const std::string help = "profile: v1";
    if (p.fires() && p.reset == Reset::kSubtract) {
      add(population_refusal(index, "spikecore.strict",
                             quoted(p.name) + " resets by subtraction; profile strict sets a "
                                              "membrane to 0 alone",
                             help));
    }
    const auto is_zero = [](std::int32_t value) { return value == 0; };
    if (!std::ranges::all_of(p.bias.values, is_zero)) {
      add(population_refusal(index, "spikecore.strict",
                             quoted(p.name) + " has a bias; profile strict has no BIAS", help));
    }
    if (!p.decay.empty()) {
      add(population_refusal(index, "spikecore.strict",
                             quoted(p.name) + " leaks before it sums, which needs a second "
                                              "accumulator; profile strict has one",
                             help));
    }
  }

  void check_projection(std::uint32_t index) {
    const Projection& p = network_.projections[index];
    if (p.delay > 255) {
      add({Refusal::Subject::kProjection, index, false, "spikecore.delay",
           quoted(p.name) + " has a delay of " + number(p.delay) + " steps; a route holds 255",
           "shorten the delay"});
    }
    if (options_.profile == Profile::kStrict && (p.shift > 0 || p.delay > 0)) {
      add({Refusal::Subject::kProjection, index, false, "spikecore.strict",
           quoted(p.name) + " has a shift of " + number(p.shift) + " and a delay of " +
               number(p.delay) + "; profile strict has neither",
           "quantize: { fraction_bits: 0 }, or profile: v1"});
    }
    const bool wide =
        std::ranges::any_of(p.weight, [](std::int32_t w) { return w < -128 || w > 127; });
    if (options_.profile == Profile::kStrict && wide) {
      add({Refusal::Subject::kProjection, index, false, "spikecore.strict",
           quoted(p.name) +
               " has weights of more than 8 bits; profile strict adds them as they are",
           "profile: v1"});
    }
  }

  void check_relays() {
    const std::vector<PayloadRange> ranges = payload_ranges(network_);
    for (std::uint32_t i = 0; i < network_.populations.size(); ++i) {
      const Population& p = network_.populations[i];
      if (p.model != Model::kRelay) continue;
      if (ranges[i].least >= -128 && ranges[i].most <= 127) continue;
      add(population_refusal(i, "spikecore.payload",
                             "relay " + quoted(p.name) + " may send " + number(ranges[i].least) +
                                 " to " + number(ranges[i].most) + "; a spike carries -128 to 127",
                             "pool over smaller windows, or average in the layer behind it"));
    }
  }

  const Network& network_;
  const CompileOptions& options_;
  std::vector<Refusal> found_;
};

PayloadRange input_range(const Population& p) {
  if (p.bits == 0 || p.bits > 31) return {INT32_MIN, INT32_MAX};
  if (p.is_signed) {
    return {-(std::int64_t{1} << (p.bits - 1)), (std::int64_t{1} << (p.bits - 1)) - 1};
  }
  return {0, (std::int64_t{1} << p.bits) - 1};
}

}  // namespace

std::vector<PayloadRange> payload_ranges(const Network& network) {
  std::vector<PayloadRange> ranges(network.populations.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const Population& p = network.populations[i];
    if (p.model == Model::kInput) ranges[i] = input_range(p);
    if (p.fires()) ranges[i] = {0, 1};
  }
  // Relays hear each other without loops, so as many rounds as there are settle them.
  for (std::size_t round = 0; round < ranges.size(); ++round) {
    bool changed = false;
    for (std::uint32_t i = 0; i < ranges.size(); ++i) {
      if (network.populations[i].model != Model::kRelay) continue;
      const Population& p = network.populations[i];
      PayloadRange range;
      for (const std::int32_t b : p.bias.values) {
        range = {std::min<std::int64_t>(range.least, b), std::max<std::int64_t>(range.most, b)};
      }
      const std::vector<AxonBlock> blocks = lay_out_axons(network, i);
      for (std::uint32_t k = 0; k < network.projections.size(); ++k) {
        const Projection& projection = network.projections[k];
        if (projection.target != i) continue;
        const PayloadRange in = ranges[projection.source];
        const Rows rows(network, k, block_of(blocks, projection));
        std::int64_t least = 0, most = 0;
        std::vector<Run> runs;
        for (std::int64_t n = 0; n < p.neurons; ++n) {
          rows.runs_of(n, runs);
          std::int64_t low = 0, high = 0;
          for (const Run& run : runs) {
            for (const std::int32_t w : rows.weights_of(run)) {
              low += std::min(w * in.least, w * in.most);
              high += std::max(w * in.least, w * in.most);
            }
          }
          least = std::min(least, low);
          most = std::max(most, high);
        }
        range.least += least * (std::int64_t{1} << projection.shift);
        range.most += most * (std::int64_t{1} << projection.shift);
      }
      changed = changed || range.least != ranges[i].least || range.most != ranges[i].most;
      ranges[i] = range;
    }
    if (!changed) break;
  }
  return ranges;
}

std::vector<Refusal> find_refusals(const Network& network, const CompileOptions& options) {
  return Finder(network, options).find();
}

}  // namespace neurotool::spikecore
