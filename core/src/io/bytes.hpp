// Reading data files as bytes: whole, inflated, and numbers out of them whatever their byte order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/files.hpp"
#include "base/result.hpp"

namespace neurotool {

enum class ByteOrder { kLittle, kBig };

/// The unsigned number at `offset`, which must be inside `bytes` together with its last byte.
template <class T>
T read_number(std::string_view bytes, std::size_t offset, ByteOrder order) {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t place = order == ByteOrder::kBig ? i : sizeof(T) - 1 - i;
    value = static_cast<T>(value << (sizeof(T) > 1 ? 8 : 0)) |
            static_cast<unsigned char>(bytes[offset + place]);
  }
  return value;
}

/// Reverses the bytes of each element in place, for elements of `size` bytes.
inline void swap_bytes(std::span<std::byte> bytes, std::size_t size) {
  for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
  }
}

/// The content of a file of samples or labels, inflated if it is gzip. A file that does not exist
/// is data.missing; other errors are those of base/files.
Result<std::string> read_data_file(const std::filesystem::path& path);

/// data.format, at a file.
Error bad_format(std::string_view where, std::string message, std::string help = {});

}  // namespace neurotool
