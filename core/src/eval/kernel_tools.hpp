// What the kernels share: output tensors that are written once, loops over the pool, the choice of
// a C++ type for an element type, and views of tensors with three spatial axes.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include "base/parallel.hpp"
#include "base/result.hpp"
#include "ir/op_geometry.hpp"
#include "ir/tensor.hpp"

namespace neurotool::kernels {

/// Integers are numbers.
template <class T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value);
  return false;
}

/// A tensor that is being written. Its elements start out undefined: each must be written.
template <class T>
class Output {
 public:
  explicit Output(Shape shape)
      : shape_(std::move(shape)),
        size_(static_cast<std::size_t>(element_count(shape_).value())),
        data_(std::make_shared_for_overwrite<T[]>(size_)) {}

  T* data() { return data_.get(); }
  std::size_t size() const { return size_; }

  Tensor finish(DType dtype = kDTypeOf<T>) && {
    const auto bytes = std::as_bytes(std::span<const T>(data_.get(), size_));
    auto buffer = std::make_shared<const Buffer>(bytes.data(), bytes.size(), data_);
    return Tensor(dtype, std::move(shape_), std::move(buffer));
  }

 private:
  Shape shape_;
  std::size_t size_;
  std::shared_ptr<T[]> data_;
};

/// Work on [first, last). Not a template parameter: there would be hundreds of copies of the loops
/// around it, and each call does the work of thousands of elements.
using RangeBody = std::function<void(std::size_t first, std::size_t last)>;

/// parallel_for over elements, in pieces that are worth a task.
inline void for_elements(std::size_t count, const RangeBody& body) {
  constexpr std::size_t kGrain = 1 << 15;
  if (count <= kGrain) {
    body(std::size_t{0}, count);
  } else {
    parallel_for(count, body, kGrain);
  }
}

/// parallel_for over rows of `row_size` elements each.
inline void for_rows(std::size_t rows, std::size_t row_size, const RangeBody& body) {
  constexpr std::size_t kGrain = 1 << 15;
  const std::size_t grain = std::max<std::size_t>(1, kGrain / std::max<std::size_t>(1, row_size));
  if (rows <= grain) {
    body(std::size_t{0}, rows);
  } else {
    parallel_for(rows, body, grain);
  }
}

inline Error unsupported(std::string_view what, DType dtype) {
  return error("eval.unsupported", {},
               fmt::format("{} of {} is not computed", what, short_name(dtype)),
               "cast the tensor to f32 first");
}

/// f(T{}) for the C++ type of a number, or eval.unsupported for bool and half precision.
template <class F>
Result<Tensor> with_number(DType dtype, std::string_view what, const F& f) {
  switch (dtype) {
    case DType::kInt8:
      return f(std::int8_t{});
    case DType::kUint8:
      return f(std::uint8_t{});
    case DType::kInt16:
      return f(std::int16_t{});
    case DType::kUint16:
      return f(std::uint16_t{});
    case DType::kInt32:
      return f(std::int32_t{});
    case DType::kUint32:
      return f(std::uint32_t{});
    case DType::kInt64:
      return f(std::int64_t{});
    case DType::kUint64:
      return f(std::uint64_t{});
    case DType::kFloat32:
      return f(float{});
    case DType::kFloat64:
      return f(double{});
    case DType::kBool:
    case DType::kFloat16:
    case DType::kBfloat16:
      break;
  }
  return unsupported(what, dtype);
}

/// f(float{}) or f(double{}), or eval.unsupported.
template <class F>
Result<Tensor> with_real(DType dtype, std::string_view what, const F& f) {
  if (dtype == DType::kFloat32) return f(float{});
  if (dtype == DType::kFloat64) return f(double{});
  return unsupported(what, dtype);
}

inline std::size_t product(std::span<const std::int64_t> extents) {
  return static_cast<std::size_t>(
      std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>()));
}

/// Row-major strides, in elements.
inline std::vector<std::int64_t> strides_of(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * shape[i - 1];
  return strides;
}

/// Extents or windows of up to three spatial axes, with leading axes of extent 1 in front.
constexpr std::size_t kSpatial = 3;
using Spatial = std::array<std::int64_t, kSpatial>;

inline Spatial spatial_of(const Shape& shape) {
  Spatial result{1, 1, 1};
  for (std::size_t i = 2; i < shape.size(); ++i) result[kSpatial - shape.size() + i] = shape[i];
  return result;
}

inline std::array<KernelWindow, kSpatial> spatial_windows(
    const std::vector<KernelWindow>& windows) {
  std::array<KernelWindow, kSpatial> result{};
  for (std::size_t i = 0; i < windows.size(); ++i) {
    result[kSpatial - windows.size() + i] = windows[i];
  }
  return result;
}

/// Calls f(d, h, w) for all positions, row-major.
template <class F>
void for_positions(const Spatial& extents, const F& f) {
  for (std::int64_t d = 0; d < extents[0]; ++d) {
    for (std::int64_t h = 0; h < extents[1]; ++h) {
      for (std::int64_t w = 0; w < extents[2]; ++w) f(Spatial{d, h, w});
    }
  }
}

inline std::int64_t flat(const Spatial& position, const Spatial& extents) {
  return (position[0] * extents[1] + position[1]) * extents[2] + position[2];
}

/// The part of a window at output position `out` that lies inside the input: first tap, past-last
/// tap, and the input coordinate of tap 0, per axis.
struct Taps {
  Spatial first, last, origin;
};

inline Taps taps_inside(const Spatial& out, const Spatial& extents,
                        const std::array<KernelWindow, kSpatial>& windows) {
  Taps taps{};
  for (std::size_t i = 0; i < kSpatial; ++i) {
    const KernelWindow& window = windows[i];
    const std::int64_t origin = out[i] * window.stride - window.pad_begin;
    const std::int64_t dilation = window.dilation;
    const std::int64_t room = extents[i] - origin;
    taps.origin[i] = origin;
    taps.first[i] = origin >= 0 ? 0 : (-origin + dilation - 1) / dilation;
    taps.last[i] = room <= 0 ? 0 : std::min(window.kernel, (room - 1) / dilation + 1);
  }
  return taps;
}

/// Calls f(tap position in the kernel, flat input index) for every tap inside the input.
template <class F>
void for_taps(const Taps& taps, const Spatial& extents,
              const std::array<KernelWindow, kSpatial>& windows, const F& f) {
  Spatial tap{}, at{};
  const auto place = [&](std::size_t axis) {
    at[axis] = taps.origin[axis] + tap[axis] * windows[axis].dilation;
  };
  for (tap[0] = taps.first[0]; tap[0] < taps.last[0]; ++tap[0]) {
    place(0);
    for (tap[1] = taps.first[1]; tap[1] < taps.last[1]; ++tap[1]) {
      place(1);
      for (tap[2] = taps.first[2]; tap[2] < taps.last[2]; ++tap[2]) {
        place(2);
        f(tap, flat(at, extents));
      }
    }
  }
}

}  // namespace neurotool::kernels
