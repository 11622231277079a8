// Compiles populations: parameters over lanes, what each may send, and which update it needs.
#include "program.hpp"

#include <algorithm>
#include <cmath>

namespace neurotool::cpu {
namespace {

template <class Number>
double largest(const LineVector<Number>& values) {
  double result = 0;
  for (const Number value : values) result = std::max(result, std::abs(static_cast<double>(value)));
  return result;
}

bool always(const Phases& phases) {
  return phases.integrate_begin == 0 && phases.integrate_end == Phases::kForever &&
         phases.fire_begin == 0 && phases.fire_end == Phases::kForever;
}

bool sends_bits(const Population& p) {
  return p.fires() && p.emission.max_per_step == 1 && p.emission.min_per_step == 0;
}

bool is_simple(const Population& p) {
  if (p.model == Model::kRelay || p.model == Model::kLi) return true;
  return sends_bits(p) && p.reset == Reset::kSubtract && p.radix_bits == 0 &&
         p.comparison == Comparison::kAtLeast && always(p.phases) &&
         p.emission.max_total == Emission::kUnbounded;
}

Population without_tensors(const Population& from) {
  Population facts = from;
  facts.threshold = facts.initial_membrane = facts.bias = facts.reset_value = {};
  facts.decay = facts.current_decay = {};
  return facts;
}

/// One value for every place, which a state array starts as.
template <class Number>
LineVector<Number> start_values(const Numbers& numbers, const Grid& grid) {
  const Parameter<Number> start = spread<Number>(numbers, grid, Number{0});
  LineVector<Number> values(grid.size());
  if (!start.present()) return values;
  for (std::size_t pixel = 0; pixel < grid.pixels(); ++pixel) {
    std::copy_n(start.at(pixel), grid.lanes, values.data() + pixel * grid.lanes);
  }
  return values;
}

template <class Number>
PopulationProgram<Number> compile_population(const Population& p) {
  PopulationProgram<Number> out;
  out.facts = without_tensors(p);
  out.grid = grid_of(p.shape);
  // A lane without a neuron never reaches its threshold and never keeps anything.
  out.threshold = spread<Number>(p.threshold, out.grid, std::numeric_limits<Number>::max());
  out.bias = spread<Number>(p.bias, out.grid, Number{0});
  out.reset_value = spread<Number>(p.reset_value, out.grid, Number{0});
  out.decay = spread<Number>(p.decay, out.grid, Number{0});
  out.current_decay = spread<Number>(p.current_decay, out.grid, Number{0});
  if (p.has_membrane()) out.initial = start_values<Number>(p.initial_membrane, out.grid);
  out.binary = sends_bits(p);
  out.simple = is_simple(p);
  out.largest_bias = largest(out.bias.values);
  out.largest_start = std::max(largest(out.initial), largest(out.reset_value.values));
  if (out.decay.present()) {
    out.largest_decay = std::ldexp(largest(out.decay.values), -static_cast<int>(p.decay_shift));
  }
  if (out.current_decay.present()) {
    out.largest_current_decay =
        std::ldexp(largest(out.current_decay.values), -static_cast<int>(p.current_decay_shift));
  }
  return out;
}

/// A held input, or a relay that only such populations reach and that adds the same at every step.
template <class Number>
void mark_constants(Program<Number>& program) {
  for (const Component& component : program.plan.components) {
    if (component.recurrent) continue;
    const std::uint32_t index = component.populations.front();
    PopulationProgram<Number>& p = program.populations[index];
    if (p.facts.model == Model::kInput) p.constant = p.facts.held;
    if (p.facts.model != Model::kRelay) continue;
    const std::vector<std::uint32_t>& incoming = program.plan.incoming[index];
    p.constant = p.facts.bias_timing == BiasTiming::kEveryStep && !incoming.empty() &&
                 std::ranges::all_of(incoming, [&](std::uint32_t i) {
                   const ProjectionProgram<Number>& projection = program.projections[i];
                   return projection.delay == 0 && projection.route != Route::kMaxPool &&
                          program.populations[projection.source].constant;
                 });
  }
}

/// A relay is awake while something that it hears may send.
template <class Number>
void mark_silence(Program<Number>& program) {
  for (const Component& component : program.plan.components) {
    if (component.recurrent) continue;
    const std::uint32_t index = component.populations.front();
    PopulationProgram<Number>& p = program.populations[index];
    Phases& phases = p.facts.phases;
    if (p.facts.fires()) {
      p.sends_begin = phases.fire_begin;
      p.sends_end = phases.fire_end;
      if (p.facts.radix_bits > 0) {
        p.sends_end = std::min(p.sends_end, phases.fire_begin + p.facts.radix_bits);
      }
    }
    const std::vector<std::uint32_t>& incoming = program.plan.incoming[index];
    if (p.facts.model != Model::kRelay || p.bias.present() || p.constant || incoming.empty()) {
      continue;
    }
    p.sends_begin = Phases::kForever;
    p.sends_end = 0;
    for (const std::uint32_t i : incoming) {
      const ProjectionProgram<Number>& projection = program.projections[i];
      const PopulationProgram<Number>& source = program.populations[projection.source];
      p.sends_begin = std::min(p.sends_begin, source.sends_begin + projection.delay);
      p.sends_end = source.sends_end == Phases::kForever
                        ? Phases::kForever
                        : std::max(p.sends_end, source.sends_end + projection.delay);
    }
    phases.integrate_begin = p.sends_begin;
    phases.integrate_end = p.sends_end;
  }
}

/// Whether every sum that changes during a run can be made for one row of targets alone.
template <class Number>
bool runs_by_rows(const Program<Number>& program, std::uint32_t index) {
  const PopulationProgram<Number>& p = program.populations[index];
  if (p.grid.height == 1) return false;
  return std::ranges::all_of(program.plan.incoming[index], [&](std::uint32_t i) {
    const ProjectionProgram<Number>& projection = program.projections[i];
    if (program.populations[projection.source].constant) return true;
    if (projection.route == Route::kSparse) return false;
    if (projection.route != Route::kSums) return true;
    return projection.weights.block_lanes * projection.weights.blocks == p.grid.lanes;
  });
}

}  // namespace

template <class Number>
Parameter<Number> spread(const Numbers& numbers, const Grid& grid, Number padding) {
  const std::vector<Number>& given = numbers.get<Number>();
  Parameter<Number> out;
  if (given.empty()) return out;
  const std::size_t repeat = grid.neurons() / given.size();
  const bool alike = given.size() == 1 || repeat % grid.pixels() == 0;
  out.stride = alike ? 0 : grid.lanes;
  const std::size_t pixels = alike ? 1 : grid.pixels();
  out.values.assign(pixels * grid.lanes, padding);
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::size_t c = 0; c < grid.channels; ++c) {
      out.values[pixel * grid.lanes + c] = given[grid.flat(pixel, c) / repeat];
    }
  }
  return out;
}

template <class Number>
std::unique_ptr<const Program<Number>> compile(const Network& network, const Options& options) {
  auto program = std::make_unique<Program<Number>>();
  program->options = options;
  program->plan = make_plan(network);
  program->kernels = find_kernels(options.level);
  for (const Population& p : network.populations) {
    program->populations.push_back(compile_population<Number>(p));
  }
  for (const Projection& p : network.projections) {
    program->projections.push_back(
        pack<Number>(p, program->populations[p.source].grid, program->populations[p.target].grid));
    program->weight_bytes += program->projections.back().weight.size() * sizeof(Number);
  }
  mark_constants(*program);
  mark_silence(*program);
  for (std::uint32_t i = 0; i < network.populations.size(); ++i) {
    program->populations[i].by_rows = runs_by_rows(*program, i);
  }
  return program;
}

template Parameter<float> spread(const Numbers&, const Grid&, float);
template Parameter<std::int32_t> spread(const Numbers&, const Grid&, std::int32_t);
template std::unique_ptr<const Program<float>> compile(const Network&, const Options&);
template std::unique_ptr<const Program<std::int32_t>> compile(const Network&, const Options&);

}  // namespace neurotool::cpu
