// How a NIR graph becomes steps. NIR says which differential equations a network has and nothing
// about time steps, so every simulator chose for itself; the same file has as many meanings as
// there are readers. A Discretization writes one such choice down, and the presets are the choices
// of the simulators that people use, to the order of their float32 operations.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ir/tensor.hpp"

namespace neurotool::nir {

/// Whose reading of the parameters, and whose order of operations. kGeneric is the textbook formula
/// of the other fields.
enum class Dialect { kGeneric, kNorse, kSnntorch, kSpikingjelly, kSinabs, kRockpool, kLava, kSpyx };
enum class TimeUnit { kSeconds, kMilliseconds, kSteps };
/// What one step does to tau dv/dt = (v_leak - v) + r x.
enum class Integrator {
  kEuler,     ///< v = v + dt/tau ((v_leak - v) + r x)
  kExact,     ///< v = a v + (1 - a) (v_leak + r x), a = exp(-dt/tau)
  kNormFree,  ///< v = a v + x: the input is not scaled; a = exp(-dt/tau)
  kDecay,     ///< v = a v + b x with a = 1 - dt/tau, b = r dt/tau: Euler in the form of our neurons
};
enum class Compare { kAbove, kAtLeast };  ///< v > threshold, v >= threshold
enum class ResetRule { kZero, kValue, kSubtract };
enum class SpikeCount { kSingle, kMany };  ///< one spike per step, or as many thresholds as fit
enum class ClampLow { kNone, kMinusThreshold };
enum class InitialPotential { kZero, kLeak, kReset, kByNode };
enum class FloatWidth { kFloat32, kFloat64 };

struct Discretization {
  std::string name = "custom";  ///< of the preset, for messages
  Dialect dialect = Dialect::kGeneric;
  double dt = 1e-4;  ///< in the unit of the time constants
  TimeUnit time_unit = TimeUnit::kSeconds;
  Integrator integrator = Integrator::kEuler;
  Compare compare = Compare::kAbove;
  ResetRule reset = ResetRule::kValue;
  SpikeCount spikes = SpikeCount::kSingle;
  ClampLow clamp_low = ClampLow::kNone;
  InitialPotential v_init = InitialPotential::kZero;
  std::map<std::string, Tensor, std::less<>> v_init_by_node{};  ///< with kByNode; others start at 0
  std::uint32_t delay_out = 0;  ///< steps by which neurons send later
  FloatWidth width = FloatWidth::kFloat32;
  /// Of snnTorch, whose import changed: the leak of an IF node, and whether the threshold of a
  /// CubaLIF is divided by w_in dt/tau_syn or by w_in.
  double if_beta = 1;
  bool synapse_scales_threshold = false;
};

/// dt in the unit in which the file's time constants are: steps of `dt` seconds, read as seconds,
/// milliseconds or steps.
double dt_in_file_units(const Discretization& discretization);

struct Preset {
  std::string_view name, summary;
  Discretization (*make)();
};
/// norse, snntorch, snntorch_1_0, spikingjelly, sinabs, rockpool, lava, spyx, nir_ode, neurotool.
std::span<const Preset> presets();
std::optional<Discretization> preset(std::string_view name);

/// What a reader makes of a type of node.
enum class Support {
  kRuns,
  kSkips,  ///< passes its input on, without a word
  kRefuses,
};
Support support(Dialect dialect, std::string_view node_type);

/// "norse, dt 0.0001 s, euler, v > threshold, reset to zero, …": one line that says it all.
std::string describe(const Discretization& discretization);

}  // namespace neurotool::nir
