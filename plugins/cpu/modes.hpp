// How wide the numbers of a run may get, and so which arithmetic each population needs. Fast
// kernels work in 32 bits. They check no current, so that they run only where it is proven that no
// current can leave its range for these inputs, and no membrane where the same is proven of it for
// this many steps. Elsewhere sums are made in 64 bits and checked.
#pragma once

#include <cstdint>
#include <vector>

#include "program.hpp"

namespace neurotool::cpu {

/// How a population's payloads are kept.
enum class Form {
  kHeld,    ///< one value per neuron, good for every step
  kBits,    ///< one bit per neuron and step
  kValues,  ///< one number per neuron and step
};

struct Mode {
  Form form = Form::kBits;
  bool wide = false;       ///< integer networks: currents need 64 bits
  bool plain = false;      ///< the scalar update, which checks everything
  bool checked = false;    ///< the fast update looks at every membrane
  bool may_spill = false;  ///< currents may leave even 64 bits: nothing can run this
  double payload = 0;      ///< bound of what it sends
  double current = 0;      ///< bound of what it hears in one step
};

/// What an input population is about to send.
struct InputRange {
  double largest = 0;        ///< magnitude; infinity and NaN are passed on
  bool zero_or_one = false;  ///< of per-step inputs: may be kept as bits
};

/// `inputs` is indexed by population; entries of other populations are not read.
template <class Number>
std::vector<Mode> choose_modes(const Program<Number>& program, std::uint64_t steps,
                               const std::vector<InputRange>& inputs);

/// The widest that inputs may be by their own description: what a compiler can check.
template <class Number>
std::vector<InputRange> declared_ranges(const Program<Number>& program);

}  // namespace neurotool::cpu
