// Geometry: from projections to runs of axons.
#include "rows.hpp"

#include <algorithm>

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
    : p_(network.projections[projection]),
      source_(network.populations[p_.source]),
      target_(network.populations[p_.target]),
      block_(block),
      values_(p_.weight) {
  if (p_.kind == ProjectionKind::kSumPool2d) hold_pool_weights();
  if (p_.kind == ProjectionKind::kSparse) hold_columns();
  if (p_.kind == ProjectionKind::kOneToOne && p_.weight.empty()) own_ = {1};
  if (!own_.empty()) values_ = own_;
}

/// A row of taps for each channel, or one for all.
void Rows::hold_pool_weights() {
  const std::size_t channels = std::max<std::size_t>(1, p_.weight.size());
  const auto taps = static_cast<std::size_t>(p_.kernel[1]);
  own_.reserve(channels * taps);
  for (std::size_t c = 0; c < channels; ++c) {
    own_.insert(own_.end(), taps, p_.weight.empty() ? 1 : p_.weight[c]);
  }
}

/// The synapses by target instead of by source.
void Rows::hold_columns() {
  column_begin_.assign(static_cast<std::size_t>(target_.neurons) + 1, 0);
  for (const std::int32_t target : p_.targets) {
    ++column_begin_[static_cast<std::size_t>(target) + 1];
  }
  for (std::size_t i = 1; i < column_begin_.size(); ++i) column_begin_[i] += column_begin_[i - 1];
  column_.resize(p_.targets.size());
  own_.resize(p_.targets.size());
  std::vector<std::int64_t> next(column_begin_.begin(), column_begin_.end() - 1);
  for (std::size_t source = 0; source + 1 < p_.row_begin.size(); ++source) {
    for (std::int64_t s = p_.row_begin[source]; s < p_.row_begin[source + 1]; ++s) {
      const auto from = static_cast<std::size_t>(s);
      const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(p_.targets[from])]++);
      column_[to] = static_cast<std::uint32_t>(source);
      own_[to] = p_.weight[from];
    }
  }
}

/// visit(source channel, source row, first source column, offset of the row's first tap, key)
template <class Visit>
void Rows::for_each_window_row(std::int64_t target, const Visit& visit) const {
  const bool conv = p_.kind == ProjectionKind::kConv2d;
  const std::int64_t out_size = target_.height() * target_.width();
  const std::int64_t m = target / out_size;
  const std::int64_t y = target % out_size / target_.width(), x = target % target_.width();
  const std::int64_t channels = source_.shape[0];
  const std::int64_t per_group = conv ? p_.weight_shape[1] : 1;
  const std::int64_t group = conv ? m / (p_.weight_shape[0] / p_.groups) : m;
  const std::int64_t pool_row = p_.weight.size() > 1 ? m * p_.kernel[1] : 0;
  for (std::int64_t c = 0; c < per_group; ++c) {
    const std::int64_t channel = conv ? group * per_group + c : m;
    if (channel >= channels) return;
    for (std::int64_t ky = 0; ky < p_.kernel[0]; ++ky) {
      const std::int64_t iy = y * p_.stride[0] - p_.padding[0] + ky * p_.dilation[0];
      if (iy < 0 || iy >= source_.height()) continue;
      const std::int64_t ix = x * p_.stride[1] - p_.padding[1];
      const std::int64_t first =
          conv ? ((m * per_group + c) * p_.kernel[0] + ky) * p_.kernel[1] : pool_row;
      visit(channel, iy, ix, first, static_cast<std::uint32_t>(c * p_.kernel[0] + ky));
    }
  }
}

/// Lengthens the last run, or begins another.
void Rows::add(std::vector<Run>& out, std::uint32_t axon, std::size_t offset) const {
  if (!out.empty()) {
    Run& last = out.back();
    if (last.axon + last.length == axon && last.length < kLongestRun) {
      ++last.length;
      return;
    }
  }
  out.push_back(
      {static_cast<std::uint32_t>(out.size()), axon, static_cast<std::uint32_t>(offset), 1});
}

void Rows::window_runs(std::int64_t target, std::vector<Run>& out) const {
  const std::int64_t taps = p_.kernel[1], step = p_.dilation[1];
  for_each_window_row(target, [&](std::int64_t channel, std::int64_t iy, std::int64_t ix,
                                  std::int64_t first, std::uint32_t key) {
    // The axon of column 0 is behind the guard, so columns beside the map have axons too.
    const std::int64_t axon = block_.axon((channel * source_.height() + iy) * source_.width()) + ix;
    if (step == 1) {
      for (std::int64_t begin = 0; begin < taps; begin += kLongestRun) {
        const std::int64_t end = std::min<std::int64_t>(taps, begin + kLongestRun);
        out.push_back({key, static_cast<std::uint32_t>(axon + begin),
                       static_cast<std::uint32_t>(first + begin),
                       static_cast<std::uint32_t>(end - begin)});
      }
      return;
    }
    for (std::int64_t k = 0; k < taps; ++k) {
      const auto tap_key = static_cast<std::uint32_t>(key * taps + k);
      out.push_back({tap_key, static_cast<std::uint32_t>(axon + k * step),
                     static_cast<std::uint32_t>(first + k), 1});
    }
  });
}

/// Without gaps between rows the axons are one long row.
void Rows::dense_runs(std::int64_t target, std::vector<Run>& out) const {
  constexpr auto kLongest = static_cast<std::int64_t>(kLongestRun);
  for (std::int64_t begin = 0; begin < source_.neurons; begin += kLongest) {
    const std::int64_t end = std::min(begin + kLongest, source_.neurons);
    out.push_back({static_cast<std::uint32_t>(begin / kLongest), block_.axon(begin),
                   static_cast<std::uint32_t>(target * source_.neurons + begin),
                   static_cast<std::uint32_t>(end - begin)});
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
        add(out, block_.axon(source), static_cast<std::size_t>(target * source_.neurons + source));
      }
      return;
    case ProjectionKind::kOneToOne: {
      const auto values = static_cast<std::int64_t>(values_.size());
      const std::int64_t group = std::max<std::int64_t>(1, target_.neurons / values);
      out.push_back({0, block_.axon(target), static_cast<std::uint32_t>(target / group), 1});
      return;
    }
    case ProjectionKind::kSparse:
      for (auto s = static_cast<std::size_t>(column_begin_[static_cast<std::size_t>(target)]);
           s < static_cast<std::size_t>(column_begin_[static_cast<std::size_t>(target) + 1]); ++s) {
        add(out, block_.axon(column_[s]), s);
      }
      return;
  }
}

/// The windows of a map are a product: of those that meet a row and those that meet a column.
void Rows::window_fan_out(std::vector<std::uint32_t>& count) const {
  const auto meetings = [&](std::size_t axis, std::int64_t outputs, std::int64_t inputs) {
    std::vector<std::uint32_t> met(static_cast<std::size_t>(inputs), 0);
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t k = 0; k < p_.kernel[axis]; ++k) {
        const std::int64_t i = o * p_.stride[axis] - p_.padding[axis] + k * p_.dilation[axis];
        if (i >= 0 && i < inputs) ++met[static_cast<std::size_t>(i)];
      }
    }
    return met;
  };
  const auto down = meetings(0, target_.height(), source_.height());
  const auto across = meetings(1, target_.width(), source_.width());
  const bool conv = p_.kind == ProjectionKind::kConv2d;
  const auto outputs = static_cast<std::uint32_t>(conv ? p_.weight_shape[0] / p_.groups : 1);
  for (std::size_t i = 0; i < count.size(); ++i) {
    count[i] = outputs * down[i / across.size() % down.size()] * across[i % across.size()];
  }
}

std::vector<std::uint32_t> Rows::fan_out() const {
  std::vector<std::uint32_t> count(static_cast<std::size_t>(source_.neurons), 0);
  switch (p_.kind) {
    case ProjectionKind::kConv2d:
    case ProjectionKind::kSumPool2d:
      window_fan_out(count);
      break;
    case ProjectionKind::kDense:
      std::ranges::fill(count, static_cast<std::uint32_t>(target_.neurons));
      break;
    case ProjectionKind::kOneToOne:
      std::ranges::fill(count, 1);
      break;
    case ProjectionKind::kSparse:
      for (const std::uint32_t source : column_) ++count[source];
      break;
  }
  return count;
}

}  // namespace neurotool::spikecore
