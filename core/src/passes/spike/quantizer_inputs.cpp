// Whole payloads of inputs: held values, spikes of an encoder, and changes.
#include <algorithm>
#include <cmath>

#include "passes/spike/parameters.hpp"
#include "passes/spike/quantizer.hpp"

namespace neurotool::integer {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

void Quantizer::quantize_input(PopulationId id, const std::optional<InputRange>& range) {
  Population& population = graph_[id];
  Input& input = std::get<Input>(population.neuron);
  if (input.encoder.coding == Coding::kDelta) return quantize_changes(id, range);
  const bool coded = input.encoder.coding != Coding::kNone;
  double unit = 1;
  // What is not held brings spikes and counts, which are whole already. An encoder's are single.
  if (!coded) input.is_signed = !input.held || !range || range->low < 0;
  input.bits = !coded ? options_.input_bits : input.is_signed ? 2 : 1;
  const auto bits = static_cast<int>(input.bits);
  if (input.held) {
    const double most = range ? std::max(std::abs(range->low), range->high) : 1;
    const double levels = std::ldexp(1.0, input.is_signed ? bits - 1 : bits) - 1;
    unit = most > 0 ? most / levels : 1;
    population.provisional = !range;
  }
  Interval payload = input.is_signed
                         ? Interval{-std::ldexp(1.0, bits - 1), std::ldexp(1.0, bits - 1) - 1}
                         : Interval{0, std::ldexp(1.0, bits) - 1};
  if (coded) payload.low = std::max(payload.low, -1.0);
  const std::size_t channels = index(channels_of(population.shape));
  sent_[id.index] = {unit, ChannelIntervals(channels, payload)};
  known_[id.index] = true;
  population.payload_value =
      scaled_value(population.payload_value, population.shape, std::vector<double>(channels, unit));
  fact(id, "payload_value", unit);
}

/// Changes are told in units of `input_bits`: what has been sent in all is the value, rounded.
void Quantizer::quantize_changes(PopulationId id, const std::optional<InputRange>& range) {
  Population& population = graph_[id];
  Input& input = std::get<Input>(population.neuron);
  const bool below = !range || range->low < 0;
  const auto bits = static_cast<int>(options_.input_bits);
  const double levels = std::ldexp(1.0, below ? bits - 1 : bits) - 1;
  const double most = range ? std::max(std::abs(range->low), range->high) : 1;
  const double unit = most > 0 ? most / levels : 1;
  // From one frame to the next a value may go through its whole range, up or down.
  const bool comes_back = input.encoder.takes_frames;
  input.is_signed = !input.encoder.splits_signs && (below || comes_back);
  input.bits = options_.input_bits + (comes_back ? 1 : 0);
  input.encoder.full_scale = static_cast<float>(unit);
  population.provisional = !range;
  const auto stored = static_cast<int>(input.bits) - (input.is_signed ? 1 : 0);
  const double payload = std::ldexp(1.0, stored) - 1;
  const std::size_t channels = index(channels_of(population.shape));
  sent_[id.index] = {unit,
                     ChannelIntervals(channels, Interval{input.is_signed ? -payload : 0, payload})};
  known_[id.index] = true;
  population.payload_value =
      scaled_value(population.payload_value, population.shape, std::vector<double>(channels, unit));
  fact(id, "payload_value", unit);
}

bool Quantizer::hears_each_value_once(PopulationId id) const {
  const auto parts = graph_.incoming(id);
  return !parts.empty() && std::ranges::all_of(parts, [&](ProjectionId p) {
    const auto* input = std::get_if<Input>(&graph_[graph_[p].source].neuron);
    return input != nullptr &&
           (input->encoder.coding == Coding::kDelta || input->encoder.coding == Coding::kLatency);
  });
}

}  // namespace neurotool::integer
