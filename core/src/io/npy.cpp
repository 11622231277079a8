// The numbers of .npy files, and the .npz archives that hold several of them.
#include "io/npy.hpp"

#include <fmt/format.h>

#include <cstring>
#include <unordered_set>
#include <utility>

#include "io/bytes.hpp"
#include "io/npy_header.hpp"
#include "io/zip.hpp"

namespace neurotool {
namespace {

/// The bytes of a column-major array in row-major order.
std::vector<std::byte> row_major(std::span<const std::byte> columns, const Shape& shape,
                                 std::size_t element) {
  std::vector<std::byte> rows(columns.size());
  std::vector<std::int64_t> index(shape.size(), 0);
  for (std::size_t to = 0; to < rows.size(); to += element) {
    std::int64_t from = 0;
    for (std::size_t axis = shape.size(); axis-- > 0;) from = from * shape[axis] + index[axis];
    std::memcpy(rows.data() + to, columns.data() + static_cast<std::size_t>(from) * element,
                element);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return rows;
}

/// A byte other than 0 and 1 is no bool in C++.
void normalise_bools(std::span<std::byte> bytes) {
  for (std::byte& byte : bytes) byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
}

}  // namespace

Result<Tensor> parse_npy(std::string_view bytes, std::string_view where) {
  NT_TRY(NpyHeader header, parse_npy_header(bytes, where));
  const auto count = element_count(header.shape);
  if (!count) {
    return bad_format(where,
                      fmt::format("the shape {} is too many elements", to_string(header.shape)));
  }
  const std::size_t element = byte_size(header.dtype);
  const std::size_t wanted = static_cast<std::size_t>(*count) * element;
  const std::string_view content = bytes.substr(header.size);
  if (content.size() != wanted) {
    return bad_format(
        where,
        fmt::format("{}{} takes {} bytes after byte {}, the file has {}", short_name(header.dtype),
                    to_string(header.shape), wanted, header.size, content.size()),
        "the file is cut off or damaged; fetch it again");
  }
  std::vector<std::byte> elements(wanted);
  if (wanted > 0) std::memcpy(elements.data(), content.data(), wanted);
  if (header.order == ByteOrder::kBig) swap_bytes(elements, element);
  if (header.fortran_order && header.shape.size() > 1) {
    elements = row_major(elements, header.shape, element);
  }
  if (header.dtype == DType::kBool) normalise_bools(elements);
  return Tensor::from_bytes(header.dtype, std::move(header.shape), std::move(elements));
}

Result<Tensor> read_npy(const std::filesystem::path& path) {
  NT_TRY(const std::string bytes, read_data_file(path));
  return parse_npy(bytes, path.string());
}

std::string format_npy(const Tensor& tensor) {
  NT_CHECK(tensor.defined(), "an absent tensor has no npy form");
  // float32 holds every bfloat16, for which npy has no name.
  if (tensor.dtype() == DType::kBfloat16) return format_npy(tensor.converted(DType::kFloat32));
  std::string text = format_npy_header(tensor.dtype(), tensor.shape());
  text.append(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
  return text;
}

Result<std::vector<std::pair<std::string, Tensor>>> parse_npz(std::string_view bytes,
                                                              std::string_view where) {
  constexpr std::string_view kSuffix = ".npy";
  NT_TRY(const std::vector<ZipMember> members, read_zip(bytes, where));
  std::vector<std::pair<std::string, Tensor>> arrays;
  std::unordered_set<std::string> seen;
  for (const ZipMember& member : members) {
    if (!member.name.ends_with(kSuffix)) continue;
    std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
    if (!seen.insert(name).second) {
      return bad_format(where, fmt::format("two arrays are named '{}'", name));
    }
    const std::string place = fmt::format("{}:{}", where, member.name);
    NT_TRY(Tensor tensor, parse_npy(member.content, place));
    arrays.emplace_back(std::move(name), std::move(tensor));
  }
  return arrays;
}

Result<std::vector<std::pair<std::string, Tensor>>> read_npz(const std::filesystem::path& path) {
  NT_TRY(const std::string bytes, read_data_file(path));
  return parse_npz(bytes, path.string());
}

}  // namespace neurotool
