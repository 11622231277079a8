// What a projection delivers, as plain loops over payloads and synapses in delivery order: the
// readable statement of every kernel. Runs where no kernel is made for the case: grouped and sparse
// projections, and integer sums that need 64 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "program.hpp"

namespace neurotool::cpu {

/// visit(channel, payload) for every payload of one pixel that is not 0, by ascending channel.
template <class Number, class Visit>
inline void for_each_payload(const Payloads<Number>& from, const Grid& grid, std::size_t pixel,
                             Visit&& visit) {
  if (from.bits == nullptr) {
    const Number* values = from.values + pixel * grid.lanes;
    for (std::uint32_t c = 0; c < grid.channels; ++c) {
      if (values[c] != Number{0}) visit(c, values[c]);
    }
    return;
  }
  for (std::uint32_t w = 0; w < grid.words; ++w) {
    std::uint64_t word = from.bits[pixel * grid.words + w];
    for (; word != 0; word &= word - 1) {
      visit(w * 64 + static_cast<std::uint32_t>(__builtin_ctzll(word)), Number{1});
    }
  }
}

/// visit(source pixel, first row of weights) for every pixel that one target pixel hears, in
/// delivery order.
template <class Visit>
inline void for_each_pixel(const Geometry& g, std::size_t target_row, std::size_t target_column,
                           Visit&& visit) {
  for (std::uint32_t ky = 0; ky < g.kernel_height; ++ky) {
    const auto y = static_cast<std::int64_t>(target_row * g.stride_y) +
                   std::int64_t{ky} * g.dilation_y - g.pad_top;
    if (y < 0 || y >= g.source_height) continue;
    for (std::uint32_t kx = 0; kx < g.kernel_width; ++kx) {
      const auto x = static_cast<std::int64_t>(target_column * g.stride_x) +
                     std::int64_t{kx} * g.dilation_x - g.pad_left;
      if (x < 0 || x >= g.source_width) continue;
      visit(static_cast<std::size_t>(y * g.source_width + x),
            (std::size_t{ky} * g.kernel_width + kx) * g.source_channels);
    }
  }
}

template <class T>
inline T power_of_two(std::uint32_t exponent) {
  return static_cast<T>(std::int64_t{1} << exponent);
}

/// Sums of target rows [row_begin, row_end) at one step; `out` begins with the first of them. Sum
/// is float in a float network and int32 or int64 in an integer one.
template <class Number, class Sum>
class PlainSums {
 public:
  PlainSums(const ProjectionProgram<Number>& projection, const Grid& source, const Grid& target)
      : p_(projection), source_(source), target_(target) {}

  void run(const Payloads<Number>& from, std::size_t row_begin, std::size_t row_end,
           Sum* out) const {
    const std::size_t count = (row_end - row_begin) * target_.row_size();
    for (std::size_t i = 0; i < count; ++i) out[i] = Sum{0};
    switch (p_.route) {
      case Route::kSums:
        if (is_whole()) {
          pixel_sums(from, 0, 0, out);
          break;
        }
        [[fallthrough]];
      case Route::kGrouped:
      case Route::kPool:
        for (std::size_t y = row_begin; y < row_end; ++y) {
          for (std::size_t x = 0; x < target_.width; ++x) {
            pixel(from, y, x, out + (y - row_begin) * target_.row_size() + x * target_.lanes);
          }
        }
        break;
      case Route::kMaxPool:
        break;  // max_pool.hpp
      case Route::kScale:
        scale(from, row_begin, row_end, out);
        break;
      case Route::kSparse:
        scatter(from, out);
        break;
    }
  }

 private:
  bool is_whole() const {
    return std::size_t{p_.weights.block_lanes} * p_.weights.blocks != target_.lanes;
  }

  void pixel(const Payloads<Number>& from, std::size_t y, std::size_t x, Sum* out) const {
    if (p_.route == Route::kSums) return pixel_sums(from, y, x, out);
    if (p_.route == Route::kGrouped) return grouped(from, y, x, out);
    pool(from, y, x, out);
  }

  void pixel_sums(const Payloads<Number>& from, std::size_t y, std::size_t x, Sum* out) const {
    const Weights<Number>& w = p_.weights;
    const std::size_t block_size = (std::size_t{w.rows} + 1) * w.block_lanes;
    for_each_pixel(p_.geometry, y, x, [&](std::size_t pixel, std::size_t row) {
      for_each_payload(from, source_, pixel, [&](std::uint32_t c, Number payload) {
        const Number* weight = w.data + (row + c) * w.block_lanes;
        for (std::size_t b = 0; b < w.blocks; ++b, weight += block_size) {
          Sum* sums = out + b * w.block_lanes;
          for (std::size_t i = 0; i < w.block_lanes; ++i) sums[i] += Sum{weight[i]} * Sum{payload};
        }
      });
    });
  }

  void grouped(const Payloads<Number>& from, std::size_t y, std::size_t x, Sum* out) const {
    const std::size_t inputs = source_.channels / p_.groups, outputs = target_.channels / p_.groups;
    for_each_pixel(p_.geometry, y, x, [&](std::size_t pixel, std::size_t row) {
      for_each_payload(from, source_, pixel, [&](std::uint32_t c, Number payload) {
        const Number* weight = p_.weight.data() + (row + c) * outputs;
        Sum* sums = out + c / inputs * outputs;
        for (std::size_t i = 0; i < outputs; ++i) sums[i] += Sum{weight[i]} * Sum{payload};
      });
    });
  }

  void pool(const Payloads<Number>& from, std::size_t y, std::size_t x, Sum* out) const {
    for_each_pixel(p_.geometry, y, x, [&](std::size_t pixel, std::size_t) {
      for_each_payload(from, source_, pixel,
                       [&](std::uint32_t c, Number payload) { out[c] += Sum{payload}; });
    });
    if (p_.weight.empty()) return;
    for (std::size_t c = 0; c < target_.channels; ++c) out[c] = Sum{p_.weight[c]} * out[c];
  }

  void scale(const Payloads<Number>& from, std::size_t row_begin, std::size_t row_end,
             Sum* out) const {
    const std::size_t first = row_begin * target_.width;
    for (std::size_t pixel = first; pixel < row_end * target_.width; ++pixel) {
      const Number* weight = p_.weight.data() + pixel * p_.weight_stride;
      Sum* sums = out + (pixel - first) * target_.lanes;
      for_each_payload(from, source_, pixel, [&](std::uint32_t c, Number payload) {
        sums[c] += Sum{weight[c]} * Sum{payload};
      });
    }
  }

  void scatter(const Payloads<Number>& from, Sum* out) const {
    for (std::size_t pixel = 0; pixel < source_.pixels(); ++pixel) {
      for_each_payload(from, source_, pixel, [&](std::uint32_t c, Number payload) {
        const std::size_t neuron = pixel * source_.channels + c;
        for (std::size_t s = p_.row_begin[neuron]; s < p_.row_begin[neuron + 1]; ++s) {
          out[p_.places[s]] += Sum{p_.weight[s]} * Sum{payload};
        }
      });
    }
  }

  const ProjectionProgram<Number>& p_;
  const Grid& source_;
  const Grid& target_;
};

}  // namespace neurotool::cpu
