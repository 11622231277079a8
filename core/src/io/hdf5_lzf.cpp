// The filter LZF for reading: h5py offers it beside deflate, and no HDF5 library brings it. A
// packed chunk is a row of literals (first byte below 32: its value plus one bytes follow) and
// copies (three bits of length, thirteen of distance, a further byte of length when the three are
// full).
#include <cstdint>
#include <cstring>
#include <span>

#include "io/hdf5_library.hpp"

namespace neurotool {
namespace {

/// Bytes written to `out`, or 0 when the packed bytes are broken or make more than fits.
std::size_t unpack(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) {
  std::size_t from = 0, to = 0;
  while (from < in.size()) {
    const std::size_t control = in[from++];
    if (control < 32) {
      const std::size_t length = control + 1;
      if (length > in.size() - from || length > out.size() - to) return 0;
      std::memcpy(&out[to], &in[from], length);
      from += length;
      to += length;
      continue;
    }
    std::size_t length = (control >> 5) + 2;
    if (length == 9) {
      if (from == in.size()) return 0;
      length += in[from++];
    }
    if (from == in.size()) return 0;
    const std::size_t distance = ((control & 31) << 8 | in[from++]) + 1;
    if (distance > to || length > out.size() - to) return 0;
    for (std::size_t end = to + length; to < end; ++to) out[to] = out[to - distance];
  }
  return to;
}

/// `values[2]` is the size of a chunk before packing. The library owns `*buffer`.
std::size_t filter(unsigned flags, std::size_t count, const unsigned values[], std::size_t bytes,
                   std::size_t* size, void** buffer) {
  const bool reading = (flags & H5Z_FLAG_REVERSE) != 0;
  constexpr std::size_t kMost = std::size_t{1} << 31;
  // A packed byte makes at most 264 / 3 bytes, so no chunk of a small file asks for much.
  if (!reading || count < 3 || values[2] == 0 || values[2] > kMost || values[2] / 88 > bytes) {
    return 0;
  }
  void* made = H5allocate_memory(values[2], /*clear=*/false);
  if (made == nullptr) return 0;
  const std::size_t length = unpack({static_cast<const std::uint8_t*>(*buffer), bytes},
                                    {static_cast<std::uint8_t*>(made), values[2]});
  if (length == 0) {
    H5free_memory(made);
    return 0;
  }
  H5free_memory(*buffer);
  *buffer = made;
  *size = values[2];
  return length;
}

}  // namespace

void register_lzf() {
  H5Z_class2_t lzf{};
  lzf.version = H5Z_CLASS_T_VERS;
  lzf.id = 32000;
  lzf.decoder_present = 1;
  lzf.name = "lzf";
  lzf.filter = filter;
  H5Zregister(&lzf);
}

}  // namespace neurotool
