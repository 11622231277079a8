// From the rule of a NIR neuron to one of our neurons, where their formulas are the same.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "eval/nir/neuron_rule.hpp"
#include "ir/neurons.hpp"

namespace neurotool::from_nir {

struct MadeNeuron {
  Neuron neuron;
  std::vector<double> gain;  ///< of the input, one per neuron; empty: 1
};

/// `shape` is the population's. Error: nir.cannot-express, without a place.
Result<MadeNeuron> make_neuron(const nir::NeuronRule& rule, const Shape& shape);

/// Values as a parameter: of rank 0 where they are equal, per channel where channels are, of the
/// full shape otherwise. Absent where all are 0 and `zero_is_absent`.
Tensor compressed(const std::vector<double>& values, const Shape& shape,
                  bool zero_is_absent = false);

}  // namespace neurotool::from_nir
