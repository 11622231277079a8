// What is done lane by lane along a row of pixels: payloads out of bits, pooling, one-to-one, sums.

/// A vector of payloads from lane `lane` of a pixel: 1 where the bit is set.
template <class Number>
NT_INLINE Vector<Number> payloads_of(const std::uint64_t* pixel, std::uint32_t lane) {
  const auto bits = static_cast<std::uint32_t>(pixel[lane / 64] >> (lane % 64));
  return select(mask_of(bits), splat(Number{1}));
}

template <class Number>
void expand_row(const std::uint64_t* bits, std::uint32_t pixels, std::uint32_t lanes,
                std::uint32_t words, Number* out) {
  for (std::uint32_t p = 0; p < pixels; ++p, bits += words, out += lanes) {
    for (std::uint32_t lane = 0; lane < lanes; lane += kLanes) {
      store(out + lane, payloads_of<Number>(bits, lane));
    }
  }
}

template <class Number>
NT_INLINE Vector<Number> payloads_at(const Payloads<Number>& from, std::size_t pixel,
                                     std::uint32_t words, std::uint32_t lanes, std::uint32_t lane) {
  if (from.bits != nullptr) return payloads_of<Number>(from.bits + pixel * words, lane);
  return load(from.values + pixel * lanes + lane);
}

/// The window's payloads first, by row and column; then the finished sum times its weight.
template <class Number>
void pool_row(const PoolRow<Number>& row) {
  const Geometry& g = *row.geometry;
  const std::uint32_t lanes = g.source_lanes;
  Number* out = row.out;
  for (std::uint32_t x = 0; x < g.target_width; ++x, out += lanes) {
    for (std::uint32_t lane = 0; lane < lanes; lane += kLanes) {
      Vector<Number> sum = {};
      for (std::uint32_t ky = 0; ky < g.kernel_height; ++ky) {
        const std::int64_t sy = std::int64_t{row.target_row} * g.stride_y + ky - g.pad_top;
        if (sy < 0 || sy >= g.source_height) continue;
        for (std::uint32_t kx = 0; kx < g.kernel_width; ++kx) {
          const std::int64_t sx = std::int64_t{x} * g.stride_x + kx - g.pad_left;
          if (sx < 0 || sx >= g.source_width) continue;
          const std::size_t pixel = static_cast<std::size_t>(sy * g.source_width + sx);
          sum += payloads_at(row.source, pixel, g.source_words, lanes, lane);
        }
      }
      if (row.weight != nullptr) sum = load(row.weight + lane) * sum;
      store(out + lane, sum);
    }
  }
}

template <class Number>
void scale_row(const ScaleRow<Number>& row) {
  for (std::uint32_t p = 0; p < row.pixels; ++p) {
    const Number* weight = row.weight + p * row.weight_stride;
    Number* out = row.out + std::size_t{p} * row.lanes;
    for (std::uint32_t lane = 0; lane < row.lanes; lane += kLanes) {
      const Vector<Number> payloads = payloads_at(row.source, p, row.words, row.lanes, lane);
      // From 0, as the semantics says: it turns a product of -0 into +0.
      store(out + lane, Vector<Number>{} + load(weight + lane) * payloads);
    }
  }
}

template <class Number>
void add_row(Number* sum, const Number* more, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kLanes) store(sum + i, load(sum + i) + load(more + i));
}
