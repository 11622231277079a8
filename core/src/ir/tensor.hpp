// Tensors are values: a type, a shape, and a shared immutable buffer. Copying one copies a pointer;
// passes, threads and plugins may hold the same weights without a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/result.hpp"

namespace neurotool {

enum class DType : std::uint8_t {
  kBool, kInt8, kUint8, kInt16, kUint16, kInt32, kUint32, kInt64, kUint64,
  kFloat16, kBfloat16, kFloat32, kFloat64,
};

std::size_t byte_size(DType dtype);
/// "f32", "i8", "bool", … as IR dumps print it.
std::string_view short_name(DType dtype);
bool is_float(DType dtype);
bool is_integer(DType dtype);

template <class T> inline constexpr DType kDTypeOf = [] { static_assert(sizeof(T) == 0); }();
template <> inline constexpr DType kDTypeOf<bool> = DType::kBool;
template <> inline constexpr DType kDTypeOf<std::int8_t> = DType::kInt8;
template <> inline constexpr DType kDTypeOf<std::uint8_t> = DType::kUint8;
template <> inline constexpr DType kDTypeOf<std::int16_t> = DType::kInt16;
template <> inline constexpr DType kDTypeOf<std::uint16_t> = DType::kUint16;
template <> inline constexpr DType kDTypeOf<std::int32_t> = DType::kInt32;
template <> inline constexpr DType kDTypeOf<std::uint32_t> = DType::kUint32;
template <> inline constexpr DType kDTypeOf<std::int64_t> = DType::kInt64;
template <> inline constexpr DType kDTypeOf<std::uint64_t> = DType::kUint64;
template <> inline constexpr DType kDTypeOf<float> = DType::kFloat32;
template <> inline constexpr DType kDTypeOf<double> = DType::kFloat64;

/// Extents, outermost first. In a TensorGraph an extent may be kFreeDim: unknown until data comes.
using Shape = std::vector<std::int64_t>;
inline constexpr std::int64_t kFreeDim = -1;

/// Number of elements, or nothing if an extent is negative or the product exceeds 2^48.
std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape);
/// "[1,28,28]"; a free extent prints as "?".
std::string to_string(const Shape& shape);

/// How stored integers stand for real values: real = scale * (stored - zero_point).
struct Quantization {
  std::vector<double> scales;  ///< one for all, or one per output channel (axis 0)
  std::int32_t zero_point = 0;
  std::uint32_t bits = 0;      ///< significant bits of the stored integer, sign included; 0 = all
  bool operator==(const Quantization&) const = default;
};

/// Immutable bytes. `owner` keeps them alive: a vector, a mapped file, anything.
class Buffer {
 public:
  Buffer(const std::byte* data, std::size_t size, std::shared_ptr<const void> owner)
      : data_(data), size_(size), owner_(std::move(owner)) {}
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  const std::byte* data_;
  std::size_t size_;
  std::shared_ptr<const void> owner_;
};

class Tensor {
 public:
  /// No tensor at all: `defined()` is false. Means "absent" wherever a parameter is optional.
  Tensor() = default;
  /// Takes the buffer; its size must be byte_size(dtype) * element_count(shape).
  Tensor(DType dtype, Shape shape, std::shared_ptr<const Buffer> buffer);

  /// A tensor that owns `values`, row-major. values.size() must match the shape.
  template <class T>
  static Tensor from(Shape shape, std::vector<T> values) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    auto bytes = std::as_bytes(std::span<const T>(*owner));
    auto buffer = std::make_shared<const Buffer>(bytes.data(), bytes.size(), owner);
    return Tensor(kDTypeOf<T>, std::move(shape), std::move(buffer));
  }
  /// A tensor that owns `bytes`: its elements, row-major, in the byte order of this machine.
  static Tensor from_bytes(DType dtype, Shape shape, std::vector<std::byte> bytes);
  template <class T>
  static Tensor scalar(T value) { return from<T>({}, std::vector<T>{value}); }

  bool defined() const { return buffer_ != nullptr; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::size_t rank() const { return shape_.size(); }
  std::int64_t size() const { return size_; }
  const std::byte* data() const { return buffer_ ? buffer_->data() : nullptr; }
  std::size_t bytes() const { return buffer_ ? buffer_->size() : 0; }

  /// The elements; T must be the tensor's type (checked).
  template <class T>
  std::span<const T> as() const {
    NT_CHECK(defined() && dtype_ == kDTypeOf<T>, "tensor holds another type");
    return {reinterpret_cast<const T*>(data()), static_cast<std::size_t>(size_)};
  }

  /// Element `index` converted to double, whatever the type.
  double at(std::int64_t index) const;
  /// All elements converted. Float to integer truncates; out-of-range values are the caller's bug.
  Tensor converted(DType dtype) const;
  /// Same elements, another shape of the same element count (checked).
  Tensor reshaped(Shape shape) const;

  const std::optional<Quantization>& quantization() const { return quantization_; }
  Tensor with_quantization(Quantization quantization) const;

  /// Same type, shape, quantisation and bytes.
  bool operator==(const Tensor& other) const;

 private:
  DType dtype_ = DType::kFloat32;
  Shape shape_;
  std::int64_t size_ = 0;
  std::shared_ptr<const Buffer> buffer_;
  std::optional<Quantization> quantization_;
};

}  // namespace neurotool
