// Geometry: from projections to runs of axons.
#include "rows.hpp"

#include <algorithm>
#include <cstdlib>

namespace neurotool::spikecore {
namespace {

constexpr std::size_t kLongestRun = 256;

bool is_window(const Projection& p) {
  return p.kind == ProjectionKind::kConv2d || p.kind == ProjectionKind::kSumPool2d;
}

/// Silent axons that the windows of a projection may touch beside a row.
std::int64_t guard_of(const Projection& p) {
  return is_window(p) ? std::max(p.padding[1], p.padding[3]) : 0;
}

}  // namespace

std::vector<AxonBlock> lay_out_axons(const Network& network, std::uint32_t population) {
  std::vector<AxonBlock> blocks;
  for (const Projection& p : network.projections) {
    if (p.target != population) continue;
    const auto same = [&](const AxonBlock& b) {
      return b.source == p.source && b.delay == p.delay;
    };
    auto block = std::ranges::find_if(blocks, same);
    if (block == blocks.end()) {
      blocks.push_back({.source = p.source, .delay = p.delay});
      block = blocks.end() - 1;
    }
    block->guard = std::max(block->guard, static_cast<std::uint32_t>(guard_of(p)));
  }
  std::uint32_t next = 0;
  for (AxonBlock& block : blocks) {
    const Population& source = network.populations[block.source];
    block.width = static_cast<std::uint32_t>(std::max<std::int64_t>(1, source.width()));
    block.rows = static_cast<std::uint32_t>(source.neurons) / block.width;
    block.pitch = block.width + block.guard;
    block.half = block.guard + block.rows * block.pitch;
    block.doubled = source.model == Model::kInput && !source.is_signed && source.bits == 8;
    block.base = next;
    next += block.size();
  }
  return blocks;
}

const AxonBlock& block_of(const std::vector<AxonBlock>& blocks, const Projection& p) {
  return *std::ranges::find_if(
      blocks, [&](const AxonBlock& b) { return b.source == p.source && b.delay == p.delay; });
}

Rows::Rows(const Network& network, std::uint32_t projection, const AxonBlock& block)
    : network_(network),
      p_(network.projections[projection]),
      source_(network.populations[p_.source]),
      target_(network.populations[p_.target]),
      block_(block) {
  if (p_.kind != ProjectionKind::kSparse) return;
  column_begin_.assign(static_cast<std::size_t>(target_.neurons) + 1, 0);
  for (const std::int32_t target : p_.targets)
    ++column_begin_[static_cast<std::size_t>(target) + 1];
  for (std::size_t i = 1; i < column_begin_.size(); ++i) column_begin_[i] += column_begin_[i - 1];
  column_.resize(p_.targets.size());
  std::vector<std::int64_t> next(column_begin_.begin(), column_begin_.end() - 1);
  for (std::size_t source = 0; source + 1 < p_.row_begin.size(); ++source) {
    for (std::int64_t s = p_.row_begin[source]; s < p_.row_begin[source + 1]; ++s) {
      const auto at = static_cast<std::size_t>(s);
      column_[static_cast<std::size_t>(next[static_cast<std::size_t>(p_.targets[at])]++)] = {
          static_cast<std::uint32_t>(source), p_.weight[at]};
    }
  }
}

/// visit(source channel, source row, first source column, weight of the row's first tap, key)
template <class Visit>
void Rows::for_each_window_row(std::int64_t target, const Visit& visit) const {
  const bool conv = p_.kind == ProjectionKind::kConv2d;
  const std::int64_t out_size = target_.height() * target_.width();
  const std::int64_t m = target / out_size;
  const std::int64_t y = target % out_size / target_.width(), x = target % target_.width();
  const std::int64_t channels = source_.shape[0];
  const std::int64_t per_group = conv ? p_.weight_shape[1] : 1;
  const std::int64_t group = conv ? m / (p_.weight_shape[0] / p_.groups) : m;
  for (std::int64_t c = 0; c < per_group; ++c) {
    const std::int64_t channel = conv ? group * per_group + c : m;
    if (channel >= channels) return;
    for (std::int64_t ky = 0; ky < p_.kernel[0]; ++ky) {
      const std::int64_t iy = y * p_.stride[0] - p_.padding[0] + ky * p_.dilation[0];
      if (iy < 0 || iy >= source_.height()) continue;
      const std::int64_t ix = x * p_.stride[1] - p_.padding[1];
      const std::int64_t first =
          conv ? ((m * per_group + c) * p_.kernel[0] + ky) * p_.kernel[1] : 0;
      visit(channel, iy, ix, first, static_cast<std::uint32_t>(c * p_.kernel[0] + ky));
    }
  }
}

void Rows::add(std::vector<Run>& out, std::uint32_t key, std::uint32_t axon,
               std::int32_t weight) const {
  if (!out.empty()) {
    Run& last = out.back();
    const bool joins = last.axon + last.weights.size() == axon && last.weights.size() < kLongestRun;
    if (joins) {
      last.weights.push_back(weight);
      return;
    }
    if (last.key == key) ++key;
  }
  out.push_back({key, axon, {weight}});
}

void Rows::window_runs(std::int64_t target, std::vector<Run>& out) const {
  const bool conv = p_.kind == ProjectionKind::kConv2d;
  const auto weight_at = [&](std::int64_t index) {
    if (conv) return p_.weight[static_cast<std::size_t>(index)];
    if (p_.weight.empty()) return 1;
    const std::int64_t m = target / (target_.height() * target_.width());
    return p_.weight[p_.weight.size() == 1 ? 0 : static_cast<std::size_t>(m)];
  };
  const std::int64_t taps = p_.kernel[1], step = p_.dilation[1];
  for_each_window_row(target, [&](std::int64_t channel, std::int64_t iy, std::int64_t ix,
                                  std::int64_t first, std::uint32_t key) {
    // The axon of column 0 is behind the guard, so columns beside the map have axons too.
    const std::int64_t axon = block_.axon((channel * source_.height() + iy) * source_.width()) + ix;
    if (step == 1) {
      for (std::int64_t begin = 0; begin < taps; begin += kLongestRun) {
        Run run{key, static_cast<std::uint32_t>(axon + begin), {}};
        const std::int64_t end = std::min<std::int64_t>(taps, begin + kLongestRun);
        for (std::int64_t k = begin; k < end; ++k) run.weights.push_back(weight_at(first + k));
        out.push_back(std::move(run));
      }
      return;
    }
    for (std::int64_t k = 0; k < taps; ++k) {
      const auto tap_key = static_cast<std::uint32_t>(key * taps + k);
      out.push_back({tap_key, static_cast<std::uint32_t>(axon + k * step), {weight_at(first + k)}});
    }
  });
}

/// Without gaps between rows the axons are one long row.
void Rows::dense_runs(std::int64_t target, std::vector<Run>& out) const {
  const auto* const row = p_.weight.data() + target * source_.neurons;
  constexpr auto kLongest = static_cast<std::int64_t>(kLongestRun);
  for (std::int64_t begin = 0; begin < source_.neurons; begin += kLongest) {
    const std::int64_t end = std::min(begin + kLongest, source_.neurons);
    out.push_back({static_cast<std::uint32_t>(begin / kLongest), block_.axon(begin),
                   std::vector<std::int32_t>(row + begin, row + end)});
  }
}

void Rows::runs_of(std::int64_t target, std::vector<Run>& out) const {
  out.clear();
  switch (p_.kind) {
    case ProjectionKind::kConv2d:
    case ProjectionKind::kSumPool2d:
      return window_runs(target, out);
    case ProjectionKind::kDense:
      if (block_.guard == 0) return dense_runs(target, out);
      for (std::int64_t source = 0; source < source_.neurons; ++source) {
        add(out, 0, block_.axon(source),
            p_.weight[static_cast<std::size_t>(target * source_.neurons + source)]);
        out.back().key = static_cast<std::uint32_t>(out.size() - 1);
      }
      return;
    case ProjectionKind::kOneToOne: {
      const auto values = static_cast<std::int64_t>(p_.weight.size());
      const std::int64_t group = values > 0 ? target_.neurons / values : 1;
      const std::int32_t weight =
          values > 0 ? p_.weight[static_cast<std::size_t>(target / group)] : 1;
      out.push_back({0, block_.axon(target), {weight}});
      return;
    }
    case ProjectionKind::kSparse:
      for (std::int64_t s = column_begin_[static_cast<std::size_t>(target)];
           s < column_begin_[static_cast<std::size_t>(target) + 1]; ++s) {
        const auto& [source, weight] = column_[static_cast<std::size_t>(s)];
        add(out, 0, block_.axon(source), weight);
        out.back().key = static_cast<std::uint32_t>(out.size() - 1);
      }
      return;
  }
}

/// visit(source neuron, weight), padding left out.
template <class Visit>
void Rows::for_each_synapse(std::int64_t target, const Visit& visit) const {
  std::vector<Run> runs;
  runs_of(target, runs);
  for (const Run& run : runs) {
    for (std::size_t k = 0; k < run.weights.size(); ++k) {
      const auto offset = static_cast<std::int64_t>(run.axon + k) - block_.base - block_.guard;
      const std::int64_t row = offset / block_.pitch, column = offset % block_.pitch;
      if (offset < 0 || row >= block_.rows || column >= block_.width) continue;
      visit(row * block_.width + column, run.weights[k]);
    }
  }
}

std::vector<std::uint32_t> Rows::fan_out() const {
  std::vector<std::uint32_t> count(static_cast<std::size_t>(source_.neurons), 0);
  if (p_.kind == ProjectionKind::kDense) {
    std::ranges::fill(count, static_cast<std::uint32_t>(target_.neurons));
    return count;
  }
  for (std::int64_t target = 0; target < target_.neurons; ++target) {
    for_each_synapse(target, [&](std::int64_t source, std::int32_t) {
      ++count[static_cast<std::size_t>(source)];
    });
  }
  return count;
}

std::int64_t Rows::weight_sum(std::int64_t target) const {
  std::int64_t sum = 0;
  std::vector<Run> runs;
  runs_of(target, runs);
  for (const Run& run : runs) {
    for (const std::int32_t weight : run.weights)
      sum += std::abs(static_cast<std::int64_t>(weight));
  }
  return sum;
}

}  // namespace neurotool::spikecore
