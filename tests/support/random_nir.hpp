// Seeded NIR graphs in which every shape fits, for property tests: all 19 node types, several
// inputs and outputs, sums, loops, nested graphs, metadata, and parameters of every width.
#pragma once

#include <cstdint>

#include "ir/nir/nir.hpp"

namespace neurotool::test {

struct RandomNirOptions {
  std::uint64_t seed = 1;
  int max_nodes = 10;  ///< at one level, inputs and outputs not counted
  bool allow_nested = true;
  bool allow_metadata = true;
  bool allow_loops = true;
  bool allow_many_ends = true;  ///< several Inputs and Outputs
  bool allow_widths = true;     ///< parameters other than float32 and int64
  /// What nir 1.0.5 to 1.0.8 infer wrongly: groups, kernels of unequal sides, strided "same".
  bool allow_what_nir_misreads = true;
};

nir::Document random_nir(const RandomNirOptions& options);

}  // namespace neurotool::test
