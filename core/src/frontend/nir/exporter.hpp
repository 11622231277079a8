// The state of one export, for the files that share it. Private to frontend/nir.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "frontend/nir/export.hpp"

namespace neurotool::to_nir {

/// Per-neuron values of a parameter of either element type; `absent` where there is none.
std::vector<double> values_of(const Tensor& parameter, const Shape& shape, double absent);
/// float32 of the full shape, as every reader takes it.
Tensor full_tensor(const std::vector<double>& values, const Shape& shape);

/// A neuron in the chosen profile: the node that takes the current and the one that sends spikes.
struct LoweredNeuron {
  std::string enter, leave;
  /// Taken off the current of every step: the encoding adds it again.
  std::vector<double> bias_taken;
};

class Namer {
 public:
  /// `wanted`, made unique where only case differs, and moved away from what readers reserve.
  std::string operator()(std::string wanted);

 private:
  std::map<std::string, int> used_;
};

/// What neuron lowering needs of the export.
struct NeuronContext {
  nir::Graph& graph;
  Namer& namer;
  const ExportOptions& options;
  double dt = 0;
  bool integer = false;  ///< payloads and membranes are whole numbers
};

/// Adds the nodes of a firing population. Error: nir.cannot-express, without a place.
Result<LoweredNeuron> lower_neuron(const NeuronContext& context, const Population& population,
                                   const std::string& name);

/// The graph with every threshold of a layer equal, where it is not: rows of weights, bias and v(0)
/// are divided by the threshold. Notes: nir.lowered.
SpikeGraph with_equal_thresholds(const SpikeGraph& graph, Diagnostics& diagnostics);

/// The graph with neurons that fire only above the number below their threshold, where all fire at
/// it and reset to a value: the same neurons, in the comparison that norse, snnTorch and NIR have.
SpikeGraph with_thresholds_below(const SpikeGraph& graph);

/// The graph with residual connections of weight 1 where they have positive weights: the rest of
/// the neuron is divided by them. The executor that norse and sinabs use runs two branches with
/// nodes of their own in the wrong order, a branch without any rightly. Notes: nir.lowered.
SpikeGraph with_plain_skips(const SpikeGraph& graph, Diagnostics& diagnostics);

}  // namespace neurotool::to_nir
