// Feeds the kernels: which rows of which trains, into which buffer. Lists and expanded rows are
// made once per source row and window, in a ring that follows the target rows down the image.
#include "sums.hpp"

#include <algorithm>
#include <numeric>

#include "max_pool.hpp"
#include "plain_sums.hpp"

namespace neurotool::cpu {
namespace {

template <class Number>
void scale_by(std::uint32_t shift, Number* sums, std::size_t count) {
  if (shift == 0) return;
  for (std::size_t i = 0; i < count; ++i) sums[i] *= power_of_two<Number>(shift);
}

}  // namespace

/// One projection, one row of targets, some steps.
template <class Number>
struct Sums<Number>::Tile {
  std::uint32_t index = 0;  ///< of the projection
  const ProjectionProgram<Number>& projection;
  const Grid& source;
  const PopulationProgram<Number>& target;
  Steps steps;
  std::size_t position = 0;                  ///< among the target's projections
  std::uint32_t row_begin = 0, row_end = 0;  ///< of target rows
  std::uint32_t first = 0, count = 0;        ///< steps; they count from steps.first
  std::size_t out_step = 0;

  bool is_whole() const {
    return std::size_t{projection.weights.block_lanes} * projection.weights.blocks !=
           target.grid.lanes;
  }
  /// The step, within the window, of what arrives at `at`; negative: in the history.
  std::int64_t sent(std::uint32_t at) const {
    return std::int64_t{steps.first} + at - projection.delay;
  }
};

template <class Number>
Payloads<Number> Sums<Number>::payloads(std::uint32_t population, std::int64_t step) const {
  const PopulationState<Number>& state = state_.populations[population];
  const Grid& grid = plan_.program.populations[population].grid;
  const auto at = static_cast<std::size_t>(step + plan_.program.plan.history[population]);
  switch (plan_.modes[population].form) {
    case Form::kHeld:
      return {nullptr, state.values.data()};
    case Form::kBits:
      return {state.bits.data() + at * grid.word_count(), nullptr};
    case Form::kValues:
      return {nullptr, state.values.data() + at * grid.size()};
  }
  return {};
}

template <class Number>
void Sums<Number>::make_constant(std::uint32_t index) {
  const ProjectionProgram<Number>& p = plan_.program.projections[index];
  const PopulationProgram<Number>& target = plan_.program.populations[p.target];
  const Grid& source = plan_.program.populations[p.source].grid;
  const Payloads<Number> held = payloads(p.source, 0);
  if (plan_.modes[p.target].wide) {
    LineVector<Wide<Number>>& sums = state_.wide_constant_sums[index];
    PlainSums<Number, Wide<Number>>(p, source, target.grid)
        .run(held, 0, target.grid.height, sums.data());
    for (Wide<Number>& sum : sums) sum *= power_of_two<Wide<Number>>(p.shift);
    return;
  }
  LineVector<Number>& sums = state_.constant_sums[index];
  if (p.route == Route::kSums) {
    // The held values lie where a window's first step would.
    dense({index, p, source, target, {}, 0, 0, target.grid.height, 0, 1, 0}, sums.data());
  } else {
    PlainSums<Number, Number>(p, source, target.grid).run(held, 0, target.grid.height, sums.data());
  }
  scale_by(p.shift, sums.data(), sums.size());
}

template <class Number>
void Sums<Number>::begin(std::uint32_t population, const Steps& steps) {
  const std::vector<std::uint32_t>& incoming = plan_.program.plan.incoming[population];
  for (std::size_t position = 0; position < incoming.size(); ++position) {
    const ProjectionProgram<Number>& p = plan_.program.projections[incoming[position]];
    if (p.route != Route::kSums || plan_.ways[incoming[position]] == Way::kConstant) continue;
    Ring<Number>& ring = state_.rings[position];
    ring.way = choose_way(incoming[position]);
    ring.slots = ring_slots(plan_.program, p);
    ring.steps = steps.count;
    ring.next_row = 0;
    ring.id_stride = std::size_t{p.geometry.source_width} * p.geometry.source_channels + kListSlack;
    ring.offset_stride = p.geometry.source_width + std::size_t{1};
  }
}

/// Lists cost for each payload that is not 0, multiplying costs for all; what the source has sent
/// so far tells which is less. The shares at which they meet were measured; they change no result.
template <class Number>
Way Sums<Number>::choose_way(std::uint32_t projection) const {
  constexpr double kShareOfBits = 0.6, kShareOfValues = 0.4;
  if (plan_.ways[projection] != Way::kAdaptive) return plan_.ways[projection];
  const std::uint32_t source = plan_.program.projections[projection].source;
  const PopulationState<Number>& state = state_.populations[source];
  const double events = static_cast<double>(
      std::accumulate(state.events.begin(), state.events.end(), std::uint64_t{0}));
  const double sent = static_cast<double>(state.steps_run) *
                      static_cast<double>(plan_.program.populations[source].grid.neurons());
  const bool bits = plan_.modes[source].form == Form::kBits;
  return events > sent * (bits ? kShareOfBits : kShareOfValues) ? Way::kDense : Way::kEvents;
}

/// A delayed projection from a constant population: nothing has arrived yet.
template <class Number>
bool Sums<Number>::is_silent(const ProjectionProgram<Number>& p, const Steps& steps,
                             std::uint32_t at) const {
  return steps.window_start + steps.first + at < p.delay;
}

template <class Number>
Currents<Number> Sums<Number>::row(std::uint32_t population, const Steps& steps, std::uint32_t row,
                                   std::uint32_t first, std::uint32_t count) {
  const std::vector<std::uint32_t>& incoming = plan_.program.plan.incoming[population];
  const PopulationProgram<Number>& target = plan_.program.populations[population];
  const std::size_t size = plan_.row_size(population);
  const std::uint32_t row_end = target.by_rows ? row + 1 : target.grid.height;
  const Kernels& kernels = *plan_.program.kernels;
  if (incoming.size() == 1 && plan_.ways[incoming[0]] == Way::kConstant &&
      !is_silent(plan_.program.projections[incoming[0]], steps, first)) {
    return {state_.constant_sums[incoming[0]].data() + row * size, 0};
  }
  if (incoming.empty()) std::fill_n(state_.current.data(), size * count, Number{0});
  for (std::size_t position = 0; position < incoming.size(); ++position) {
    const std::uint32_t index = incoming[position];
    const ProjectionProgram<Number>& p = plan_.program.projections[index];
    const Grid& source = plan_.program.populations[p.source].grid;
    Number* out = position == 0 ? state_.current.data() : state_.more.data();
    make({index, p, source, target, steps, position, row, row_end, first, count, size}, out);
    if (position > 0) kernels.get<Number>().add(state_.current.data(), out, size * count);
  }
  return {state_.current.data(), size};
}

template <class Number>
const Wide<Number>* Sums<Number>::wide_row(std::uint32_t population, const Steps& steps,
                                           std::uint32_t row, std::uint32_t at) {
  const PopulationProgram<Number>& target = plan_.program.populations[population];
  const std::size_t size = plan_.row_size(population);
  const std::uint32_t row_end = target.by_rows ? row + 1 : target.grid.height;
  std::fill_n(state_.wide_current.data(), size, Wide<Number>{0});
  for (const std::uint32_t index : plan_.program.plan.incoming[population]) {
    const ProjectionProgram<Number>& p = plan_.program.projections[index];
    const Wide<Number>* sums = state_.wide_more.data();
    if (plan_.ways[index] == Way::kConstant) {
      if (is_silent(p, steps, at)) continue;
      sums = state_.wide_constant_sums[index].data() + row * size;
    } else {
      const Grid& source = plan_.program.populations[p.source].grid;
      const Tile tile{index, p, source, target, steps, 0, row, row_end, at, 1, 0};
      if (plan_.ways[index] == Way::kMaxPool) {
        max_pool(tile, at, state_.wide_more.data());
      } else {
        PlainSums<Number, Wide<Number>>(p, source, target.grid)
            .run(payloads(p.source, tile.sent(at)), tile.row_begin, tile.row_end,
                 state_.wide_more.data());
      }
    }
    // Constant sums are shifted already.
    const bool shifted = plan_.ways[index] == Way::kConstant;
    const auto factor = power_of_two<Wide<Number>>(shifted ? 0 : p.shift);
    for (std::size_t i = 0; i < size; ++i) state_.wide_current[i] += sums[i] * factor;
  }
  return state_.wide_current.data();
}

template <class Number>
void Sums<Number>::make(const Tile& tile, Number* out) {
  const std::size_t size = tile.out_step;
  const std::size_t first = tile.row_begin * tile.target.grid.row_size();
  switch (plan_.ways[tile.index]) {
    case Way::kConstant:
      for (std::uint32_t i = 0; i < tile.count; ++i, out += size) {
        if (is_silent(tile.projection, tile.steps, tile.first + i)) {
          std::fill_n(out, size, Number{0});
        } else {
          std::copy_n(state_.constant_sums[tile.index].data() + first, size, out);
        }
      }
      return;  // the shift is in already
    case Way::kEvents:
    case Way::kDense:
    case Way::kAdaptive:
      if (state_.rings[tile.position].way == Way::kEvents) {
        events(tile, out);
      } else {
        dense(tile, out);
      }
      break;
    case Way::kMaxPool:
      for (std::uint32_t i = 0; i < tile.count; ++i) {
        max_pool(tile, tile.first + i, out + i * tile.out_step);
      }
      break;
    case Way::kPool:
    case Way::kScale:
    case Way::kPlain:
      by_step(tile, out);
      break;
  }
  scale_by(tile.projection.shift, out, size * tile.count);
}

/// Makes the source rows that a target row hears and that are not in the ring yet.
template <class Number>
template <class Fill>
void Sums<Number>::fill_ring(const Tile& tile, Ring<Number>& ring, std::uint32_t target_row,
                             Fill&& fill) {
  const Geometry& g = tile.projection.geometry;
  const std::int64_t lowest = std::int64_t{target_row} * g.stride_y - g.pad_top;
  const std::int64_t highest = lowest + std::int64_t{g.kernel_height - 1} * g.dilation_y;
  std::int64_t y = std::max<std::int64_t>({ring.next_row, lowest, 0});
  for (; y <= std::min<std::int64_t>(highest, g.source_height - 1); ++y) {
    fill(static_cast<std::uint32_t>(y));
    ring.next_row = static_cast<std::uint32_t>(y) + 1;
  }
}

template <class Number>
void Sums<Number>::fill_lists(const Tile& tile, Ring<Number>& ring, std::uint32_t y) {
  const ProjectionProgram<Number>& p = tile.projection;
  const Grid& source = tile.source;
  const auto shift = static_cast<std::uint32_t>(__builtin_ctz(p.weights.block_lanes));
  for (std::uint32_t s = 0; s < ring.steps; ++s) {
    const std::size_t at = std::size_t{y % ring.slots} * ring.steps + s;
    const Payloads<Number> sent = payloads(p.source, tile.sent(s));
    std::uint32_t* ids = ring.ids.data() + at * ring.id_stride;
    std::uint32_t* offsets = ring.offsets.data() + at * ring.offset_stride;
    if (sent.bits != nullptr) {
      const std::uint64_t* row = sent.bits + std::size_t{y} * source.width * source.words;
      plan_.program.kernels->list(
          {row, source.width, source.channels, source.words, shift, ids, offsets});
    } else {
      plan_.program.kernels->template get<Number>().list(
          {sent.values + y * source.row_size(), source.width, source.channels, source.lanes, shift,
           ids, ring.payloads.data() + at * ring.id_stride, offsets});
    }
  }
}

template <class Number>
void Sums<Number>::fill_values(const Tile& tile, Ring<Number>& ring, std::uint32_t y) {
  const Grid& source = tile.source;
  const std::size_t row_words = std::size_t{source.width} * source.words;
  for (std::uint32_t s = 0; s < ring.steps; ++s) {
    const std::size_t at = std::size_t{y % ring.slots} * ring.steps + s;
    plan_.program.kernels->template get<Number>().expand(
        payloads(tile.projection.source, tile.sent(s)).bits + y * row_words, source.width,
        source.lanes, source.words, ring.values.data() + at * source.row_size());
  }
}

template <class Number>
void Sums<Number>::events(const Tile& tile, Number* out) {
  Ring<Number>& ring = state_.rings[tile.position];
  const bool graded = plan_.modes[tile.projection.source].form != Form::kBits;
  EventsTile<Number> work{.geometry = &tile.projection.geometry,
                          .weights = tile.projection.weights,
                          .ids = ring.ids.data(),
                          .payloads = graded ? ring.payloads.data() : nullptr,
                          .id_stride = ring.id_stride,
                          .offsets = ring.offsets.data(),
                          .offset_stride = ring.offset_stride,
                          .slots = ring.slots,
                          .steps_in_ring = ring.steps,
                          .first_step = tile.first,
                          .steps = tile.count,
                          .out_step = tile.out_step,
                          .out_pixel = tile.target.grid.lanes,
                          .ranges = state_.ranges.data(),
                          .merged = state_.merged.data(),
                          .merged_payloads = state_.merged_payloads.data()};
  const std::uint32_t end = tile.is_whole() ? 1 : tile.row_end;
  for (std::uint32_t y = tile.row_begin; y < end; ++y, out += tile.target.grid.row_size()) {
    fill_ring(tile, ring, y, [&](std::uint32_t row) { fill_lists(tile, ring, row); });
    work.target_row = y;
    work.out = out;
    plan_.program.kernels->template get<Number>().events(work);
  }
}

template <class Number>
void Sums<Number>::dense(const Tile& tile, Number* out) {
  const ProjectionProgram<Number>& p = tile.projection;
  DenseTile<Number> work{.geometry = &p.geometry,
                         .weights = p.weights,
                         .steps = tile.count,
                         .out_step = tile.out_step,
                         .out_pixel = tile.target.grid.lanes,
                         .ranges = state_.ranges.data()};
  const bool expands = plan_.modes[p.source].form == Form::kBits;
  Ring<Number>* ring = expands ? &state_.rings[tile.position] : nullptr;
  if (expands) {
    work.values = ring->values.data() + tile.first * tile.source.row_size();
    work.step_stride = tile.source.row_size();
    work.slot_stride = ring->steps * tile.source.row_size();
    work.slots = ring->slots;
  } else {
    work.values = payloads(p.source, tile.sent(tile.first)).values;
    work.step_stride = tile.source.size();
    work.slot_stride = tile.source.row_size();
    work.slots = tile.source.height;
  }
  const std::uint32_t end = tile.is_whole() ? 1 : tile.row_end;
  for (std::uint32_t y = tile.row_begin; y < end; ++y, out += tile.target.grid.row_size()) {
    if (expands)
      fill_ring(tile, *ring, y, [&](std::uint32_t row) { fill_values(tile, *ring, row); });
    work.target_row = y;
    work.out = out;
    plan_.program.kernels->template get<Number>().dense(work);
  }
}

template <class Number>
template <class Sum>
void Sums<Number>::max_pool(const Tile& tile, std::uint32_t at, Sum* out) {
  const ProjectionProgram<Number>& p = tile.projection;
  const Grid& target = tile.target.grid;
  const std::uint64_t step = tile.steps.window_start + tile.steps.first + at;
  const bool works = step >= p.pool_begin && step < p.pool_end;
  // A constant source has no history that could be silent.
  if (!works || is_silent(p, tile.steps, at)) {
    std::fill_n(out, (tile.row_end - tile.row_begin) * target.row_size(), Sum{0});
    return;
  }
  MaxPools<Number, Sum>(p, tile.source, target, state_.trains[tile.index].data())
      .run(payloads(p.source, tile.sent(at)), tile.row_begin, tile.row_end, out);
}

template <class Number>
void Sums<Number>::by_step(const Tile& tile, Number* out) {
  const ProjectionProgram<Number>& p = tile.projection;
  const Grid& target = tile.target.grid;
  const NumberKernels<Number>& kernels = plan_.program.kernels->template get<Number>();
  for (std::uint32_t i = 0; i < tile.count; ++i, out += tile.out_step) {
    Payloads<Number> from = payloads(p.source, tile.sent(tile.first + i));
    if (plan_.ways[tile.index] == Way::kPlain) {
      PlainSums<Number, Number>(p, tile.source, target)
          .run(from, tile.row_begin, tile.row_end, out);
    } else if (plan_.ways[tile.index] == Way::kPool) {
      const Number* weight = p.weight.empty() ? nullptr : p.weight.data();
      for (std::uint32_t y = tile.row_begin; y < tile.row_end; ++y) {
        kernels.pool(
            {&p.geometry, from, weight, y, out + (y - tile.row_begin) * target.row_size()});
      }
    } else {
      const std::size_t pixel = std::size_t{tile.row_begin} * target.width;
      if (from.bits != nullptr) from.bits += pixel * target.words;
      if (from.values != nullptr) from.values += pixel * target.lanes;
      kernels.scale({from, static_cast<std::uint32_t>(tile.target.pixels_per_row()), target.lanes,
                     target.words, p.weight.data() + pixel * p.weight_stride, p.weight_stride,
                     out});
    }
  }
}

template class Sums<float>;
template class Sums<std::int32_t>;

}  // namespace neurotool::cpu
