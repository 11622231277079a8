// docs/semantics.md in code: one function for each of its headings, plain loops, no cleverness.
// Float graphs run in binary32 with one rounding per operation, integer graphs in 64 bits with
// every current and membrane checked against 32. The two share this code as a template over
// Arithmetic.

#include "eval/spike_eval.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "eval/spike_plan.hpp"

namespace neurotool {
namespace {

constexpr std::int64_t kInt32Min = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

float decayed(float value, float decay, std::uint32_t, Rounding) { return decay * value; }

std::int64_t decayed(std::int64_t value, std::int64_t decay, std::uint32_t shift,
                     Rounding rounding) {
  const std::int64_t product = value * decay;
  if (rounding == Rounding::kTowardZero) return product / (std::int64_t{1} << shift);
  return product >> shift;  // arithmetic: floor, also for negative products
}

/// How many thresholds the membrane gives up in this step: docs/semantics.md section 3, step 4.
template <class Number>
std::int64_t emitted_units(Number v, Number threshold, std::int64_t so_far, const Emission& rule,
                           Comparison comparison) {
  const auto reaches = [&](Number amount) {
    return comparison == Comparison::kAbove ? v > amount : v >= amount;
  };
  if (reaches(threshold)) {
    const std::int64_t room =
        rule.max_total == Emission::kUnbounded
            ? rule.max_per_step
            : std::min<std::int64_t>(rule.max_per_step, rule.max_total - so_far);
    std::int64_t units = 0;
    while (units < room && reaches(static_cast<Number>(units + 1) * threshold)) ++units;
    return units;
  }
  if (v < Number{0} && rule.min_per_step < 0) {
    const std::int64_t room =
        std::min<std::int64_t>(-std::int64_t{rule.min_per_step}, so_far - rule.min_total);
    std::int64_t units = 0;
    while (units < room && v + static_cast<Number>(units) * threshold < Number{0}) ++units;
    return -units;
  }
  return 0;
}

/// What the models say about rounding of fixed-point decays.
struct FixedPoint {
  std::uint32_t decay_shift = 0, current_decay_shift = 0;
  Rounding rounding = Rounding::kFloor;
};
FixedPoint fixed_point(const Neuron& neuron) {
  if (const auto* lif = std::get_if<Lif>(&neuron)) return {lif->decay_shift, 0, lif->rounding};
  if (const auto* cuba = std::get_if<CubaLif>(&neuron))
    return {cuba->decay_shift, cuba->current_decay_shift, cuba->rounding};
  if (const auto* li = std::get_if<Li>(&neuron)) return {li->decay_shift, 0, li->rounding};
  return {};
}

bool bias_is_due(const Population& population, const Window& window, std::uint64_t step) {
  switch (population.bias_timing) {
    case BiasTiming::kEveryStep:
      return true;
    case BiasTiming::kFirstStep:
      return step == window.integrate_begin;
    case BiasTiming::kLastStep:
      return step + 1 == window.integrate_end;
  }
  return true;
}

/// A view of the half of SpikeState that belongs to one arithmetic.
template <class Number>
struct StateView {
  std::vector<std::vector<Number>>&membrane, &current;
  std::vector<std::vector<std::vector<Number>>>& history;
  std::vector<std::vector<Number>>& trains;
};
StateView<float> view(SpikeState& s, float) {
  return {s.membrane_f, s.current_f, s.history_f, s.trains_f};
}
StateView<std::int64_t> view(SpikeState& s, std::int64_t) {
  return {s.membrane_i, s.current_i, s.history_i, s.trains_i};
}

template <class Number>
class Engine {
 public:
  explicit Engine(const SpikeGraph& graph) : graph_(graph), order_(graph.step_order()) {
    for (std::uint32_t i = 0; i < graph.populations.size(); ++i)
      populations_.push_back(plan_population<Number>(graph, PopulationId{i}));
  }

  void initialise(SpikeState& state) const {
    auto [membrane, current, history, trains] = view(state, Number{});
    trains.resize(graph_.projections.size());
    for (const PlannedPopulation<Number>& p : populations_) {
      for (const PlannedProjection<Number>& projection : p.incoming) {
        if (projection.max_pool)
          trains[projection.index].resize(populations_[projection.source].size);
      }
      membrane.push_back(p.initial.empty() ? std::vector<Number>(p.size) : p.initial);
      current.emplace_back(p.current_decay.empty() ? 0 : p.size);
      // Slot t % (history + 1) holds the payloads of step t.
      history.emplace_back(p.history + 1, std::vector<Number>(p.size));
      state.emitted.emplace_back(p.size);
    }
  }

  Result<> step(SpikeState& state, const std::vector<const Stimulus*>& stimuli,
                std::uint64_t first_step, const StepObserver& observer) const {
    auto [membrane, current, history, trains] = view(state, Number{});
    for (const PopulationId id : order_) {
      const PlannedPopulation<Number>& p = populations_[id.index];
      std::vector<Number>& payload = history[id.index][state.step % (p.history + 1)];
      std::fill(payload.begin(), payload.end(), Number{0});
      if (std::holds_alternative<Input>(p.population->neuron)) {
        read_stimulus(*stimuli[id.index], p, state.step - first_step, payload);
      } else if (is_awake(p, state.step) || keeps_trains(p)) {
        // Outside the integrate window what arrives is ignored, so nobody adds it up; but trains go
        // on.
        std::vector<Number> input(p.size);
        if (integrates(p, state.step) || keeps_trains(p)) {
          input = deliver(p, state.step, history, trains);
        }
        if (!integrates(p, state.step)) input.assign(p.size, Number{0});
        NT_TRY_VOID(update(p, state.step, input, membrane[id.index], current[id.index],
                           state.emitted[id.index], payload));
      }
      if (observer) observer(record(id, state.step, payload, membrane[id.index]));
    }
    ++state.step;
    return {};
  }

 private:
  static bool integrates(const PlannedPopulation<Number>& p, std::uint64_t step) {
    const Firing* firing = firing_of(p.population->neuron);
    const Window window = firing ? firing->window : Window{};
    return step >= window.integrate_begin && step < window.integrate_end;
  }
  /// Whether anything can happen to the population in this step.
  static bool is_awake(const PlannedPopulation<Number>& p, std::uint64_t step) {
    const Firing* firing = firing_of(p.population->neuron);
    return integrates(p, step) || (firing != nullptr && step >= firing->window.fire_begin &&
                                   step < firing->window.fire_end);
  }

  /// Whether the population reads a maximum over trains, which go on outside its windows.
  static bool keeps_trains(const PlannedPopulation<Number>& p) {
    return std::ranges::any_of(p.incoming, [](const auto& in) { return in.max_pool.has_value(); });
  }

  static void read_stimulus(const Stimulus& stimulus, const PlannedPopulation<Number>& p,
                            std::uint64_t step, std::vector<Number>& payload) {
    const bool held = std::get<Input>(p.population->neuron).held;
    const std::size_t offset = held ? 0 : static_cast<std::size_t>(step) * p.size;
    if constexpr (std::is_integral_v<Number>) {
      const auto values = stimulus.value.as<std::int32_t>();
      for (std::size_t i = 0; i < p.size; ++i) payload[i] = values[offset + i];
    } else {
      const auto values = stimulus.value.as<float>();
      for (std::size_t i = 0; i < p.size; ++i) payload[i] = values[offset + i];
    }
  }

  /// Steps 1 and 2 of a population: the sums of its projections, added up in graph order.
  std::vector<Number> deliver(const PlannedPopulation<Number>& p, std::uint64_t step,
                              const std::vector<std::vector<std::vector<Number>>>& history,
                              std::vector<std::vector<Number>>& trains) const {
    std::vector<Number> total(p.size);
    bool first = true;
    for (const PlannedProjection<Number>& projection : p.incoming) {
      std::vector<Number> sum(p.size);
      if (step >= projection.delay) {
        const auto& ring = history[projection.source];
        const std::vector<Number>& sent = ring[(step - projection.delay) % ring.size()];
        if (projection.max_pool && projection.max_pool->works_at(step))
          projection.max_pool->advance(sent, trains[projection.index], sum);
        for (const PlannedRow& row : projection.rows) {
          const Number x = sent[row.source];
          if (x == Number{0}) continue;
          for (std::size_t i = row.begin; i < row.end; ++i)
            sum[projection.synapses[i].target] += projection.synapses[i].weight * x;
        }
      }
      for (std::size_t i = 0; i < p.size; ++i) {
        if (!projection.scale.empty()) sum[i] = projection.scale[i] * sum[i];
        sum[i] = sum[i] * projection.factor;
        total[i] = first ? sum[i] : total[i] + sum[i];
      }
      first = false;
    }
    return total;
  }

  /// Steps 3 to 5: integrate, fire, reset.
  Result<> update(const PlannedPopulation<Number>& p, std::uint64_t step, std::vector<Number> input,
                  std::vector<Number>& membrane, std::vector<Number>& current,
                  std::vector<std::int64_t>& emitted, std::vector<Number>& payload) const {
    const Firing* firing = firing_of(p.population->neuron);
    const Window window = firing ? firing->window : Window{};
    if (!p.bias.empty() && integrates(p, step) && bias_is_due(*p.population, window, step))
      for (std::size_t i = 0; i < p.size; ++i) input[i] = input[i] + p.bias[i];
    NT_TRY_VOID(in_range(p, step, input, "current"));

    if (std::holds_alternative<Relay>(p.population->neuron)) {
      payload = std::move(input);
      return {};
    }
    if (integrates(p, step)) {
      integrate(p, input, membrane, current);
      NT_TRY_VOID(in_range(p, step, current, "synaptic current"));
      NT_TRY_VOID(in_range(p, step, membrane, "membrane potential"));
    }
    if (firing && step >= window.fire_begin && step < window.fire_end) {
      fire(p, *firing, step - window.fire_begin, membrane, emitted, payload);
      NT_TRY_VOID(in_range(p, step, membrane, "membrane potential"));
    }
    return {};
  }

  static void integrate(const PlannedPopulation<Number>& p, const std::vector<Number>& input,
                        std::vector<Number>& membrane, std::vector<Number>& current) {
    const FixedPoint fixed = fixed_point(p.population->neuron);
    for (std::size_t i = 0; i < p.size; ++i) {
      Number arriving = input[i];
      if (!p.current_decay.empty()) {
        current[i] =
            decayed(current[i], p.current_decay[i], fixed.current_decay_shift, fixed.rounding) +
            arriving;
        arriving = current[i];
      }
      const Number kept = p.decay.empty()
                              ? membrane[i]
                              : decayed(membrane[i], p.decay[i], fixed.decay_shift, fixed.rounding);
      membrane[i] = kept + arriving;
    }
  }

  static void fire(const PlannedPopulation<Number>& p, const Firing& firing,
                   std::uint64_t fire_step, std::vector<Number>& membrane,
                   std::vector<std::int64_t>& emitted, std::vector<Number>& payload) {
    if (firing.radix_bits > 0 && fire_step >= firing.radix_bits) return;
    const Number power =
        firing.radix_bits > 0
            ? static_cast<Number>(std::int64_t{1} << (firing.radix_bits - 1 - fire_step))
            : Number{1};
    for (std::size_t i = 0; i < p.size; ++i) {
      const Number threshold = p.threshold[i] * power;
      const std::int64_t units =
          emitted_units(membrane[i], threshold, emitted[i], firing.emission, firing.comparison);
      if (units == 0) continue;
      membrane[i] = firing.reset == Reset::kSubtract
                        ? membrane[i] - static_cast<Number>(units) * threshold
                        : p.reset_value[i];
      emitted[i] += units;
      payload[i] = static_cast<Number>(units);
    }
  }

  static Result<> in_range(const PlannedPopulation<Number>& p, std::uint64_t step,
                           const std::vector<Number>& values, std::string_view what) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      bool fits = true;
      if constexpr (std::is_integral_v<Number>)
        fits = values[i] >= kInt32Min && values[i] <= kInt32Max;
      else
        fits = std::isfinite(values[i]);
      if (!fits)
        return error("eval.overflow", ModelNode{"", p.population->name},
                     fmt::format("the {} of neuron {} leaves its range at step {}: {}", what, i,
                                 step, values[i]),
                     "use fewer fraction bits or narrower weights in 'quantize', or fewer steps");
    }
    return {};
  }

  static StepRecord record(PopulationId id, std::uint64_t step, const std::vector<Number>& payload,
                           const std::vector<Number>& membrane) {
    StepRecord result;
    result.population = id;
    result.step = step;
    if constexpr (std::is_integral_v<Number>) {
      result.payload_i = payload;
      result.membrane_i = membrane;
    } else {
      result.payload_f = payload;
      result.membrane_f = membrane;
    }
    return result;
  }

  const SpikeGraph& graph_;
  std::vector<PopulationId> order_;
  std::vector<PlannedPopulation<Number>> populations_;
};

/// The stimulus of every input population, checked; indexed by population.
Result<std::vector<const Stimulus*>> match_stimuli(const SpikeGraph& graph,
                                                   std::span<const Stimulus> stimuli,
                                                   std::uint64_t steps) {
  std::vector<const Stimulus*> found(graph.populations.size(), nullptr);
  const DType wanted = graph.arithmetic == Arithmetic::kInteger ? DType::kInt32 : DType::kFloat32;
  for (const Stimulus& stimulus : stimuli) {
    NT_CHECK(stimulus.population.index < found.size(), "stimulus names no population");
    found[stimulus.population.index] = &stimulus;
  }
  for (std::uint32_t i = 0; i < found.size(); ++i) {
    const Population& population = graph.populations[i];
    const auto* input = std::get_if<Input>(&population.neuron);
    if (!input) continue;
    const ModelNode at{"", population.name};
    if (!found[i])
      return error("eval.stimulus", at, fmt::format("'{}' has no stimulus", population.name));
    const std::int64_t size =
        population.size() * (input->held ? 1 : static_cast<std::int64_t>(steps));
    const Tensor& value = found[i]->value;
    if (!value.defined() || value.dtype() != wanted || value.size() != size)
      return error("eval.stimulus", at,
                   fmt::format("the stimulus of '{}' is {} {}, but {} elements of {} are needed",
                               population.name, short_name(value.dtype()), to_string(value.shape()),
                               size, short_name(wanted)));
  }
  return found;
}

}  // namespace

struct SpikeEvaluator::Plan {
  const SpikeGraph& graph;
  std::unique_ptr<Engine<float>> real;
  std::unique_ptr<Engine<std::int64_t>> integer;
};

SpikeEvaluator::SpikeEvaluator(const SpikeGraph& graph) : plan_(new Plan{graph, nullptr, nullptr}) {
  if (graph.arithmetic == Arithmetic::kInteger)
    plan_->integer = std::make_unique<Engine<std::int64_t>>(graph);
  else
    plan_->real = std::make_unique<Engine<float>>(graph);
}

SpikeEvaluator::~SpikeEvaluator() = default;

SpikeState SpikeEvaluator::initial_state() const {
  SpikeState state;
  if (plan_->integer)
    plan_->integer->initialise(state);
  else
    plan_->real->initialise(state);
  return state;
}

Result<> SpikeEvaluator::run(SpikeState& state, std::span<const Stimulus> stimuli,
                             std::uint64_t steps, const StepObserver& observer) const {
  NT_TRY(const std::vector<const Stimulus*> matched, match_stimuli(plan_->graph, stimuli, steps));
  const std::uint64_t first_step = state.step;
  for (std::uint64_t i = 0; i < steps; ++i) {
    if (plan_->integer)
      NT_TRY_VOID(plan_->integer->step(state, matched, first_step, observer));
    else
      NT_TRY_VOID(plan_->real->step(state, matched, first_step, observer));
  }
  return {};
}

std::int64_t SpikeEvaluator::fan_out(PopulationId population, std::int64_t neuron) const {
  std::int64_t count = 0;
  const SpikeGraph& graph = plan_->graph;
  for (const ProjectionId id : graph.outgoing(population)) {
    const Projection& projection = graph[id];
    count += static_cast<std::int64_t>(row(projection.connectivity, graph[projection.source].shape,
                                           graph[projection.target].shape, neuron)
                                           .size());
  }
  return count;
}

}  // namespace neurotool
