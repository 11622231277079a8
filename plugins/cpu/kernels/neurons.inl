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
enum class Checks { kNo, kYes };

/// Neurons are updated in units of 16 lanes, whose spikes are one 16-bit piece of a word.
constexpr std::size_t kUnitLanes = 16;
constexpr int kUnitVectors = static_cast<int>(kUnitLanes / kLanes);

/// Where a unit's numbers lie.
struct Unit {
  std::size_t place, pixel, lane;
};

/// A parameter of one unit: per lane, and per pixel where the stride says so.
template <class Number>
NT_INLINE const Number* of_unit(const Number* parameter, std::size_t stride, const Unit& unit) {
  return parameter + unit.pixel * stride + unit.lane;
}

NT_INLINE void store_spikes(std::uint64_t* words, std::size_t lane, std::uint32_t spikes) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  const auto piece = static_cast<std::uint16_t>(spikes);
  __builtin_memcpy(reinterpret_cast<char*>(words) + lane / 8, &piece, sizeof piece);
#else
  const std::uint64_t keep = ~(std::uint64_t{0xffff} << (lane % 64));
  words[lane / 64] = (words[lane / 64] & keep) | std::uint64_t{spikes} << (lane % 64);
#endif
}

/// kUnits units through all steps, side by side: one waits for its own last step, not for the
/// others. True if every membrane stayed in range, or nobody asked.
template <class Number, Leak kLeak, Fires kFires, Checks kChecks, int kUnits>
NT_INLINE bool update_units(const UpdateRow<Number>& row, const Unit* units) {
  Vector<Number> v[kUnits][kUnitVectors];
  Mask left[kUnits][kUnitVectors] = {};
  std::uint32_t events[kUnits] = {};
  for (int u = 0; u < kUnits; ++u) {
    for (int i = 0; i < kUnitVectors; ++i)
      v[u][i] = load(row.membrane + units[u].place + i * kLanes);
  }
  for (std::uint32_t step = 0; step < row.steps; ++step) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnits; ++u) {
      const Unit& unit = units[u];
      std::uint32_t spikes = 0;
#pragma GCC unroll 4
      for (int i = 0; i < kUnitVectors; ++i) {
        const std::size_t lane = static_cast<std::size_t>(i) * kLanes;
        Vector<Number> arriving = load(row.current + step * row.current_step + unit.place + lane);
        if (row.bias != nullptr) {
          arriving = arriving + load(of_unit(row.bias, row.bias_stride, unit) + lane);
        }
        if constexpr (kLeak == Leak::kBoth) {
          const Vector<Number> keep =
              load(of_unit(row.current_decay, row.current_decay_stride, unit) + lane);
          Number* synaptic = row.synaptic + unit.place + lane;
          arriving =
              decayed(load(synaptic), keep, row.current_decay_shift, row.toward_zero) + arriving;
          store(synaptic, arriving);
        }
        if constexpr (kLeak != Leak::kNone) {
          const Vector<Number> keep = load(of_unit(row.decay, row.decay_stride, unit) + lane);
          v[u][i] = decayed(v[u][i], keep, row.decay_shift, row.toward_zero);
        }
        if constexpr (kChecks == Checks::kYes) {
          v[u][i] = checked_sum(v[u][i], arriving, left[u][i]);
        } else {
          v[u][i] = v[u][i] + arriving;
        }
        if constexpr (kFires == Fires::kYes) {
          const Vector<Number> threshold =
              load(of_unit(row.threshold, row.threshold_stride, unit) + lane);
          spikes |= fire<Number>(v[u][i], threshold) << lane;
        }
      }
      if constexpr (kFires == Fires::kYes) {
        store_spikes(row.bits + step * row.bits_step + unit.pixel * row.words, unit.lane, spikes);
        events[u] += static_cast<std::uint32_t>(__builtin_popcount(spikes));
      }
    }
  }
  bool stayed = true;
  for (int u = 0; u < kUnits; ++u) {
    for (int i = 0; i < kUnitVectors; ++i) {
      store(row.membrane + units[u].place + i * kLanes, v[u][i]);
      if constexpr (kChecks == Checks::kYes) stayed = stayed && !any_left(left[u][i]);
    }
    if constexpr (kFires == Fires::kYes) row.events[units[u].pixel] += events[u];
  }
  return stayed;
}

template <class Number, Leak kLeak, Fires kFires, Checks kChecks>
NT_INLINE bool update_all(const UpdateRow<Number>& given) {
  constexpr int kTogether = kUnitVectors > 1 ? 2 : 4;
  const UpdateRow<Number> row = given;  // a copy that stores cannot change
  Unit units[kTogether];
  int waiting = 0;
  bool stayed = true;
  for (std::size_t pixel = 0; pixel < row.pixels; ++pixel) {
    for (std::size_t lane = 0; lane < row.lanes; lane += kUnitLanes) {
      units[waiting++] = {pixel * row.lanes + lane, pixel, lane};
      if (waiting < kTogether) continue;
      stayed &= update_units<Number, kLeak, kFires, kChecks, kTogether>(row, units);
      waiting = 0;
    }
  }
  for (int u = 0; u < waiting; ++u) {
    stayed &= update_units<Number, kLeak, kFires, kChecks, 1>(row, units + u);
  }
  return stayed;
}

template <class Number, Leak kLeak, Checks kChecks>
NT_INLINE bool update_leaky(const UpdateRow<Number>& row) {
  return row.threshold != nullptr ? update_all<Number, kLeak, Fires::kYes, kChecks>(row)
                                  : update_all<Number, kLeak, Fires::kNever, kChecks>(row);
}

template <class Number>
bool update_row(const UpdateRow<Number>& row) {
  if (row.current_decay != nullptr) return update_leaky<Number, Leak::kBoth, Checks::kNo>(row);
  if (row.decay != nullptr) {
    return row.checked ? update_leaky<Number, Leak::kMembrane, Checks::kYes>(row)
                       : update_leaky<Number, Leak::kMembrane, Checks::kNo>(row);
  }
  return row.checked ? update_leaky<Number, Leak::kNone, Checks::kYes>(row)
                     : update_leaky<Number, Leak::kNone, Checks::kNo>(row);
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
