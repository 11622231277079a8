// The header of a .npy file is a Python dictionary: {'descr': '<f4', 'fortran_order': False,
// 'shape': (3, 4), }. This reads exactly what numpy writes, in any order of keys and spaces, and
// refuses the rest of Python: nothing is evaluated.
#include "io/npy_header.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace neurotool {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMostHeader = 65536;
constexpr std::size_t kMostExtents = 32;

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr std::array kTypes = {TypeName{"b1", DType::kBool},    TypeName{"i1", DType::kInt8},
                               TypeName{"u1", DType::kUint8},   TypeName{"i2", DType::kInt16},
                               TypeName{"u2", DType::kUint16},  TypeName{"i4", DType::kInt32},
                               TypeName{"u4", DType::kUint32},  TypeName{"i8", DType::kInt64},
                               TypeName{"u8", DType::kUint64},  TypeName{"f2", DType::kFloat16},
                               TypeName{"f4", DType::kFloat32}, TypeName{"f8", DType::kFloat64}};

/// Reads a dictionary from left to right and remembers where it is.
class DictionaryReader {
 public:
  DictionaryReader(std::string_view text, std::size_t offset, std::string_view where)
      : text_(text), offset_(offset), where_(where) {}

  Result<NpyHeader> read() {
    NT_TRY_VOID(expect('{'));
    while (!accept('}')) {
      NT_TRY(const std::string_view key, quoted());
      NT_TRY_VOID(expect(':'));
      NT_TRY_VOID(read_value(key));
      if (accept(',')) continue;
      NT_TRY_VOID(expect('}'));
      break;
    }
    skip_space();
    if (at_ < text_.size()) return wrong("nothing more");
    if (!has_type_ || !has_order_ || !has_shape_) {
      return bad_format(where_, "the npy header lacks one of 'descr', 'fortran_order' and 'shape'");
    }
    return std::move(header_);
  }

 private:
  Result<> read_value(std::string_view key) {
    if (key == "descr") return read_type();
    if (key == "fortran_order") return read_order();
    if (key == "shape") return read_shape();
    return bad_format(where_,
                      fmt::format("the npy header has a key '{}' that npy does not know", key));
  }

  Result<> read_type() {
    if (std::exchange(has_type_, true)) return wrong("'descr' only once");
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') {
      return bad_format(where_, "the array holds records with named fields, not plain numbers",
                        "save one field as an array of its own");
    }
    NT_TRY(const std::string_view name, quoted());
    const std::string_view kind = name.empty() ? name : name.substr(1);
    const char order = name.empty() ? '\0' : name[0];
    const bool known_order = order == '<' || order == '>' || order == '|' || order == '=';
    for (const TypeName& type : kTypes) {
      if (!known_order || type.name != kind) continue;
      header_.dtype = type.dtype;
      header_.order = order == '>' ? ByteOrder::kBig : ByteOrder::kLittle;
      return {};
    }
    return bad_format(
        where_,
        fmt::format("the array's elements are '{}', which are no numbers "
                    "that this tool reads",
                    name),
        "save it as bool, a whole number of 8 to 64 bits, float16, float32 or float64");
  }

  Result<> read_order() {
    if (std::exchange(has_order_, true)) return wrong("'fortran_order' only once");
    skip_space();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true},
                                      std::pair<std::string_view, bool>{"False", false}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      header_.fortran_order = value;
      return {};
    }
    return wrong("True or False");
  }

  Result<> read_shape() {
    if (std::exchange(has_shape_, true)) return wrong("'shape' only once");
    NT_TRY_VOID(expect('('));
    while (!accept(')')) {
      skip_space();
      std::int64_t extent = 0;
      const char* const begin = text_.data() + at_;
      const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), extent);
      if (code != std::errc{} || extent < 0) return wrong("an extent of 0 or more");
      at_ += static_cast<std::size_t>(end - begin);
      header_.shape.push_back(extent);
      if (header_.shape.size() > kMostExtents) return wrong("at most 32 extents");
      if (accept(',')) continue;
      NT_TRY_VOID(expect(')'));
      break;
    }
    return {};
  }

  /// The text between a pair of ' or ". numpy never escapes anything here.
  Result<std::string_view> quoted() {
    skip_space();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return wrong("a quote");
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return wrong("a closing quote");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }

  bool accept(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  Result<> expect(char wanted) {
    if (accept(wanted)) return {};
    return wrong(fmt::format("'{}'", wanted));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  Error wrong(std::string_view wanted) const {
    return bad_format(
        where_, fmt::format("the npy header should have {} at byte {}", wanted, offset_ + at_));
  }

  std::string_view text_;
  std::size_t offset_;
  std::string_view where_;
  std::size_t at_ = 0;
  NpyHeader header_;
  bool has_type_ = false, has_order_ = false, has_shape_ = false;
};

}  // namespace

Result<NpyHeader> parse_npy_header(std::string_view bytes, std::string_view where) {
  if (!bytes.starts_with(kMagic)) {
    return bad_format(where, "the first six bytes are not those of an npy file");
  }
  if (bytes.size() < 10) {
    return bad_format(where,
                      fmt::format("the file ends at byte {}, inside its npy header", bytes.size()));
  }
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) {
    return bad_format(where, fmt::format("npy version {} is none of 1, 2 and 3", version));
  }
  const std::size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) {
    return bad_format(where,
                      fmt::format("the file ends at byte {}, inside its npy header", bytes.size()));
  }
  const std::size_t length = version == 1
                                 ? read_number<std::uint16_t>(bytes, 8, ByteOrder::kLittle)
                                 : read_number<std::uint32_t>(bytes, 8, ByteOrder::kLittle);
  if (length > kMostHeader || length > bytes.size() - begin) {
    return bad_format(where, fmt::format("an npy header of {} bytes at byte {} does not fit into "
                                         "a file of {} and the {} allowed",
                                         length, begin, bytes.size(), kMostHeader));
  }
  NT_TRY(NpyHeader header, DictionaryReader(bytes.substr(begin, length), begin, where).read());
  header.size = begin + length;
  return header;
}

std::string format_npy_header(DType dtype, const Shape& shape) {
  std::string_view name;
  for (const TypeName& type : kTypes) {
    if (type.dtype == dtype) name = type.name;
  }
  NT_CHECK(!name.empty(), "npy has no name for this type");
  std::string extents;
  for (const std::int64_t extent : shape) extents += fmt::format("{}, ", extent);
  // One extent keeps its comma, more lose the last, as Python writes tuples.
  if (shape.size() == 1) extents.pop_back();
  if (shape.size() > 1) extents.resize(extents.size() - 2);
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 byte_size(dtype) == 1 ? '|' : '<', name, extents);
  const std::size_t used = kMagic.size() + 4 + text.size() + 1;
  text.append((64 - used % 64) % 64, ' ');
  text += '\n';
  std::string header(kMagic);
  header += '\x01';
  header += '\0';
  header += static_cast<char>(text.size() & 0xFF);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace neurotool
