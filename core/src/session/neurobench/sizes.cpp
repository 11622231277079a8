// What can be counted without running anything: parameters, bytes, zeros among the weights.
#include <cmath>
#include <set>

#include "session/neurobench/connections.hpp"
#include "session/neurobench/metrics.hpp"

namespace neurotool::neurobench {
namespace {

/// The harness rounds to four decimals.
double rounded(double share) { return std::round(share * 1e4) / 1e4; }

struct Zeros {
  std::int64_t zeros = 0, weights = 0;
  void count(const Tensor& weight) {
    for (std::int64_t i = 0; i < weight.size(); ++i) zeros += weight.at(i) == 0 ? 1 : 0;
    weights += weight.size();
  }
  double share() const {
    return weights == 0 ? 0 : rounded(static_cast<double>(zeros) / static_cast<double>(weights));
  }
};

/// Adds tensors up, each buffer once.
class Sizes {
 public:
  explicit Sizes(Metrics& metrics) : metrics_(metrics) {}
  void parameter(const Tensor& tensor) {
    if (!add(tensor)) return;
    metrics_.parameters += tensor.size();
  }
  /// State and constants of neurons: bytes, but no parameters.
  void buffer(const Tensor& tensor) { add(tensor); }

 private:
  bool add(const Tensor& tensor) {
    if (!tensor.defined() || !seen_.insert(tensor.data()).second) return false;
    const auto bytes = static_cast<std::int64_t>(tensor.bytes());
    const auto& quantization = tensor.quantization();
    metrics_.footprint += bytes;
    metrics_.footprint_deployed += quantization && quantization->bits > 0
                                       ? (tensor.size() * std::int64_t{quantization->bits} + 7) / 8
                                       : bytes;
    return true;
  }

  Metrics& metrics_;
  std::set<const std::byte*> seen_;
};

}  // namespace

Metrics describe(const TensorGraph& network) {
  Metrics metrics;
  Sizes sizes(metrics);
  Zeros zeros;
  for (const OpId id : network.live_ops()) {
    for (const ValueId input : network[id].inputs) {
      if (!input.valid()) continue;
      const Tensor& constant = network[input].constant;
      // Shapes, axes and bounds are attributes in the harness, not parameters.
      if (constant.defined() && constant.dtype() == DType::kFloat32 && constant.rank() > 0) {
        sizes.parameter(constant);
      }
    }
    if (const Tensor* weight = connection_weight(network, network[id])) zeros.count(*weight);
  }
  metrics.connection_sparsity = zeros.share();
  return metrics;
}

Metrics describe(const SpikeGraph& graph) {
  Metrics metrics;
  Sizes sizes(metrics);
  Zeros zeros;
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    sizes.parameter(population.bias);
    if (const Firing* firing = firing_of(population.neuron)) {
      sizes.buffer(firing->threshold);
      sizes.buffer(firing->initial_membrane);
      sizes.buffer(firing->reset_value);
    }
  }
  for (const ProjectionId id : graph.live_projections()) {
    const Tensor* weight = weight_of(graph[id].connectivity);
    if (weight == nullptr || !weight->defined()) continue;
    sizes.parameter(*weight);
    if (is_connection_layer(graph, graph[id])) zeros.count(*weight);
  }
  metrics.connection_sparsity = zeros.share();
  return metrics;
}

}  // namespace neurotool::neurobench
