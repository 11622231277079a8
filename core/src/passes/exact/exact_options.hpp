// The options of `exact`, which its parts share.
#pragma once

#include <cstdint>

namespace neurotool::exact {

/// How a neuron sends the count that its sum asks for.
enum class Realisation {
  kAuto,        ///< radix where every count goes from 0 to 2^b - 1, otherwise two_phase
  kTwoPhase,    ///< integrate in one window, then one spike per unit in a window of its own
  kRadix,       ///< the same with the binary digits of the count, the most significant first
  kStBif,       ///< all layers at once, spikes of both signs, until nothing changes
  kGraded,      ///< the count as one payload
  kSigmaDelta,  ///< all layers at once, each sends the change of its count
};

enum class InputCoding {
  kDirect,    ///< whole numbers, multiplied once
  kBitplane,  ///< an encoder sends their binary digits, the most significant first
};

enum class RoundingRule {
  kModel,   ///< as the network has it, or refused
  kHalfUp,  ///< halves go up, where the network rounds them to the even number
};

struct ExactOptions {
  Realisation realisation = Realisation::kAuto;
  InputCoding input = InputCoding::kDirect;
  RoundingRule rounding = RoundingRule::kModel;
  std::uint32_t weight_bits = 8;
  std::uint32_t input_bits = 8;
  int fraction_bits = -1;
  std::uint32_t steps = 0;
};

/// Whether all layers run at once, and counts may go down again.
inline bool is_concurrent(Realisation realisation) {
  return realisation == Realisation::kStBif || realisation == Realisation::kSigmaDelta;
}

}  // namespace neurotool::exact
