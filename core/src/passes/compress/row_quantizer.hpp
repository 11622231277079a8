// Rows of real weights to whole numbers of a few bits, one scale per row or one for all: to the
// nearest, or so that what a rounding does to the layer's output is made good by the weights that
// are still to be rounded (GPTQ). A pure function of its arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "passes/compress/moments.hpp"

namespace neurotool::compress {

/// Weights of a layer as rows: one for each output, one column for each input.
struct Rows {
  std::size_t rows = 0, columns = 0;
  std::vector<double> value;

  Rows() = default;
  Rows(std::size_t r, std::size_t c) : rows(r), columns(c), value(r * c, 0.0) {}
  std::span<double> row(std::size_t index) { return {value.data() + index * columns, columns}; }
  std::span<const double> row(std::size_t index) const {
    return {value.data() + index * columns, columns};
  }
};

enum class ScaleRule {
  kMaxAbs,  ///< the largest weight is the last number of the grid
  kMse,     ///< the least square error of rounding, out of 60 scales up to that one
};

/// How the numbers of the grid lie: -(2^(bits-1) - 1) … 2^(bits-1) - 1 for 2 bits and more, and -1
/// and 1 for one bit, whose scale is the mean of the absolute weights under either rule.
struct GridOptions {
  std::uint32_t bits = 8;  ///< 1 to 16
  ScaleRule rule = ScaleRule::kMaxAbs;
  bool power_of_two = false;  ///< scales 2^k: of the two neighbours, the one with the least error
  bool per_row = true;
};

/// The largest number of the grid: 1, 1, 3, 7, … 32767.
double most_of_grid(std::uint32_t bits);

/// The nearest number of the grid for a weight in units of its scale, halves to the even one.
double nearest_on_grid(double value, std::uint32_t bits);

/// One scale for each row; `importance`, one number for each column or none, weighs the errors of
/// kMse and of power_of_two. A row of zeros gets the largest scale of the others, or 1.
std::vector<double> choose_scales(const Rows& weights, const GridOptions& options,
                                  std::span<const double> importance = {});

/// What GPTQ needs to know of a layer's inputs, computed once for all rows.
class ErrorSpread {
 public:
  /// `moments`: mean of x x' (Moments::mean()). `damping`: share of the mean diagonal added to it.
  explicit ErrorSpread(const SquareMatrix& moments, double damping = 0.01);

  std::size_t extent() const { return order_.size(); }
  /// Column that is rounded as the i-th: those that are up most come first.
  const std::vector<std::size_t>& order() const { return order_; }
  /// Row i of the upper triangular factor of the inverse, in that order.
  const double* row(std::size_t index) const { return upper_.row(index); }

 private:
  std::vector<std::size_t> order_;
  SquareMatrix upper_;
};

/// Whole numbers for each weight, on the grid of `scale` (one for each row). With a spread, errors
/// go into the columns still to come.
std::vector<std::int32_t> round_rows(const Rows& weights, std::span<const double> scale,
                                     std::uint32_t bits, const ErrorSpread* spread);

struct QuantizedRows {
  std::vector<std::int32_t> whole;  ///< row-major, as the weights
  std::vector<double> scale;        ///< one for each row; weight ~= whole * scale
};

/// choose_scales() and round_rows(); `moments` absent: to the nearest.
QuantizedRows quantize_rows(const Rows& weights, const GridOptions& options,
                            const SquareMatrix* moments = nullptr);

}  // namespace neurotool::compress
