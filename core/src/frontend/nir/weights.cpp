// Zeros that make a kernel portable. All of it is exact: no weight is changed, only joined by
// zeros.
#include "frontend/nir/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace neurotool::to_nir {
namespace {

struct Kernel {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> weight;  ///< [pairs, rows, columns]
};

/// More rows and columns of zeros: `top` and `left` in front, the rest behind.
Kernel grown(const Kernel& from, std::int64_t rows, std::int64_t columns, std::int64_t top,
             std::int64_t left) {
  Kernel made{rows, columns, {}};
  const std::int64_t pairs =
      static_cast<std::int64_t>(from.weight.size()) / (from.rows * from.columns);
  made.weight.assign(static_cast<std::size_t>(pairs * rows * columns), 0.0F);
  for (std::int64_t p = 0; p < pairs; ++p)
    for (std::int64_t y = 0; y < from.rows; ++y)
      for (std::int64_t x = 0; x < from.columns; ++x)
        made.weight[static_cast<std::size_t>((p * rows + y + top) * columns + x + left)] =
            from.weight[static_cast<std::size_t>((p * from.rows + y) * from.columns + x)];
  return made;
}

/// One axis of a window while it becomes symmetric.
struct Axis {
  std::int64_t kernel, before, after, dilation, in_front = 0;

  /// Zeros in the kernel on the side that lacks padding: what they reach is padding.
  bool balance() {
    const std::int64_t gap = after - before;
    if (gap % dilation != 0) return false;
    const std::int64_t zeros = std::abs(gap) / dilation;
    kernel += zeros;
    if (gap > 0) {
      in_front += zeros;
      before = after;
    } else {
      after = before;
    }
    return true;
  }
  /// Zeros around the kernel, and as much padding, until it has `wanted` taps.
  void widen(std::int64_t wanted) {
    const std::int64_t reach = dilation * (wanted - kernel);
    if (reach <= 0 || reach % 2 != 0 || (wanted - kernel) % 2 != 0) return;
    in_front += (wanted - kernel) / 2;
    before += reach / 2;
    after += reach / 2;
    kernel = wanted;
  }
};

std::vector<float> ungrouped(const Tensor& weight, std::int64_t groups) {
  const Shape& s = weight.shape();
  const auto from = weight.as<float>();
  const std::int64_t area = s[2] * s[3], inputs = s[1] * groups, per_group = s[0] / groups;
  std::vector<float> made(static_cast<std::size_t>(s[0] * inputs * area), 0.0F);
  for (std::int64_t m = 0; m < s[0]; ++m) {
    const std::int64_t first = m / per_group * s[1];
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t k = 0; k < area; ++k)
        made[static_cast<std::size_t>((m * inputs + first + c) * area + k)] =
            from[static_cast<std::size_t>((m * s[1] + c) * area + k)];
  }
  return made;
}

}  // namespace

Tensor real_weight(const Tensor& weight, std::uint32_t shift) {
  const Tensor real = weight.converted(DType::kFloat32);
  if (shift == 0) return real;
  std::vector<float> values(real.as<float>().begin(), real.as<float>().end());
  for (float& value : values) value = std::ldexp(value, static_cast<int>(shift));
  return Tensor::from<float>(real.shape(), std::move(values));
}

Result<nir::Conv2d> portable_convolution(const Conv2d& conv, const Tensor& weight,
                                         const Shape& in) {
  const Shape& s = weight.shape();
  Axis rows{s[2], conv.padding[0], conv.padding[2], conv.dilation[0]};
  Axis columns{s[3], conv.padding[1], conv.padding[3], conv.dilation[1]};
  if (!rows.balance() || !columns.balance()) {
    return error("nir.cannot-express", {},
                 fmt::format("its padding {} before and {} after with dilation {} has no equal on "
                             "both sides",
                             conv.padding[0], conv.padding[2], conv.dilation[0]),
                 "pad equally on both sides in the trained network");
  }
  rows.widen(columns.kernel);
  columns.widen(rows.kernel);
  const Kernel kernel = grown({s[2], s[3], ungrouped(weight, conv.groups)}, rows.kernel,
                              columns.kernel, rows.in_front, columns.in_front);
  nir::Conv2d made;
  made.input_shape = nir::pair_tensor(in[1], in[2]);
  made.weight =
      Tensor::from<float>({s[0], s[1] * conv.groups, rows.kernel, columns.kernel}, kernel.weight);
  made.stride = nir::pair_tensor(conv.stride[0], conv.stride[1]);
  made.padding = nir::pair_tensor(rows.before, columns.before);
  made.dilation = nir::pair_tensor(conv.dilation[0], conv.dilation[1]);
  made.groups = nir::int_tensor(1);
  made.bias = nir::filled({s[0]}, 0);
  return made;
}

Conv2d pooling_convolution(const SumPool2d& pool, std::int64_t channels, const Tensor& factor) {
  const std::int64_t area = pool.kernel[0] * pool.kernel[1];
  std::vector<float> weight(static_cast<std::size_t>(channels * area));
  for (std::int64_t c = 0; c < channels; ++c) {
    const double value = factor.defined() ? factor.at(factor.size() == 1 ? 0 : c) : 1.0;
    std::fill_n(weight.begin() + c * area, area, static_cast<float>(value));
  }
  return {.weight =
              Tensor::from<float>({channels, 1, pool.kernel[0], pool.kernel[1]}, std::move(weight)),
          .stride = pool.stride,
          .padding = pool.padding,
          .dilation = {1, 1},
          .groups = channels};
}

Tensor diagonal(const std::vector<double>& values, std::int64_t size) {
  std::vector<float> made(static_cast<std::size_t>(size * size), 0.0F);
  for (std::int64_t i = 0; i < size; ++i) {
    made[static_cast<std::size_t>(i * size + i)] =
        static_cast<float>(values[values.size() == 1 ? 0 : static_cast<std::size_t>(i)]);
  }
  return Tensor::from<float>({size, size}, std::move(made));
}

Tensor dense_weight(const Sparse& sparse, std::int64_t targets, std::int64_t sources) {
  std::vector<float> made(static_cast<std::size_t>(targets * sources), 0.0F);
  const auto begin = sparse.row_begin.as<std::int64_t>();
  const auto list = sparse.targets.as<std::int32_t>();
  for (std::int64_t source = 0; source < sources; ++source) {
    for (std::int64_t k = begin[static_cast<std::size_t>(source)];
         k < begin[static_cast<std::size_t>(source + 1)]; ++k) {
      const std::int64_t target = list[static_cast<std::size_t>(k)];
      made[static_cast<std::size_t>(target * sources + source)] =
          static_cast<float>(sparse.weight.at(k));
    }
  }
  return Tensor::from<float>({targets, sources}, std::move(made));
}

}  // namespace neurotool::to_nir
