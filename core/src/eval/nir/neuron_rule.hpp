// One step of one NIR neuron under a discretisation, as formulas in a fixed order of operations
// with their coefficients. The simulator carries them out; the importer looks whether our own
// neurons have the same formula.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "eval/nir/discretization.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::nir {

/// How the synaptic current i follows the input x; the membrane then sees i instead of x.
enum class SynapseForm {
  kNone,
  kDecay,       ///< i = sa i + x
  kDecayGain,   ///< i = sa i + sb x
  kDecayAfter,  ///< i = sa (i + x)
  kEuler,       ///< i = i + sa ((leak - i) + sb x)
};

/// How the membrane v follows its input x.
enum class MembraneForm {
  kSum,               ///< v = v + x
  kSumGain,           ///< v = v + b x
  kDecay,             ///< v = a v + x
  kDecayGain,         ///< v = a v + b x
  kDecayShifted,      ///< v = a v + b (leak + r x)
  kDecayOffset,       ///< v = (a v + x) + leak
  kEuler,             ///< v = v + a ((x + leak) - v)
  kEulerOfCurrent,    ///< v = v + a ((r x + leak) - v)
  kEulerScaled,       ///< v = v + a ((leak - v) + r x)
  kRelaxation,        ///< v = v + (x - (v - reset)) / a
  kRelaxationFree,    ///< v = v - (v - reset) / a + x
  kExactWithCurrent,  ///< the solution of both equations; see generic_rule.cpp
};

enum class FireForm {
  kNever,
  kSingle,     ///< one spike when the comparison holds
  kTruncated,  ///< trunc(v / threshold) where v > 0
  kFloor,      ///< floor(v / threshold) where the comparison holds
};

enum class ResetForm {
  kZero,           ///< v = (1 - s) v
  kValue,          ///< v = (1 - s) v + s reset
  kSubtract,       ///< v = v - n threshold
  kSubtractTwice,  ///< snnTorch: what is still above the threshold is taken away in the next step
  kSubtractLate,   ///< spyx: the old v decides; the threshold leaves together with the input
  kSubtractFirst,  ///< spyx, CubaLIF: the old v decides, and loses the threshold before it decays
};

struct NeuronRule {
  SynapseForm synapse = SynapseForm::kNone;
  MembraneForm membrane = MembraneForm::kSum;
  FireForm fire = FireForm::kNever;
  Compare compare = Compare::kAbove;
  ResetForm reset = ResetForm::kZero;
  bool clamps = false;  ///< v = max(v + threshold, 0) - threshold after the reset
  double grid = 0;      ///< the input is rounded to multiples of it; 0: not at all
  /// One per neuron, as the formulas name them; empty where a formula has none. Of the float width
  /// of the discretisation, rounded where the simulator rounds.
  std::vector<double> sa, sb, a, b, r, leak, cross, threshold, reset_value, v_start, i_start;
};

/// The rule of an I, LI, IF, LIF, CubaLI or CubaLIF node with neurons of `shape`. `name` chooses
/// its initial potential. Errors, without a place: nir.parameter, nir.preset (the simulator refuses
/// such a node).
Result<NeuronRule> neuron_rule(const Primitive& primitive, const std::string& name,
                               const Shape& shape, const Discretization& discretization);

/// Whether the type has a rule: neurons and integrators.
bool has_neurons(const Primitive& primitive);

}  // namespace neurotool::nir
