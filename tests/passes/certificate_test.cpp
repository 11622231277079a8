// Tables and certificates, against the rule itself at every sum.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.hpp"
#include "passes/exact/certificate.hpp"

namespace neurotool::exact {
namespace {

constexpr int kMostBits = 16;

void expect_follows(const CountRule& rule, const ThresholdTable& table) {
  for (std::int64_t a = table.least; a <= table.most; ++a) {
    ASSERT_EQ(table.count(a), rule(a)) << "sum " << a;
  }
}

void expect_follows(const CountRule& rule, const ThresholdTable& table,
                    const Certificate& certificate) {
  for (std::int64_t a = table.least; a <= table.most; ++a) {
    ASSERT_EQ(certificate.count(a, table.low, table.high), rule(a))
        << "sum " << a << " with F=" << certificate.fraction_bits
        << " theta=" << certificate.threshold << " v0=" << certificate.initial;
  }
}

TEST(ThresholdTable, FollowsHalfEvenAtTiesNegativeSumsAndBounds) {
  for (const float multiplier : {0.5f, 0.25f, 0.1f, 0.0371f, 1.0f}) {
    for (const auto& [low, high] : {std::pair{0, 15}, std::pair{-7, 8}, std::pair{-20, 235}}) {
      const CountRule rule = [&](std::int64_t a) {
        return onnx_count(a, 0, multiplier, low, high);
      };
      expect_follows(rule, threshold_table(rule, -900, 900, low, high));
    }
  }
}

TEST(OnnxCount, RoundsHalvesToEvenAndHoldsBounds) {
  EXPECT_EQ(onnx_count(1, 0, 0.5f, -8, 7), 0);
  EXPECT_EQ(onnx_count(3, 0, 0.5f, -8, 7), 2);
  EXPECT_EQ(onnx_count(-1, 0, 0.5f, -8, 7), 0);
  EXPECT_EQ(onnx_count(-3, 0, 0.5f, -8, 7), -2);
  EXPECT_EQ(onnx_count(1000000, 0, 0.5f, -8, 7), 7);
  EXPECT_EQ(onnx_count(-1000000, 0, 0.5f, -8, 7), -8);
}

TEST(Certificate, FollowsTheRuleAtEverySum) {
  RandomStream random(5, "test", "multipliers");
  int found = 0;
  for (int i = 0; i < 60; ++i) {
    const auto multiplier = static_cast<float>(0.002 + 0.3 * random.uniform());
    const std::int64_t high = i % 3 == 0 ? 7 : i % 3 == 1 ? 15 : 63;
    const std::int64_t low = i % 4 == 3 ? -high : 0;
    const CountRule rule = [&](std::int64_t a) { return onnx_count(a, 0, multiplier, low, high); };
    const ThresholdTable table = threshold_table(rule, -3000, 5000, low, high);
    const auto certificate = certify(table, 1.0 / double{multiplier}, kMostBits);
    if (!certificate) continue;
    ++found;
    expect_follows(rule, table, *certificate);
    expect_follows(rule, table, certificate->widened(kMostBits));
  }
  EXPECT_GE(found, 55);
}

TEST(Certificate, HalfUpAlwaysHasOne) {
  for (const double step : {2.0, 4.0, 3.0, 7.5, 16.0, 100.25}) {
    const CountRule rule = [&](std::int64_t a) {
      return std::clamp<std::int64_t>(
          static_cast<std::int64_t>(std::floor(static_cast<double>(a) / step + 0.5)), 0, 15);
    };
    const ThresholdTable table = threshold_table(rule, -200, 3000, 0, 15);
    const auto certificate = certify(table, step, kMostBits);
    ASSERT_TRUE(certificate.has_value()) << step;
    expect_follows(rule, table, *certificate);
  }
}

TEST(Certificate, NamesTheCountThatHalfEvenOnAPowerOfTwoBreaks) {
  const CountRule rule = [](std::int64_t a) { return onnx_count(a, 0, 0.25f, 0, 15); };
  const ThresholdTable table = threshold_table(rule, 0, 100, 0, 15);
  const auto certificate = certify(table, 4, kMostBits);
  ASSERT_FALSE(certificate.has_value());
  EXPECT_GE(certificate.error().count, 2);
}

TEST(Certificate, LeavesOutLevelsThatNoSumReaches) {
  const CountRule rule = [](std::int64_t a) { return onnx_count(a, 0, 0.03f, 0, 255); };
  const ThresholdTable table = threshold_table(rule, -50, 200, 0, 255);
  EXPECT_EQ(table.rises.back(), ThresholdTable::kNever);
  const auto certificate = certify(table, 1 / 0.03, kMostBits);
  ASSERT_TRUE(certificate.has_value());
  expect_follows(rule, table, *certificate);
}

TEST(Certificate, KeepsASilentChannelSilent) {
  const CountRule rule = [](std::int64_t) { return std::int64_t{0}; };
  const ThresholdTable table = threshold_table(rule, -90, 40, 0, 15);
  const auto certificate = certify(table, 1e12, kMostBits);
  ASSERT_TRUE(certificate.has_value());
  expect_follows(rule, table, *certificate);
}

TEST(Certificate, HoldsAnOffsetBetweenTwoSums) {
  for (const double offset : {0.3, -0.45, 17.25}) {
    const CountRule rule = [&](std::int64_t a) { return onnx_count(a, offset, 0.07f, 0, 31); };
    const ThresholdTable table = threshold_table(rule, -400, 900, 0, 31);
    const auto certificate = certify(table, 1 / 0.07, kMostBits);
    ASSERT_TRUE(certificate.has_value()) << offset;
    expect_follows(rule, table, *certificate);
  }
}

}  // namespace
}  // namespace neurotool::exact
