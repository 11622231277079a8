// Convolutions and matrix products against plain loops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <ostream>

#include "eval/reference.hpp"

namespace neurotool::test {
namespace {

// ---- convolution -------------------------------------------------------------------------------

struct ConvCase {
  std::string name;
  Shape data, weight;
  Conv op;
  bool bias = true;
};

void PrintTo(const ConvCase& made, std::ostream* out) { *out << made.name; }

/// Up to three numbers of a spatial list, with `fallback` for the axes in front and empty lists.
std::array<std::int64_t, 3> three(const std::vector<std::int64_t>& list, std::size_t first,
                                  std::size_t axes, std::int64_t fallback) {
  std::array<std::int64_t, 3> result{fallback, fallback, fallback};
  for (std::size_t i = 0; i < axes && !list.empty(); ++i) result[3 - axes + i] = list[first + i];
  return result;
}

Shape five(const Shape& shape) {
  Shape result{shape[0], shape[1]};
  result.resize(2 + 5 - shape.size(), 1);
  result.insert(result.end(), shape.begin() + 2, shape.end());
  return result;
}

Tensor reference_conv(const ConvCase& made, const Tensor& data, const Tensor& weight,
                      const Tensor& bias) {
  const std::size_t axes = made.weight.size() - 2;
  const auto stride = three(made.op.strides, 0, axes, 1);
  const auto dilation = three(made.op.dilations, 0, axes, 1);
  const auto begin = three(made.op.pads, 0, axes, 0), end = three(made.op.pads, axes, axes, 0);
  const Tensor x = data.reshaped(five(made.data)), w = weight.reshaped(five(made.weight));
  Shape out{x.shape()[0], w.shape()[0]};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t span = (w.shape()[2 + i] - 1) * dilation[i] + 1;
    out.push_back((x.shape()[2 + i] + begin[i] + end[i] - span) / stride[i] + 1);
  }
  const std::int64_t inputs = w.shape()[1], outputs = w.shape()[0] / made.op.group;
  const Tensor result = computed(out, [&](const Index& o) {
    double sum = bias.defined() ? bias.at(o[1]) : 0;
    for_each_index({inputs, w.shape()[2], w.shape()[3], w.shape()[4]}, [&](const Index& k) {
      Index from{o[0], o[1] / outputs * inputs + k[0]};
      for (std::size_t i = 0; i < 3; ++i) {
        const std::int64_t place = o[2 + i] * stride[i] - begin[i] + k[1 + i] * dilation[i];
        if (place < 0 || place >= x.shape()[2 + i]) return;
        from.push_back(place);
      }
      sum += at(x, from) * at(w, {o[1], k[0], k[1], k[2], k[3]});
    });
    return sum;
  });
  Shape plain{out[0], out[1]};
  plain.insert(plain.end(), out.end() - static_cast<std::ptrdiff_t>(axes), out.end());
  return result.reshaped(plain);
}

class Convolution : public testing::TestWithParam<ConvCase> {};

TEST_P(Convolution, EqualsPlainLoops) {
  const ConvCase& made = GetParam();
  const Tensor data = random_tensor(made.data, 1), weight = random_tensor(made.weight, 2);
  const Tensor bias = made.bias ? random_tensor({made.weight[0]}, 3) : Tensor();
  std::vector<Tensor> inputs{data, weight};
  if (made.bias) inputs.push_back(bias);
  expect_close(run_op(made.op, inputs), reference_conv(made, data, weight, bias));
}

TEST_P(Convolution, InDoublePrecisionToo) {
  const ConvCase& made = GetParam();
  const Tensor data = random_tensor(made.data, 1).converted(DType::kFloat64);
  const Tensor weight = random_tensor(made.weight, 2).converted(DType::kFloat64);
  expect_close(run_op(made.op, {data, weight}), reference_conv(made, data, weight, {}), 1e-13);
}

const ConvCase kConvolutions[] = {
    {"Plain", {2, 3, 6, 5}, {4, 3, 3, 3}, {}},
    {"WithoutBias", {2, 3, 6, 5}, {4, 3, 3, 3}, {}, false},
    {"Padded", {1, 2, 5, 5}, {3, 2, 3, 3}, {.pads = {1, 1, 1, 1}}},
    {"PaddedOnOneSide", {1, 2, 5, 4}, {3, 2, 3, 2}, {.pads = {2, 0, 0, 1}}},
    {"PaddedBeyondTheKernel", {1, 1, 3, 3}, {2, 1, 2, 2}, {.pads = {3, 3, 3, 3}}},
    {"Strided", {2, 2, 7, 8}, {3, 2, 3, 3}, {.strides = {2, 3}}},
    {"StrideBeyondTheKernel", {1, 2, 7, 7}, {2, 2, 1, 1}, {.strides = {3, 3}}},
    {"Dilated", {1, 2, 9, 9}, {3, 2, 3, 2}, {.dilations = {2, 3}}},
    {"Grouped", {2, 4, 5, 5}, {6, 2, 3, 3}, {.group = 2}},
    {"Depthwise", {2, 5, 5, 5}, {5, 1, 3, 3}, {.pads = {1, 1, 1, 1}, .group = 5}},
    {"DepthwiseWithTwoOutputsEach", {1, 3, 4, 4}, {6, 1, 2, 2}, {.group = 3}},
    {"Everything",
     {2, 4, 11, 10},
     {6, 2, 3, 2},
     {.strides = {2, 1}, .dilations = {2, 2}, .pads = {2, 1, 1, 0}, .group = 2}},
    {"Points", {2, 16, 3, 3}, {8, 16, 1, 1}, {}},
    {"KernelOfTheWholeImage", {2, 3, 4, 4}, {5, 3, 4, 4}, {}},
    {"OneAxis", {2, 3, 9}, {4, 3, 3}, {.strides = {2}, .dilations = {2}, .pads = {1, 2}}},
    {"ThreeAxes",
     {1, 2, 4, 5, 4},
     {3, 2, 2, 3, 2},
     {.strides = {1, 2, 1}, .pads = {0, 1, 1, 1, 0, 0}}},
};

INSTANTIATE_TEST_SUITE_P(Cases, Convolution, testing::ValuesIn(kConvolutions),
                         [](const auto& param) { return param.param.name; });

TEST(ConvolutionRefusals, SayWhatDoesNotFit) {
  const Tensor data = random_tensor({1, 3, 4, 4});
  EXPECT_EQ(refusal_of(Conv{}, {data, random_tensor({2, 4, 1, 1})}),
            "eval.shape: the input [1,3,4,4] has 3 channels, the weight [2,4,1,1] takes 4 in 1 "
            "groups");
  EXPECT_EQ(refusal_of(Conv{}, {data, random_tensor({2, 3, 5, 5})}),
            "eval.shape: a kernel that spans 5 does not fit into 4 plus pads 0 and 0");
  EXPECT_EQ(refusal_of(Conv{.group = 2}, {data, random_tensor({3, 3, 1, 1})}),
            "eval.shape: 3 output channels do not divide into 2 groups");
  EXPECT_EQ(refusal_of(Conv{}, {data, random_tensor({2, 3, 1, 1}), random_tensor({3})}),
            "eval.shape: the bias has shape [3], the weight makes 2 channels");
  EXPECT_EQ(refusal_of(Conv{.strides = {0, 1}}, {data, random_tensor({2, 3, 1, 1})}),
            "eval.shape: stride 0 is outside 1 to 1073741824");
  EXPECT_EQ(
      refusal_of(Conv{}, {random_tensor({1, 1, 2, 2, 2, 2}), random_tensor({1, 1, 1, 1, 1, 1})}),
      "eval.unsupported: a convolution over 4 spatial axes is not computed, up to 3 are");
}

// ---- matrix products ---------------------------------------------------------------------------

Tensor reference_gemm(const Gemm& op, const Tensor& a, const Tensor& b, const Tensor& c) {
  const std::int64_t inner = a.shape()[op.trans_a ? 0 : 1];
  const Shape out{a.shape()[op.trans_a ? 1 : 0], b.shape()[op.trans_b ? 0 : 1]};
  return computed(out, [&](const Index& o) {
    double sum = 0;
    for (std::int64_t k = 0; k < inner; ++k) {
      sum += at(a, op.trans_a ? Index{k, o[0]} : Index{o[0], k}) *
             at(b, op.trans_b ? Index{o[1], k} : Index{k, o[1]});
    }
    const double plus = c.defined() ? at_broadcast(c, o) : 0;
    return static_cast<double>(op.alpha) * sum + static_cast<double>(op.beta) * plus;
  });
}

TEST(GemmEvaluation, EqualsPlainLoopsForEveryFlag) {
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      const Gemm op{.alpha = -1.5f, .beta = 0.25f, .trans_a = trans_a, .trans_b = trans_b};
      const Tensor a = random_tensor(trans_a ? Shape{7, 5} : Shape{5, 7}, 1);
      const Tensor b = random_tensor(trans_b ? Shape{3, 7} : Shape{7, 3}, 2);
      const Tensor c = random_tensor({3}, 3);
      SCOPED_TRACE(testing::Message() << trans_a << trans_b);
      expect_close(run_op(op, {a, b, c}), reference_gemm(op, a, b, c));
      expect_close(run_op(op, {a, b}), reference_gemm(op, a, b, {}));
    }
  }
}

TEST(GemmEvaluation, BroadcastsCFromEveryShape) {
  const Gemm op{.alpha = 2, .beta = 3};
  const Tensor a = random_tensor({4, 6}, 1), b = random_tensor({6, 3}, 2);
  for (const Shape& shape :
       {Shape{}, Shape{1}, Shape{3}, Shape{1, 1}, Shape{1, 3}, Shape{4, 1}, Shape{4, 3}}) {
    const Tensor c = random_tensor(shape, 3);
    SCOPED_TRACE(to_string(shape));
    expect_close(run_op(op, {a, b, c}), reference_gemm(op, a, b, c));
  }
}

TEST(GemmEvaluation, IsTheSameForFewAndManyRows) {
  // Rows are computed in pieces; the last piece is not full.
  for (const std::int64_t rows : {1, 31, 32, 33, 64, 70}) {
    const Tensor a = random_tensor({rows, 20}, 1), b = random_tensor({20, 9}, 2);
    SCOPED_TRACE(rows);
    expect_close(run_op(Gemm{}, {a, b}), reference_gemm({}, a, b, {}));
  }
}

TEST(GemmEvaluation, AnInnerExtentOfZeroLeavesBetaTimesC) {
  const Tensor a = random_tensor({2, 0}), b = random_tensor({0, 3}), c = floats({1, 2, 3});
  expect_close(run_op(Gemm{.beta = 2}, {a, b, c}), Tensor::from<float>({2, 3}, {2, 4, 6, 2, 4, 6}));
  expect_close(run_op(MatMul{}, {a, b}), Tensor::from<float>({2, 3}, {0, 0, 0, 0, 0, 0}));
}

TEST(GemmEvaluation, InDoublePrecisionToo) {
  const Gemm op{.alpha = 0.5f, .beta = 2, .trans_b = true};
  const Tensor a = random_tensor({4, 6}, 1).converted(DType::kFloat64);
  const Tensor b = random_tensor({3, 6}, 2).converted(DType::kFloat64);
  const Tensor c = random_tensor({3}, 3).converted(DType::kFloat64);
  const Tensor result = run_op(op, {a, b, c});
  EXPECT_EQ(result.dtype(), DType::kFloat64);
  expect_close(result, reference_gemm(op, a, b, c), 1e-14);
}

TEST(GemmEvaluation, RefusalsNameBothShapes) {
  const Tensor a = random_tensor({2, 3}), b = random_tensor({4, 5});
  EXPECT_EQ(refusal_of(Gemm{}, {a, b}),
            "eval.shape: the inner extents disagree: A [2,3] gives 3, B [4,5] takes 4");
  EXPECT_EQ(refusal_of(Gemm{.trans_b = true}, {a, random_tensor({5, 3}), random_tensor({3})}),
            "eval.shape: C [3] does not broadcast to [2,5]");
  EXPECT_EQ(refusal_of(Gemm{}, {a, integers({1, 2, 3})}),
            "eval.shape: B must be floating-point, got i64");
  EXPECT_EQ(refusal_of(Gemm{}, {a, {}}), "eval.shape: input 2 is missing");
}

struct MatMulCase {
  Shape a, b, out;
};

class MatMulShapes : public testing::TestWithParam<MatMulCase> {};

TEST_P(MatMulShapes, BroadcastAsInNumpy) {
  const auto& [a_shape, b_shape, out_shape] = GetParam();
  const Tensor a = random_tensor(a_shape, 1), b = random_tensor(b_shape, 2);
  // As numpy says it: a vector on the left is one row, on the right one column.
  Shape rows = a_shape, columns = b_shape, full = out_shape;
  if (a_shape.size() == 1) rows.insert(rows.begin(), 1);
  if (b_shape.size() == 1) columns.push_back(1);
  if (b_shape.size() == 1) full.push_back(1);
  if (a_shape.size() == 1) full.insert(full.end() - 1, 1);
  const Tensor left = a.reshaped(rows), right = b.reshaped(columns);
  const Tensor wanted = computed(full, [&](const Index& o) {
    double sum = 0;
    for (std::int64_t k = 0; k < rows.back(); ++k) {
      Index i = o, j = o;
      i.back() = k;
      j[j.size() - 2] = k;
      sum += at_broadcast(left, i) * at_broadcast(right, j);
    }
    return sum;
  });
  expect_close(run_op(MatMul{}, {a, b}), wanted.reshaped(out_shape));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, MatMulShapes,
    testing::Values(
        MatMulCase{{4, 5}, {5, 3}, {4, 3}}, MatMulCase{{5}, {5}, {}}, MatMulCase{{5}, {5, 3}, {3}},
        MatMulCase{{4, 5}, {5}, {4}}, MatMulCase{{2, 4, 5}, {5, 3}, {2, 4, 3}},
        MatMulCase{{2, 4, 5}, {2, 5, 3}, {2, 4, 3}}, MatMulCase{{4, 5}, {2, 5, 3}, {2, 4, 3}},
        MatMulCase{{2, 1, 4, 5}, {3, 5, 3}, {2, 3, 4, 3}},
        MatMulCase{{1, 2, 4, 5}, {3, 1, 5, 2}, {3, 2, 4, 2}}, MatMulCase{{5}, {2, 5, 3}, {2, 3}},
        MatMulCase{{2, 4, 5}, {5}, {2, 4}}, MatMulCase{{1, 4, 5}, {1, 5, 3}, {1, 4, 3}},
        MatMulCase{{0, 5}, {5, 3}, {0, 3}}, MatMulCase{{1, 4, 5}, {0, 5, 3}, {0, 4, 3}}),
    [](const auto& param) { return "Case" + std::to_string(param.index); });

TEST(MatMulRefusals, NameBothShapes) {
  EXPECT_EQ(refusal_of(MatMul{}, {random_tensor({2, 3}), random_tensor({2, 3})}),
            "eval.shape: the inner extents disagree: A [2,3] gives 3, B [2,3] takes 2");
  EXPECT_EQ(refusal_of(MatMul{}, {random_tensor({2, 4, 5}), random_tensor({3, 5, 2})}),
            "eval.shape: [2] and [3] do not broadcast to one shape");
  EXPECT_EQ(refusal_of(MatMul{}, {random_tensor({}), random_tensor({3})}),
            "eval.shape: a matrix product takes no scalars");
}

// ---- large values ------------------------------------------------------------------------------

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(LinearValues, NaNAndInfinityStayInTheirRow) {
  const Tensor a = Tensor::from<float>({4, 2}, {1, 2, kNaN, 0, kInfinity, 1, 3, 4});
  const Tensor b = Tensor::from<float>({2, 1}, {1, 1});
  expect_close(run_op(Gemm{}, {a, b}), Tensor::from<float>({4, 1}, {3, kNaN, kInfinity, 7}));
  expect_close(run_op(MatMul{}, {a, b}), Tensor::from<float>({4, 1}, {3, kNaN, kInfinity, 7}));
}

TEST(LinearValues, NaNReachesOnlyTheWindowsThatSeeIt) {
  std::vector<float> values(36, 1);
  values[7] = kNaN;  // row 1, column 1
  const Tensor data = Tensor::from<float>({1, 1, 6, 6}, values);
  const Tensor result = run_op(Conv{}, {data, Tensor::from<float>({1, 1, 2, 2}, {1, 1, 1, 1})});
  for_each_index({5, 5}, [&](const Index& o) {
    const bool sees = o[0] <= 1 && o[1] <= 1;
    EXPECT_EQ(std::isnan(at(result, {0, 0, o[0], o[1]})), sees) << o[0] << "," << o[1];
  });
}

TEST(LinearValues, PadsAreNotMultipliedByInfiniteWeights) {
  const Tensor data = Tensor::from<float>({1, 1, 1, 1}, {2});
  const Tensor weight = Tensor::from<float>({1, 1, 1, 3}, {kInfinity, 1, kInfinity});
  expect_close(run_op(Conv{.pads = {0, 1, 0, 1}}, {data, weight}),
               Tensor::from<float>({1, 1, 1, 1}, {2}));
}

TEST(LinearValues, LargeSumsOverflowToInfinity) {
  const float most = std::numeric_limits<float>::max();
  const Tensor a = Tensor::from<float>({1, 2}, {most, most});
  expect_close(run_op(Gemm{}, {a, Tensor::from<float>({2, 1}, {1, 1})}),
               Tensor::from<float>({1, 1}, {kInfinity}));
}

}  // namespace
}  // namespace neurotool::test
