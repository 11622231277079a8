// The growing histogram and the thresholds chosen from it.
#include "passes/lower/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"

namespace neurotool::lower {
namespace {

std::vector<float> normal_values(std::size_t count) {
  RandomStream random(3, "test", "histogram");
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random.normal()));
  return values;
}

Histogram of(const std::vector<float>& values) {
  Histogram histogram;
  for (const float value : values) histogram.add(value);
  return histogram;
}

TEST(Histogram, CountsEverythingAndBinsWhatIsAboveZero) {
  const Histogram histogram = of({-1, 0, 0.25f, 0.25f, 3});
  EXPECT_EQ(histogram.count(), 5);
  EXPECT_EQ(histogram.max(), 3);
  EXPECT_DOUBLE_EQ(histogram.mean(), 0.5);
  EXPECT_EQ(histogram.bin_width(), 4.0 / Histogram::kBins);
  EXPECT_EQ(histogram.bin(static_cast<int>(0.25 / histogram.bin_width())), 2u);
  EXPECT_EQ(histogram.bin(static_cast<int>(3 / histogram.bin_width())), 1u);
}

TEST(Histogram, DoesNotDependOnTheOrderInWhichTheRangeGrows) {
  std::vector<float> values = normal_values(1000);
  for (std::size_t i = 0; i < 10; ++i) values.push_back(std::ldexp(1.0f, static_cast<int>(i)));
  std::vector<float> backwards(values.rbegin(), values.rend());
  const Histogram a = of(values), b = of(backwards);
  EXPECT_EQ(a.bin_width(), b.bin_width());
  for (int i = 0; i < Histogram::kBins; ++i) EXPECT_EQ(a.bin(i), b.bin(i)) << i;
}

TEST(Histogram, KeepsAThousandBinsBelowTheMaximum) {
  for (const float top : {1e-20f, 0.999f, 1.0f, 1.5f, 3e7f}) {
    const Histogram histogram = of({top / 1000, top});
    EXPECT_GE(histogram.max() / histogram.bin_width(), Histogram::kBins / 2 - 1) << top;
    EXPECT_LT(histogram.max() / histogram.bin_width(), Histogram::kBins) << top;
  }
}

TEST(Percentile, CountsTheZerosOfTheRectifierToo) {
  std::vector<float> values(90, -1.0f);
  for (int i = 1; i <= 10; ++i) values.push_back(static_cast<float>(i));
  const Histogram histogram = of(values);
  EXPECT_EQ(percentile(histogram, 0.5), 0);
  EXPECT_NEAR(percentile(histogram, 0.95), 5, 2 * histogram.bin_width());
  EXPECT_EQ(percentile(histogram, 1), 10);
}

TEST(ShareAbove, IsMeasuredAgainstAllValues) {
  EXPECT_DOUBLE_EQ(of({-1, 1, 2, 4}).share_above(1.5), 0.5);
}

double error_of(const std::vector<float>& values, double threshold, double levels) {
  double error = 0;
  for (const float value : values) {
    const double z = std::max(0.0, double{value});
    const double q =
        threshold / levels * std::clamp(std::floor(z * levels / threshold + 0.5), 0.0, levels);
    error += (z - q) * (z - q);
  }
  return error;
}

TEST(LeastSquareThreshold, IsNearTheBestOfAnExhaustiveSearch) {
  const std::vector<float> values = normal_values(4000);
  const Histogram histogram = of(values);
  for (const std::int64_t levels : {1, 2, 4, 8, 16, 32, 64}) {
    const double chosen = least_square_threshold(histogram, levels);
    double best = HUGE_VAL;
    for (int i = 1; i <= 525; ++i) {
      const double candidate = histogram.max() * i / 500;
      best = std::min(best, error_of(values, candidate, static_cast<double>(levels)));
    }
    const double found = error_of(values, chosen, static_cast<double>(levels));
    EXPECT_LT(found, best * 1.05) << levels << " levels, threshold " << chosen;
  }
}

TEST(LeastSquareThreshold, ClipsLessTheMoreLevelsThereAre) {
  const Histogram histogram = of(normal_values(20000));
  double before = 0;
  for (const std::int64_t levels : {2, 8, 32, 128, 4096}) {
    const double chosen = least_square_threshold(histogram, levels);
    EXPECT_GE(chosen, before * 0.98) << levels;
    before = chosen;
  }
  EXPECT_NEAR(before, histogram.max(), histogram.max() * 0.06);
}

TEST(LeastSquareThreshold, IsExactForOneValue) {
  const Histogram histogram = of(std::vector<float>(100, 3.0f));
  EXPECT_NEAR(least_square_threshold(histogram, 1), 3, 0.01);
}

}  // namespace
}  // namespace neurotool::lower
