// The membrane of many neurons over all steps: plain arrays that the compiler turns into vectors.
#include <algorithm>
#include <array>
#include <cstdint>

#include "eval/layer_eval.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kBlock = 256;  // state of a block stays in the first-level cache

struct Block {
  std::array<float, kBlock> membrane, count, units;
};

void integrate(const FiringRule& rule, const float* current, std::size_t neurons, Block& block) {
  for (std::size_t i = 0; i < neurons; ++i) block.membrane[i] += current[i] + rule.bias;
}

/// The binary and the signed neuron: no division.
void fire_one(const FiringRule& rule, std::size_t neurons, Block& block) {
  const float theta = rule.threshold;
  const float down = rule.min_per_step < 0 ? 1.0f : 0.0f;
  for (std::size_t i = 0; i < neurons; ++i) {
    const float v = block.membrane[i];
    const float up = v >= theta ? 1.0f : 0.0f;
    const float back = v < 0 && block.count[i] > 0 ? down : 0.0f;
    const float units = up - back;
    block.units[i] = units;
    block.membrane[i] = v - units * theta;
    block.count[i] += units;
  }
}

/// Several units in a step: floor(v / theta), bounded. Below 0 that is minus the least number of
/// thresholds that brings the membrane back to 0.
void fire_many(const FiringRule& rule, std::size_t neurons, Block& block) {
  const float theta = rule.threshold;
  const auto most = static_cast<float>(rule.max_per_step);
  const auto least = static_cast<float>(rule.min_per_step);
  for (std::size_t i = 0; i < neurons; ++i) {
    const float v = block.membrane[i];
    const float ratio = std::min(std::max(v / theta, least - 1), most);
    const auto whole = static_cast<float>(static_cast<std::int32_t>(ratio));
    float floor = whole > ratio ? whole - 1 : whole;
    // The quotient is rounded; products decide, as docs/semantics.md says.
    floor = v - floor * theta < 0 ? floor - 1 : floor;
    floor = v - (floor + 1) * theta >= 0 ? floor + 1 : floor;
    const float units = std::min(most, std::max(floor, std::max(least, -block.count[i])));
    block.units[i] = units;
    block.membrane[i] = v - units * theta;
    block.count[i] += units;
  }
}

void run_block(const FiringRule& rule, const FiringBlock& part, std::size_t first,
               std::size_t neurons, Block& block, std::int8_t* spikes, std::size_t spikes_stride) {
  const bool one = rule.max_per_step == 1 && rule.min_per_step >= -1;
  for (std::uint32_t t = 0; t < part.steps; ++t) {
    integrate(rule, part.current + t * part.current_stride + first, neurons, block);
    if (t < rule.fire_begin) {
      if (spikes != nullptr)
        std::fill_n(spikes + t * spikes_stride + first, neurons, std::int8_t{0});
      continue;
    }
    if (one) {
      fire_one(rule, neurons, block);
    } else {
      fire_many(rule, neurons, block);
    }
    if (spikes == nullptr) continue;
    std::int8_t* const to = spikes + t * spikes_stride + first;
    for (std::size_t i = 0; i < neurons; ++i) to[i] = static_cast<std::int8_t>(block.units[i]);
  }
}

}  // namespace

void fire(const FiringRule& rule, const FiringBlock& block, const float* initial, float* counts,
          std::int8_t* spikes, std::size_t spikes_stride) {
  Block state;
  for (std::size_t first = 0; first < block.neurons; first += kBlock) {
    const std::size_t neurons = std::min(kBlock, block.neurons - first);
    std::fill_n(state.membrane.begin(), neurons, rule.initial);
    std::fill_n(state.count.begin(), neurons, 0.0f);
    if (initial != nullptr) std::copy_n(initial + first, neurons, state.membrane.begin());
    run_block(rule, block, first, neurons, state, spikes, spikes_stride);
    std::copy_n(state.count.begin(), neurons, counts + first);
  }
}

}  // namespace neurotool
