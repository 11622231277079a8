// What two NIR graphs compute, under one discretisation, on the same random input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::cli {

struct RunOptions {
  std::string preset;  ///< "norse", …
  std::uint64_t steps = 64;
  std::uint64_t seed = 1;
};

struct OutputDifference {
  std::string first, second;  ///< names of the two outputs
  std::int64_t values = 0, different = 0;
  std::int64_t first_step = -1;  ///< the earliest in which one differs
  double largest = 0;
};

/// Inputs and outputs are matched by their order of names. Every input value is 1 with probability
/// 0.3 and 0 otherwise. Errors: cli.value, nir.*.
Result<std::vector<OutputDifference>> compare_runs(const nir::Graph& first,
                                                   const nir::Graph& second,
                                                   const RunOptions& options,
                                                   Diagnostics& diagnostics);

}  // namespace neurotool::cli
