// Sums of weights: the two ways to compute what a convolution or a dense projection delivers. Both
// keep a block of outputs of several steps in registers while they walk the sources in delivery
// order.

template <class Number>
NT_INLINE std::size_t block_size(const Weights<Number>& weights) {
  return (std::size_t{weights.rows} + 1) * weights.block_lanes;
}

NT_INLINE std::uint32_t log2_of(std::uint32_t block_lanes) {
  return static_cast<std::uint32_t>(__builtin_ctz(block_lanes));
}

enum class Payload { kOne, kGraded };

/// kSteps lists of equal length, each into its own kVectors vectors of sums.
template <class Number, Payload kPayload, int kVectors, int kSteps>
NT_INLINE void gather(const Number* weights, const std::uint32_t* lists, const Number* payloads,
                      std::size_t list_stride, std::uint32_t count, Number* out,
                      std::size_t out_step) {
  Vector<Number> sums[kSteps][kVectors] = {};
  // One register for the address: g++ would add block and list offsets for every event.
  asm("" : "+r"(weights));
  for (std::uint32_t i = 0; i < count; ++i) {
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) {
      const std::size_t at = static_cast<std::size_t>(s) * list_stride + i;
      const Number* row = weights + lists[at];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        if constexpr (kPayload == Payload::kGraded) {
          sums[s][v] += load(row + v * kLanes) * payloads[at];
        } else {
          sums[s][v] += load(row + v * kLanes);
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int s = 0; s < kSteps; ++s) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      store(out + static_cast<std::size_t>(s) * out_step + v * kLanes, sums[s][v]);
    }
  }
}

/// The events that one output hears at kSteps steps, in lists of one length: shorter lists end with
/// the row of zeros, which changes no sum. Returns that length.
template <class Number, Payload kPayload, int kSteps>
NT_INLINE std::uint32_t merge(const EventsTile<Number>& tile, std::uint32_t step,
                              std::uint32_t range_count, std::uint32_t zero, std::size_t stride) {
  std::size_t ends[kSteps];  // from tile.merged
  for (int s = 0; s < kSteps; ++s) ends[s] = static_cast<std::size_t>(s) * stride;
  for (std::uint32_t r = 0; r < range_count; ++r) {
    const Range range = tile.ranges[r];
    const std::size_t list = std::size_t{range.slot} * tile.steps_in_ring + tile.first_step + step;
    const std::uint32_t* offsets = tile.offsets + list * tile.offset_stride;
    std::size_t ids = list * tile.id_stride;
    for (int s = 0; s < kSteps; ++s) {
      const std::uint32_t first = offsets[range.begin], count = offsets[range.end] - first;
      append_list(tile.merged + ends[s], tile.ids + ids + first, count, range.base);
      if constexpr (kPayload == Payload::kGraded) {
        append_payloads(tile.merged_payloads + ends[s], tile.payloads + ids + first, count);
      }
      ends[s] += count;
      ids += tile.id_stride;
      offsets += tile.offset_stride;
    }
  }
  std::size_t longest = 0;
  for (int s = 0; s < kSteps; ++s) {
    const std::size_t count = ends[s] - static_cast<std::size_t>(s) * stride;
    if (count > longest) longest = count;
  }
  for (int s = 0; s < kSteps; ++s) {
    const std::size_t end = static_cast<std::size_t>(s) * stride + longest;
    for (std::size_t at = ends[s]; at < end; at += kLanes) {
      store(tile.merged + at, splat(zero));
      if constexpr (kPayload == Payload::kGraded) {
        store(tile.merged_payloads + at, Vector<Number>{});
      }
    }
  }
  return static_cast<std::uint32_t>(longest);
}

/// kSteps steps of one column. A block of outputs that has too many vectors for the registers is
/// summed in parts.
template <class Number, Payload kPayload, int kBlockVectors, int kSteps>
NT_INLINE void events_column(const EventsTile<Number>& tile, std::uint32_t column,
                             std::uint32_t step, std::uint32_t range_count) {
  constexpr int kVectors = kBlockVectors < kSumVectors ? kBlockVectors : kSumVectors;
  const Weights<Number>& weights = tile.weights;
  const std::size_t stride = std::size_t{weights.rows} + kListSlack;
  const std::uint32_t zero = weights.rows * weights.block_lanes;
  const std::uint32_t count =
      merge<Number, kPayload, kSteps>(tile, step, range_count, zero, stride);
  Number* out = tile.out + step * tile.out_step + column * tile.out_pixel;
  for (std::uint32_t b = 0; b < weights.blocks; ++b) {
    const Number* block = weights.data + b * block_size(weights);
    for (int part = 0; part < kBlockVectors; part += kVectors) {
      gather<Number, kPayload, kVectors, kSteps>(block + part * kLanes, tile.merged,
                                                 tile.merged_payloads, stride, count,
                                                 out + part * kLanes, tile.out_step);
    }
    out += kBlockVectors * kLanes;
  }
}

/// All steps of one column: as many at once as registers allow, then half as many, ...
template <class Number, Payload kPayload, int kBlockVectors, int kSteps>
NT_INLINE void events_steps(const EventsTile<Number>& tile, std::uint32_t column,
                            std::uint32_t step, std::uint32_t range_count) {
  for (; step + kSteps <= tile.steps; step += kSteps) {
    events_column<Number, kPayload, kBlockVectors, kSteps>(tile, column, step, range_count);
  }
  if constexpr (kSteps > 1) {
    events_steps<Number, kPayload, kBlockVectors, kSteps / 2>(tile, column, step, range_count);
  }
}

template <class Number, Payload kPayload, int kBlockLanes>
void events_blocks(const EventsTile<Number>& tile) {
  constexpr int kBlockVectors = kBlockLanes / static_cast<int>(kLanes);
  constexpr int kSteps = kBlockVectors < kSumVectors ? kSumVectors / kBlockVectors : 1;
  for (std::uint32_t x = 0; x < tile.geometry->target_width; ++x) {
    const std::uint32_t ranges = find_ranges(*tile.geometry, tile.target_row, x, tile.slots,
                                             log2_of(tile.weights.block_lanes), tile.ranges);
    events_steps<Number, kPayload, kBlockVectors, kSteps>(tile, x, 0, ranges);
  }
}

template <class Number, Payload kPayload>
NT_INLINE void events_of(const EventsTile<Number>& tile) {
  switch (tile.weights.block_lanes) {
    case 16:
      return events_blocks<Number, kPayload, 16>(tile);
    case 32:
      return events_blocks<Number, kPayload, 32>(tile);
    default:
      return events_blocks<Number, kPayload, 64>(tile);
  }
}

template <class Number>
void events_tile(const EventsTile<Number>& tile) {
  if (tile.payloads != nullptr) {
    events_of<Number, Payload::kGraded>(tile);
  } else {
    events_of<Number, Payload::kOne>(tile);
  }
}

/// Every payload of the kernel's window times its weights. A payload of 0 adds a zero, which
/// changes no sum: sums start at +0 and cannot become -0.
template <class Number, int kVectors, int kSteps>
NT_INLINE void dense_part(const DenseTile<Number>& tile, const Number* weights,
                          std::uint32_t range_count, const Number* values, Number* out) {
  const Geometry& g = *tile.geometry;
  const std::size_t block_lanes = tile.weights.block_lanes;
  Vector<Number> sums[kSteps][kVectors] = {};
  for (std::uint32_t r = 0; r < range_count; ++r) {
    const Range& range = tile.ranges[r];
    const Number* row = weights + range.row * block_lanes;
    const Number* pixel =
        values + range.slot * tile.slot_stride + std::size_t{range.begin} * g.source_lanes;
    for (std::uint32_t x = range.begin; x < range.end; ++x, pixel += g.source_lanes) {
      for (std::uint32_t c = 0; c < g.source_channels; ++c, row += block_lanes) {
#pragma GCC unroll 8
        for (int s = 0; s < kSteps; ++s) {
          const Number payload = pixel[static_cast<std::size_t>(s) * tile.step_stride + c];
#pragma GCC unroll 8
          for (int v = 0; v < kVectors; ++v) sums[s][v] += load(row + v * kLanes) * payload;
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int s = 0; s < kSteps; ++s) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      store(out + static_cast<std::size_t>(s) * tile.out_step + v * kLanes, sums[s][v]);
    }
  }
}

template <class Number, int kBlockVectors, int kSteps>
NT_INLINE void dense_steps(const DenseTile<Number>& tile, std::uint32_t column, std::uint32_t step,
                           std::uint32_t range_count) {
  constexpr int kVectors = kBlockVectors < kSumVectors ? kBlockVectors : kSumVectors;
  for (; step + kSteps <= tile.steps; step += kSteps) {
    Number* out = tile.out + step * tile.out_step + column * tile.out_pixel;
    for (std::uint32_t b = 0; b < tile.weights.blocks; ++b, out += kBlockVectors * kLanes) {
      const Number* block = tile.weights.data + b * block_size(tile.weights);
      for (int part = 0; part < kBlockVectors; part += kVectors) {
        dense_part<Number, kVectors, kSteps>(tile, block + part * kLanes, range_count,
                                             tile.values + step * tile.step_stride,
                                             out + part * kLanes);
      }
    }
  }
  if constexpr (kSteps > 1) {
    dense_steps<Number, kBlockVectors, kSteps / 2>(tile, column, step, range_count);
  }
}

template <class Number, int kBlockLanes>
void dense_blocks(const DenseTile<Number>& tile) {
  constexpr int kBlockVectors = kBlockLanes / static_cast<int>(kLanes);
  constexpr int kSteps = kBlockVectors < kSumVectors ? kSumVectors / kBlockVectors : 1;
  for (std::uint32_t x = 0; x < tile.geometry->target_width; ++x) {
    const std::uint32_t ranges =
        find_ranges(*tile.geometry, tile.target_row, x, tile.slots, 0, tile.ranges);
    dense_steps<Number, kBlockVectors, kSteps>(tile, x, 0, ranges);
  }
}

template <class Number>
void dense_tile(const DenseTile<Number>& tile) {
  switch (tile.weights.block_lanes) {
    case 16:
      return dense_blocks<Number, 16>(tile);
    case 32:
      return dense_blocks<Number, 32>(tile);
    default:
      return dense_blocks<Number, 64>(tile);
  }
}
