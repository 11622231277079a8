// Part of neurotool/plugin/sdk.hpp: text and spans across the boundary, and messages with {} in
// them.
#ifndef NEUROTOOL_PLUGIN_SDK_TEXT_HPP
#define NEUROTOOL_PLUGIN_SDK_TEXT_HPP

#include <neurotool/plugin/abi.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace neurotool::sdk {

inline std::string_view view(nt_str text) {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}
inline nt_str str(std::string_view text) { return {text.data(), text.size()}; }

/// A view of `size` elements that somebody else owns; std::span, for C++17.
template <class T>
class Span {
 public:
  constexpr Span() = default;
  constexpr Span(T* data, std::size_t size) : data_(data), size_(size) {}
  template <class U, class = std::enable_if_t<std::is_convertible_v<const U (*)[], T (*)[]>>>
  Span(const std::vector<U>& values) : data_(values.data()), size_(values.size()) {}
  template <class U, std::size_t N,
            class = std::enable_if_t<std::is_convertible_v<const U (*)[], T (*)[]>>>
  constexpr Span(const std::array<U, N>& values) : data_(values.data()), size_(N) {}

  constexpr T* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }
  constexpr T& operator[](std::size_t index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {

inline void append(std::string& out, std::string_view text) { out.append(text); }
inline void append(std::string& out, nt_str text) { out.append(view(text)); }
inline void append(std::string& out, bool value) { out.append(value ? "true" : "false"); }
inline void append(std::string& out, char value) { out.push_back(value); }
template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
void append(std::string& out, T value) {
  char digits[64];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end.ptr);
}

/// The pattern up to its next "{}", then the value. A value without a place follows at the end: a
/// lost number is worse than odd text.
template <class T>
void append_next(std::string& out, std::string_view& pattern, const T& value) {
  const std::size_t place = pattern.find("{}");
  out.append(pattern.substr(0, place));
  if (place == std::string_view::npos) {
    out.push_back(' ');
    pattern = {};
  } else {
    pattern.remove_prefix(place + 2);
  }
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    append(out, std::string_view(value));
  } else {
    append(out, value);
  }
}

/// A zeroed struct that says how large it is.
template <class Struct>
Struct sized() {
  Struct result{};
  result.struct_size = sizeof(Struct);
  return result;
}

/// What the other side gave, as far as both know it; the rest is zero, which means "not set".
template <class Struct>
Struct copied(const Struct* given) {
  Struct result{};
  const std::size_t known =
      given->struct_size < sizeof(Struct) ? given->struct_size : sizeof(Struct);
  std::memcpy(&result, given, known);
  return result;
}

}  // namespace detail

/// "{} neurons; a core holds {}" with numbers and text filled in. Numbers print the shortest text
/// that reads back as the same number, whatever the locale.
template <class... Args>
std::string format(std::string_view pattern, const Args&... args) {
  std::string out;
  (detail::append_next(out, pattern, args), ...);
  out.append(pattern);
  return out;
}

}  // namespace neurotool::sdk

#endif
