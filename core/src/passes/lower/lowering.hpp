// One walk over a tensor graph that makes the spike graph. Which populations and projections come
// out depends on the network alone; thresholds are filled in from outside or provisional.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/spike_graph.hpp"
#include "ir/tensor_graph.hpp"
#include "passes/lower/refusal_list.hpp"

namespace neurotool::lower {

/// A place where an activation function became neurons.
struct Site {
  ValueId value;                 ///< the pre-activation
  ValueId activation;            ///< what the activation function makes of it
  std::string population, node;  ///< names here and in the model file
  std::int64_t channels = 1;
  std::optional<double> cap;  ///< of a clipped rectifier: no activation exceeds it
  /// Where the network itself rounds to levels: its largest activation, one per channel or one, and
  /// the share of a level that it adds before it rounds down. Empty: thresholds come from data.
  std::vector<float> largest;
  double offset = 0.5;
};

/// A quantised activation that became neurons: threshold and payload are one level, bounded by the
/// levels; v(0) is left to whoever asked for it.
struct LevelSite {
  PopulationId population;
  QuantizedActivation op;
  std::string node;
};

enum class Initial { kHalf, kZero };
enum class Granularity { kChannel, kLayer };

struct LoweringOptions {
  std::string_view pass = "rate";  ///< the pass that lowers, for messages
  std::uint32_t steps = 1;
  Initial initial = Initial::kHalf;
  Granularity granularity = Granularity::kChannel;
  /// Quantised activations become neurons that count levels; otherwise neurons whose rate is the
  /// activation, which only levels from 0 on can be.
  bool keeps_levels = false;
  Emission emission;           ///< of every neuron; its threshold is the largest activation / burst
  bool corrects_bias = false;  ///< every neuron gets a bias, though it be 0: calibration changes it
};

/// What calibration found for the neurons of one site.
struct NeuronParameters {
  std::vector<float> threshold;  ///< one per channel, or one
  std::vector<float> worth;      ///< real value of a spike; as many, or none: the threshold
  std::vector<float> initial;    ///< v(0), as many; none: what the options say
  std::vector<float> bias;       ///< to be added to the bias, one per channel, or none
  std::uint32_t fire_begin = 0;
  bool provisional = false;  ///< they wait for data
};

struct Lowered {
  SpikeGraph graph;
  std::vector<Site> sites;
  std::vector<LevelSite> level_sites;
};

/// Every operation that has no place in a spiking network, in topological order, with the reason.
/// Works without data, on a graph whose shapes are inferred. What follows a refused operation is
/// judged as if its value came from outside, so the list is the whole of it; operations that lead
/// to no output are not judged.
std::vector<RefusedOp> survey(const TensorGraph& graph, const std::string& model_path);

/// `parameters`: one for each site in order; none at all: provisional, with thresholds 1. Every
/// node that cannot be lowered is reported to `out` (lowering.unsupported-op, lowering.inputs); the
/// returned error is the first.
Result<Lowered> lower_graph(const TensorGraph& graph, const std::string& model_path,
                            const LoweringOptions& options,
                            std::span<const NeuronParameters> parameters, Diagnostics& out);

}  // namespace neurotool::lower
