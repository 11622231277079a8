// Batch normalisation and softmax: statistics in double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"

namespace neurotool::kernels {
namespace {

/// One line of a softmax: `extent` elements, `step` apart.
template <class T>
void soften(SoftmaxKind kind, const T* x, T* y, std::size_t extent, std::size_t step) {
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < extent; ++i) {
    const auto value = static_cast<double>(x[i * step]);
    if (value > most) first = i;
    most = std::max(most, value);
  }
  if (kind == SoftmaxKind::kHardmax) {
    for (std::size_t i = 0; i < extent; ++i) y[i * step] = static_cast<T>(i == first ? 1 : 0);
    return;
  }
  for (std::size_t i = 0; i < extent; ++i) {
    sum += std::exp(static_cast<double>(x[i * step]) - most);
  }
  const double logarithm = std::log(sum);
  for (std::size_t i = 0; i < extent; ++i) {
    const double value = static_cast<double>(x[i * step]) - most;
    y[i * step] =
        static_cast<T>(kind == SoftmaxKind::kSoftmax ? std::exp(value) / sum : value - logarithm);
  }
}

}  // namespace

Result<Tensor> run(const BatchNorm& op, Inputs in, const TensorType& out) {
  const Shape& shape = in[0].shape();
  const auto channels = static_cast<std::size_t>(shape[1]);
  const auto rows = static_cast<std::size_t>(shape[0]) * channels;
  const std::size_t size = product(std::span(shape).subspan(2));
  std::vector<double> gain(channels), shift(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const auto at = static_cast<std::int64_t>(c);
    gain[c] = in[1].at(at) / std::sqrt(in[4].at(at) + static_cast<double>(op.epsilon));
    shift[c] = in[2].at(at) - in[3].at(at) * gain[c];
  }
  return with_real(out.dtype, "batch normalisation", [&]<class T>(T) -> Result<Tensor> {
    const T* x = in[0].as<T>().data();
    Output<T> result(shape);
    for_rows(rows, size, [&](std::size_t first, std::size_t last) {
      for (std::size_t row = first; row < last; ++row) {
        const double by = gain[row % channels], plus = shift[row % channels];
        for (std::size_t i = row * size; i < (row + 1) * size; ++i) {
          result.data()[i] = static_cast<T>(static_cast<double>(x[i]) * by + plus);
        }
      }
    });
    return std::move(result).finish();
  });
}

Result<Tensor> run(const Softmax& op, Inputs in, const TensorType& out) {
  const Shape& shape = in[0].shape();
  NT_TRY(const std::size_t axis, normal_axis(op.axis, shape.size(), "softmax axis"));
  const auto extent = static_cast<std::size_t>(shape[axis]);
  const std::size_t inner = product(std::span(shape).subspan(axis + 1));
  const std::size_t lines = product(std::span(shape).first(axis)) * inner;
  return with_real(out.dtype, "softmax", [&]<class T>(T) -> Result<Tensor> {
    const T* x = in[0].as<T>().data();
    Output<T> result(shape);
    for_rows(lines, extent, [&](std::size_t first, std::size_t last) {
      for (std::size_t line = first; line < last; ++line) {
        const std::size_t begin = line / inner * extent * inner + line % inner;
        soften(op.kind, x + begin, result.data() + begin, extent, inner);
      }
    });
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
