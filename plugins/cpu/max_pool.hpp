// max_pool2d: what each place of each window has heard so far, and by how much the largest grew. A
// place is kept per window, not per source neuron, so that target rows can run a whole window of
// steps one after the other. The readable statement is core/src/eval/max_pool_state.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "plain_sums.hpp"

namespace neurotool::cpu {

/// Exact for payloads of 32 bits over 2^31 steps, or over 24 doublings.
template <class Number>
using Train = Wide<Number>;

/// Numbers that one projection keeps: [target pixel][kernel element][lane].
inline std::size_t train_count(const Geometry& g, const Grid& target) {
  return target.pixels() * g.kernel_height * g.kernel_width * target.lanes;
}

template <class Number, class Sum>
class MaxPools {
 public:
  MaxPools(const ProjectionProgram<Number>& projection, const Grid& source, const Grid& target,
           Train<Number>* trains)
      : p_(projection), source_(source), target_(target), trains_(trains) {}

  /// One step of target rows [row_begin, row_end); `out` begins with the first of them.
  void run(const Payloads<Number>& from, std::size_t row_begin, std::size_t row_end,
           Sum* out) const {
    std::fill_n(out, (row_end - row_begin) * target_.row_size(), Sum{0});
    const Geometry& g = p_.geometry;
    const std::size_t taps = std::size_t{g.kernel_height} * g.kernel_width;
    for (std::size_t y = row_begin; y < row_end; ++y) {
      for (std::size_t x = 0; x < target_.width; ++x, out += target_.lanes) {
        Train<Number>* trains = trains_ + (y * target_.width + x) * taps * target_.lanes;
        window(from, y, x, trains, out);
      }
    }
  }

 private:
  static constexpr std::size_t kChunk = 64;  // channels of one word of bits

  void window(const Payloads<Number>& from, std::size_t y, std::size_t x, Train<Number>* trains,
              Sum* out) const {
    for (std::size_t first = 0; first < source_.channels; first += kChunk) {
      const std::size_t count = std::min<std::size_t>(kChunk, source_.channels - first);
      Train<Number> before[kChunk], now[kChunk], payload[kChunk];
      bool is_first = true;
      for_each_pixel(p_.geometry, y, x, [&](std::size_t pixel, std::size_t row) {
        Train<Number>* train = trains + row / source_.channels * target_.lanes + first;
        read(from, pixel, first, count, payload);
        for (std::size_t c = 0; c < count; ++c) {
          const Train<Number> was = train[c];
          train[c] = base() * was + payload[c];
          before[c] = is_first || before[c] < was ? was : before[c];
          now[c] = is_first || now[c] < train[c] ? train[c] : now[c];
        }
        is_first = false;
      });
      for (std::size_t c = 0; c < count; ++c) {
        const auto grown = static_cast<Sum>(now[c] - base() * before[c]);
        out[first + c] = p_.weight.empty() ? grown : Sum{p_.weight[first + c]} * grown;
      }
    }
  }

  void read(const Payloads<Number>& from, std::size_t pixel, std::size_t first, std::size_t count,
            Train<Number>* payload) const {
    if (from.bits == nullptr) {
      std::copy_n(from.values + pixel * source_.lanes + first, count, payload);
      return;
    }
    const std::uint64_t word = from.bits[pixel * source_.words + first / 64];
    for (std::size_t c = 0; c < count; ++c) {
      payload[c] = static_cast<Train<Number>>((word >> c) & 1);
    }
  }

  Train<Number> base() const { return static_cast<Train<Number>>(p_.pool_base); }

  const ProjectionProgram<Number>& p_;
  const Grid& source_;
  const Grid& target_;
  Train<Number>* trains_;
};

}  // namespace neurotool::cpu
