// Counts the activations of one channel while they come, and chooses a threshold from the counts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace neurotool::lower {

/// Numbers above 0 fall into 2048 bins over [0, 2^k); when a larger one comes, neighbouring bins
/// join until it fits, so one pass over the data is enough and at least 1024 bins cover [0, max].
/// What it holds depends on the numbers and on nothing else.
class Histogram {
 public:
  static constexpr int kBins = 2048;

  void add(float value);

  std::int64_t count() const { return count_; }  ///< zeros and negative numbers included
  double max() const { return max_; }            ///< the largest number above 0, or 0
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  double bin_width() const { return range_ / kBins; }
  /// Numbers above 0 in bin i, which stands for its middle (i + 1/2) * bin_width().
  std::uint32_t bin(int i) const { return bins_.empty() ? 0 : bins_[static_cast<std::size_t>(i)]; }

  /// Share of the rectified numbers above `threshold`.
  double share_above(double threshold) const;

 private:
  void grow(double value);

  std::vector<std::uint32_t> bins_;  ///< none until a number above 0 comes
  double range_ = 0, max_ = 0, sum_ = 0;
  std::int64_t count_ = 0;
};

/// The smallest t so that a share of at least `share` of the rectified numbers is <= t.
double percentile(const Histogram& histogram, double share);

/// The threshold for which `levels` equal steps represent the rectified numbers with the least mean
/// square error: a grid over max * (0.05 … 1.05), then golden-section search around the best.
double least_square_threshold(const Histogram& histogram, std::int64_t levels);

/// A threshold that is the best one for the levels to which it rounds the numbers (Lloyd's
/// condition, theta = sum z q / sum q^2): 20 iterations from the maximum and from three quantiles;
/// of their ends the one with the least error.
double lloyd_threshold(const Histogram& histogram, std::int64_t levels);

/// The sum of squares that least_square_threshold() and lloyd_threshold() make small.
double quantization_error(const Histogram& histogram, double threshold, std::int64_t levels);

}  // namespace neurotool::lower
