// Batch normalisations with random statistics, for networks in tests.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "passes/pass_tools.hpp"

namespace neurotool::test {

/// Appends one over axis 1; factors and offsets are of either sign and well away from zero.
inline Network& batch_norm(Network& net, std::string name, std::int64_t channels) {
  const auto away = [&](double from) {
    std::vector<float> values = net.random_values(channels, 0.5);
    for (float& value : values) {
      value += static_cast<float>(std::copysign(from, static_cast<double>(value)));
    }
    return values;
  };
  std::vector<float> variance = away(0.5);
  for (float& value : variance) value = std::abs(value);
  const ValueId scale = net.constant({channels}, away(0.5));
  const ValueId shift = net.constant({channels}, away(0.2));
  const ValueId mean = net.constant({channels}, away(0.1));
  const ValueId spread = net.constant({channels}, std::move(variance));
  return net.add(std::move(name), BatchNorm{}, {scale, shift, mean, spread});
}

}  // namespace neurotool::test
