// Pooling and the ops that look along an axis, against plain loops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <ostream>

#include "eval/reference.hpp"

namespace neurotool::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// ---- pools -------------------------------------------------------------------------------------

struct PoolCase {
  std::string name;
  Shape data;
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  bool ceil_mode = false;
};

void PrintTo(const PoolCase& made, std::ostream* out) { *out << made.name; }

/// One axis of a pool: where windows begin, which taps they have.
struct Axis {
  std::int64_t extent, kernel, stride = 1, dilation = 1, begin = 0, end = 0;

  std::int64_t windows(bool ceil_mode) const {
    const std::int64_t room = extent + begin + end - ((kernel - 1) * dilation + 1);
    std::int64_t count = room / stride + 1;
    // A window that only hangs over is kept if it begins inside the input or its leading pad.
    if (ceil_mode && room % stride != 0 && count * stride < extent + begin) ++count;
    return count;
  }
};

std::vector<Axis> axes_of(const PoolCase& made) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < made.kernel.size(); ++i) {
    Axis axis{.extent = made.data[i + 2], .kernel = made.kernel[i]};
    if (!made.strides.empty()) axis.stride = made.strides[i];
    if (!made.dilations.empty()) axis.dilation = made.dilations[i];
    if (!made.pads.empty()) axis.begin = made.pads[i];
    if (!made.pads.empty()) axis.end = made.pads[made.kernel.size() + i];
    axes.push_back(axis);
  }
  return axes;
}

/// reduce(values inside the input, taps on the input or its declared pads), for each window.
template <class Reduce>
Tensor reference_pool(const PoolCase& made, const Tensor& data, const Reduce& reduce) {
  const std::vector<Axis> axes = axes_of(made);
  Shape out{made.data[0], made.data[1]};
  for (const Axis& axis : axes) out.push_back(axis.windows(made.ceil_mode));
  return computed(out, [&](const Index& o) {
    std::vector<double> inside;
    std::int64_t on_pads_too = 0;
    for_each_index(made.kernel, [&](const Index& tap) {
      Index from{o[0], o[1]};
      bool is_inside = true, is_declared = true;
      for (std::size_t i = 0; i < axes.size(); ++i) {
        const Axis& axis = axes[i];
        const std::int64_t place = o[2 + i] * axis.stride - axis.begin + tap[i] * axis.dilation;
        is_inside = is_inside && place >= 0 && place < axis.extent;
        is_declared = is_declared && place < axis.extent + axis.end;
        from.push_back(place);
      }
      if (is_inside) inside.push_back(at(data, from));
      if (is_declared) ++on_pads_too;
    });
    return reduce(inside, on_pads_too);
  });
}

class Pools : public testing::TestWithParam<PoolCase> {};

TEST_P(Pools, MaximaEqualPlainLoops) {
  const PoolCase& p = GetParam();
  const Tensor data = random_tensor(p.data);
  const MaxPool op{p.kernel, p.strides, p.dilations, p.pads, p.ceil_mode};
  expect_close(run_op(op, {data}),
               reference_pool(p, data,
                              [](const std::vector<double>& inside, std::int64_t) {
                                return *std::ranges::max_element(inside);
                              }),
               0);
}

TEST_P(Pools, MeansOfWhatIsInsideEqualPlainLoops) {
  const PoolCase& p = GetParam();
  const Tensor data = random_tensor(p.data);
  const AveragePool op{p.kernel, p.strides, p.dilations, p.pads, p.ceil_mode, false};
  expect_close(run_op(op, {data}),
               reference_pool(p, data, [](const std::vector<double>& inside, std::int64_t) {
                 double sum = 0;
                 for (const double value : inside) sum += value;
                 return sum / static_cast<double>(inside.size());
               }));
}

TEST_P(Pools, MeansThatCountPadsEqualPlainLoops) {
  const PoolCase& p = GetParam();
  const Tensor data = random_tensor(p.data);
  const AveragePool op{p.kernel, p.strides, p.dilations, p.pads, p.ceil_mode, true};
  expect_close(run_op(op, {data}),
               reference_pool(p, data, [](const std::vector<double>& inside, std::int64_t taps) {
                 double sum = 0;
                 for (const double value : inside) sum += value;
                 return sum / static_cast<double>(taps);
               }));
}

const PoolCase kPools[] = {
    {"Halves", {2, 3, 6, 4}, {2, 2}, {2, 2}, {}, {}},
    {"StrideOneByDefault", {1, 2, 4, 4}, {2, 2}, {}, {}, {}},
    {"Overlapping", {1, 2, 7, 7}, {3, 3}, {2, 2}, {}, {}},
    {"Padded", {1, 2, 5, 5}, {3, 3}, {2, 2}, {}, {1, 1, 1, 1}},
    {"PaddedOnOneSide", {1, 2, 5, 4}, {3, 2}, {1, 2}, {}, {2, 0, 0, 1}},
    {"Ceil", {1, 2, 6, 5}, {3, 2}, {2, 2}, {}, {}, true},
    {"CeilAndPadded", {1, 2, 5, 6}, {3, 3}, {2, 2}, {}, {1, 1, 1, 1}, true},
    {"CeilDropsAWindowThatBeginsBehindTheInput", {1, 1, 2, 2}, {1, 1}, {2, 2}, {}, {}, true},
    {"CeilWithALargeStride", {1, 1, 6, 7}, {2, 2}, {3, 4}, {}, {1, 0, 0, 1}, true},
    {"Dilated", {1, 2, 8, 7}, {2, 3}, {2, 1}, {3, 2}, {}},
    {"DilatedPaddedAndCeil", {1, 2, 8, 7}, {2, 3}, {2, 3}, {3, 2}, {1, 2, 2, 1}, true},
    {"OneAxis", {2, 3, 9}, {4}, {3}, {}, {1, 2}, true},
    {"ThreeAxes", {1, 2, 4, 5, 4}, {2, 3, 2}, {2, 1, 2}, {}, {0, 1, 0, 0, 1, 0}},
};

INSTANTIATE_TEST_SUITE_P(Cases, Pools, testing::ValuesIn(kPools),
                         [](const auto& param) { return param.param.name; });

TEST(PoolRefusals, SayWhatDoesNotFit) {
  const Tensor data = random_tensor({1, 1, 4, 4});
  EXPECT_EQ(refusal_of(AveragePool{.kernel = {2, 2}, .pads = {2, 0, 0, 0}}, {data}),
            "eval.shape: pads 2 and 0 leave windows of a kernel that spans 2 empty");
  EXPECT_EQ(refusal_of(MaxPool{.kernel = {5, 1}}, {data}),
            "eval.shape: a kernel that spans 5 does not fit into 4 plus pads 0 and 0");
  EXPECT_EQ(refusal_of(MaxPool{.kernel = {2}}, {data}),
            "eval.shape: a kernel with 1 spatial axes does not fit the input [1,1,4,4]");
  EXPECT_EQ(refusal_of(AveragePool{.kernel = {2, 2}}, {integers({1, 2}).reshaped({1, 1, 1, 2})}),
            "eval.shape: the pooled tensor must be floating-point, got i64");
  EXPECT_EQ(refusal_of(GlobalAveragePool{}, {random_tensor({1, 2, 0, 3})}),
            "eval.shape: the pooled tensor is empty");
}

TEST(GlobalAveragePoolEvaluation, IsTheMeanOverAllSpatialAxes) {
  const Tensor data = random_tensor({2, 3, 4, 5});
  expect_close(
      run_op(GlobalAveragePool{}, {data}), computed({2, 3, 1, 1}, [&](const Index& o) {
        double sum = 0;
        for_each_index({4, 5}, [&](const Index& i) { sum += at(data, {o[0], o[1], i[0], i[1]}); });
        return sum / 20;
      }));
}

TEST(PoolValues, ANaNStaysOneWhereverItStands) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const auto& values : {std::vector{nan, 1.0f}, {1.0f, nan}, {nan, nan}}) {
    const Tensor data = Tensor::from<float>({1, 1, 1, 2}, values);
    const MaxPool pool{.kernel = {1, 2}};
    EXPECT_TRUE(std::isnan(run_op(pool, {data}).at(0)));
    EXPECT_TRUE(std::isnan(run_op(AveragePool{.kernel = {1, 2}}, {data}).at(0)));
  }
}

TEST(PoolValues, InfinitiesAndLargeNumbersComeThrough) {
  const float most = std::numeric_limits<float>::max();
  const Tensor data = Tensor::from<float>({1, 2, 1, 2}, {-kInfinity, 1, most, most});
  expect_close(run_op(MaxPool{.kernel = {1, 2}}, {data}),
               Tensor::from<float>({1, 2, 1, 1}, {1, most}));
  expect_close(run_op(AveragePool{.kernel = {1, 2}}, {data}),
               Tensor::from<float>({1, 2, 1, 1}, {-kInfinity, most}));
}

TEST(PoolValues, AMeanDoesNotHideANaN) {
  const Tensor data = Tensor::from<float>({1, 3, 1, 2}, {kNaN, 1, 1, kNaN, kNaN, kNaN});
  const Tensor wanted = Tensor::from<float>({1, 3, 1, 1}, {kNaN, kNaN, kNaN});
  expect_close(run_op(AveragePool{.kernel = {1, 2}}, {data}), wanted);
  expect_close(run_op(GlobalAveragePool{}, {data}), wanted);
}

// ---- normalisations and reductions -------------------------------------------------------------

TEST(BatchNormEvaluation, EqualsItsFormulaOnAnyRank) {
  for (const Shape& shape : {Shape{3, 4}, Shape{2, 4, 5}, Shape{2, 4, 3, 2}}) {
    const Tensor x = random_tensor(shape, 1), scale = random_tensor({4}, 2);
    const Tensor shift = random_tensor({4}, 3), mean = random_tensor({4}, 4);
    const Tensor variance = floats({0.5f, 1, 2, 0});
    const BatchNorm op{.epsilon = 0.125f};
    SCOPED_TRACE(to_string(shape));
    expect_close(
        run_op(op, {x, scale, shift, mean, variance}), computed(shape, [&](const Index& o) {
          const Index c{o[1]};
          return (at(x, o) - at(mean, c)) / std::sqrt(at(variance, c) + 0.125) * at(scale, c) +
                 at(shift, c);
        }));
  }
}

TEST(BatchNormEvaluation, RefusalsNameTheParameter) {
  const Tensor x = random_tensor({2, 3, 4}), three = floats({1, 1, 1}), two = floats({1, 1});
  EXPECT_EQ(refusal_of(BatchNorm{}, {x, three, three, two, three}),
            "eval.shape: the mean has 2 elements, the input [2,3,4] has 3 channels");
  EXPECT_EQ(refusal_of(BatchNorm{}, {three, three, three, three, three}),
            "eval.shape: the input [3] has no channel axis");
  EXPECT_EQ(refusal_of(BatchNorm{}, {x, three}), "eval.shape: 2 inputs given, 5 needed");
}

TEST(SoftmaxEvaluation, SumsToOneAlongItsAxisOnly) {
  const Tensor x = random_tensor({3, 4, 5});
  for (const std::int64_t axis : {0, 1, 2, -1, -3}) {
    const auto along = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    SCOPED_TRACE(axis);
    expect_close(run_op(Softmax{.axis = axis}, {x}), computed({3, 4, 5}, [&](const Index& o) {
                   double sum = 0;
                   Index other = o;
                   for (other[along] = 0; other[along] < x.shape()[along]; ++other[along]) {
                     sum += std::exp(at(x, other));
                   }
                   return std::exp(at(x, o)) / sum;
                 }));
  }
}

TEST(SoftmaxEvaluation, DoesNotOverflow) {
  expect_close(run_op(Softmax{}, {floats({1e30f, 1e30f, -1e30f})}), floats({0.5f, 0.5f, 0}));
  expect_close(run_op(Softmax{}, {floats({-kInfinity, 0})}), floats({0, 1}));
}

TEST(SoftmaxEvaluation, NaNFillsItsLineOnly) {
  const Tensor x = Tensor::from<float>({2, 2}, {kNaN, 1, 0, 0});
  expect_close(run_op(Softmax{}, {x}), Tensor::from<float>({2, 2}, {kNaN, kNaN, 0.5f, 0.5f}));
}

TEST(SoftmaxEvaluation, RefusesAnAxisThatIsNotThere) {
  EXPECT_EQ(refusal_of(Softmax{.axis = 2}, {random_tensor({2, 3})}),
            "eval.shape: softmax axis 2 is outside a tensor of rank 2");
}

TEST(ReduceMeanEvaluation, EqualsPlainLoopsForAnyAxes) {
  const Tensor x = random_tensor({2, 3, 4});
  for (const std::vector<std::int64_t>& axes :
       {std::vector<std::int64_t>{0}, {1}, {-1}, {0, 2}, {2, 0}, {0, 1, 2}}) {
    Shape kept = x.shape();
    for (const std::int64_t axis : axes)
      kept[static_cast<std::size_t>(axis < 0 ? axis + 3 : axis)] = 1;
    const Tensor wanted = computed(kept, [&](const Index& o) {
      double sum = 0, count = 0;
      for_each_index(x.shape(), [&](const Index& i) {
        for (std::size_t d = 0; d < 3; ++d) {
          if (kept[d] != 1 && i[d] != o[d]) return;
        }
        sum += at(x, i);
        ++count;
      });
      return sum / count;
    });
    expect_close(run_op(mean_op(true), {x, integers(axes)}), wanted);
    Shape dropped;
    for (const std::int64_t extent : kept) {
      if (extent != 1) dropped.push_back(extent);
    }
    expect_close(run_op(mean_op(false), {x, integers(axes)}), wanted.reshaped(dropped));
  }
}

TEST(ReduceMeanEvaluation, WithoutAxesIsTheMeanOfAll) {
  expect_close(run_op(mean_op(true), {Tensor::from<float>({2, 2}, {1, 2, 3, 6})}),
               Tensor::from<float>({1, 1}, {3}));
}

TEST(ReduceMeanEvaluation, RefusesAMeanOfNothingAndAnAxisGivenTwice) {
  EXPECT_THAT(refusal_of(mean_op(true), {random_tensor({0, 3}), integers({0})}),
              testing::HasSubstr("eval.shape: the mean of no elements"));
  EXPECT_EQ(refusal_of(mean_op(true), {random_tensor({2, 3}), integers({0, -2})}),
            "eval.shape: reduced axis -2 is given twice");
}

}  // namespace
}  // namespace neurotool::test
