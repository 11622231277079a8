// Convolution and matrix products, summed in double precision in the order of the indices. What the
// fast versions in tensor_linear.cpp are compared with.
#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"
#include "eval/mat_mul_plan.hpp"

namespace neurotool::kernels {
namespace {

/// One matrix in a buffer: element (i, j) is data[i * row + j * column].
template <class T>
struct Matrix {
  const T* data;
  std::int64_t row, column;
  double operator()(std::int64_t i, std::int64_t j) const {
    return static_cast<double>(data[i * row + j * column]);
  }
};

template <class T>
double dot(const Matrix<T>& a, const Matrix<T>& b, std::int64_t i, std::int64_t j,
           std::int64_t inner) {
  double sum = 0;
  for (std::int64_t k = 0; k < inner; ++k) sum += a(i, k) * b(k, j);
  return sum;
}

template <class T>
Tensor run_conv(const Conv& op, Inputs in, const Shape& out_shape,
                const std::array<KernelWindow, kSpatial>& windows) {
  const Shape &data = in[0].shape(), &weight = in[1].shape();
  const Spatial extents = spatial_of(data), kernel = spatial_of(weight);
  const Spatial positions = spatial_of(out_shape);
  const std::int64_t plane = extents[0] * extents[1] * extents[2];
  const std::int64_t taps_of_kernel = kernel[0] * kernel[1] * kernel[2];
  const std::int64_t group_inputs = weight[1], group_outputs = weight[0] / op.group;
  const T* x = in[0].as<T>().data();
  const T* w = in[1].as<T>().data();
  const T* bias = in.size() > 2 && in[2].defined() ? in[2].as<T>().data() : nullptr;
  Output<T> out(out_shape);
  const auto out_plane = static_cast<std::size_t>(positions[0] * positions[1] * positions[2]);
  const auto planes = static_cast<std::size_t>(data[0] * weight[0]);
  for_rows(planes, out_plane * static_cast<std::size_t>(group_inputs * taps_of_kernel),
           [&](std::size_t first, std::size_t last) {
             for (std::size_t row = first; row < last; ++row) {
               const auto n = static_cast<std::int64_t>(row) / weight[0];
               const auto m = static_cast<std::int64_t>(row) % weight[0];
               const std::int64_t first_input = m / group_outputs * group_inputs;
               T* to = out.data() + row * out_plane;
               for_positions(positions, [&](const Spatial& at) {
                 const Taps taps = taps_inside(at, extents, windows);
                 double sum = bias ? static_cast<double>(bias[m]) : 0;
                 for (std::int64_t c = 0; c < group_inputs; ++c) {
                   const T* from = x + (n * data[1] + first_input + c) * plane;
                   const T* by = w + (m * group_inputs + c) * taps_of_kernel;
                   for_taps(taps, extents, windows, [&](const Spatial& tap, std::int64_t index) {
                     sum += static_cast<double>(from[index]) *
                            static_cast<double>(by[flat(tap, kernel)]);
                   });
                 }
                 *to++ = static_cast<T>(sum);
               });
             }
           });
  return std::move(out).finish();
}

template <class T>
Tensor run_gemm(const Gemm& op, Inputs in, const Shape& out_shape) {
  const Shape &a_shape = in[0].shape(), &b_shape = in[1].shape();
  const std::int64_t inner = a_shape[op.trans_a ? 0 : 1], columns = out_shape[1];
  const Matrix<T> a{in[0].as<T>().data(), op.trans_a ? 1 : a_shape[1], op.trans_a ? a_shape[1] : 1};
  const Matrix<T> b{in[1].as<T>().data(), op.trans_b ? 1 : b_shape[1], op.trans_b ? b_shape[1] : 1};
  Matrix<T> c{nullptr, 0, 0};
  if (in.size() > 2 && in[2].defined()) {
    const Shape& shape = in[2].shape();
    c.data = in[2].as<T>().data();
    if (!shape.empty() && shape.back() != 1) c.column = 1;
    if (shape.size() == 2 && shape[0] != 1) c.row = shape[1];
  }
  Output<T> out(out_shape);
  for_rows(static_cast<std::size_t>(out_shape[0]), static_cast<std::size_t>(columns * inner),
           [&](std::size_t first, std::size_t last) {
             for (auto i = static_cast<std::int64_t>(first); i < static_cast<std::int64_t>(last);
                  ++i) {
               for (std::int64_t j = 0; j < columns; ++j) {
                 double value = static_cast<double>(op.alpha) * dot(a, b, i, j, inner);
                 if (c.data) value += static_cast<double>(op.beta) * c(i, j);
                 out.data()[i * columns + j] = static_cast<T>(value);
               }
             }
           });
  return std::move(out).finish();
}

}  // namespace

Result<Tensor> run(const Conv& op, Inputs in, const TensorType& out) {
  const Shape& weight = in[1].shape();
  if (weight.size() > 2 + kSpatial) {
    return error("eval.unsupported", {},
                 fmt::format("a convolution over {} spatial axes is not computed, up to {} are",
                             weight.size() - 2, kSpatial));
  }
  const std::vector<std::int64_t> kernel(weight.begin() + 2, weight.end());
  NT_TRY(const auto windows, windows_of(kernel, op.strides, op.dilations, op.pads));
  return with_real(out.dtype, "convolution", [&]<class T>(T) -> Result<Tensor> {
    return run_conv<T>(op, in, *out.shape, spatial_windows(windows));
  });
}

Result<Tensor> run(const Gemm& op, Inputs in, const TensorType& out) {
  return with_real(out.dtype, "a matrix product",
                   [&]<class T>(T) -> Result<Tensor> { return run_gemm<T>(op, in, *out.shape); });
}

Result<Tensor> run(const MatMul&, Inputs in, const TensorType& out) {
  const MatMulPlan plan = plan_mat_mul(in[0].shape(), in[1].shape());
  return with_real(out.dtype, "a matrix product", [&]<class T>(T) -> Result<Tensor> {
    Output<T> result(*out.shape);
    const T* a = in[0].as<T>().data();
    const T* b = in[1].as<T>().data();
    const auto size = static_cast<std::size_t>(plan.rows * plan.columns);
    for_rows(plan.offsets.size(), size * static_cast<std::size_t>(plan.inner),
             [&](std::size_t first, std::size_t last) {
               for (std::size_t batch = first; batch < last; ++batch) {
                 const auto [at_a, at_b] = plan.offsets[batch];
                 const Matrix<T> left{a + at_a, plan.inner, 1}, right{b + at_b, plan.columns, 1};
                 T* to = result.data() + batch * size;
                 for (std::int64_t i = 0; i < plan.rows; ++i) {
                   for (std::int64_t j = 0; j < plan.columns; ++j) {
                     *to++ = static_cast<T>(dot(left, right, i, j, plan.inner));
                   }
                 }
               }
             });
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
