// Second moments of the inputs of a linear layer: how often, and how strongly, two inputs are up
// together. A change D of a weight row changes the layer's output by D x, with mean square D H D',
// H = E[x x'], so H is all that quantising or pruning needs to know about the data.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace neurotool::compress {

/// A square matrix, row-major.
struct SquareMatrix {
  std::size_t extent = 0;
  std::vector<double> value;

  explicit SquareMatrix(std::size_t n = 0) : extent(n), value(n * n, 0.0) {}
  double& at(std::size_t row, std::size_t column) { return value[row * extent + column]; }
  double at(std::size_t row, std::size_t column) const { return value[row * extent + column]; }
  double* row(std::size_t index) { return value.data() + index * extent; }
  const double* row(std::size_t index) const { return value.data() + index * extent; }
};

/// Means of x y' over pairs of rows of numbers, in the way of Moments.
class CrossMoments {
 public:
  explicit CrossMoments(std::size_t inputs) : sum_(inputs) {}

  /// Rows of x and as many of y, whole rows of equally many numbers.
  void add(std::span<const float> x, std::span<const float> y);
  SquareMatrix mean() const;

 private:
  SquareMatrix sum_;
  std::size_t count_ = 0;
};

/// Sums of x x' over rows of numbers. Rows are added in blocks: products and the sums of a block
/// are float32, sums over blocks double. The result depends on the rows and their blocks alone.
class Moments {
 public:
  /// The most rows of one call of add() that go into one block.
  static constexpr std::size_t kBlock = 256;

  explicit Moments(std::size_t inputs) : sum_(inputs) {}

  std::size_t inputs() const { return sum_.extent; }
  /// `rows` holds whole rows of inputs() numbers each.
  void add(std::span<const float> rows);
  std::size_t count() const { return count_; }
  /// Mean of x x', symmetric; zeros while nothing was added.
  SquareMatrix mean() const;

 private:
  void add_block(std::span<const float> rows, std::size_t count);

  SquareMatrix sum_;  ///< the lower triangle, in whole tiles
  std::size_t count_ = 0;
};

}  // namespace neurotool::compress
