// Kernels that only a host runs, at their edges; the ONNX corpus shows their usual cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "eval/tensor_eval.hpp"

namespace neurotool::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
Tensor list(std::vector<T> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from<T>({count}, std::move(values));
}

Tensor truth(std::vector<std::uint8_t> values) {
  return list<std::uint8_t>(std::move(values)).converted(DType::kBool);
}

std::vector<double> numbers(const Op& op, std::vector<Tensor> inputs) {
  const auto outputs = evaluate_op(op, inputs);
  if (!outputs) {
    ADD_FAILURE() << to_string(outputs.error());
    return {};
  }
  std::vector<double> values;
  for (std::int64_t i = 0; i < (*outputs)[0].size(); ++i) values.push_back((*outputs)[0].at(i));
  return values;
}

std::string problem(const Op& op, std::vector<Tensor> inputs) {
  const auto outputs = evaluate_op(op, inputs);
  return outputs ? "" : outputs.error().message;
}

TEST(HostOps, RestOfADivisionHasTheSignOfDivisorOrDividend) {
  const Tensor x = list<std::int32_t>({-7, 7, -7}), y = list<std::int32_t>({3, -3, -1});
  EXPECT_THAT(numbers(Binary{BinaryKind::kMod}, {x, y}), ElementsAre(2, -2, 0));
  EXPECT_THAT(numbers(Binary{BinaryKind::kFmod}, {x, y}), ElementsAre(-1, 1, 0));
  const auto least = std::numeric_limits<std::int64_t>::min();
  EXPECT_THAT(
      numbers(Binary{BinaryKind::kMod}, {list<std::int64_t>({least}), list<std::int64_t>({-1})}),
      ElementsAre(0));
  EXPECT_EQ(problem(Binary{BinaryKind::kMod}, {x, list<std::int32_t>({0, 1, 1})}),
            "a division of integers by zero");
}

TEST(HostOps, PowersOfIntegersWrapAndCutOff) {
  const Tensor x = list<std::int64_t>({2, 3, -1, 2, 10});
  const Tensor y = list<std::int64_t>({62, 0, 3, -1, 20});
  EXPECT_THAT(numbers(Binary{BinaryKind::kPow}, {x, y}),
              ElementsAre(std::exp2(62), 1, -1, 0, static_cast<double>(7766279631452241920)));
}

TEST(HostOps, ComparisonsOfNotANumberDoNotHold) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = list<float>({nan, 1}), y = list<float>({nan, 1});
  EXPECT_THAT(numbers(Binary{BinaryKind::kEqual}, {x, y}), ElementsAre(0, 1));
  EXPECT_THAT(numbers(Binary{BinaryKind::kLessOrEqual}, {x, y}), ElementsAre(0, 1));
}

TEST(HostOps, TruthValuesCombineAndCompare) {
  const Tensor x = truth({0, 0, 1, 1}), y = truth({0, 1, 0, 1});
  EXPECT_THAT(numbers(Binary{BinaryKind::kXor}, {x, y}), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(numbers(Binary{BinaryKind::kEqual}, {x, y}), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(numbers(Unary{UnaryKind::kNot}, {x}), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(problem(Binary{BinaryKind::kAdd}, {x, y}), HasSubstr("arithmetic on bool"));
}

TEST(HostOps, ReductionsKeepNotANumberAndWrapIntegers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto most = numbers(Reduce{.kind = ReduceKind::kMax}, {list<float>({1, nan, 2})});
  EXPECT_TRUE(std::isnan(most.at(0)));
  EXPECT_THAT(numbers(Reduce{.kind = ReduceKind::kSum}, {list<std::uint8_t>({200, 100})}),
              ElementsAre(44));
  EXPECT_THAT(problem(Reduce{.kind = ReduceKind::kMean}, {list<float>({})}),
              HasSubstr("the mean of no elements"));
}

TEST(HostOps, TheLargestMayBeTheFirstOrTheLast) {
  const Tensor x = list<std::int8_t>({-3, 5, 5, 1});
  EXPECT_THAT(numbers(ArgMax{}, {x}), ElementsAre(1));
  EXPECT_THAT(numbers(ArgMax{.axis = -1, .keep_dims = false, .select_last = true}, {x}),
              ElementsAre(2));
  EXPECT_THAT(problem(ArgMax{}, {list<float>({})}), HasSubstr("axis 0 has no element"));
}

TEST(HostOps, RangesCountDownAndStopBeforeTheLimit) {
  const auto range = [](float from, float to, float by) {
    return numbers(NumberRange{}, {Tensor::scalar(from), Tensor::scalar(to), Tensor::scalar(by)});
  };
  EXPECT_THAT(range(3, 0, -1.5f), ElementsAre(3, 1.5));
  EXPECT_THAT(range(3, 4, -1), ElementsAre());
  const auto least = std::numeric_limits<std::int8_t>::min();
  const auto most = std::numeric_limits<std::int8_t>::max();
  const auto all = numbers(
      NumberRange{}, {Tensor::scalar(least), Tensor::scalar(most), Tensor::scalar(std::int8_t{1})});
  ASSERT_EQ(all.size(), 255u);
  EXPECT_EQ(all.back(), 126);
  EXPECT_EQ(problem(NumberRange{}, {Tensor::scalar(0.f), Tensor::scalar(1.f), Tensor::scalar(0.f)}),
            "the step is 0");
}

TEST(HostOps, EinsumBroadcastsItsEllipsisAndReadsDiagonals) {
  const Tensor x = Tensor::from<float>({2, 1, 2}, {1, 2, 3, 4});
  const Tensor y = Tensor::from<float>({3, 2}, {1, 0, 0, 1, 1, 1});
  EXPECT_THAT(numbers(Einsum{"...i,...i->..."}, {x, y}), ElementsAre(1, 2, 3, 3, 4, 7));
  const Tensor square = Tensor::from<std::int32_t>({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(numbers(Einsum{"ii->i"}, {square}), ElementsAre(1, 4));
}

TEST(HostOps, SequencesEndAtTheirLength) {
  Recurrent op{
      .kind = RecurrentKind::kRnn, .activations = {Activation::kAffine}, .alpha = {1}, .beta = {0}};
  const Tensor x = Tensor::from<float>({3, 2, 1}, {1, 10, 2, 20, 3, 30});
  const Tensor one = Tensor::from<float>({1, 1, 1}, {1});
  const std::vector<Tensor> inputs{x, one, one, {}, list<std::int32_t>({2, 3})};
  // Each step adds its input to the state.
  EXPECT_THAT(numbers(op, inputs), ElementsAre(1, 10, 3, 30, 0, 60));
  op.result = RecurrentResult::kLastHidden;
  EXPECT_THAT(numbers(op, inputs), ElementsAre(3, 60));
  op.direction = RecurrentDirection::kReverse;
  op.result = RecurrentResult::kAll;
  EXPECT_THAT(numbers(op, inputs), ElementsAre(3, 60, 2, 50, 0, 30));
  EXPECT_THAT(problem(op, {x, one, one, {}, list<std::int32_t>({2, 4})}),
              HasSubstr("sequence 1 has length 4, there are 3 steps"));
}

TEST(HostOps, ResamplingOfOneElementGivesItEverywhere) {
  const Tensor x = Tensor::from<float>({1}, {5});
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    EXPECT_THAT(numbers(Resize{.mode = mode}, {x, {}, {}, list<std::int64_t>({3})}),
                ElementsAre(5, 5, 5));
  }
}

TEST(HostOps, CroppingFillsWhatLiesOutside) {
  const Tensor x = Tensor::from<float>({4}, {1, 2, 3, 4});
  const Resize op{
      .mode = ResizeMode::kLinear, .coordinates = ResizeCoordinates::kCropAndResize, .outside = 9};
  EXPECT_THAT(numbers(op, {x, list<float>({0, 2}), {}, list<std::int64_t>({3})}),
              ElementsAre(1, 4, 9));
}

TEST(HostOps, ShrinkingWithAntialiasingIsAMean) {
  const Tensor x = Tensor::from<float>({4}, {0, 0, 4, 4});
  const Resize op{.mode = ResizeMode::kLinear, .antialias = true};
  const auto y = numbers(op, {x, {}, list<float>({0.5f})});
  ASSERT_EQ(y.size(), 2u);
  EXPECT_NEAR(y[0] + y[1], 4, 1e-6);
  EXPECT_GT(y[0], 0);
}

}  // namespace
}  // namespace neurotool::test
