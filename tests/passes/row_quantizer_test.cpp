// Moments, factors of them, grids and GPTQ, each against arithmetic that is plain to see.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.hpp"
#include "passes/compress/row_quantizer.hpp"
#include "passes/compress/sparse_rows.hpp"
#include "passes/compress/triangular.hpp"

namespace neurotool::compress {
namespace {

/// Rows of numbers that depend on each other, as the inputs of a layer do.
std::vector<float> correlated_rows(std::size_t count, std::size_t inputs, std::uint64_t seed) {
  RandomStream random(seed, "test", "rows");
  std::vector<float> rows;
  for (std::size_t r = 0; r < count; ++r) {
    const double common = random.normal();
    for (std::size_t i = 0; i < inputs; ++i) {
      const double own = random.normal() * (i % 3 == 0 ? 1.0 : 0.3);
      rows.push_back(static_cast<float>(std::max(0.0, common + own)));
    }
  }
  return rows;
}

SquareMatrix plain_moments(const std::vector<float>& rows, std::size_t inputs) {
  SquareMatrix sum(inputs);
  const std::size_t count = rows.size() / inputs;
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t i = 0; i < inputs; ++i) {
      for (std::size_t j = 0; j < inputs; ++j) {
        sum.at(i, j) += double{rows[r * inputs + i]} * double{rows[r * inputs + j]};
      }
    }
  }
  for (double& value : sum.value) value /= static_cast<double>(count);
  return sum;
}

Rows random_weights(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  RandomStream random(seed, "test", "weights");
  Rows weights(rows, columns);
  for (double& weight : weights.value) weight = random.normal();
  return weights;
}

/// Mean square change of the outputs.
double output_error(const Rows& before, const Rows& after, const SquareMatrix& moments) {
  double sum = 0;
  for (std::size_t r = 0; r < before.rows; ++r) {
    for (std::size_t i = 0; i < before.columns; ++i) {
      for (std::size_t j = 0; j < before.columns; ++j) {
        sum += (after.row(r)[i] - before.row(r)[i]) * moments.at(i, j) *
               (after.row(r)[j] - before.row(r)[j]);
      }
    }
  }
  return sum;
}

Rows real(const QuantizedRows& rounded, const Rows& like) {
  Rows result(like.rows, like.columns);
  for (std::size_t i = 0; i < result.value.size(); ++i) {
    result.value[i] = rounded.whole[i] * rounded.scale[i / like.columns];
  }
  return result;
}

TEST(Moments, AreTheMeanOfProductsForAnyNumberOfInputs) {
  for (const std::size_t inputs : {1u, 3u, 8u, 13u, 24u}) {
    const auto rows = correlated_rows(700, inputs, inputs);
    Moments moments(inputs);
    moments.add(std::span(rows).first(300 * inputs));
    moments.add(std::span(rows).subspan(300 * inputs));
    EXPECT_EQ(moments.count(), 700u);
    const SquareMatrix found = moments.mean(), wanted = plain_moments(rows, inputs);
    for (std::size_t i = 0; i < found.value.size(); ++i) {
      EXPECT_NEAR(found.value[i], wanted.value[i], 1e-5 * (1 + std::abs(wanted.value[i])));
    }
  }
}

TEST(Triangular, FactorsAndInversesGiveTheMatrixBack) {
  for (const std::size_t n : {1u, 5u, 48u, 49u, 130u}) {
    const auto rows = correlated_rows(2 * n + 3, n, n);
    const SquareMatrix matrix = damped(plain_moments(rows, n), 0.01);
    SquareMatrix lower = matrix;
    ASSERT_TRUE(factor_lower(lower));
    const SquareMatrix inverse = inverse_of_lower(lower);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double product = 0, unit = 0;
        for (std::size_t k = 0; k < n; ++k) {
          product += lower.at(i, k) * lower.at(j, k);
          unit += lower.at(i, k) * inverse.at(k, j);
        }
        EXPECT_NEAR(product, matrix.at(i, j), 1e-9 * matrix.at(0, 0)) << n;
        EXPECT_NEAR(unit, i == j ? 1 : 0, 1e-8) << n;
      }
    }
  }
}

TEST(Triangular, SaysWhenAMatrixIsNotPositive) {
  SquareMatrix matrix(2);
  matrix.value = {1, 2, 2, 1};
  EXPECT_FALSE(factor_lower(matrix));
}

TEST(RowQuantizer, GridsAreThoseOfTheBits) {
  EXPECT_EQ(most_of_grid(1), 1);
  EXPECT_EQ(most_of_grid(2), 1);
  EXPECT_EQ(most_of_grid(4), 7);
  EXPECT_EQ(most_of_grid(9), 255);
  EXPECT_EQ(nearest_on_grid(0.5, 4), 0);
  EXPECT_EQ(nearest_on_grid(1.5, 4), 2);
  EXPECT_EQ(nearest_on_grid(-99, 4), -7);
  EXPECT_EQ(nearest_on_grid(-0.2, 1), -1);
  EXPECT_EQ(nearest_on_grid(0, 1), 1);
}

TEST(RowQuantizer, OneBitTakesTheMeanAbsoluteWeight) {
  Rows weights(1, 4);
  weights.value = {1, -2, 3, -4};
  const QuantizedRows found = quantize_rows(weights, {.bits = 1});
  EXPECT_EQ(found.whole, (std::vector<std::int32_t>{1, -1, 1, -1}));
  EXPECT_DOUBLE_EQ(found.scale[0], 2.5);
}

TEST(RowQuantizer, LeastSquareScalesAreNeverWorse) {
  const Rows weights = random_weights(6, 50, 3);
  for (const std::uint32_t bits : {2u, 3u, 4u, 6u}) {
    const auto plain = real(quantize_rows(weights, {.bits = bits}), weights);
    const auto least =
        real(quantize_rows(weights, {.bits = bits, .rule = ScaleRule::kMse}), weights);
    SquareMatrix unit(50);
    for (std::size_t i = 0; i < 50; ++i) unit.at(i, i) = 1;
    EXPECT_LE(output_error(weights, least, unit), output_error(weights, plain, unit)) << bits;
  }
}

TEST(RowQuantizer, PowersOfTwoAreChosenWhereAsked) {
  const auto scale = choose_scales(random_weights(5, 20, 4), {.bits = 4, .power_of_two = true});
  for (const double s : scale) EXPECT_EQ(std::exp2(std::round(std::log2(s))), s);
}

TEST(RowQuantizer, OneScaleForAllRowsWhereAsked) {
  const auto scale = choose_scales(random_weights(5, 20, 4), {.bits = 4, .per_row = false});
  for (const double s : scale) EXPECT_EQ(s, scale[0]);
}

TEST(RowQuantizer, ARowOfZerosIsHarmless) {
  Rows weights(2, 3);
  weights.value = {0, 0, 0, 7, -7, 3.5};
  const QuantizedRows found = quantize_rows(weights, {.bits = 4});
  EXPECT_EQ(found.whole, (std::vector<std::int32_t>{0, 0, 0, 7, -7, 4}));
  EXPECT_DOUBLE_EQ(found.scale[0], 1);
}

TEST(RowQuantizer, SpreadingErrorsBeatsRoundingToTheNearest) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const std::size_t inputs = 40;
    const SquareMatrix moments = plain_moments(correlated_rows(500, inputs, seed), inputs);
    const Rows weights = random_weights(16, inputs, seed);
    const GridOptions grid{.bits = 3};
    const double nearest =
        output_error(weights, real(quantize_rows(weights, grid), weights), moments);
    const double spread =
        output_error(weights, real(quantize_rows(weights, grid, &moments), weights), moments);
    EXPECT_LT(spread, 0.7 * nearest) << seed;
  }
}

TEST(RowQuantizer, InputsThatSayNothingOfEachOtherLeaveNothingToSpread) {
  SquareMatrix moments(10);
  for (std::size_t i = 0; i < 10; ++i) moments.at(i, i) = 1 + static_cast<double>(i);
  const Rows weights = random_weights(4, 10, 9);
  EXPECT_EQ(quantize_rows(weights, {.bits = 4}, &moments).whole,
            quantize_rows(weights, {.bits = 4}).whole);
}

TEST(RowQuantizer, SilentInputsAreRoundedToTheNearest) {
  SquareMatrix moments(3);
  moments.at(0, 0) = 4;
  const Rows weights = random_weights(2, 3, 5);
  EXPECT_EQ(quantize_rows(weights, {.bits = 5}, &moments).whole,
            quantize_rows(weights, {.bits = 5}).whole);
}

TEST(SparseRows, WhatStaysTakesOverForWhatGoes) {
  const std::size_t inputs = 30;
  const SquareMatrix moments = plain_moments(correlated_rows(500, inputs, 7), inputs);
  const Rows weights = random_weights(8, inputs, 7);
  Mask keep(weights.value.size(), 1);
  for (std::size_t i = 0; i < keep.size(); i += 2) keep[i] = 0;
  Rows plain = weights, solved = weights;
  drop_weights(plain, keep, nullptr);
  drop_weights(solved, keep, &moments);
  for (std::size_t i = 0; i < keep.size(); ++i) {
    EXPECT_EQ(solved.value[i] == 0, keep[i] == 0) << i;
    EXPECT_EQ(plain.value[i], keep[i] == 0 ? 0 : weights.value[i]) << i;
  }
  EXPECT_LT(output_error(weights, solved, moments), 0.5 * output_error(weights, plain, moments));
}

TEST(SparseRows, AnInputThatRepeatsAnotherIsTakenOverWhole) {
  // x1 = x0 always: dropping w1 must give w0 the sum of both, up to the damping.
  SquareMatrix moments(2);
  moments.value = {1, 1, 1, 1};
  Rows weights(1, 2);
  weights.value = {2, 3};
  drop_weights(weights, {1, 0}, &moments);
  EXPECT_NEAR(weights.value[0], 5, 0.05);
  EXPECT_EQ(weights.value[1], 0);
}

}  // namespace
}  // namespace neurotool::compress
