// Spike bits to lists of events, and lists of rows to the list of one output.

#if defined(__AVX512F__)

/// Sixteen channels at a time; writes whole vectors, of which the next write covers the rest.
NT_INLINE std::uint32_t* append_events(std::uint32_t* to, std::uint64_t word,
                                       std::uint32_t channels, std::uint32_t first,
                                       std::uint32_t shift) {
  const Vector<std::uint32_t> lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (std::uint32_t c = 0; c < channels; c += 16) {
    const __mmask16 bits = static_cast<__mmask16>(word >> c);
    const Vector<std::uint32_t> ids = (lane + splat(first + c)) << shift;
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(bits, reinterpret_cast<__m512i>(ids)));
    to += __builtin_popcount(bits);
  }
  return to;
}

#else

/// The places of the set bits of every byte, as eight bytes.
struct BytePlaces {
  std::uint64_t of[256];
};
constexpr BytePlaces make_byte_places() {
  BytePlaces table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t count = 0;
    for (std::uint64_t bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & 1) != 0) table.of[byte] |= bit << (8 * count++);
    }
  }
  return table;
}
constexpr BytePlaces kBytePlaces = make_byte_places();

/// Eight channels at a time, without a branch that depends on spikes; writes all eight places, of
/// which the next write covers the rest.
NT_INLINE std::uint32_t* append_events(std::uint32_t* to, std::uint64_t word,
                                       std::uint32_t channels, std::uint32_t first,
                                       std::uint32_t shift) {
  for (std::uint32_t c = 0; c < channels; c += 8, word >>= 8) {
    const auto byte = static_cast<std::uint8_t>(word);
    const std::uint64_t places = kBytePlaces.of[byte];
    for (std::uint32_t i = 0; i < 8; ++i) {
      to[i] = (static_cast<std::uint32_t>(places >> (8 * i) & 0xff) + first + c) << shift;
    }
    to += __builtin_popcount(byte);
  }
  return to;
}

#endif

void list_row(const ListRow& row) {
  std::uint32_t* to = row.ids;
  for (std::uint32_t x = 0; x < row.width; ++x) {
    row.offsets[x] = static_cast<std::uint32_t>(to - row.ids);
    const std::uint64_t* pixel = row.bits + std::size_t{x} * row.words;
    for (std::uint32_t w = 0; w < row.words; ++w) {
      const std::uint32_t left = row.channels - w * 64;
      to = append_events(to, pixel[w], left < 64 ? left : 64, x * row.channels + w * 64, row.shift);
    }
  }
  row.offsets[row.width] = static_cast<std::uint32_t>(to - row.ids);
}

/// Appends the values of one vector that are not 0; returns how many.
#if defined(__AVX512F__)
template <class Number>
NT_INLINE std::uint32_t append_values(std::uint32_t* ids, Number* payloads, Vector<Number> values,
                                      std::uint32_t first, std::uint32_t shift) {
  const Vector<std::uint32_t> lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Mask sent = values != Vector<Number>{};
  const auto bits = static_cast<__mmask16>(bits_of(sent));
  const Vector<std::uint32_t> all = (lane + splat(first)) << shift;
  _mm512_storeu_si512(ids, _mm512_maskz_compress_epi32(bits, reinterpret_cast<__m512i>(all)));
  _mm512_storeu_si512(payloads,
                      _mm512_maskz_compress_epi32(bits, reinterpret_cast<__m512i>(values)));
  return static_cast<std::uint32_t>(__builtin_popcount(bits));
}
#else
template <class Number>
NT_INLINE std::uint32_t append_values(std::uint32_t* ids, Number* payloads, Vector<Number> values,
                                      std::uint32_t first, std::uint32_t shift) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < kLanes; ++i) {
    ids[count] = (first + i) << shift;
    payloads[count] = values[i];
    count += values[i] != Number{0} ? 1 : 0;
  }
  return count;
}
#endif

template <class Number>
void value_list_row(const ValueListRow<Number>& row) {
  std::uint32_t count = 0;
  for (std::uint32_t x = 0; x < row.width; ++x) {
    row.offsets[x] = count;
    const Number* pixel = row.values + std::size_t{x} * row.lanes;
    // Lanes without a channel hold 0.
    for (std::uint32_t c = 0; c < row.channels; c += kLanes) {
      count += append_values(row.ids + count, row.payloads + count, load(pixel + c),
                             x * row.channels + c, row.shift);
    }
  }
  row.offsets[row.width] = count;
}

/// The parts of a kernel at one output that lie inside the source, in delivery order: by row, then
/// column. One part per row where columns are neighbours.
std::uint32_t find_ranges(const Geometry& g, std::uint32_t target_row, std::uint32_t column,
                          std::uint32_t slots, std::uint32_t shift, Range* out) {
  std::uint32_t count = 0;
  const std::int64_t x0 = std::int64_t{column} * g.stride_x - g.pad_left;
  for (std::uint32_t ky = 0; ky < g.kernel_height; ++ky) {
    const std::int64_t y =
        std::int64_t{target_row} * g.stride_y + std::int64_t{ky} * g.dilation_y - g.pad_top;
    if (y < 0 || y >= g.source_height) continue;
    const std::uint32_t slot = static_cast<std::uint32_t>(y) % slots;
    const std::uint32_t pieces = g.dilation_x == 1 ? 1 : g.kernel_width;
    for (std::uint32_t piece = 0; piece < pieces; ++piece) {
      std::int64_t begin = x0 + std::int64_t{piece} * g.dilation_x;
      std::int64_t end = begin + (g.dilation_x == 1 ? g.kernel_width : 1);
      const std::int64_t first_kernel_column = begin < 0 ? -begin : 0;
      begin += first_kernel_column;
      if (end > g.source_width) end = g.source_width;
      if (begin >= end) continue;
      const std::uint32_t row =
          (ky * g.kernel_width + piece + static_cast<std::uint32_t>(first_kernel_column)) *
          g.source_channels;
      const auto first = static_cast<std::uint32_t>(begin);
      // An id counts from column 0 of the source, its weights from the first column of the kernel:
      // the difference may be negative, and 32-bit arithmetic wraps back.
      out[count++] = {slot, first, static_cast<std::uint32_t>(end), row,
                      (row - first * g.source_channels) << shift};
    }
  }
  return count;
}

/// Appends events with `base` added; may write a vector too many.
NT_INLINE void append_list(std::uint32_t* to, const std::uint32_t* from, std::uint32_t count,
                           std::uint32_t base) {
  const Vector<std::uint32_t> bases = splat(base);
  for (std::uint32_t i = 0; i < count; i += kLanes) store(to + i, load(from + i) + bases);
}
template <class Number>
NT_INLINE void append_payloads(Number* to, const Number* from, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; i += kLanes) store(to + i, load(from + i));
}
