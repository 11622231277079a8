// The neuron models: data only. docs/semantics.md says what one step does with them, docs/models.md
// gives each model's equation, parameters and source; eval/spike_eval.cpp is both in code.
//
// A parameter tensor has rank 0 (one value for all), the shape [C] of the population's first axis
// (per channel), or the population's full shape (per neuron). Its element type is float32 in a
// float graph and int32 in an integer graph; decay is int32 with `decay_shift` fractional bits
// there.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <variant>

#include "ir/tensor.hpp"

namespace neurotool {

/// What happens to the membrane of a neuron that has fired.
enum class Reset {
  kSubtract,  ///< the emitted amount times the threshold is taken away ("soft")
  kToValue,   ///< the membrane becomes reset_value ("hard")
};

/// Which membrane fires: one at the threshold too, or only one above it. Conversions need the
/// first; most simulators of NIR files do the second.
enum class Comparison { kAtLeast, kAbove };

/// How rounding falls when a fixed-point decay shifts bits out.
enum class Rounding { kFloor, kTowardZero };

/// Bounds of what one neuron may emit. The defaults are the binary neuron {0, 1}. Burst:
/// max_per_step > 1. Signed with memory (Wang 2022): min_per_step = -1. ST-BIF (You 2024):
/// min_per_step = -1 with min_total and max_total. See docs/models.md.
struct Emission {
  static constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();
  std::int32_t max_per_step = 1;
  std::int32_t min_per_step = 0;
  std::int64_t max_total = kUnbounded;  ///< bound of the net count over the run
  std::int64_t min_total = 0;
  bool operator==(const Emission&) const = default;
};

/// When, in steps from the start of a sample, a population integrates and when it may fire. The
/// default is "always both". Two-phase layers integrate in one window and fire in the next.
struct Window {
  static constexpr std::uint32_t kForever = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t integrate_begin = 0, integrate_end = kForever;
  std::uint32_t fire_begin = 0, fire_end = kForever;
  bool operator==(const Window&) const = default;
};

/// Threshold, reset and emission: what all firing models share.
struct Firing {
  Tensor threshold;         ///< > 0, unit of the membrane potential
  Tensor initial_membrane;  ///< v(0); absent = 0
  Comparison comparison = Comparison::kAtLeast;
  Reset reset = Reset::kSubtract;
  Tensor reset_value;  ///< only with kToValue; absent = 0
  Emission emission;
  Window window;
  /// b > 0: radix-2 emission. In the j-th step of the fire window (j = 0 … b-1) the threshold is
  /// threshold * 2^(b-1-j): most significant bit first. 0: the threshold is constant.
  std::uint32_t radix_bits = 0;
};

/// How the host turns a sample into what an input sends, step by step. A target sees the payloads
/// alone. docs/semantics.md section 4 has the equations.
enum class Coding {
  kNone,      ///< values are sent as they are given
  kRate,      ///< an integrate-and-fire encoder for each value
  kPoisson,   ///< a spike with the probability of the value
  kLatency,   ///< one spike, the earlier the larger the value
  kBitplane,  ///< the bits of the value, most significant first, one plane of channels each
  kDelta,     ///< changes, as graded payloads
};

struct Encoder {
  Coding coding = Coding::kNone;
  float full_scale = 1;      ///< the magnitude that is sent as 1; larger ones are sent as 1 too
  std::uint32_t planes = 0;  ///< bitplane: bits of a magnitude
  /// Values below 0 have channels of their own; otherwise they are sent as payloads below 0.
  bool splits_signs = false;
  float least_change = 0;     ///< delta: smaller changes wait
  bool takes_frames = false;  ///< a sample brings a value for each step; otherwise one for all
  bool operator==(const Encoder&) const = default;

  /// Channels of the population for each channel of a sample: sign by sign, plane by plane.
  std::uint32_t copies() const { return (splits_signs ? 2 : 1) * (planes > 0 ? planes : 1); }
};

/// Values from outside. Held: one value per neuron, the same at every step (direct coding).
/// Otherwise the stimulus brings one value per neuron and step (spikes, events, frames).
struct Input {
  bool held = true;
  /// Integer graphs: width of the stored value, sign included when is_signed. 0 in float graphs.
  std::uint32_t bits = 0;
  bool is_signed = false;
  Encoder encoder{};  ///< only where not held
};

/// Stateless: emits, in the same step, the sum that it receives (graded payload). Stands between
/// two linear projections, such as a pooling and a convolution.
struct Relay {};

/// Integrate and fire: v += I.
struct If {
  Firing firing;
};

/// Leaky integrate and fire: v = decay * v + I. A decay of 2 is the consumer of a radix-2 train.
struct Lif {
  Firing firing;
  Tensor decay;
  std::uint32_t decay_shift = 0;  ///< integer graphs: v = round(v * decay / 2^shift) + I
  Rounding rounding = Rounding::kFloor;
};

/// Leaky integrate and fire with a synaptic current: i = current_decay * i + I; v = decay * v + i.
struct CubaLif {
  Firing firing;
  Tensor decay, current_decay;
  std::uint32_t decay_shift = 0, current_decay_shift = 0;
  Rounding rounding = Rounding::kFloor;
};

/// Leaky integrator that never fires: v = decay * v + I; decay absent = 1. The usual readout.
struct Li {
  Tensor decay;
  Tensor initial_membrane;
  std::uint32_t decay_shift = 0;
  Rounding rounding = Rounding::kFloor;
};

using Neuron = std::variant<Input, Relay, If, Lif, CubaLif, Li>;

/// "input", "relay", "if", "lif", "cuba_lif", "li": the word used in dumps, YAML and the plugin
/// ABI.
std::string_view model_name(const Neuron& neuron);

/// The firing part, or nullptr for models that never fire.
const Firing* firing_of(const Neuron& neuron);
Firing* firing_of(Neuron& neuron);

}  // namespace neurotool
