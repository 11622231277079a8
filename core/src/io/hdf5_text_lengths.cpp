// A conversion of our own from texts to the first four bytes of what the file has for each: its
// length. The library finds it when a read asks for elements of that opaque type.
#include "io/hdf5_text_lengths.hpp"

#include <cstring>

namespace neurotool {
namespace {

constexpr std::size_t kLengthBytes = 4;

Handle length_type() {
  Handle type(H5Tcreate(H5T_OPAQUE, kLengthBytes), H5Tclose);
  if (type) H5Tset_tag(type.id(), "neurotool: length of a text");
  return type;
}

/// H5T_conv_t: packs the lengths in place, which are never larger than the elements they begin.
herr_t take_lengths(hid_t source, hid_t target, H5T_cdata_t* data, std::size_t count,
                    std::size_t stride, std::size_t, void* buffer, void*, hid_t) noexcept {
  if (data->command == H5T_CONV_INIT) {
    data->need_bkg = H5T_BKG_NO;
    const bool ours = H5Tis_variable_str(source) > 0 && H5Tget_class(target) == H5T_OPAQUE &&
                      H5Tget_size(target) == kLengthBytes;
    return ours ? 0 : -1;
  }
  if (data->command != H5T_CONV_CONV) return 0;
  const std::size_t from = stride > 0 ? stride : H5Tget_size(source);
  const std::size_t to = stride > 0 ? stride : kLengthBytes;
  if (from < kLengthBytes) return -1;
  auto* bytes = static_cast<unsigned char*>(buffer);
  for (std::size_t i = 0; i < count; ++i)
    std::memmove(bytes + i * to, bytes + i * from, kLengthBytes);
  return 0;
}

bool is_registered() {
  static const bool done = [] {
    const Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(text.id(), H5T_VARIABLE);
    const Handle length = length_type();
    return H5Tregister(H5T_PERS_SOFT, "neurotool_text_length", text.id(), length.id(),
                       take_lengths) >= 0;
  }();
  return done;
}

std::uint32_t number_of(const unsigned char* bytes) {
  return bytes[0] | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}

}  // namespace

std::optional<std::vector<std::uint32_t>> text_lengths(const Handle& set, std::size_t count) {
  if (!is_registered()) return std::nullopt;
  const Handle type = length_type();
  std::vector<unsigned char> bytes(count * kLengthBytes);
  if (H5Dread(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
    return std::nullopt;
  std::vector<std::uint32_t> lengths(count);
  for (std::size_t i = 0; i < count; ++i) lengths[i] = number_of(bytes.data() + i * kLengthBytes);
  return lengths;
}

std::optional<std::uint32_t> text_length(const Handle& attribute) {
  if (!is_registered()) return std::nullopt;
  const Handle type = length_type();
  unsigned char bytes[kLengthBytes]{};
  if (H5Aread(attribute.id(), type.id(), bytes) < 0) return std::nullopt;
  return number_of(bytes);
}

}  // namespace neurotool
