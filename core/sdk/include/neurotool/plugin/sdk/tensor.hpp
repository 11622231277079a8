// Part of neurotool/plugin/sdk.hpp: typed access to tensors.
#ifndef NEUROTOOL_PLUGIN_SDK_TENSOR_HPP
#define NEUROTOOL_PLUGIN_SDK_TENSOR_HPP

#include <neurotool/plugin/sdk/failure.hpp>

namespace neurotool::sdk {

template <class T>
constexpr nt_dtype dtype_of() {
  static_assert(std::is_arithmetic_v<T>, "tensors hold numbers");
  constexpr unsigned kCode = std::is_same_v<T, bool>       ? 6
                             : std::is_floating_point_v<T> ? 2
                             : std::is_unsigned_v<T>       ? 1
                                                           : 0;
  return {static_cast<std::uint8_t>(kCode), static_cast<std::uint8_t>(sizeof(T) * 8), 1};
}

inline bool operator==(nt_dtype a, nt_dtype b) {
  return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes;
}

/// "float32", "int8", for messages.
inline std::string name_of(nt_dtype dtype) {
  const char* kinds[] = {"int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
  return format("{}{}", dtype.code < 7 ? kinds[dtype.code] : "type", static_cast<int>(dtype.bits));
}

/// A tensor that the host owns. Row-major; strides, where there are any, count elements.
class TensorView {
 public:
  TensorView() = default;
  explicit TensorView(const nt_tensor& raw) : raw_(raw) {}
  /// A compact view of your own values, to hand to Call::values().
  template <class T>
  TensorView(const T* data, Span<const std::int64_t> shape)
      : raw_{data, shape.data(), nullptr, static_cast<std::int32_t>(shape.size()), dtype_of<T>()} {}

  bool defined() const { return raw_.data != nullptr; }
  nt_dtype dtype() const { return raw_.dtype; }
  Span<const std::int64_t> shape() const {
    return {raw_.shape, static_cast<std::size_t>(raw_.rank)};
  }
  std::int64_t size() const {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape()) count *= extent;
    return count;
  }
  template <class T>
  bool holds() const {
    return raw_.dtype == dtype_of<T>();
  }

  /// The elements in place. Throws NT_UNSUPPORTED when they are of another type or not compact.
  template <class T>
  Span<const T> as() const {
    if (!holds<T>()) {
      throw Failure(NT_UNSUPPORTED, "plugin.tensor",
                    format("a tensor holds {} where {} is expected", name_of(raw_.dtype),
                           name_of(dtype_of<T>())));
    }
    if (!is_compact()) {
      throw Failure(NT_UNSUPPORTED, "plugin.tensor", "a tensor with gaps cannot be viewed");
    }
    return {static_cast<const T*>(raw_.data), static_cast<std::size_t>(size())};
  }

  /// A copy of the elements, row-major, converted from any type and any strides.
  template <class T>
  std::vector<T> to_vector() const {
    std::vector<T> values;
    values.reserve(static_cast<std::size_t>(size()));
    for (std::int64_t i = 0; i < size(); ++i) values.push_back(element<T>(offset(i)));
    return values;
  }

  const nt_tensor& raw() const { return raw_; }

 private:
  bool is_compact() const {
    if (raw_.strides == nullptr) return true;
    std::int64_t expected = 1;
    for (std::int32_t axis = raw_.rank; axis-- > 0;) {
      if (raw_.shape[axis] != 1 && raw_.strides[axis] != expected) return false;
      expected *= raw_.shape[axis];
    }
    return true;
  }

  /// Where the element of row-major number `index` lies, in elements.
  std::int64_t offset(std::int64_t index) const {
    if (raw_.strides == nullptr) return index;
    std::int64_t at = 0;
    for (std::int32_t axis = raw_.rank; axis-- > 0;) {
      at += index % raw_.shape[axis] * raw_.strides[axis];
      index /= raw_.shape[axis];
    }
    return at;
  }

  template <class T, class Stored>
  T read(std::int64_t at) const {
    return static_cast<T>(static_cast<const Stored*>(raw_.data)[at]);
  }

  template <class T>
  T element(std::int64_t at) const {
    if (holds<float>()) return read<T, float>(at);
    if (holds<double>()) return read<T, double>(at);
    if (holds<std::int8_t>()) return read<T, std::int8_t>(at);
    if (holds<std::int16_t>()) return read<T, std::int16_t>(at);
    if (holds<std::int32_t>()) return read<T, std::int32_t>(at);
    if (holds<std::int64_t>()) return read<T, std::int64_t>(at);
    if (holds<std::uint8_t>()) return read<T, std::uint8_t>(at);
    if (holds<std::uint16_t>()) return read<T, std::uint16_t>(at);
    if (holds<std::uint32_t>()) return read<T, std::uint32_t>(at);
    if (holds<std::uint64_t>()) return read<T, std::uint64_t>(at);
    if (raw_.dtype.code == 6) return read<T, std::uint8_t>(at);
    throw Failure(NT_UNSUPPORTED, "plugin.tensor",
                  format("a tensor of {} cannot be read here", name_of(raw_.dtype)));
  }

  nt_tensor raw_{};
};

}  // namespace neurotool::sdk

#endif
