// Which weights, or which channels, go: importance of each, and the least important ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "passes/compress/linear_layer.hpp"
#include "passes/compress/sparse_rows.hpp"

namespace neurotool::compress {

enum class Criterion {
  kL1,     ///< |w|; of a channel the sum over its weights
  kL2,     ///< w^2, likewise
  kWanda,  ///< |w| times the root mean square of its input (Sun et al. 2024)
};

/// The importance of each weight. `power`: mean square of each column's input, group after group;
/// for kWanda only.
std::vector<double> importance_of(const LinearLayer& layer, Criterion criterion,
                                  std::span<const double> power);

/// Keeps all but the `share` least important weights; of equals the earlier ones go first.
Mask keep_most_important(std::span<const double> importance, double share);

/// The same over several layers together.
std::vector<Mask> keep_most_important(std::span<const std::vector<double>> importance,
                                      double share);

/// Keeps the n most important of each m neighbours along the input channels, at each place of the
/// kernel (`kernel` weights per channel). A last group of fewer than m counts as filled with zeros.
Mask keep_n_of_m(std::span<const double> importance, std::size_t columns, std::size_t kernel,
                 std::size_t n, std::size_t m);

}  // namespace neurotool::compress
