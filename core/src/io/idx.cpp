// idx: two zero bytes, one byte for the element type, one for the number of extents, the extents as
// 32-bit numbers, then the elements row by row; everything big-endian.
#include "io/idx.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "io/bytes.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMagic = 4;
constexpr std::size_t kMostExtents = 8;

std::optional<DType> element_type(unsigned char code) {
  switch (code) {
    case 0x08:
      return DType::kUint8;
    case 0x09:
      return DType::kInt8;
    case 0x0B:
      return DType::kInt16;
    case 0x0C:
      return DType::kInt32;
    case 0x0D:
      return DType::kFloat32;
    case 0x0E:
      return DType::kFloat64;
    default:
      return std::nullopt;
  }
}

std::size_t extent_count(std::string_view bytes) { return static_cast<unsigned char>(bytes[3]); }

std::size_t header_size(std::string_view bytes) { return kMagic + 4 * extent_count(bytes); }

Shape extents(std::string_view bytes) {
  Shape shape;
  for (std::size_t i = 0; i < extent_count(bytes); ++i) {
    shape.push_back(read_number<std::uint32_t>(bytes, kMagic + 4 * i, ByteOrder::kBig));
  }
  return shape;
}

}  // namespace

bool looks_like_idx(std::string_view bytes) {
  if (bytes.size() < kMagic || bytes[0] != 0 || bytes[1] != 0) return false;
  return element_type(static_cast<unsigned char>(bytes[2])) && extent_count(bytes) >= 1 &&
         extent_count(bytes) <= kMostExtents;
}

bool idx_length_fits(std::string_view bytes) {
  if (bytes.size() < header_size(bytes)) return false;
  const auto count = element_count(extents(bytes));
  const std::size_t size = byte_size(*element_type(static_cast<unsigned char>(bytes[2])));
  return count && bytes.size() - header_size(bytes) == static_cast<std::size_t>(*count) * size;
}

Result<Tensor> parse_idx(std::string_view bytes, std::string_view where) {
  if (!looks_like_idx(bytes)) {
    return bad_format(where, "the first four bytes are not those of an idx file",
                      "give the file's format, or the file that was meant");
  }
  if (bytes.size() < header_size(bytes)) {
    return bad_format(where, fmt::format("the file ends at byte {}, inside an idx header of {}",
                                         bytes.size(), header_size(bytes)));
  }
  const DType type = *element_type(static_cast<unsigned char>(bytes[2]));
  Shape shape = extents(bytes);
  const auto count = element_count(shape);
  if (!count) {
    return bad_format(where, fmt::format("the extents {} are too many elements", to_string(shape)));
  }
  const std::string_view content = bytes.substr(header_size(bytes));
  const std::size_t wanted = static_cast<std::size_t>(*count) * byte_size(type);
  if (content.size() != wanted) {
    return bad_format(
        where,
        fmt::format("{}{} takes {} bytes after byte {}, the file has {}", short_name(type),
                    to_string(shape), wanted, header_size(bytes), content.size()),
        "the file is cut off or damaged; fetch it again");
  }
  std::vector<std::byte> elements(content.size());
  if (!content.empty()) std::memcpy(elements.data(), content.data(), content.size());
  swap_bytes(elements, byte_size(type));
  return Tensor::from_bytes(type, std::move(shape), std::move(elements));
}

}  // namespace neurotool
