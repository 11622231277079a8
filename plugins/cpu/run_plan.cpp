// Looks at the inputs of a run, bounds what they can cause, and picks a way for every projection.
#include "run_plan.hpp"

#include <algorithm>
#include <cmath>

namespace neurotool::cpu {
namespace {

constexpr std::size_t kTileNumbers = 4096;  // 16 KiB of currents
constexpr std::uint32_t kFewestTileSteps = 8;

template <class Number>
InputRange range_of(const Number* values, std::size_t count) {
  InputRange range{0, true};
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<double>(values[i]);
    // Not max(): NaN must get through.
    if (!(std::abs(value) <= range.largest)) range.largest = std::abs(value);
    if (std::isnan(value)) return {value, false};
    range.zero_or_one = range.zero_or_one && (value == 0 || value == 1);
  }
  return range;
}

template <class Number>
std::vector<const Number*> find_inputs(const Program<Number>& program, const RunRequest& request) {
  std::vector<const Number*> inputs(program.populations.size());
  for (const InputData& input : request.inputs) {
    if (input.population >= inputs.size() ||
        program.populations[input.population].facts.model != Model::kInput) {
      throw RunError(RunError::Cause::kRequest, 0, "cpu.stimulus",
                     "a stimulus names population " + std::to_string(input.population) +
                         ", which is no input");
    }
    inputs[input.population] = static_cast<const Number*>(input.values);
  }
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    const Population& p = program.populations[i].facts;
    if (p.model == Model::kInput && inputs[i] == nullptr) {
      throw RunError(RunError::Cause::kRequest, i, "cpu.stimulus",
                     "input '" + p.name + "' has no stimulus");
    }
  }
  return inputs;
}

template <class Number>
std::vector<InputRange> input_ranges(const Program<Number>& program, const RunRequest& request,
                                     const std::vector<const Number*>& inputs) {
  std::vector<InputRange> ranges(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    const PopulationProgram<Number>& p = program.populations[i];
    const std::uint64_t frames = request.samples * (p.facts.held ? 1 : request.steps);
    ranges[i] = range_of(inputs[i], frames * p.grid.neurons());
  }
  return ranges;
}

template <class Number>
Way choose_way(const Program<Number>& program, const ProjectionProgram<Number>& p,
               const std::vector<Mode>& modes) {
  if (p.route == Route::kMaxPool) return Way::kMaxPool;
  if (program.populations[p.source].constant) return Way::kConstant;
  if (modes[p.target].wide) return Way::kPlain;
  switch (p.route) {
    case Route::kPool:
      return Way::kPool;
    case Route::kScale:
      return Way::kScale;
    case Route::kGrouped:
    case Route::kSparse:
      return Way::kPlain;
    case Route::kMaxPool:  // above
    case Route::kSums:
      break;
  }
  switch (program.options.kernel) {
    case KernelChoice::kAuto:
      return Way::kAdaptive;
    case KernelChoice::kEvents:
      return Way::kEvents;
    case KernelChoice::kDense:
      return Way::kDense;
  }
  return Way::kAdaptive;
}

}  // namespace

template <class Number>
std::size_t RunPlan<Number>::row_size(std::uint32_t population) const {
  const PopulationProgram<Number>& p = program.populations[population];
  return p.pixels_per_row() * p.grid.lanes;
}

template <class Number>
std::uint32_t RunPlan<Number>::tile_steps(std::uint32_t population) const {
  const auto fitting = static_cast<std::uint32_t>(kTileNumbers / row_size(population));
  return std::min(std::max(fitting, kFewestTileSteps), window);
}

template <class Number>
std::uint32_t ring_slots(const Program<Number>& program, const ProjectionProgram<Number>& p) {
  const Geometry& g = p.geometry;
  if (!program.populations[p.target].by_rows) return g.source_height;
  return std::min(g.source_height, (g.kernel_height - 1) * g.dilation_y + 1);
}

template <class Number>
RunPlan<Number> plan_run(const Program<Number>& program, const RunRequest& request) {
  RunPlan<Number> plan{program};
  plan.steps = request.steps;
  plan.window = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(request.steps, 1, program.options.window));
  plan.probes = request.probes;
  plan.inputs = find_inputs(program, request);
  plan.modes = choose_modes(program, request.steps, input_ranges(program, request, plan.inputs));
  for (std::uint32_t i = 0; i < plan.modes.size(); ++i) {
    if (!plan.modes[i].may_spill) continue;
    throw RunError(RunError::Cause::kUnsupported, i, "cpu.range",
                   "a current of '" + program.populations[i].facts.name +
                       "' may leave 64 bits with these inputs",
                   "use narrower weights or inputs");
  }
  for (const ProjectionProgram<Number>& p : program.projections) {
    plan.ways.push_back(choose_way(program, p, plan.modes));
  }
  return plan;
}

template struct RunPlan<float>;
template struct RunPlan<std::int32_t>;
template std::uint32_t ring_slots(const Program<float>&, const ProjectionProgram<float>&);
template std::uint32_t ring_slots(const Program<std::int32_t>&,
                                  const ProjectionProgram<std::int32_t>&);
template RunPlan<float> plan_run(const Program<float>&, const RunRequest&);
template RunPlan<std::int32_t> plan_run(const Program<std::int32_t>&, const RunRequest&);

}  // namespace neurotool::cpu
