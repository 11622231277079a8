// Batch normalisation, softmax and means: statistics in double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"

namespace neurotool::kernels {

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
        double most = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::size_t i = 0; i < extent; ++i) {
          most = std::max(most, static_cast<double>(x[begin + i * inner]));
        }
        for (std::size_t i = 0; i < extent; ++i) {
          sum += std::exp(static_cast<double>(x[begin + i * inner]) - most);
        }
        for (std::size_t i = 0; i < extent; ++i) {
          const std::size_t at = begin + i * inner;
          result.data()[at] = static_cast<T>(std::exp(static_cast<double>(x[at]) - most) / sum);
        }
      }
    });
    return std::move(result).finish();
  });
}

Result<Tensor> run(const ReduceMean&, Inputs in, const TensorType& out) {
  const Shape& shape = in[0].shape();
  std::vector<std::int64_t> given;
  if (in.size() > 1 && in[1].defined()) {
    NT_TRY(given, integers_of(in[1], "the reduced axes"));
  }
  NT_TRY(const auto axes, normal_axes(given, shape.size(), "reduced axis"));
  // Strides into the sums: 0 along a reduced axis.
  Shape kept = shape;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (axes.empty() || std::ranges::find(axes, i) != axes.end()) kept[i] = 1;
  }
  std::vector<std::int64_t> strides = strides_of(kept);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] == 1) strides[i] = 0;
  }
  const double divisor = static_cast<double>(product(shape)) / static_cast<double>(product(kept));
  return with_real(out.dtype, "a mean", [&]<class T>(T) -> Result<Tensor> {
    std::vector<double> sums(product(kept), 0);
    std::vector<std::int64_t> index(shape.size(), 0);
    std::int64_t at = 0;
    for (const T value : in[0].as<T>()) {
      sums[static_cast<std::size_t>(at)] += static_cast<double>(value);
      for (std::size_t axis = shape.size(); axis-- > 0;) {
        at += strides[axis];
        if (++index[axis] < shape[axis]) break;
        at -= strides[axis] * shape[axis];
        index[axis] = 0;
      }
    }
    Output<T> result(*out.shape);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      result.data()[i] = static_cast<T>(sums[i] / divisor);
    }
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
