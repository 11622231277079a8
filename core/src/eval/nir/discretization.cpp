// The presets, each with where its rules come from: the import code of the simulator, read and run
// (docs/nir.md lists versions). Tests hold them against traces that those simulators wrote.
#include "eval/nir/discretization.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"

namespace neurotool::nir {
namespace {

Discretization norse() {
  return {.name = "norse",
          .dialect = Dialect::kNorse,
          .dt = 1e-3,
          .integrator = Integrator::kEuler,
          .compare = Compare::kAbove,
          .reset = ResetRule::kZero,
          .v_init = InitialPotential::kLeak};
}

Discretization snntorch() {
  return {.name = "snntorch",
          .dialect = Dialect::kSnntorch,
          .dt = 1e-4,
          .integrator = Integrator::kNormFree,
          .compare = Compare::kAbove,
          .reset = ResetRule::kZero};
}

Discretization snntorch_1_0() {
  Discretization made = snntorch();
  made.name = "snntorch_1_0";
  made.if_beta = 0.9;
  made.synapse_scales_threshold = true;
  return made;
}

Discretization spikingjelly() {
  return {.name = "spikingjelly",
          .dialect = Dialect::kSpikingjelly,
          .dt = 1e-4,
          .integrator = Integrator::kEuler,
          .compare = Compare::kAtLeast,
          .reset = ResetRule::kValue,
          .v_init = InitialPotential::kReset};
}

Discretization sinabs() {
  return {.name = "sinabs",
          .dialect = Dialect::kSinabs,
          .dt = 1,
          .time_unit = TimeUnit::kSteps,
          .integrator = Integrator::kNormFree,
          .compare = Compare::kAtLeast,
          .reset = ResetRule::kSubtract,
          .spikes = SpikeCount::kMany,
          .clamp_low = ClampLow::kMinusThreshold};
}

Discretization rockpool() {
  return {.name = "rockpool",
          .dialect = Dialect::kRockpool,
          .dt = 0,  // follows from the file
          .integrator = Integrator::kExact,
          .compare = Compare::kAtLeast,
          .reset = ResetRule::kSubtract,
          .spikes = SpikeCount::kMany};
}

Discretization lava() {
  return {.name = "lava",
          .dialect = Dialect::kLava,
          .dt = 1e-4,
          .integrator = Integrator::kEuler,
          .compare = Compare::kAtLeast,
          .reset = ResetRule::kZero};
}

Discretization spyx() {
  return {.name = "spyx",
          .dialect = Dialect::kSpyx,
          .dt = 1,
          .integrator = Integrator::kNormFree,
          .compare = Compare::kAbove,
          .reset = ResetRule::kSubtract,
          .delay_out = 0};
}

Discretization nir_ode() {
  return {.name = "nir_ode",
          .dt = 1e-4,
          .integrator = Integrator::kExact,
          .compare = Compare::kAbove,
          .reset = ResetRule::kValue};
}

Discretization neurotool() {
  return {.name = "neurotool",
          .dt = 1e-4,
          .integrator = Integrator::kDecay,
          .compare = Compare::kAtLeast,
          .reset = ResetRule::kSubtract};
}

constexpr std::array<Preset, 10> kPresets{{
    {"norse", "norse 1.1, from_nir: Euler, v > threshold, hard reset to 0, starts at v_leak",
     norse},
    {"snntorch", "snnTorch since September 2026, import_from_nir: IF resets by subtraction",
     snntorch},
    {"snntorch_1_0", "snnTorch up to 1.0: an IF node leaks with beta 0.9", snntorch_1_0},
    {"spikingjelly", "spikingjelly, import_from_nir: v >= threshold, hard reset to v_reset",
     spikingjelly},
    {"sinabs", "sinabs, from_nir: several spikes per step, subtraction, clamp at -threshold",
     sinabs},
    {"rockpool", "rockpool, from_nir: CubaLIF alone, several spikes per step", rockpool},
    {"lava", "lava-dl and lava as in the scripts of the NIR paper", lava},
    {"spyx", "spyx 1.0, from_nir: fires one step later, subtraction, channels last", spyx},
    {"nir_ode", "the equations of NIR, solved exactly between steps; reset to v_reset", nir_ode},
    {"neurotool", "our own neurons: v = a v + b x, v >= threshold, reset by subtraction",
     neurotool},
}};

bool any_of(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::ranges::find(types, type) != types.end();
}

}  // namespace

std::span<const Preset> presets() { return kPresets; }

std::optional<Discretization> preset(std::string_view name) {
  const auto found = std::ranges::find(kPresets, name, &Preset::name);
  if (found == kPresets.end()) return std::nullopt;
  return found->make();
}

double dt_in_file_units(const Discretization& d) {
  switch (d.time_unit) {
    case TimeUnit::kSeconds:
      return d.dt;
    case TimeUnit::kMilliseconds:
      return d.dt * 1e3;
    case TimeUnit::kSteps:
      return 1;
  }
  return d.dt;
}

Support support(Dialect dialect, std::string_view type) {
  if (any_of(type, {"Input", "Output", "NIRGraph"})) return Support::kRuns;
  const auto runs = [&](std::initializer_list<std::string_view> types) {
    return any_of(type, types) ? Support::kRuns : Support::kRefuses;
  };
  switch (dialect) {
    case Dialect::kGeneric:
      return Support::kRuns;
    case Dialect::kNorse:
      return runs({"Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten",
                   "IF", "LI", "LIF", "CubaLIF"});
    case Dialect::kSnntorch:
      return runs({"Affine", "Linear", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "IF", "LIF",
                   "CubaLIF"});
    case Dialect::kSpikingjelly:
      return runs({"Affine", "Linear", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten",
                   "IF", "LIF", "CubaLIF"});
    case Dialect::kSinabs:
      return any_of(type, {"Affine", "Conv1d", "Conv2d", "SumPool2d", "Flatten", "IF", "LI", "LIF"})
                 ? Support::kRuns
                 : Support::kSkips;
    case Dialect::kRockpool:
      return runs({"Affine", "Linear", "CubaLIF"});
    case Dialect::kLava:
      return runs({"Affine", "Linear", "Conv2d", "SumPool2d", "Flatten", "IF", "LIF", "CubaLIF"});
    case Dialect::kSpyx:
      return runs(
          {"Affine", "Linear", "Conv2d", "SumPool2d", "Flatten", "IF", "LI", "LIF", "CubaLIF"});
  }
  return Support::kRefuses;
}

std::string describe(const Discretization& d) {
  constexpr std::array<std::string_view, 4> kIntegrators{"euler", "exact", "norm_free", "decay"};
  constexpr std::array<std::string_view, 3> kResets{"to zero", "to v_reset", "by subtraction"};
  constexpr std::array<std::string_view, 4> kStarts{"0", "v_leak", "v_reset", "given values"};
  std::string text = fmt::format(
      "preset {}, {}, {}, v {} threshold, reset {}, {} per step, v(0) = {}", d.name,
      d.time_unit == TimeUnit::kSteps ? "time constants in steps"
      : d.dt > 0                      ? fmt::format("dt {} {}", number_text(d.dt),
                               d.time_unit == TimeUnit::kSeconds ? "s" : "s, time constants in ms")
                                      : "dt from the file",
      kIntegrators[static_cast<std::size_t>(d.integrator)],
      d.compare == Compare::kAbove ? ">" : ">=", kResets[static_cast<std::size_t>(d.reset)],
      d.spikes == SpikeCount::kMany ? "several spikes" : "one spike",
      kStarts[static_cast<std::size_t>(d.v_init)]);
  if (d.clamp_low == ClampLow::kMinusThreshold) text += ", clamped at -threshold";
  if (d.delay_out > 0) text += fmt::format(", sent {} steps later", d.delay_out);
  return text;
}

}  // namespace neurotool::nir
