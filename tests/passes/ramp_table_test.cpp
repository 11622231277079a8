// Tables of ramps: the fewest for an error, bounds that hold on any grid and far outside, knots
// where the data lies, and reasons where there is none.
#include "passes/tensor/ramp_table.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/random.hpp"

namespace neurotool::test {
namespace {

using tensor_passes::fit_ramps;
using tensor_passes::Ramp;
using tensor_passes::ramps_needed;
using tensor_passes::WeightedPoint;
using testing::HasSubstr;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

struct Function {
  const char* name;
  std::function<double(double)> f;
  double most_rms;  ///< of a table with an error of 0.05, over where the function bends
};
void PrintTo(const Function& function, std::ostream* out) { *out << function.name; }

std::vector<Function> functions() {
  return {
      {"Sigmoid", sigmoid, 0.02},
      {"Tanh", [](double x) { return std::tanh(x); }, 0.03},
      {"Silu", [](double x) { return x * sigmoid(x); }, 0.03},
      {"Gelu", [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2)); }, 0.03},
      {"HardSwish", [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }, 0.03},
      {"HardSigmoid", [](double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }, 1e-6},
      {"HardTanh", [](double x) { return std::clamp(x, -1.0, 1.0); }, 1e-6},
      {"Mish", [](double x) { return x * std::tanh(softplus(x)); }, 0.03},
      {"Softplus", softplus, 0.03},
      {"LogSigmoid", [](double x) { return -softplus(-x); }, 0.03},
      {"Elu", [](double x) { return x > 0 ? x : std::exp(x) - 1; }, 0.03},
      {"Selu", [](double x) { return 1.0507 * (x > 0 ? x : 1.67326 * (std::exp(x) - 1)); }, 0.03},
      {"Softsign", [](double x) { return x / (1 + std::abs(x)); }, 0.04},
      {"LeakyRelu", [](double x) { return x > 0 ? x : 0.1 * x; }, 1e-6},
      {"Abs", [](double x) { return std::abs(x); }, 1e-6},
      {"Bell", [](double x) { return std::exp(-x * x); }, 0.03},
      {"WideTanh", [](double x) { return std::tanh(x / 100); }, 0.03},
      {"Shifted", [](double x) { return std::tanh(x - 0.7) + 0.25; }, 0.03}};
}

class Tables : public testing::TestWithParam<Function> {};

TEST_P(Tables, TakeTheFewestRampsForAnErrorThatHoldsOnTheWholeLine) {
  const auto& [name, f, most_rms] = GetParam();
  for (const double error : {0.2, 0.05, 0.03}) {
    const auto ramps = ramps_needed(f, error);
    ASSERT_TRUE(ramps.has_value()) << ramps.error();
    const auto fit = fit_ramps(f, *ramps, {});
    ASSERT_TRUE(fit.has_value()) << fit.error();
    EXPECT_EQ(fit->table.ramps.size(), *ramps);
    EXPECT_TRUE(fit->settles);
    EXPECT_LE(fit->line_error, error);
    // A grid that has nothing in common with the one of the fit.
    for (double x = -40.0037; x < 40; x += 0.00113) {
      ASSERT_LE(std::abs(f(x) - fit->table(x)), fit->line_error) << "at " << x;
    }
    for (const double x : {-1e5, -3e3, -400.0, 400.0, 3e3, 1e5}) {
      ASSERT_LE(std::abs(f(x) - fit->table(x)), fit->line_error + 1e-9 * std::abs(x));
    }
    if (error == 0.05) {
      EXPECT_LE(fit->rms_error, most_rms);
    }
  }
}

TEST_P(Tables, KeepTheBoundThatTheyReportWhereverTheDataLies) {
  const auto& f = GetParam().f;
  RandomStream random(3, "test", "points");
  for (int trial = 0; trial < 12; ++trial) {
    const double centre = 6 * random.normal(), width = 0.05 + 4 * random.uniform();
    std::vector<WeightedPoint> points;
    for (int i = 0; i < 200; ++i) {
      points.push_back({centre + width * random.normal(), 1 + 3 * random.uniform()});
    }
    std::ranges::sort(points, {}, &WeightedPoint::x);
    const std::size_t ramps = ramps_needed(f, 0.05).value();
    const auto fit = fit_ramps(f, ramps, points);
    ASSERT_TRUE(fit.has_value()) << fit.error();
    EXPECT_EQ(fit->table.ramps.size(), ramps) << "structure must not depend on data";
    EXPECT_LE(fit->low, points.front().x);
    EXPECT_GE(fit->high, points.back().x);
    for (double x = fit->low; x <= fit->high; x += (fit->high - fit->low) / 4993) {
      ASSERT_LE(std::abs(f(x) - fit->table(x)), fit->max_error) << "at " << x;
    }
    double square = 0, weight = 0;
    for (const WeightedPoint& point : points) {
      const double error = f(point.x) - fit->table(point.x);
      square += point.weight * error * error;
      weight += point.weight;
    }
    EXPECT_NEAR(fit->rms_error, std::sqrt(square / weight), 1e-12);
  }
}

TEST_P(Tables, BeginWhereTheFunctionIsZero) {
  const auto& [name, f, most_rms] = GetParam();
  const auto fit = fit_ramps(f, ramps_needed(f, 0.05).value(), {});
  ASSERT_TRUE(fit.has_value());
  const bool has_zero = std::string(name) != "Shifted";
  EXPECT_EQ(fit->table.constant, has_zero ? 0 : f(0));
  for (const Ramp& ramp : fit->table.ramps) {
    EXPECT_TRUE(ramp.direction == 1 || ramp.direction == -1);
    EXPECT_GT(ramp.width, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, Tables, testing::ValuesIn(functions()),
                         [](const auto& test) { return test.param.name; });

TEST(RampTable, PutsKnotsWhereTheDataLies) {
  const auto silu = [](double x) { return x * sigmoid(x); };
  std::vector<WeightedPoint> points;
  for (int i = 0; i <= 400; ++i) points.push_back({-2 + i * 0.005, 1});
  const auto anywhere = fit_ramps(silu, 6, {}), here = fit_ramps(silu, 6, points);
  double before = 0, after = 0;
  for (const WeightedPoint& point : points) {
    before += std::pow(silu(point.x) - anywhere->table(point.x), 2);
    after += std::pow(silu(point.x) - here->table(point.x), 2);
  }
  EXPECT_LT(after, 0.25 * before);
}

TEST(RampTable, SaysWhichFunctionsHaveNone) {
  const auto step = ramps_needed([](double x) { return x > 0.5 ? 1.0 : 0.0; }, 0.05);
  ASSERT_FALSE(step.has_value());
  EXPECT_THAT(step.error(), HasSubstr("away from every sum of 16 ramps"));
  const auto log = ramps_needed([](double x) { return std::log(x); }, 0.05);
  ASSERT_FALSE(log.has_value());
  EXPECT_THAT(log.error(), HasSubstr("has no finite value at"));
}

TEST(RampTable, AFunctionThatNeverBecomesStraightEndsWithTheData) {
  const auto square = [](double x) { return x * x; };
  std::vector<WeightedPoint> points;
  for (int i = 0; i <= 100; ++i) points.push_back({-1 + 0.02 * i, 1});
  const auto fit = fit_ramps(square, 8, points);
  ASSERT_TRUE(fit.has_value());
  EXPECT_FALSE(fit->settles);
  EXPECT_LT(fit->max_error, 0.03);
  // Beyond, on the tangents.
  EXPECT_NEAR(fit->table(3) - fit->table(2), 2, 0.05);
  EXPECT_NEAR(fit->table(-3) - fit->table(-2), 2, 0.05);
}

}  // namespace
}  // namespace neurotool::test
