// One sample: constants first, then window after window. In a window every feed-forward population
// runs all steps before the next population begins; members of a cycle take turns step by step.
#include "runner.hpp"

#include <algorithm>
#include <cmath>

#include "plain_sums.hpp"
#include "probes.hpp"

namespace neurotool::cpu {

template <class Number>
Runner<Number>::Runner(const RunPlan<Number>& plan, std::function<void()> tick)
    : plan_(plan),
      program_(plan.program),
      state_(plan),
      sums_(plan, state_),
      tick_(std::move(tick)) {
  for (std::uint32_t i = 0; i < program_.populations.size(); ++i) {
    const std::size_t size = plan.row_size(i);
    if (size > nothing_.size()) {
      nothing_.resize(size);
      wide_nothing_.resize(size);
    }
  }
}

template <class Number>
std::optional<Overflow> Runner<Number>::run(std::uint64_t sample,
                                            std::vector<ProbeRecord>& records) {
  records_ = &records;
  start(sample);
  if (!make_constants(sample)) return overflow_;
  for (std::uint64_t at = 0; at < plan_.steps; at += plan_.window) {
    const auto count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(plan_.window, plan_.steps - at));
    load_window(sample, {at, 0, count});
    for (const Component& component : program_.plan.components) {
      const std::uint32_t turns = component.recurrent ? count : 1;
      for (std::uint32_t turn = 0; turn < turns; ++turn) {
        for (const std::uint32_t population : component.populations) {
          const PopulationProgram<Number>& p = program_.populations[population];
          if (p.constant || p.facts.model == Model::kInput) continue;
          if (!advance(population, {at, turn, count / turns})) return overflow_;
        }
      }
    }
    record_window(count);
    keep_history(count);
  }
  finish(records);
  ++samples_;
  return std::nullopt;
}

template <class Number>
void Runner<Number>::start(std::uint64_t) {
  overflow_.reset();
  records_->assign(plan_.probes.size(), {});
  for (std::size_t i = 0; i < plan_.probes.size(); ++i) {
    prepare_record(plan_, plan_.probes[i], (*records_)[i]);
  }
  for (auto& trains : state_.trains) std::ranges::fill(trains, Wide<Number>{0});
  for (std::uint32_t i = 0; i < program_.populations.size(); ++i) {
    const PopulationProgram<Number>& p = program_.populations[i];
    PopulationState<Number>& s = state_.populations[i];
    if (!s.membrane.empty()) std::ranges::copy(p.initial, s.membrane.begin());
    std::ranges::fill(s.synaptic, Number{0});
    std::ranges::fill(s.emitted, std::int64_t{0});
    const std::size_t history = program_.plan.history[i];
    if (plan_.modes[i].form == Form::kBits) {
      std::fill_n(s.bits.begin(), history * p.grid.word_count(), std::uint64_t{0});
    } else if (plan_.modes[i].form == Form::kValues) {
      std::fill_n(s.values.begin(), history * p.grid.size(), Number{0});
    }
  }
}

/// Held inputs, relays that only they reach, and the sums that both cause.
template <class Number>
bool Runner<Number>::make_constants(std::uint64_t sample) {
  for (const Component& component : program_.plan.components) {
    const std::uint32_t index = component.populations.front();
    const PopulationProgram<Number>& p = program_.populations[index];
    if (!p.constant) continue;
    if (p.facts.model == Model::kInput) {
      load_input(index, plan_.inputs[index] + sample * p.grid.neurons());
    } else if (!advance(index, {0, 0, 1})) {
      return false;
    }
    for (const std::uint32_t projection : program_.plan.outgoing[index]) {
      if (plan_.ways[projection] == Way::kConstant) sums_.make_constant(projection);
    }
  }
  return true;
}

template <class Number>
void Runner<Number>::load_input(std::uint32_t population, const Number* values) {
  const Grid& grid = program_.populations[population].grid;
  Number* to = state_.populations[population].values.data();
  for (std::size_t n = 0; n < grid.neurons(); ++n) to[grid.place(n)] = values[n];
}

/// The window's steps of inputs that are given step by step.
template <class Number>
void Runner<Number>::load_window(std::uint64_t sample, const Steps& steps) {
  for (std::uint32_t i = 0; i < program_.populations.size(); ++i) {
    const PopulationProgram<Number>& p = program_.populations[i];
    if (p.facts.model != Model::kInput || p.facts.held) continue;
    PopulationState<Number>& s = state_.populations[i];
    s.steps_run += steps.count;
    const Grid& grid = p.grid;
    const std::size_t neurons = grid.neurons(), pixels = grid.pixels();
    for (std::uint32_t step = 0; step < steps.count; ++step) {
      const Number* values =
          plan_.inputs[i] + (sample * plan_.steps + steps.window_start + step) * neurons;
      const std::size_t slot = std::size_t{program_.plan.history[i]} + step;
      std::uint64_t* bits = s.bits.data() + slot * grid.word_count();
      const bool as_bits = plan_.modes[i].form == Form::kBits;
      if (as_bits) std::fill_n(bits, grid.word_count(), std::uint64_t{0});
      for (std::size_t n = 0; n < neurons; ++n) {
        const std::size_t pixel = n % pixels, c = n / pixels;
        if (!as_bits) s.values[slot * grid.size() + pixel * grid.lanes + c] = values[n];
        if (values[n] == Number{0}) continue;
        if (as_bits) bits[pixel * grid.words + c / 64] |= std::uint64_t{1} << (c % 64);
        ++s.events[pixel];
      }
    }
    count_neurons(i, steps);
  }
}

template <class Number>
bool Runner<Number>::advance(std::uint32_t population, const Steps& steps) {
  const PopulationProgram<Number>& p = program_.populations[population];
  sums_.begin(population, steps);
  for (std::uint32_t r = 0; r < p.rows(); ++r) {
    if (!row(population, steps, r)) return false;
    tick_();
  }
  state_.populations[population].steps_run += steps.count;
  count_neurons(population, steps);
  return true;
}

/// All steps of one row: currents of some steps, then their updates, then the next.
template <class Number>
bool Runner<Number>::row(std::uint32_t population, const Steps& steps, std::uint32_t row) {
  const Mode& mode = plan_.modes[population];
  const std::uint32_t tile = mode.wide ? 1 : plan_.tile_steps(population);
  const Phases& phases = program_.populations[population].facts.phases;
  // Trains that a max pool adds up go on outside the windows, though nobody integrates them.
  const bool keeps_trains = std::ranges::any_of(
      program_.plan.incoming[population],
      [&](std::uint32_t projection) { return plan_.ways[projection] == Way::kMaxPool; });
  std::uint32_t count = 0;
  for (std::uint32_t first = 0; first < steps.count; first += count) {
    const std::uint64_t step = steps.window_start + steps.first + first;
    const std::size_t slot = std::size_t{program_.plan.history[population]} + steps.first + first;
    // Within a piece the population does the same in every step.
    const std::uint64_t until = phases.next_change(step) - step;
    count = static_cast<std::uint32_t>(std::min<std::uint64_t>(steps.count - first, until));
    const bool integrates = phases.integrates(step);
    if (!integrates && !phases.fires(step) && !keeps_trains) {
      sleep(population, row, step, slot, count);
      continue;
    }
    count = std::min(count, tile);
    bool fine = true;
    if (mode.wide) {
      const Wide<Number>* current = integrates || keeps_trains
                                        ? sums_.wide_row(population, steps, row, first)
                                        : wide_nothing_.data();
      if (!integrates) current = wide_nothing_.data();
      fine = update_plain(population, row, step, slot, current);
      record_membranes(plan_, state_, population, row, step, *records_);
    } else {
      Currents<Number> currents{nothing_.data(), 0};
      if (integrates || keeps_trains) {
        const Currents<Number> arrived = sums_.row(population, steps, row, first, count);
        if (integrates) currents = arrived;
      }
      fine = update_rows(population, row, step, slot, count, currents);
    }
    if (!fine) return false;
  }
  return true;
}

/// Steps outside both windows: nothing arrives, nothing changes, nothing is sent.
template <class Number>
void Runner<Number>::sleep(std::uint32_t population, std::uint32_t row, std::uint64_t step,
                           std::size_t slot, std::uint32_t count) {
  const PopulationProgram<Number>& p = program_.populations[population];
  PopulationState<Number>& s = state_.populations[population];
  const Form form = plan_.modes[population].form;
  const std::size_t first = row * p.pixels_per_row(), pixels = p.pixels_per_row();
  for (std::uint32_t i = 0; i < count; ++i, ++step, ++slot) {
    if (form == Form::kBits) {
      const std::size_t at = slot * p.grid.word_count() + first * p.grid.words;
      std::fill_n(s.bits.data() + at, pixels * p.grid.words, std::uint64_t{0});
    } else {
      const std::size_t at =
          (form == Form::kHeld ? 0 : slot) * p.grid.size() + first * p.grid.lanes;
      std::fill_n(s.values.data() + at, pixels * p.grid.lanes, Number{0});
    }
    record_membranes(plan_, state_, population, row, step, *records_);
  }
}

/// `count` steps of one row, together where nothing has to be seen or done in between.
template <class Number>
bool Runner<Number>::update_rows(std::uint32_t population, std::uint32_t row, std::uint64_t step,
                                 std::size_t slot, std::uint32_t count,
                                 const Currents<Number>& currents) {
  const PopulationProgram<Number>& p = program_.populations[population];
  const bool plain = plan_.modes[population].plain;
  const bool watched = std::ranges::any_of(plan_.probes, [&](const ProbeRequest& probe) {
    return probe.population == population && probe.variable == Variable::kMembrane;
  });
  const bool alike = p.facts.bias_timing == BiasTiming::kEveryStep;
  if (!plain && !watched && alike && p.facts.model != Model::kRelay) {
    return update(population, row, step, slot, count, currents);
  }
  for (std::uint32_t i = 0; i < count; ++i, ++step, ++slot) {
    const Number* current = currents.data + i * currents.step_stride;
    const bool fine = plain ? update_plain(population, row, step, slot, current)
                            : update(population, row, step, slot, 1, {current, 0});
    if (!fine) return false;
    record_membranes(plan_, state_, population, row, step, *records_);
  }
  return true;
}

template <class Number>
bool Runner<Number>::update(std::uint32_t population, std::uint32_t row, std::uint64_t step,
                            std::size_t slot, std::uint32_t count,
                            const Currents<Number>& currents) {
  const PopulationProgram<Number>& p = program_.populations[population];
  PopulationState<Number>& s = state_.populations[population];
  const NumberKernels<Number>& kernels = program_.kernels->template get<Number>();
  const std::size_t pixels = p.pixels_per_row(), first = row * pixels, place = first * p.grid.lanes;
  const Number* bias = bias_is_due(p.facts, step) ? p.bias.at(first) : nullptr;
  if (p.facts.model == Model::kRelay) {
    const std::size_t held = plan_.modes[population].form == Form::kHeld ? 0 : slot;
    kernels.relay({.pixels = static_cast<std::uint32_t>(pixels),
                   .lanes = p.grid.lanes,
                   .current = currents.data,
                   .bias = bias,
                   .bias_stride = p.bias.stride,
                   .out = s.values.data() + held * p.grid.size() + place,
                   .events = s.events.data() + first});
    return true;
  }
  const bool fires = p.facts.fires();
  const UpdateRow<Number> work{
      .pixels = static_cast<std::uint32_t>(pixels),
      .lanes = p.grid.lanes,
      .words = p.grid.words,
      .steps = count,
      .current = currents.data,
      .current_step = currents.step_stride,
      .membrane = s.membrane.data() + place,
      .synaptic = s.synaptic.empty() ? nullptr : s.synaptic.data() + place,
      .bias = bias,
      .threshold = fires ? p.threshold.at(first) : nullptr,
      .decay = p.decay.at(first),
      .current_decay = p.current_decay.at(first),
      .bias_stride = p.bias.stride,
      .threshold_stride = p.threshold.stride,
      .decay_stride = p.decay.stride,
      .current_decay_stride = p.current_decay.stride,
      .decay_shift = p.facts.decay_shift,
      .current_decay_shift = p.facts.current_decay_shift,
      .toward_zero = p.facts.rounding == Rounding::kTowardZero,
      .checked = plan_.modes[population].checked,
      .bits = fires ? s.bits.data() + slot * p.grid.word_count() + first * p.grid.words : nullptr,
      .bits_step = p.grid.word_count(),
      .events = fires ? s.events.data() + first : nullptr};
  return work.checked ? update_checked(work, population, row, step, slot) : kernels.update(work);
}

/// A row in which a membrane leaves its range starts again, one neuron at a time, to find which.
template <class Number>
bool Runner<Number>::update_checked(const UpdateRow<Number>& row, std::uint32_t population,
                                    std::uint32_t index, std::uint64_t step, std::size_t slot) {
  const std::size_t neurons = std::size_t{row.pixels} * row.lanes;
  const std::size_t pixels = row.events != nullptr ? row.pixels : 0;
  membranes_before_.assign(row.membrane, row.membrane + neurons);
  events_before_.assign(row.events, row.events + pixels);
  if (program_.kernels->template get<Number>().update(row)) return true;
  std::ranges::copy(membranes_before_, row.membrane);
  std::ranges::copy(events_before_, row.events);
  for (std::uint32_t i = 0; i < row.steps; ++i) {
    const Number* current = row.current + i * row.current_step;
    if (!update_plain(population, index, step + i, slot + i, current)) return false;
  }
  return true;
}

template <class Number>
template <class Sum>
bool Runner<Number>::update_plain(std::uint32_t population, std::uint32_t row, std::uint64_t step,
                                  std::size_t slot, const Sum* current) {
  const PopulationProgram<Number>& p = program_.populations[population];
  PopulationState<Number>& s = state_.populations[population];
  const Form form = plan_.modes[population].form;
  const std::size_t held = form == Form::kHeld ? 0 : slot;
  const bool sends = p.facts.model != Model::kLi;
  const bool as_bits = sends && form == Form::kBits;
  const PlainRow<Number> work{
      .program = &p,
      .population = population,
      .first_pixel = row * p.pixels_per_row(),
      .pixels = p.pixels_per_row(),
      .step = step,
      .membrane = s.membrane.data(),
      .synaptic = s.synaptic.data(),
      .emitted = s.emitted.empty() ? nullptr : s.emitted.data(),
      .bits = as_bits ? s.bits.data() + slot * p.grid.word_count() : nullptr,
      .values = sends && !as_bits ? s.values.data() + held * p.grid.size() : nullptr,
      .events = s.events.data()};
  overflow_ = PlainUpdate<Number, Sum>(work).run(current);
  return !overflow_;
}

/// Events per neuron, for sources whose neurons differ in fan-out.
template <class Number>
void Runner<Number>::count_neurons(std::uint32_t population, const Steps& steps) {
  PopulationState<Number>& s = state_.populations[population];
  if (s.neuron_events.empty()) return;
  const PopulationProgram<Number>& p = program_.populations[population];
  const bool by_unit = p.facts.fires();
  for (std::uint32_t i = 0; i < steps.count; ++i) {
    const Payloads<Number> sent = sums_.payloads(population, std::int64_t{steps.first} + i);
    for (std::size_t pixel = 0; pixel < p.grid.pixels(); ++pixel) {
      for_each_payload(sent, p.grid, pixel, [&](std::uint32_t c, Number payload) {
        const double units = by_unit ? std::abs(static_cast<double>(payload)) : 1;
        s.neuron_events[pixel * p.grid.channels + c] += static_cast<std::uint64_t>(units);
      });
    }
  }
}

template <class Number>
void Runner<Number>::record_window(std::uint32_t steps) {
  for (std::size_t i = 0; i < plan_.probes.size(); ++i) {
    const ProbeRequest& probe = plan_.probes[i];
    if (program_.populations[probe.population].facts.model == Model::kLi) continue;
    for (std::uint32_t step = 0; step < steps; ++step) {
      record_payloads(plan_, probe, sums_.payloads(probe.population, step), (*records_)[i]);
    }
  }
}

/// Moves the steps that delayed projections still need to where the next window's history lies.
template <class Number>
void Runner<Number>::keep_history(std::uint32_t steps) {
  for (std::uint32_t i = 0; i < program_.populations.size(); ++i) {
    const std::size_t history = program_.plan.history[i];
    const Grid& grid = program_.populations[i].grid;
    PopulationState<Number>& s = state_.populations[i];
    if (history == 0) continue;
    if (plan_.modes[i].form == Form::kBits) {
      const auto from = s.bits.begin() + static_cast<std::ptrdiff_t>(steps * grid.word_count());
      std::copy_n(from, history * grid.word_count(), s.bits.begin());
    } else if (plan_.modes[i].form == Form::kValues) {
      const auto from = s.values.begin() + static_cast<std::ptrdiff_t>(steps * grid.size());
      std::copy_n(from, history * grid.size(), s.values.begin());
    }
  }
}

template <class Number>
void Runner<Number>::finish(std::vector<ProbeRecord>& records) {
  for (std::size_t i = 0; i < plan_.probes.size(); ++i) {
    finish_record(plan_, state_, plan_.probes[i], records[i]);
  }
}

template <class Number>
void Runner<Number>::add_counts(Counts& counts) const {
  for (std::uint32_t i = 0; i < program_.populations.size(); ++i) {
    const PopulationProgram<Number>& p = program_.populations[i];
    const PopulationState<Number>& s = state_.populations[i];
    if (p.facts.model != Model::kRelay) {
      for (const std::uint64_t events : s.events) counts.spikes[i] += events;
    }
    for (const std::uint32_t out : program_.plan.outgoing[i]) {
      const ProjectionProgram<Number>& projection = program_.projections[out];
      if (p.constant) {
        counts.input_macs += projection.synapses * samples_;
        continue;
      }
      const std::vector<std::uint64_t>& events =
          projection.route == Route::kSparse ? s.neuron_events : s.events;
      for (std::size_t k = 0; k < events.size(); ++k) {
        counts.synaptic_ops[projection.target] += events[k] * projection.fan_out[k];
      }
    }
  }
}

template class Runner<float>;
template class Runner<std::int32_t>;

}  // namespace neurotool::cpu
