// A histogram with a growing range, and rules for thresholds on it.
#include "passes/lower/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace neurotool::lower {

void Histogram::add(float value) {
  ++count_;
  sum_ += double{value};
  if (!(value > 0)) return;
  const double number = value;
  max_ = std::max(max_, number);
  if (number >= range_) grow(number);
  // range_ is a power of two, so that this is exact.
  const auto place = static_cast<std::size_t>(number / range_ * kBins);
  ++bins_[place];
}

void Histogram::grow(double value) {
  if (bins_.empty()) {
    bins_.resize(kBins, 0);
    range_ = std::ldexp(1.0, std::ilogb(value) + 1);
    return;
  }
  while (value >= range_) {
    range_ *= 2;
    for (std::size_t i = 0; i < kBins / 2; ++i) bins_[i] = bins_[2 * i] + bins_[2 * i + 1];
    std::fill(bins_.begin() + kBins / 2, bins_.end(), 0u);
  }
}

double Histogram::share_above(double threshold) const {
  if (count_ == 0 || bins_.empty()) return 0;
  std::int64_t above = 0;
  for (int i = 0; i < kBins; ++i) {
    if ((i + 0.5) * bin_width() > threshold) above += bin(i);
  }
  return static_cast<double>(above) / static_cast<double>(count_);
}

double percentile(const Histogram& histogram, double share) {
  std::int64_t above = 0;
  for (int i = 0; i < Histogram::kBins; ++i) above += histogram.bin(i);
  std::int64_t below = histogram.count() - above;
  const double wanted = share * static_cast<double>(histogram.count());
  if (static_cast<double>(below) >= wanted) return 0;
  for (int i = 0; i < Histogram::kBins; ++i) {
    below += histogram.bin(i);
    if (static_cast<double>(below) < wanted) continue;
    return std::min((i + 1) * histogram.bin_width(), histogram.max());
  }
  return histogram.max();
}

double quantization_error(const Histogram& histogram, double threshold, std::int64_t levels) {
  const double top = static_cast<double>(levels);
  const double step = threshold / top;
  // Steps finer than a bin: the mean of a squared rounding error, not that of the bin's middle.
  const bool fine = step < histogram.bin_width();
  double error = 0;
  for (int i = 0; i < Histogram::kBins; ++i) {
    if (histogram.bin(i) == 0) continue;
    const double value = (i + 0.5) * histogram.bin_width();
    const double level = std::clamp(std::floor(value / step + 0.5), 0.0, top);
    const double difference = value - level * step;
    const bool inside = value <= threshold;
    error += histogram.bin(i) * (fine && inside ? step * step / 12 : difference * difference);
  }
  return error;
}

namespace {

/// One step of the iteration: the scale with the least error for the levels that `threshold` gives.
double refit(const Histogram& histogram, double threshold, std::int64_t levels) {
  const double top = static_cast<double>(levels);
  double product = 0, square = 0;
  for (int i = 0; i < Histogram::kBins; ++i) {
    const double value = (i + 0.5) * histogram.bin_width();
    const double share = std::clamp(std::floor(value / threshold * top + 0.5), 0.0, top) / top;
    product += histogram.bin(i) * value * share;
    square += histogram.bin(i) * share * share;
  }
  return square > 0 ? product / square : threshold;
}

}  // namespace

double lloyd_threshold(const Histogram& histogram, std::int64_t levels) {
  constexpr int kIterations = 20;
  double best = histogram.max(), best_error = HUGE_VAL;
  // The iteration ends near where it begins: most levels of a large threshold serve the tail.
  for (const double share : {1.0, 0.999, 0.99, 0.95}) {
    double threshold = share == 1 ? histogram.max() : percentile(histogram, share);
    if (!(threshold > 0)) continue;
    for (int i = 0; i < kIterations; ++i) threshold = refit(histogram, threshold, levels);
    const double error = quantization_error(histogram, threshold, levels);
    if (error < best_error) best = threshold, best_error = error;
  }
  return best;
}

double least_square_threshold(const Histogram& histogram, std::int64_t levels) {
  constexpr int kGrid = 64;
  constexpr int kSearch = 24;
  const auto error = [&](double t) { return quantization_error(histogram, t, levels); };
  const double spacing = histogram.max() * (1.05 - 0.05) / (kGrid - 1);
  double best = histogram.max(), best_error = error(best);
  for (int i = 0; i < kGrid; ++i) {
    const double candidate = histogram.max() * 0.05 + spacing * i;
    const double found = error(candidate);
    if (found < best_error) {
      best = candidate;
      best_error = found;
    }
  }
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double low = std::max(best - spacing, histogram.max() * 0.01), high = best + spacing;
  for (int i = 0; i < kSearch; ++i) {
    const double left = high - golden * (high - low);
    const double right = low + golden * (high - low);
    const double left_error = error(left), right_error = error(right);
    // The error has many small dips; never leave the best that was seen.
    if (left_error < best_error) best = left, best_error = left_error;
    if (right_error < best_error) best = right, best_error = right_error;
    if (left_error <= right_error) {
      high = right;
    } else {
      low = left;
    }
  }
  return best;
}

}  // namespace neurotool::lower
