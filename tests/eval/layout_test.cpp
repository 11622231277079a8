// Ops that move elements: transpose, slice, concat, gather, pad, reshape and the ops on shapes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "eval/reference.hpp"

namespace neurotool::test {
namespace {

constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kFarBack = std::numeric_limits<std::int64_t>::min();

TEST(TransposeEvaluation, MovesEveryElementOfEveryPermutation) {
  const Tensor x = random_tensor({2, 3, 4});
  std::vector<std::int64_t> perm{0, 1, 2};
  do {
    Shape shape;
    for (const std::int64_t axis : perm) shape.push_back(x.shape()[static_cast<std::size_t>(axis)]);
    expect_close(run_op(Transpose{perm}, {x}),
                 computed(shape,
                          [&](const Index& o) {
                            Index from(3);
                            for (std::size_t i = 0; i < 3; ++i)
                              from[static_cast<std::size_t>(perm[i])] = o[i];
                            return at(x, from);
                          }),
                 0);
  } while (std::ranges::next_permutation(perm).found);
}

TEST(TransposeEvaluation, ReversesAllAxesWithoutAPermutation) {
  const Tensor x = random_tensor({2, 3, 4});
  EXPECT_EQ(run_op(Transpose{}, {x}), run_op(Transpose{{2, 1, 0}}, {x}));
  EXPECT_EQ(run_op(Transpose{{-1, 0, 1}}, {x}), run_op(Transpose{{2, 0, 1}}, {x}));
}

TEST(TransposeEvaluation, TurnsEveryElementType) {
  const Tensor x = Tensor::from<std::int8_t>({2, 2}, {1, 2, 3, 4});
  const Tensor turned = Tensor::from<std::int8_t>({2, 2}, {1, 3, 2, 4});
  for (const DType dtype : {DType::kBool, DType::kInt8, DType::kUint16, DType::kFloat16,
                            DType::kBfloat16, DType::kFloat64, DType::kInt64}) {
    EXPECT_EQ(run_op(Transpose{}, {x.converted(dtype)}), turned.converted(dtype));
  }
}

TEST(TransposeEvaluation, RefusesWhatIsNoPermutation) {
  const Tensor x = random_tensor({2, 3});
  EXPECT_EQ(refusal_of(Transpose{{0, 0}}, {x}), "eval.shape: permuted axis 0 is given twice");
  EXPECT_EQ(refusal_of(Transpose{{0, 2}}, {x}),
            "eval.shape: permuted axis 2 is outside a tensor of rank 2");
  EXPECT_EQ(refusal_of(Transpose{{0}}, {x}),
            "eval.shape: a permutation of 1 axes does not fit the input [2,3]");
}

// ---- slice -------------------------------------------------------------------------------------

struct SliceCase {
  std::vector<std::int64_t> starts, ends, axes, steps;
  std::vector<std::vector<std::int64_t>> kept;  ///< per axis of [4,5]
};

class Slices : public testing::TestWithParam<SliceCase> {};

TEST_P(Slices, TakeTheElementsThatNumpyTakes) {
  const auto& [starts, ends, axes, steps, kept] = GetParam();
  const Tensor x = random_tensor({4, 5});
  std::vector<Tensor> inputs{x, integers(starts), integers(ends)};
  inputs.push_back(axes.empty() ? Tensor() : integers(axes));
  inputs.push_back(steps.empty() ? Tensor() : integers(steps));
  const Shape shape{std::ssize(kept[0]), std::ssize(kept[1])};
  expect_close(run_op(Slice{}, inputs),
               computed(shape,
                        [&](const Index& o) {
                          return at(x, {kept[0][static_cast<std::size_t>(o[0])],
                                        kept[1][static_cast<std::size_t>(o[1])]});
                        }),
               0);
}

const std::vector<std::int64_t> kRows{0, 1, 2, 3}, kColumns{0, 1, 2, 3, 4};

INSTANTIATE_TEST_SUITE_P(
    Cases, Slices,
    testing::Values(SliceCase{{1, 2}, {3, 4}, {}, {}, {{1, 2}, {2, 3}}},
                    SliceCase{{1}, {kFar}, {1}, {}, {kRows, {1, 2, 3, 4}}},
                    SliceCase{{-2}, {-1}, {-1}, {}, {kRows, {3}}},
                    SliceCase{{0}, {5}, {1}, {2}, {kRows, {0, 2, 4}}},
                    SliceCase{{1}, {5}, {1}, {2}, {kRows, {1, 3}}},
                    SliceCase{{-1}, {kFarBack}, {0}, {-1}, {{3, 2, 1, 0}, kColumns}},
                    SliceCase{{kFar}, {0}, {1}, {-2}, {kRows, {4, 2}}},
                    SliceCase{{2}, {2}, {0}, {}, {{}, kColumns}},
                    SliceCase{{3}, {1}, {0}, {}, {{}, kColumns}},
                    SliceCase{{-100}, {100}, {0}, {100}, {{0}, kColumns}},
                    SliceCase{{0}, {4}, {0}, {kFar}, {{0}, kColumns}},
                    SliceCase{{3}, {kFarBack}, {0}, {kFarBack}, {{3}, kColumns}},
                    SliceCase{{2, 1}, {4, 3}, {1, 0}, {}, {{1, 2}, {2, 3}}}),
    [](const auto& param) { return "Case" + std::to_string(param.index); });

TEST(SliceRefusals, SayWhatDoesNotFit) {
  const Tensor x = random_tensor({4, 5});
  EXPECT_EQ(refusal_of(Slice{}, {x, integers({0}), integers({1}), integers({0}), integers({0})}),
            "eval.shape: the slice step of axis 0 is 0");
  EXPECT_EQ(refusal_of(Slice{}, {x, integers({0, 0}), integers({1})}),
            "eval.shape: 2 starts, 1 ends, 0 axes and 0 steps do not belong together for rank 2");
  EXPECT_EQ(refusal_of(Slice{}, {x, integers({0}), integers({1}), integers({2})}),
            "eval.shape: slice axis 2 is outside a tensor of rank 2");
}

// ---- concat, gather, pad -----------------------------------------------------------------------

TEST(ConcatEvaluation, JoinsAlongAnyAxis) {
  for (const std::int64_t axis : {0, 1, 2, -1}) {
    const auto along = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    std::vector<Tensor> parts;
    Shape shape{2, 3, 4};
    for (const std::int64_t extent : {2, 0, 3}) {
      shape[along] = extent;
      parts.push_back(random_tensor(shape, static_cast<std::uint64_t>(extent + 1)));
    }
    shape[along] = 5;
    expect_close(run_op(Concat{axis}, parts),
                 computed(shape,
                          [&](Index o) {
                            const bool first = o[along] < 2;
                            if (!first) o[along] -= 2;
                            return at(parts[first ? 0 : 2], o);
                          }),
                 0);
  }
}

TEST(ConcatEvaluation, RefusesPartsThatDoNotFit) {
  EXPECT_EQ(refusal_of(Concat{0}, {random_tensor({2, 3}), random_tensor({2, 4})}),
            "eval.shape: [2,3] and [2,4] cannot be joined along axis 0");
  EXPECT_EQ(refusal_of(Concat{0}, {floats({1}), integers({1})}),
            "eval.shape: f32 and i64 cannot be joined");
}

TEST(GatherEvaluation, TakesIndicesOfAnyShapeAlongAnyAxis) {
  const Tensor x = random_tensor({3, 4});
  const Tensor indices = Tensor::from<std::int64_t>({2, 2}, {0, -1, 2, 0});
  expect_close(run_op(Gather{0}, {x, indices}),
               computed({2, 2, 4},
                        [&](const Index& o) {
                          const auto index = static_cast<std::int64_t>(at(indices, {o[0], o[1]}));
                          return at(x, {index < 0 ? index + 3 : index, o[2]});
                        }),
               0);
  expect_close(run_op(Gather{-1}, {x, indices}),
               computed({3, 2, 2},
                        [&](const Index& o) {
                          const auto index = static_cast<std::int64_t>(at(indices, {o[1], o[2]}));
                          return at(x, {o[0], index < 0 ? index + 4 : index});
                        }),
               0);
}

TEST(GatherEvaluation, AScalarIndexDropsTheAxis) {
  const Tensor x = random_tensor({3, 4});
  EXPECT_EQ(run_op(Gather{0}, {x, Tensor::scalar(std::int64_t{1})}).shape(), (Shape{4}));
  EXPECT_EQ(run_op(Gather{0}, {integers({5, 6, 7}), Tensor::scalar(std::int32_t{-1})}),
            Tensor::scalar(std::int64_t{7}));
}

TEST(GatherEvaluation, RefusesAnIndexOutsideAndNamesIt) {
  EXPECT_EQ(refusal_of(Gather{1}, {random_tensor({3, 4}), integers({0, 4})}),
            "eval.shape: index 4 is outside axis 1 of [3,4]");
  EXPECT_EQ(refusal_of(Gather{0}, {random_tensor({3, 4}), integers({-4})}),
            "eval.shape: index -4 is outside axis 0 of [3,4]");
  EXPECT_EQ(refusal_of(Gather{0}, {random_tensor({3}), floats({0})}),
            "eval.shape: indices of type f32");
}

TEST(PadEvaluation, AddsItsValueAndCropsWhereNegative) {
  const Tensor x = random_tensor({3, 4});
  const Tensor value = Tensor::scalar(7.5f);
  expect_close(run_op(Pad{}, {x, integers({1, -1, -2, 2}), value}),
               computed({2, 5},
                        [&](const Index& o) {
                          const Index from{o[0] - 1, o[1] + 1};
                          const bool inside = from[0] >= 0 && from[0] < 3 && from[1] < 4;
                          return inside ? at(x, from) : 7.5;
                        }),
               0);
}

TEST(PadEvaluation, PadsTheAxesItNamesWithZero) {
  const Tensor x = Tensor::from<float>({1, 2}, {1, 2});
  EXPECT_EQ(run_op(Pad{}, {x, integers({1, 0}), {}, integers({-1})}),
            Tensor::from<float>({1, 3}, {0, 1, 2}));
  EXPECT_EQ(run_op(Pad{}, {integers({1}), integers({0, 2})}), integers({1, 0, 0}));
}

TEST(PadEvaluation, CropsToNothingAndPadsNothing) {
  const Tensor x = Tensor::from<float>({1, 2}, {1, 2});
  EXPECT_EQ(run_op(Pad{}, {x, integers({0, -1, 0, -1})}).shape(), (Shape{1, 0}));
  EXPECT_EQ(run_op(Pad{}, {Tensor::from<float>({0}, {}), integers({1, 1})}), floats({0, 0}));
}

TEST(PadEvaluation, RefusalsSayWhatDoesNotFit) {
  const Tensor x = random_tensor({3, 4});
  EXPECT_EQ(refusal_of(Pad{}, {x, integers({-2, 0, -2, 0})}),
            "eval.shape: pads -2 and -2 of axis 0 crop more than its extent 3");
  EXPECT_EQ(refusal_of(Pad{}, {x, integers({1, 1})}), "eval.shape: 2 pads given, 4 needed");
  EXPECT_EQ(refusal_of(Pad{}, {x, integers({0, 0, 0, 0}), floats({1, 2})}),
            "eval.shape: a pad value must be one number, got [2]");
}

// ---- shapes ------------------------------------------------------------------------------------

TEST(ReshapeEvaluation, CopiesInfersAndKeepsTheOrder) {
  const Tensor x = random_tensor({2, 3, 4});
  const auto shape = [&](std::vector<std::int64_t> wanted, bool allow_zero = false) {
    const Tensor result = run_op(Reshape{allow_zero}, {x, integers(std::move(wanted))});
    EXPECT_EQ(result, x.reshaped(result.shape()));
    return result.shape();
  };
  EXPECT_EQ(shape({4, 6}), (Shape{4, 6}));
  EXPECT_EQ(shape({0, -1}), (Shape{2, 12}));
  EXPECT_EQ(shape({-1}), (Shape{24}));
  EXPECT_EQ(shape({0, 0, 2, -1}), (Shape{2, 3, 2, 2}));
  EXPECT_EQ(run_op(Reshape{true}, {random_tensor({0, 3}), integers({3, 0})}).shape(),
            (Shape{3, 0}));
}

TEST(ReshapeEvaluation, RefusalsNameBothShapes) {
  const Tensor x = random_tensor({2, 3});
  EXPECT_EQ(refusal_of(Reshape{}, {x, integers({4})}),
            "eval.shape: [2,3] cannot be reshaped to [4]");
  EXPECT_EQ(refusal_of(Reshape{}, {x, integers({-1, -1})}),
            "eval.shape: more than one extent of the new shape is -1");
  EXPECT_EQ(refusal_of(Reshape{}, {x, integers({2, 3, 0})}),
            "eval.shape: extent 2 of the new shape copies one that [2,3] lacks");
  EXPECT_EQ(refusal_of(Reshape{true}, {x, integers({0, -2})}),
            "eval.shape: extent -2 of the new shape is negative");
}

TEST(FlattenEvaluation, SplitsAtItsAxis) {
  const Tensor x = random_tensor({2, 3, 4});
  EXPECT_EQ(run_op(Flatten{0}, {x}).shape(), (Shape{1, 24}));
  EXPECT_EQ(run_op(Flatten{}, {x}).shape(), (Shape{2, 12}));
  EXPECT_EQ(run_op(Flatten{-1}, {x}).shape(), (Shape{6, 4}));
  EXPECT_EQ(run_op(Flatten{3}, {x}).shape(), (Shape{24, 1}));
}

TEST(SqueezeEvaluation, AndItsOppositeChangeTheShapeOnly) {
  const Tensor x = random_tensor({1, 3, 1, 2});
  EXPECT_EQ(run_op(Squeeze{}, {x}).shape(), (Shape{3, 2}));
  EXPECT_EQ(run_op(Squeeze{}, {x, integers({-2})}), x.reshaped({1, 3, 2}));
  EXPECT_EQ(run_op(Unsqueeze{}, {x, integers({0, -1})}), x.reshaped({1, 1, 3, 1, 2, 1}));
  EXPECT_EQ(refusal_of(Squeeze{}, {x, integers({1})}),
            "eval.shape: axis 1 of [1,3,1,2] cannot be squeezed");
}

TEST(ShapeEvaluation, GivesTheExtentsOfItsRange) {
  const Tensor x = random_tensor({2, 3, 4});
  EXPECT_EQ(run_op(ShapeOf{}, {x}), integers({2, 3, 4}));
  EXPECT_EQ(run_op(ShapeOf{.start = -2}, {x}), integers({3, 4}));
  EXPECT_EQ(run_op(ShapeOf{.start = 1, .end = -1}, {x}), integers({3}));
  EXPECT_EQ(run_op(ShapeOf{.start = 2, .end = 1}, {x}), integers({}));
}

TEST(ConstantOfShapeEvaluation, FillsWithItsOneElement) {
  EXPECT_EQ(run_op(ConstantOfShape{integers({7})}, {integers({2, 1})}),
            Tensor::from<std::int64_t>({2, 1}, {7, 7}));
  EXPECT_EQ(run_op(ConstantOfShape{floats({1.5f})}, {integers({})}), Tensor::scalar(1.5f));
  EXPECT_EQ(run_op(ConstantOfShape{floats({1})}, {integers({0, 3})}).size(), 0);
  EXPECT_EQ(refusal_of(ConstantOfShape{floats({1})}, {integers({-3})}),
            "eval.shape: extent -3 is negative");
  EXPECT_EQ(refusal_of(ConstantOfShape{floats({1})}, {integers({1 << 20, 1 << 20})}),
            "eval.size: the result [1048576,1048576] takes more than 16 GiB");
}

TEST(IdentityEvaluation, HandsTheSameElementsOn) {
  const Tensor x = random_tensor({2, 3});
  EXPECT_EQ(run_op(Identity{}, {x}).data(), x.data());
}

}  // namespace
}  // namespace neurotool::test
