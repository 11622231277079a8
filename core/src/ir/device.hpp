// What a target's device holds, as plain numbers; filled by session before passes run. 0 = no limit
// or not known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace neurotool {

struct DeviceLimits {
  std::string target;
  std::uint64_t chips = 0, cores_per_chip = 0, neurons_per_core = 0, synapses_per_core = 0;
  std::uint64_t fan_in = 0, fan_out = 0, weight_bits = 0, delay_steps = 0;
};

}  // namespace neurotool
