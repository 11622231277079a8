// Neuron updates of the common kind: binary spikes, reset by subtraction, every step alike. Steps 2
// to 5 of docs/semantics.md for a row of pixels at one step. Everything else is in
// plain_update.hpp.

NT_INLINE Vector<float> decayed(Vector<float> value, Vector<float> decay, std::uint32_t, bool) {
  return decay * value;
}

/// round(value * decay / 2^shift); the product needs 64 bits.
NT_INLINE Mask decayed(Mask value, Mask decay, std::uint32_t shift, bool toward_zero) {
  Mask result;
  for (std::size_t i = 0; i < kLanes; ++i) {
    std::int64_t product = std::int64_t{value[i]} * decay[i];
    if (toward_zero) product += (product >> 63) & ((std::int64_t{1} << shift) - 1);
    result[i] = static_cast<std::int32_t>(product >> shift);
  }
  return result;
}

/// Subtracts the threshold where it is reached; bit i tells whether lane i fired.
template <class Number>
NT_INLINE std::uint32_t fire(Vector<Number>& v, Vector<Number> threshold) {
  const Mask fired = v >= threshold;
  v = v - select(fired, threshold);
  return bits_of(fired);
}

enum class Leak { kNone, kMembrane, kBoth };

enum class Fires { kNever, kYes };
enum class Bias { kNone, kSome };

template <class Number, Leak kLeak, Fires kFires, Bias kBias>
NT_INLINE void update_pixel(const UpdateRow<Number>& row, std::uint32_t pixel) {
  const std::size_t at = std::size_t{pixel} * row.lanes;
  std::uint64_t word = 0;
  std::uint64_t events = 0;
  for (std::uint32_t lane = 0; lane < row.lanes; lane += kLanes) {
    Vector<Number> arriving = load(row.current + at + lane);
    if constexpr (kBias == Bias::kSome) {
      arriving = arriving + load(row.bias + pixel * row.bias_stride + lane);
    }
    if constexpr (kLeak == Leak::kBoth) {
      const Vector<Number> keep = load(row.current_decay + pixel * row.current_decay_stride + lane);
      arriving =
          decayed(load(row.synaptic + at + lane), keep, row.current_decay_shift, row.toward_zero) +
          arriving;
      store(row.synaptic + at + lane, arriving);
    }
    Vector<Number> v = load(row.membrane + at + lane);
    if constexpr (kLeak != Leak::kNone) {
      const Vector<Number> keep = load(row.decay + pixel * row.decay_stride + lane);
      v = decayed(v, keep, row.decay_shift, row.toward_zero);
    }
    v = v + arriving;
    if constexpr (kFires == Fires::kYes) {
      const std::uint64_t fired =
          fire<Number>(v, load(row.threshold + pixel * row.threshold_stride + lane));
      word |= fired << (lane % 64);
      if ((lane + kLanes) % 64 == 0 || lane + kLanes == row.lanes) {
        row.bits[std::size_t{pixel} * row.words + lane / 64] = word;
        events += static_cast<std::uint64_t>(__builtin_popcountll(word));
        word = 0;
      }
    }
    store(row.membrane + at + lane, v);
  }
  if constexpr (kFires == Fires::kYes) row.events[pixel] += events;
}

template <class Number, Leak kLeak, Fires kFires>
NT_INLINE void update_pixels(const UpdateRow<Number>& given) {
  const UpdateRow<Number> row = given;  // a copy that stores cannot change
  if (row.bias != nullptr) {
    for (std::uint32_t p = 0; p < row.pixels; ++p) {
      update_pixel<Number, kLeak, kFires, Bias::kSome>(row, p);
    }
  } else {
    for (std::uint32_t p = 0; p < row.pixels; ++p) {
      update_pixel<Number, kLeak, kFires, Bias::kNone>(row, p);
    }
  }
}

template <class Number, Leak kLeak>
NT_INLINE void update_leaky(const UpdateRow<Number>& row) {
  if (row.threshold != nullptr) {
    update_pixels<Number, kLeak, Fires::kYes>(row);
  } else {
    update_pixels<Number, kLeak, Fires::kNever>(row);
  }
}

template <class Number>
void update_row(const UpdateRow<Number>& row) {
  if (row.current_decay != nullptr) {
    update_leaky<Number, Leak::kBoth>(row);
  } else if (row.decay != nullptr) {
    update_leaky<Number, Leak::kMembrane>(row);
  } else {
    update_leaky<Number, Leak::kNone>(row);
  }
}

template <class Number>
void relay_row(const RelayRow<Number>& row) {
  for (std::uint32_t p = 0; p < row.pixels; ++p) {
    const std::size_t at = std::size_t{p} * row.lanes;
    std::uint64_t events = 0;
    for (std::uint32_t lane = 0; lane < row.lanes; lane += kLanes) {
      Vector<Number> sum = load(row.current + at + lane);
      if (row.bias != nullptr) sum = sum + load(row.bias + p * row.bias_stride + lane);
      store(row.out + at + lane, sum);
      const Mask sent = sum != Vector<Number>{};
      events += static_cast<std::uint64_t>(__builtin_popcount(bits_of(sent)));
    }
    row.events[p] += events;
  }
}
