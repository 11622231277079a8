// Turns linear forms into populations: neurons for an activation, a relay between two linear
// operations, a readout at the end.
#pragma once

#include <map>
#include <span>
#include <string>

#include "passes/lower/linear_form.hpp"
#include "passes/lower/lowering.hpp"

namespace neurotool::lower {

class PopulationBuilder {
 public:
  explicit PopulationBuilder(SpikeGraph& graph) : graph_(graph) {}

  /// A held analog input, and its value.
  LinearForm input(Shape sample);
  /// A population that forwards the form, and the plain form that shows it. Where all that reaches
  /// a channel has one value per payload, payloads are summed as they are and the value is kept
  /// beside them; otherwise the weights hold it.
  LinearForm relay(const LinearForm& form);
  /// The same with the values in the weights, whatever they are: a payload is worth 1.
  LinearForm relay_of_values(const LinearForm& form);
  /// Integrate-and-fire neurons.
  PopulationId neurons(const LinearForm& form, const NeuronParameters& parameters,
                       const LoweringOptions& options);
  /// Integrates the form; its membrane is the network's output.
  PopulationId readout(const LinearForm& form);

 private:
  std::string next_name(const LinearForm& form);
  PopulationId add(const LinearForm& form, std::string name, Neuron neuron);
  void connect(const Term& term, PopulationId target, Connectivity connectivity);

  SpikeGraph& graph_;
  std::map<std::string, int> used_;  ///< names given so far, by stem
};

}  // namespace neurotool::lower
