// Ops that work element by element: functions, broadcasting, whole numbers, casts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <ostream>

#include "eval/reference.hpp"

namespace neurotool::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Function {
  UnaryKind kind;
  double (*f)(double);
};

class UnaryFunctions : public testing::TestWithParam<Function> {};

TEST_P(UnaryFunctions, EqualTheLibraryEverywhere) {
  const auto [kind, f] = GetParam();
  const Tensor x = floats({-2.5f, -1, -0.5f, 0, 0.5f, 1, 1.5f, 2.5f, 20, -20, kNaN});
  expect_close(run_op(Unary{kind}, {x}),
               computed({11}, [&](const Index& i) { return f(at(x, i)); }));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, UnaryFunctions,
    testing::Values(Function{UnaryKind::kAbs, std::abs}, Function{UnaryKind::kCeil, std::ceil},
                    Function{UnaryKind::kErf, std::erf}, Function{UnaryKind::kExp, std::exp},
                    Function{UnaryKind::kFloor, std::floor}, Function{UnaryKind::kLog, std::log},
                    Function{UnaryKind::kNeg, [](double x) { return -x; }},
                    Function{UnaryKind::kRelu, [](double x) { return x < 0 ? 0 : x; }},
                    Function{UnaryKind::kRound, std::nearbyint},
                    Function{UnaryKind::kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
                    Function{UnaryKind::kSqrt, std::sqrt}, Function{UnaryKind::kTanh, std::tanh}),
    [](const auto& param) { return std::string(op_name(Op(Unary{param.param.kind}))); });

TEST(UnaryEvaluation, SaturatesInsteadOfOverflowing) {
  const Tensor large = floats({1e30f, -1e30f, kInfinity, -kInfinity});
  expect_close(run_op(Unary{UnaryKind::kSigmoid}, {large}), floats({1, 0, 1, 0}));
  expect_close(run_op(Unary{UnaryKind::kTanh}, {large}), floats({1, -1, 1, -1}));
  expect_close(run_op(Unary{UnaryKind::kRelu}, {large}), floats({1e30f, 0, kInfinity, 0}));
  expect_close(run_op(Unary{UnaryKind::kExp}, {large}), floats({kInfinity, 0, kInfinity, 0}));
}

TEST(UnaryEvaluation, RoundsHalvesToEven) {
  expect_close(run_op(Unary{UnaryKind::kRound}, {floats({0.5f, 1.5f, 2.5f, -0.5f, -1.5f})}),
               floats({0, 2, 2, 0, -2}), 0);
}

TEST(UnaryEvaluation, KeepsWholeNumbersWhole) {
  const auto least = std::numeric_limits<std::int64_t>::min();
  const Tensor x = integers({-3, 0, 5, least});
  EXPECT_EQ(run_op(Unary{UnaryKind::kAbs}, {x}), integers({3, 0, 5, least}));
  EXPECT_EQ(run_op(Unary{UnaryKind::kNeg}, {x}), integers({3, 0, -5, least}));
  EXPECT_EQ(run_op(Unary{UnaryKind::kRelu}, {x}), integers({0, 0, 5, 0}));
  EXPECT_EQ(refusal_of(Unary{UnaryKind::kExp}, {x}), "eval.shape: exp has no meaning for i64");
}

// ---- two operands ------------------------------------------------------------------------------

struct Operation {
  BinaryKind kind;
  double (*f)(double, double);
};

class BinaryOperations : public testing::TestWithParam<Operation> {};

TEST_P(BinaryOperations, BroadcastEveryPairOfShapes) {
  const std::pair<Shape, Shape> pairs[] = {
      {{2, 3}, {2, 3}},
      {{2, 3}, {3}},
      {{3}, {2, 3}},
      {{2, 3}, {}},
      {{}, {2, 3}},
      {{2, 1}, {1, 3}},
      {{2, 3, 4}, {3, 1}},
      {{4, 1, 2}, {3, 1}},
      {{1, 3, 1}, {2, 1, 4}},
      {{2, 3, 4}, {1, 3, 1}},
      {{2, 1, 2, 1}, {3, 1, 5}},
      {{}, {}},
      {{0, 3}, {1, 3}},
      {{2, 3}, {2, 1}},
  };
  const auto [kind, f] = GetParam();
  for (const auto& [a_shape, b_shape] : pairs) {
    Tensor a = random_tensor(a_shape, 1);
    const Tensor b = random_tensor(b_shape, 2);
    // A power of negative numbers is not a number; that is tested below.
    if (kind == BinaryKind::kPow) a = run_op(Unary{UnaryKind::kAbs}, {a});
    Shape out(std::max(a_shape.size(), b_shape.size()), 1);
    for (const Shape& shape : {a_shape, b_shape}) {
      for (std::size_t i = 0; i < shape.size(); ++i) {
        std::int64_t& extent = out[out.size() - shape.size() + i];
        if (shape[i] != 1) extent = shape[i];
      }
    }
    SCOPED_TRACE(to_string(a_shape) + to_string(b_shape));
    expect_close(run_op(Binary{kind}, {a, b}), computed(out, [&](const Index& i) {
                   return f(at_broadcast(a, i), at_broadcast(b, i));
                 }));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BinaryOperations,
    testing::Values(Operation{BinaryKind::kAdd, [](double a, double b) { return a + b; }},
                    Operation{BinaryKind::kSub, [](double a, double b) { return a - b; }},
                    Operation{BinaryKind::kMul, [](double a, double b) { return a * b; }},
                    Operation{BinaryKind::kDiv, [](double a, double b) { return a / b; }},
                    Operation{BinaryKind::kMin, [](double a, double b) { return std::min(a, b); }},
                    Operation{BinaryKind::kMax, [](double a, double b) { return std::max(a, b); }},
                    Operation{BinaryKind::kPow, std::pow}),
    [](const auto& param) { return std::string(op_name(Op(Binary{param.param.kind}))); });

TEST(BinaryEvaluation, FollowsTheRulesOfFloatsAtTheEdges) {
  const Tensor a = floats({1, -1, 0, kInfinity, kNaN, -8});
  const Tensor b = floats({0, 0, 0, kInfinity, 1, 0.5f});
  expect_close(run_op(Binary{BinaryKind::kDiv}, {a, b}),
               floats({kInfinity, -kInfinity, kNaN, kNaN, kNaN, -16}));
  const Tensor number = floats({1, kNaN}), other = floats({kNaN, 1});
  for (const BinaryKind kind : {BinaryKind::kMin, BinaryKind::kMax}) {
    expect_close(run_op(Binary{kind}, {number, other}), floats({kNaN, kNaN}));
  }
  expect_close(run_op(Binary{BinaryKind::kSub}, {a, b}), floats({1, -1, 0, kNaN, kNaN, -8.5f}));
  expect_close(run_op(Binary{BinaryKind::kPow}, {floats({-8, 0, 2}), floats({0.5f, -1, 200})}),
               floats({kNaN, kInfinity, kInfinity}));
}

TEST(BinaryEvaluation, WholeNumbersWrapAndDivideTowardsZero) {
  const auto most = std::numeric_limits<std::int64_t>::max();
  const auto least = std::numeric_limits<std::int64_t>::min();
  const auto op = [](BinaryKind kind, std::int64_t a, std::int64_t b) {
    return run_op(Binary{kind}, {integers({a}), integers({b})}).as<std::int64_t>()[0];
  };
  EXPECT_EQ(op(BinaryKind::kAdd, most, 1), least);
  EXPECT_EQ(op(BinaryKind::kSub, least, 1), most);
  EXPECT_EQ(op(BinaryKind::kMul, most, 2), -2);
  EXPECT_EQ(op(BinaryKind::kDiv, -7, 2), -3);
  EXPECT_EQ(op(BinaryKind::kDiv, least, -1), least);
}

TEST(BinaryEvaluation, SmallIntegersWrapInTheirOwnWidth) {
  const Tensor a = Tensor::from<std::int8_t>({2}, {100, -100});
  EXPECT_EQ(run_op(Binary{BinaryKind::kAdd}, {a, a}), Tensor::from<std::int8_t>({2}, {-56, 56}));
  const Tensor u = Tensor::from<std::uint8_t>({2}, {0, 200});
  EXPECT_EQ(run_op(Binary{BinaryKind::kSub}, {u, Tensor::from<std::uint8_t>({}, {1})}),
            Tensor::from<std::uint8_t>({2}, {255, 199}));
}

TEST(BinaryEvaluation, RefusalsSayWhatDoesNotFit) {
  const Tensor a = floats({1, 2}), whole = integers({1, 2});
  EXPECT_EQ(refusal_of(Binary{BinaryKind::kDiv}, {whole, integers({1, 0})}),
            "eval.domain: a division of integers by zero");
  EXPECT_EQ(refusal_of(Binary{BinaryKind::kAdd}, {a, whole}), "eval.shape: add of f32 and i64");
  EXPECT_EQ(refusal_of(Binary{BinaryKind::kAdd}, {a, floats({1, 2, 3})}),
            "eval.shape: [2] and [3] do not broadcast to one shape");
  EXPECT_EQ(refusal_of(Binary{BinaryKind::kAdd},
                       {a.converted(DType::kFloat16), a.converted(DType::kFloat16)}),
            "eval.unsupported: add of f16 is not computed");
}

TEST(BinaryEvaluation, ASmallBatchMayNotGrowBeyondMemory) {
  const Tensor tall = random_tensor({1 << 17, 1}), wide = random_tensor({1, 1 << 17});
  EXPECT_EQ(refusal_of(Binary{BinaryKind::kAdd}, {tall, wide}),
            "eval.size: the result [131072,131072] takes more than 16 GiB");
}

// ---- clip and cast -----------------------------------------------------------------------------

TEST(ClipEvaluation, HoldsValuesBetweenItsBounds) {
  const Tensor x = floats({-kInfinity, -1, 0.5f, 2, kInfinity, kNaN});
  const Tensor low = Tensor::scalar(0.0f), high = Tensor::scalar(1.0f);
  expect_close(run_op(Clip{}, {x, low, high}), floats({0, 0, 0.5f, 1, 1, kNaN}));
  expect_close(run_op(Clip{}, {x, low}), floats({0, 0, 0.5f, 2, kInfinity, kNaN}));
  expect_close(run_op(Clip{}, {x, {}, high}), floats({-kInfinity, -1, 0.5f, 1, 1, kNaN}));
  expect_close(run_op(Clip{}, {x}), x);
}

TEST(ClipEvaluation, TheUpperBoundWinsWhereTheyCross) {
  expect_close(run_op(Clip{}, {floats({0, 5}), Tensor::scalar(3.0f), Tensor::scalar(1.0f)}),
               floats({1, 1}));
}

TEST(ClipEvaluation, TakesWholeNumbersAndRefusesBoundsOfAnotherType) {
  EXPECT_EQ(run_op(Clip{}, {integers({-5, 5}), Tensor::scalar(std::int64_t{0})}), integers({0, 5}));
  EXPECT_EQ(refusal_of(Clip{}, {floats({1}), Tensor::scalar(std::int64_t{0})}),
            "eval.shape: a bound of type i64 for a tensor of type f32");
  EXPECT_EQ(refusal_of(Clip{}, {floats({1}), floats({0, 1})}),
            "eval.shape: a bound must be one number, got [2]");
}

TEST(CastEvaluation, CutsTowardsZeroAndHoldsAtTheEnds) {
  const Tensor x = floats({-1.9f, 1.9f, 300, -300, kInfinity, kNaN});
  EXPECT_EQ(run_op(Cast{DType::kInt8}, {x}),
            Tensor::from<std::int8_t>({6}, {-1, 1, 127, -128, 127, 0}));
  EXPECT_EQ(run_op(Cast{DType::kUint8}, {x}),
            Tensor::from<std::uint8_t>({6}, {0, 1, 255, 0, 255, 0}));
  const Tensor wide = run_op(Cast{DType::kInt64}, {floats({1e30f, -1e30f})});
  EXPECT_EQ(wide, integers({std::numeric_limits<std::int64_t>::max(),
                            std::numeric_limits<std::int64_t>::min()}));
}

TEST(CastEvaluation, KeepsWholeNumbersExactly) {
  EXPECT_EQ(run_op(Cast{DType::kFloat64}, {integers({1 << 30, -7})}),
            Tensor::from<double>({2}, {1073741824.0, -7.0}));
  EXPECT_EQ(run_op(Cast{DType::kFloat32}, {floats({1, 2})}), floats({1, 2}));
}

}  // namespace
}  // namespace neurotool::test
