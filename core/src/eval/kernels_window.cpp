// Pooling: maxima and means over windows of one channel.
#include <limits>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"

namespace neurotool::kernels {
namespace {

using Windows = std::array<KernelWindow, kSpatial>;

/// out[n,c,…] = pick(plane of (n,c), output position), for every plane.
template <class T, class To = T, class Pick>
Tensor pool(const Tensor& in, const Shape& out_shape, const Windows& windows, const Pick& pick) {
  const Spatial extents = spatial_of(in.shape()), positions = spatial_of(out_shape);
  const auto plane = static_cast<std::size_t>(extents[0] * extents[1] * extents[2]);
  const auto out_plane = static_cast<std::size_t>(positions[0] * positions[1] * positions[2]);
  const auto planes = static_cast<std::size_t>(out_shape[0] * out_shape[1]);
  const T* x = in.as<T>().data();
  Output<To> out(out_shape);
  for_rows(planes, std::max(plane, out_plane), [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      To* to = out.data() + row * out_plane;
      for_positions(positions, [&](const Spatial& at) {
        *to++ = pick(x + row * plane, at, taps_inside(at, extents, windows));
      });
    }
  });
  return std::move(out).finish();
}

template <class Op>
Result<Windows> windows_of_pool(const Op& op) {
  if (op.kernel.size() > kSpatial) {
    return error("eval.unsupported", {},
                 fmt::format("pooling over {} spatial axes is not computed, up to {} are",
                             op.kernel.size(), kSpatial));
  }
  NT_TRY(const auto windows, windows_of(op.kernel, op.strides, op.dilations, op.pads));
  return spatial_windows(windows);
}

std::int64_t count(const Taps& taps) {
  std::int64_t result = 1;
  for (std::size_t i = 0; i < kSpatial; ++i) {
    result *= std::max<std::int64_t>(0, taps.last[i] - taps.first[i]);
  }
  return result;
}

/// Taps that fall on the input or its pads; windows may hang over behind both (ceil_mode).
std::int64_t count_with_pads(const Spatial& at, const Spatial& extents, const Windows& windows) {
  std::int64_t result = 1;
  for (std::size_t i = 0; i < kSpatial; ++i) {
    const KernelWindow& window = windows[i];
    const std::int64_t origin = at[i] * window.stride - window.pad_begin;
    const std::int64_t room = extents[i] + window.pad_end - origin;
    result *= std::min(window.kernel, (room - 1) / window.dilation + 1);
  }
  return result;
}

}  // namespace

namespace {

template <class T>
Tensor largest(const Tensor& in, const Shape& shape, const Windows& windows) {
  using Limits = std::numeric_limits<T>;
  const Spatial extents = spatial_of(in.shape());
  return pool<T>(in, shape, windows, [&](const T* plane, const Spatial&, const Taps& taps) {
    T most = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    for_taps(taps, extents, windows, [&](const Spatial&, std::int64_t index) {
      if (plane[index] > most || is_nan(plane[index])) most = plane[index];
    });
    return most;
  });
}

/// The place of each window's first largest element in the whole input.
template <class T>
Tensor place_of_largest(const Tensor& in, const Shape& shape, const Windows& windows,
                        bool by_column) {
  const Spatial extents = spatial_of(in.shape());
  const T* const x = in.as<T>().data();
  const std::int64_t plane_size = extents[0] * extents[1] * extents[2];
  return pool<T, std::int64_t>(
      in, shape, windows, [&](const T* plane, const Spatial&, const Taps& taps) {
        std::int64_t best = -1;
        for_taps(taps, extents, windows, [&](const Spatial&, std::int64_t index) {
          const bool first_nan = best >= 0 && is_nan(plane[index]) && !is_nan(plane[best]);
          if (best < 0 || plane[index] > plane[best] || first_nan) best = index;
        });
        if (by_column) {
          const std::int64_t w = best % extents[2], h = best / extents[2] % extents[1];
          const std::int64_t d = best / extents[2] / extents[1];
          best = (w * extents[1] + h) * extents[0] + d;
        }
        return (plane - x) / plane_size * plane_size + best;
      });
}

}  // namespace

Result<Tensor> run(const MaxPool& op, Inputs in, const TensorType& out) {
  NT_TRY(const Windows windows, windows_of_pool(op));
  return with_number(in[0].dtype(), "max pooling", [&]<class T>(T) -> Result<Tensor> {
    if (op.result == PoolResult::kValue) return largest<T>(in[0], *out.shape, windows);
    const bool by_column = op.result == PoolResult::kColumnIndex;
    return place_of_largest<T>(in[0], *out.shape, windows, by_column);
  });
}

Result<Tensor> run(const AveragePool& op, Inputs in, const TensorType& out) {
  NT_TRY(const Windows windows, windows_of_pool(op));
  const Spatial extents = spatial_of(in[0].shape());
  return with_real(out.dtype, "average pooling", [&]<class T>(T) -> Result<Tensor> {
    return pool<T>(in[0], *out.shape, windows,
                   [&](const T* plane, const Spatial& at, const Taps& taps) {
                     double sum = 0;
                     for_taps(taps, extents, windows, [&](const Spatial&, std::int64_t index) {
                       sum += static_cast<double>(plane[index]);
                     });
                     const std::int64_t divisor =
                         op.count_include_pad ? count_with_pads(at, extents, windows) : count(taps);
                     return static_cast<T>(sum / static_cast<double>(divisor));
                   });
  });
}

Result<Tensor> run(const GlobalAveragePool&, Inputs in, const TensorType& out) {
  const Shape& shape = in[0].shape();
  const auto planes = static_cast<std::size_t>(shape[0] * shape[1]);
  const std::size_t size = product(std::span(shape).subspan(2));
  return with_real(out.dtype, "average pooling", [&]<class T>(T) -> Result<Tensor> {
    const T* x = in[0].as<T>().data();
    Output<T> result(*out.shape);
    for_rows(planes, size, [&](std::size_t first, std::size_t last) {
      for (std::size_t row = first; row < last; ++row) {
        double sum = 0;
        for (std::size_t i = 0; i < size; ++i) sum += static_cast<double>(x[row * size + i]);
        result.data()[row] = static_cast<T>(sum / static_cast<double>(size));
      }
    });
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
