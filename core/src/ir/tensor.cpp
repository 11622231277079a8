// Tensors: their element types, sizes and conversions. Half-precision numbers have no C++ type
// here; they are decoded to float, which holds each of them exactly, and encoded by rounding half
// to even.
#include "ir/tensor.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "ir/words.hpp"

namespace neurotool {
namespace {

/// Stands for a float16 or bfloat16 in memory: 16 bits and how to read them.
struct Half {
  std::uint16_t bits;
};
struct Brain {
  std::uint16_t bits;
};

float decode(Half half) {
  const auto sign = static_cast<float>(half.bits & 0x8000 ? -1 : 1);
  const int exponent = half.bits >> 10 & 0x1F;
  const int fraction = half.bits & 0x3FF;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  if (exponent < 31) return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return fraction == 0 ? sign * std::numeric_limits<float>::infinity()
                       : std::numeric_limits<float>::quiet_NaN();
}

float decode(Brain brain) { return std::bit_cast<float>(std::uint32_t{brain.bits} << 16); }

Half encode_half(double value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const auto make = [&](int low) { return Half{static_cast<std::uint16_t>(sign | low)}; };
  const double size = std::abs(value);
  if (std::isnan(value)) return make(0x7E00);
  if (size >= 65520) return make(0x7C00);  // half way from the largest number to the next
  // In units of the last place: 2^-24 for subnormals, 2^(e-10) for a number in [2^e, 2^(e+1)).
  const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
  const int units = static_cast<int>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  // A carry out of the fraction adds one to the exponent field, which is what it should do.
  return make(((exponent + 14) << 10) + units);
}

Brain encode_brain(double value) {
  const auto narrow = static_cast<float>(value);
  const auto bits = std::bit_cast<std::uint32_t>(narrow);
  if (std::isnan(narrow)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
  const std::uint32_t half_even = 0x7FFF + (bits >> 16 & 1);
  return {static_cast<std::uint16_t>((bits + half_even) >> 16)};
}

/// Calls f with a value of the C++ type that stands for `dtype` in memory.
template <class F>
decltype(auto) with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kBool:
      return f(bool{});
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
    case DType::kFloat16:
      return f(Half{});
    case DType::kBfloat16:
      return f(Brain{});
    case DType::kFloat32:
      return f(float{});
    case DType::kFloat64:
      return f(double{});
  }
  check_failed(__FILE__, __LINE__, "dtype", "no such element type");
}

/// The number that a stored element stands for, in a type that C++ can convert.
template <class T>
auto number(const std::byte* data) {
  if constexpr (std::is_same_v<T, bool>) {
    return static_cast<std::uint8_t>(*data == std::byte{0} ? 0 : 1);
  } else {
    T value;
    std::memcpy(&value, data, sizeof(T));
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>) {
      return decode(value);
    } else {
      return value;
    }
  }
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_same_v<To, Half>) {
    return encode_half(static_cast<double>(value));
  } else if constexpr (std::is_same_v<To, Brain>) {
    return encode_brain(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

std::shared_ptr<const Buffer> own(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return std::make_shared<const Buffer>(owner->data(), owner->size(), owner);
}

}  // namespace

std::size_t byte_size(DType dtype) {
  return with_type(dtype, [](auto type) { return sizeof(type); });
}

std::string_view short_name(DType dtype) { return word_of(dtype); }

bool is_float(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBfloat16 || dtype == DType::kFloat32 ||
         dtype == DType::kFloat64;
}

bool is_integer(DType dtype) { return !is_float(dtype) && dtype != DType::kBool; }

std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape) {
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    empty = empty || extent == 0;
  }
  if (empty) return 0;
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent > kMost / count) return std::nullopt;
    count *= extent;
  }
  return count;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ',';
    text += shape[i] == kFreeDim ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

Tensor::Tensor(DType dtype, Shape shape, std::shared_ptr<const Buffer> buffer)
    : dtype_(dtype), shape_(std::move(shape)), buffer_(std::move(buffer)) {
  const auto count = element_count(shape_);
  NT_CHECK(buffer_ != nullptr && count.has_value(), "a tensor needs a buffer and a known shape");
  size_ = *count;
  const auto bytes = static_cast<std::size_t>(size_) * byte_size(dtype_);
  NT_CHECK(buffer_->size() == bytes,
           fmt::format("{}{} takes {} bytes, the buffer has {}", short_name(dtype_),
                       to_string(shape_), bytes, buffer_->size()));
  // as() hands out typed pointers; bytes in the middle of a file need not be aligned for that.
  if (reinterpret_cast<std::uintptr_t>(buffer_->data()) % byte_size(dtype_) != 0) {
    buffer_ = own({buffer_->data(), buffer_->data() + buffer_->size()});
  }
}

Tensor Tensor::from_bytes(DType dtype, Shape shape, std::vector<std::byte> bytes) {
  return Tensor(dtype, std::move(shape), own(std::move(bytes)));
}

double Tensor::at(std::int64_t index) const {
  NT_CHECK(defined() && index >= 0 && index < size_, "tensor element out of range");
  return with_type(dtype_, [&](auto type) {
    using T = decltype(type);
    return static_cast<double>(number<T>(data() + static_cast<std::size_t>(index) * sizeof(T)));
  });
}

Tensor Tensor::converted(DType to) const {
  NT_CHECK(defined(), "an absent tensor has no elements to convert");
  if (to == dtype_) return *this;
  std::vector<std::byte> bytes(static_cast<std::size_t>(size_) * byte_size(to));
  with_type(dtype_, [&](auto from_type) {
    with_type(to, [&](auto to_type) {
      using From = decltype(from_type);
      using To = decltype(to_type);
      for (std::size_t i = 0; i < static_cast<std::size_t>(size_); ++i) {
        const To value = convert<To>(number<From>(data() + i * sizeof(From)));
        std::memcpy(bytes.data() + i * sizeof(To), &value, sizeof(To));
      }
    });
  });
  Tensor result(to, shape_, own(std::move(bytes)));
  result.quantization_ = quantization_;
  return result;
}

Tensor Tensor::reshaped(Shape shape) const {
  NT_CHECK(defined(), "an absent tensor has no shape");
  NT_CHECK(element_count(shape) == size_, fmt::format("{} does not have the {} elements of {}",
                                                      to_string(shape), size_, to_string(shape_)));
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

Tensor Tensor::with_quantization(Quantization quantization) const {
  Tensor result = *this;
  result.quantization_ = std::move(quantization);
  return result;
}

bool Tensor::operator==(const Tensor& other) const {
  if (defined() != other.defined()) return false;
  if (!defined()) return true;
  return dtype_ == other.dtype_ && shape_ == other.shape_ && quantization_ == other.quantization_ &&
         (bytes() == 0 || std::memcmp(data(), other.data(), bytes()) == 0);
}

}  // namespace neurotool
