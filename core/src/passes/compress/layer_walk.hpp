// Runs a network over calibration samples layer by layer, twice at once: as it was, and as it has
// become up to here. Each layer may be changed when its inputs are known and before anything behind
// it has run, so that later layers see, and can make good, what earlier changes did.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "passes/compress/linear_layer.hpp"
#include "passes/pass.hpp"

namespace neurotool::compress {

/// The data of one layer, batch by batch.
struct LayerData {
  std::span<const Tensor> was, now;
};

enum class LayerChange : bool { kNo, kYes };

struct WalkOptions {
  std::int64_t samples = 512;
  /// After a change the mean of each output is brought back to what it was, by the bias.
  bool correct_bias = true;
};

/// Called with each linear layer in topological order; may replace its constants in the graph.
using LayerVisitor = std::function<Result<LayerChange>(const LinearLayer&, const LayerData&)>;

/// `pass` is for messages. Uses fewer samples than asked for when the values of a layer would take
/// more than 768 MB. Returns how many. Errors: compress.calibration-shape,
/// compress.calibration-empty, compress.inputs, compress.not-finite, pass.cancelled, and those of
/// the evaluator and of the visitor.
Result<std::int64_t> walk_layers(TensorGraph& graph, std::string_view pass,
                                 const WalkOptions& options, Context& context,
                                 const LayerVisitor& visit);

/// Moments of the inputs of each group over at most 32768 output positions, spread evenly over the
/// samples.
std::vector<SquareMatrix> input_moments(const PatchReader& reader, std::size_t groups,
                                        std::span<const Tensor> batches);
/// The same for a layer of a tensor graph.
std::vector<SquareMatrix> input_moments(const TensorGraph& graph, const LinearLayer& layer,
                                        std::span<const Tensor> batches);

/// Mean of x y' for each group, x the layer's inputs in one run and y those in another, at the same
/// places.
std::vector<SquareMatrix> cross_moments(const TensorGraph& graph, const LinearLayer& layer,
                                        std::span<const Tensor> x, std::span<const Tensor> y);

}  // namespace neurotool::compress
