// Sizes of state and scratch.
#include "state.hpp"

#include <algorithm>

#include "max_pool.hpp"

namespace neurotool::cpu {
namespace {

template <class Number>
void size_population(const RunPlan<Number>& plan, std::uint32_t index,
                     PopulationState<Number>& state) {
  const PopulationProgram<Number>& p = plan.program.populations[index];
  const Mode& mode = plan.modes[index];
  const std::size_t steps = std::size_t{plan.program.plan.history[index]} + plan.window;
  if (p.facts.has_membrane()) state.membrane.resize(p.grid.size());
  if (p.facts.model == Model::kCubaLif) state.synaptic.resize(p.grid.size());
  if (p.facts.fires() && p.facts.emission.counts()) state.emitted.resize(p.grid.size());
  if (mode.form == Form::kHeld) state.values.resize(p.grid.size());
  if (p.facts.model == Model::kLi) return;
  if (mode.form == Form::kBits) state.bits.resize(steps * p.grid.word_count());
  if (mode.form == Form::kValues) state.values.resize(steps * p.grid.size());
  state.events.resize(p.grid.pixels());
  for (const std::uint32_t out : plan.program.plan.outgoing[index]) {
    if (plan.program.projections[out].route == Route::kSparse && !p.constant) {
      state.neuron_events.resize(p.grid.neurons());
    }
  }
}

template <class T>
void at_least(LineVector<T>& vector, std::size_t size) {
  if (vector.size() < size) vector.resize(size);
}

template <class Number>
void size_sums(const RunPlan<Number>& plan, std::uint32_t index, std::size_t position,
               State<Number>& state) {
  const ProjectionProgram<Number>& p = plan.program.projections[index];
  const Geometry& g = p.geometry;
  const Grid& source = plan.program.populations[p.source].grid;
  const std::size_t slots = std::size_t{ring_slots(plan.program, p)} * plan.window;
  if (state.rings.size() <= position) state.rings.resize(position + 1);
  Ring<Number>& ring = state.rings[position];
  const Way way = plan.ways[index];
  const bool bits = plan.modes[p.source].form == Form::kBits;
  if (way == Way::kEvents || way == Way::kAdaptive) {
    const std::size_t merged = kMostMergedSteps * (std::size_t{p.weights.rows} + kListSlack);
    const std::size_t list = std::size_t{g.source_width} * g.source_channels + kListSlack;
    at_least(state.merged, merged);
    at_least(ring.ids, slots * list);
    at_least(ring.offsets, slots * (g.source_width + std::size_t{1}));
    if (!bits) at_least(state.merged_payloads, merged);
    if (!bits) at_least(ring.payloads, slots * list);
  }
  if (bits && (way == Way::kDense || way == Way::kAdaptive)) {
    at_least(ring.values, slots * source.row_size());
  }
}

}  // namespace

template <class Number>
State<Number>::State(const RunPlan<Number>& plan) {
  const Program<Number>& program = plan.program;
  populations.resize(program.populations.size());
  constant_sums.resize(program.projections.size());
  wide_constant_sums.resize(program.projections.size());
  trains.resize(program.projections.size());
  for (std::uint32_t i = 0; i < populations.size(); ++i) {
    size_population(plan, i, populations[i]);
    const bool wide = plan.modes[i].wide;
    const std::size_t row = plan.row_size(i);
    at_least(current, row * plan.tile_steps(i));
    at_least(more, row * plan.tile_steps(i));
    if (wide) at_least(wide_current, row);
    if (wide) at_least(wide_more, row);
    const std::vector<std::uint32_t>& incoming = program.plan.incoming[i];
    for (std::size_t position = 0; position < incoming.size(); ++position) {
      const std::uint32_t projection = incoming[position];
      const Geometry& g = program.projections[projection].geometry;
      const std::size_t taps = std::size_t{g.kernel_height} * g.kernel_width;
      if (ranges.size() < taps) ranges.resize(taps);
      const std::size_t size = program.populations[i].grid.size();
      if (plan.ways[projection] == Way::kMaxPool) {
        trains[projection].resize(train_count(g, program.populations[i].grid));
      } else if (plan.ways[projection] != Way::kConstant) {
        size_sums(plan, projection, position, *this);
      } else if (wide) {
        wide_constant_sums[projection].resize(size);
      } else {
        constant_sums[projection].resize(size);
      }
    }
  }
}

template struct State<float>;
template struct State<std::int32_t>;

}  // namespace neurotool::cpu
