// What a layer of integrate-and-fire neurons answers to a constant current: the ideal that the real
// answer is compared with (docs/doctor.md).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool::doctor {

/// The staircase of one layer: z becomes step * clip(floor(z / step + offset), least, most), with
/// one step and offset per channel, in the unit of the float network's activations.
class Response {
 public:
  /// Nothing for neurons whose answer is no such staircase: leaks, resets to a value. `offset`:
  /// the share of a level that rounding adds, for neurons that read binary digits; their v(0) came
  /// with the bias.
  static std::optional<Response> of(const Population& population, std::uint64_t steps,
                                    double offset = 0.5);

  /// Net count under the constant pre-activation z.
  double count(std::int64_t neuron, double z) const;
  /// Activation that one event of the neuron stands for.
  double step(std::int64_t neuron) const { return step_[channel(neuron)]; }
  double most() const { return most_; }
  /// Counts are spelled by binary digits, one a step, the most significant first.
  bool spells_digits() const { return digits_; }
  std::int64_t channels() const { return channels_; }
  std::size_t channel(std::int64_t neuron) const {
    return static_cast<std::size_t>(neuron / per_channel_);
  }

 private:
  Response() = default;
  std::int64_t channels_ = 1, per_channel_ = 1;
  std::vector<double> step_, offset_;
  double least_ = 0, most_ = 0;
  bool digits_ = false;
};

}  // namespace neurotool::doctor
