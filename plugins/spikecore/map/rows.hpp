// What one neuron hears, as runs: weights that meet neighbouring axons. A source's neurons lie on
// the axons row by row, with a few silent axons between rows, so that a kernel at the border of a
// map reads silence instead of being another kernel.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "network.hpp"

namespace neurotool::spikecore {

/// The axons that one source has in the cores of one target population.
struct AxonBlock {
  std::uint32_t source = 0, delay = 0;
  std::uint32_t base = 0;   ///< first axon, guard included
  std::uint32_t guard = 0;  ///< silent axons before the first row and behind each
  std::uint32_t pitch = 0;  ///< axons from row to row
  std::uint32_t rows = 0, width = 0;
  bool doubled = false;    ///< unsigned 8-bit inputs: a second half for what a payload lacks
  std::uint32_t half = 0;  ///< axons of one half

  std::uint32_t size() const { return doubled ? 2 * half : half; }
  std::uint32_t axon(std::int64_t neuron) const {
    const auto n = static_cast<std::uint32_t>(neuron);
    return base + guard + n / width * pitch + n % width;
  }
};

/// All blocks of the cores of one population, in order of their axons.
std::vector<AxonBlock> lay_out_axons(const Network& network, std::uint32_t population);
const AxonBlock& block_of(const std::vector<AxonBlock>& blocks, const Projection& projection);

/// Weights of one neuron that meet neighbouring axons: `length` of the projection's values.
struct Run {
  std::uint32_t key = 0;  ///< runs of different neurons with the same key play the same part
  std::uint32_t axon = 0;
  std::uint32_t offset = 0;  ///< into Rows::values()
  std::uint32_t length = 0;  ///< 1 to 256
};

/// Rows of a projection, one target neuron at a time.
class Rows {
 public:
  Rows(const Network& network, std::uint32_t projection, const AxonBlock& block);
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  /// Replaces `out`; in ascending order of keys.
  void runs_of(std::int64_t target, std::vector<Run>& out) const;
  /// What the offsets of runs count in. Neurons with equal weights share them.
  std::span<const std::int32_t> values() const { return values_; }
  std::span<const std::int32_t> weights_of(const Run& run) const {
    return values_.subspan(run.offset, run.length);
  }
  /// Synapses that leave each source neuron.
  std::vector<std::uint32_t> fan_out() const;

 private:
  void hold_pool_weights();
  void hold_columns();
  template <class Visit>
  void for_each_window_row(std::int64_t target, const Visit& visit) const;
  void window_runs(std::int64_t target, std::vector<Run>& out) const;
  void dense_runs(std::int64_t target, std::vector<Run>& out) const;
  void window_fan_out(std::vector<std::uint32_t>& count) const;
  void add(std::vector<Run>& out, std::uint32_t axon, std::size_t offset) const;

  const Projection& p_;
  const Population& source_;
  const Population& target_;
  const AxonBlock& block_;
  std::vector<std::int32_t> own_;  ///< values that the projection does not have in this order
  std::span<const std::int32_t> values_;
  std::vector<std::int64_t> column_begin_;  ///< sparse, transposed
  std::vector<std::uint32_t> column_;
};

}  // namespace neurotool::spikecore
