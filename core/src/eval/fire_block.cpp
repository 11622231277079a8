// The membrane of many neurons over all steps: plain arrays that the compiler turns into vectors.
#include <algorithm>
#include <array>
#include <cstdint>

#include "eval/layer_eval.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kBlock = 1024;  // state of a block stays in the first-level cache

struct Block {
  std::array<float, kBlock> membrane, count;
};

/// One step of the binary and the signed neuron: no division, and no branch, or the loop would not
/// become vectors.
template <bool kSigned, bool kSends>
void fire_one(const FiringRule& rule, const float* __restrict current, std::size_t neurons,
              Block& block, std::int8_t* __restrict spikes) {
  const float theta = rule.threshold, bias = rule.bias;
  for (std::size_t i = 0; i < neurons; ++i) {
    const float v = block.membrane[i] + (current[i] + bias);
    std::int32_t whole = v >= theta;
    if constexpr (kSigned) whole -= (v < 0) & (block.count[i] > 0);
    const auto units = static_cast<float>(whole);
    block.membrane[i] = v - units * theta;
    block.count[i] += units;
    if constexpr (kSends) spikes[i] = static_cast<std::int8_t>(whole);
  }
}

/// Several units in a step: floor(v / theta), bounded. Below 0 that is minus the least number of
/// thresholds that brings the membrane back to 0.
template <bool kSends>
void fire_many(const FiringRule& rule, const float* __restrict current, std::size_t neurons,
               Block& block, std::int8_t* __restrict spikes) {
  const float theta = rule.threshold, bias = rule.bias;
  const auto most = static_cast<float>(rule.max_per_step);
  const auto least = static_cast<float>(rule.min_per_step);
  for (std::size_t i = 0; i < neurons; ++i) {
    const float v = block.membrane[i] + (current[i] + bias);
    const float ratio = std::min(std::max(v / theta, least - 1), most);
    const auto whole = static_cast<float>(static_cast<std::int32_t>(ratio));
    float floor = whole > ratio ? whole - 1 : whole;
    // The quotient is rounded; products decide, as docs/semantics.md says.
    floor = v - floor * theta < 0 ? floor - 1 : floor;
    floor = v - (floor + 1) * theta >= 0 ? floor + 1 : floor;
    const float units = std::min(most, std::max(floor, std::max(least, -block.count[i])));
    block.membrane[i] = v - units * theta;
    block.count[i] += units;
    if constexpr (kSends) spikes[i] = static_cast<std::int8_t>(units);
  }
}

/// Rows of currents are pages apart, where the machine does not look ahead by itself.
void prefetch(const float* row, std::size_t neurons) {
  constexpr std::size_t kLine = 64 / sizeof(float);
  for (std::size_t i = 0; i < neurons; i += kLine) __builtin_prefetch(row + i);
}

void integrate(const FiringRule& rule, const float* current, std::size_t neurons, Block& block) {
  for (std::size_t i = 0; i < neurons; ++i) block.membrane[i] += current[i] + rule.bias;
}

template <bool kSends>
void run_block(const FiringRule& rule, const FiringBlock& part, std::size_t first,
               std::size_t neurons, Block& block, std::int8_t* spikes, std::size_t spikes_stride) {
  const bool one = rule.max_per_step == 1 && rule.min_per_step >= -1;
  const auto step = !one                    ? fire_many<kSends>
                    : rule.min_per_step < 0 ? fire_one<true, kSends>
                                            : fire_one<false, kSends>;
  for (std::uint32_t t = 0; t < part.steps; ++t) {
    const float* const current = part.current + t * part.current_stride + first;
    if (t + 1 < part.steps) prefetch(current + part.current_stride, neurons);
    std::int8_t* const to = kSends ? spikes + t * spikes_stride + first : nullptr;
    if (t >= rule.fire_begin) {
      step(rule, current, neurons, block, to);
      continue;
    }
    integrate(rule, current, neurons, block);
    if constexpr (kSends) std::fill_n(to, neurons, std::int8_t{0});
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
    const auto run = spikes == nullptr ? run_block<false> : run_block<true>;
    run(rule, block, first, neurons, state, spikes, spikes_stride);
    std::copy_n(state.count.begin(), neurons, counts + first);
  }
}

}  // namespace neurotool
