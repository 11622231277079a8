// Cross-layer equalisation (Nagel et al. 2019): moves factors between two layers so that the
// channels between them have weights of like size, without changing what the network computes.
#pragma once

#include <cstdint>

#include "ir/tensor_graph.hpp"

namespace neurotool::compress {

struct Equalized {
  std::int64_t pairs = 0;  ///< of layers with nothing but homogeneous operations between them
  double largest_factor = 1;
};

/// At most 20 rounds over all pairs, fewer when no factor is more than 1 % away from 1.
Equalized equalize(TensorGraph& graph);

}  // namespace neurotool::compress
