// Tables and certificates, against the rule itself at every sum.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.hpp"
#include "passes/exact/certificate.hpp"
#include "passes/exact/level_parts.hpp"

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

/// Neurons that share the levels follow the table at every sum.
void expect_parts_follow(const ThresholdTable& table, const std::vector<LevelPart>& parts,
                         double per_count, int bits) {
  std::vector<Certificate> neurons;
  for (const LevelPart& part : parts) {
    const auto one = certify(part_of(table, part), per_count * double(part.stride), bits);
    ASSERT_TRUE(one.has_value());
    neurons.push_back(*one);
  }
  for (std::int64_t a = table.least; a <= table.most; ++a) {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      count += neurons[i].count(a, 0, parts[i].levels());
    }
    ASSERT_EQ(count, table.count(a)) << "sum " << a;
  }
}

TEST(LevelParts, TwoNeuronsTakeTurnsWhereHalvesAlternate) {
  for (const float multiplier : {0.5f, 0.25f, 0.0625f}) {
    for (const std::int64_t high : {3, 15, 255}) {
      const CountRule rule = [&](std::int64_t a) { return onnx_count(a, 0, multiplier, 0, high); };
      const auto most = static_cast<std::int64_t>(static_cast<double>(high + 2) / multiplier);
      const ThresholdTable table = threshold_table(rule, -most, most, 0, high);
      const auto parts = level_parts({&table, 1}, 4, 8);
      ASSERT_TRUE(parts.has_value());
      EXPECT_EQ(parts->size(), 2U);
      EXPECT_EQ((*parts)[0].stride, high == 3 ? (*parts)[0].stride : 2);
      expect_parts_follow(table, *parts, 1 / double{multiplier}, 4);
    }
  }
}

TEST(LevelParts, FollowAnyRuleWithFewFractionBits) {
  RandomStream random(9, "test", "multipliers");
  std::size_t most_parts = 0;
  for (int i = 0; i < 40; ++i) {
    const auto multiplier = static_cast<float>(0.002 + 0.2 * random.uniform());
    const CountRule rule = [&](std::int64_t a) { return onnx_count(a, 0.3, multiplier, 0, 255); };
    const auto most = static_cast<std::int64_t>(260 / multiplier);
    const ThresholdTable table = threshold_table(rule, -50, most, 0, 255);
    for (const int bits : {0, 3, 8}) {
      const auto parts = level_parts({&table, 1}, bits, 255);
      ASSERT_TRUE(parts.has_value());
      EXPECT_EQ(parts->size() == 1, is_certifiable(table, bits));
      most_parts = std::max(most_parts, parts->size());
      expect_parts_follow(table, *parts, 1 / double{multiplier}, bits);
    }
  }
  EXPECT_GT(most_parts, 4U);
}

TEST(LevelParts, GoNoFurtherThanTheyMay) {
  const CountRule rule = [](std::int64_t a) { return onnx_count(a, 0, 0.0371f, 0, 255); };
  const ThresholdTable table = threshold_table(rule, 0, 8000, 0, 255);
  const std::size_t needed = level_parts({&table, 1}, 0, 255).value().size();
  ASSERT_GT(needed, 2U);
  EXPECT_TRUE(level_parts({&table, 1}, 0, needed).has_value());
  EXPECT_FALSE(level_parts({&table, 1}, 0, needed - 1).has_value());
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
