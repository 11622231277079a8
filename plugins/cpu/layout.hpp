// Where a neuron lives inside the engine. Populations are stored channels-last: all channels of one
// pixel side by side, padded to whole vectors ("lanes"), so that a kernel adds one contiguous row
// of weights to one contiguous row of sums. A population that is no image is one pixel with many
// channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.hpp"

namespace neurotool::cpu {

struct Grid {
  std::uint32_t channels = 0, height = 1, width = 1;
  std::uint32_t lanes = 0;  ///< channels, rounded up to whole vectors
  std::uint32_t words = 0;  ///< 64-bit words that hold one spike bit per channel

  std::size_t pixels() const { return std::size_t{height} * width; }
  std::size_t neurons() const { return pixels() * channels; }  ///< without padding
  std::size_t row_size() const { return std::size_t{width} * lanes; }
  std::size_t size() const { return pixels() * lanes; }
  std::size_t word_count() const { return pixels() * words; }
  bool operator==(const Grid&) const = default;

  /// From the flat number that the outside uses to the place inside, and back.
  std::size_t place(std::size_t flat) const {
    const std::size_t plane = pixels();
    return flat % plane * lanes + flat / plane;
  }
  std::size_t flat(std::size_t pixel, std::size_t channel) const {
    return channel * pixels() + pixel;
  }
};

inline Grid grid_of(const std::vector<std::int64_t>& shape) {
  Grid grid;
  if (shape.size() == 3) {
    grid.channels = static_cast<std::uint32_t>(shape[0]);
    grid.height = static_cast<std::uint32_t>(shape[1]);
    grid.width = static_cast<std::uint32_t>(shape[2]);
  } else {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    grid.channels = static_cast<std::uint32_t>(count);
  }
  grid.lanes = (grid.channels + kVectorLanes - 1) / kVectorLanes * kVectorLanes;
  grid.words = (grid.channels + 63) / 64;
  return grid;
}

}  // namespace neurotool::cpu
