// The quantised activation: rounding, bounds, scales by channel, and what is refused.
#include <gtest/gtest.h>

#include "eval/reference.hpp"
#include "eval/tensor_eval.hpp"

namespace neurotool {
namespace {

std::vector<float> run(const QuantizedActivation& op, std::vector<float> x, Tensor scale,
                       Shape shape) {
  const Tensor in[] = {Tensor::from<float>(std::move(shape), std::move(x)), std::move(scale)};
  const auto out = evaluate_op(op, in);
  EXPECT_TRUE(out.has_value());
  if (!out) return {};
  const auto values = (*out)[0].as<float>();
  return {values.begin(), values.end()};
}

TEST(QuantizedActivation, FloorWithHalfRoundsHalvesUp) {
  const QuantizedActivation op{.low = 0, .high = 4};
  EXPECT_EQ(run(op, {-3, -0.25f, 0.24f, 0.25f, 0.75f, 1.25f, 2, 9}, Tensor::scalar(0.5f), {1, 8}),
            (std::vector<float>{0, 0, 0, 0.5f, 1, 1.5f, 2, 2}));
}

TEST(QuantizedActivation, HalfEvenKeepsSignedLevels) {
  const QuantizedActivation op{
      .low = -2, .high = 3, .rounding = LevelRounding::kHalfEven, .offset = 0};
  EXPECT_EQ(run(op, {-9, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 9}, Tensor::scalar(1.0f), {1, 7}),
            (std::vector<float>{-2, -2, 0, 0, 2, 2, 3}));
}

TEST(QuantizedActivation, TakesOneScaleForEachChannel) {
  const QuantizedActivation op{.low = 0, .high = 10};
  EXPECT_EQ(run(op, {1, 3, 1, 3, 1, 3, 1, 3}, Tensor::from<float>({2}, {1.0f, 2.0f}), {2, 2, 2}),
            (std::vector<float>{1, 3, 2, 4, 1, 3, 2, 4}));
}

TEST(QuantizedActivation, RefusesAScaleOfAnotherShape) {
  const Tensor in[] = {Tensor::from<float>({1, 3}, {1, 2, 3}), Tensor::from<float>({2}, {1, 1})};
  const auto out = evaluate_op(QuantizedActivation{.low = 0, .high = 1}, in);
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, "eval.shape");
}

}  // namespace
}  // namespace neurotool
