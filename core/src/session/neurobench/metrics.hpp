// The metrics of the NeuroBench harness (NeuroBench/neurobench, 2026-05) with its keys and
// definitions, for the float network and for the spiking one. docs/neurobench.md says how each is
// counted here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/progress.hpp"
#include "ir/samples.hpp"
#include "ir/spike_graph.hpp"
#include "ir/tensor_graph.hpp"
#include "target/target.hpp"

namespace neurotool::neurobench {

struct SynapticOperations {
  /// Per sample: products with a non-zero weight and a non-zero input. A call of a layer whose
  /// inputs are all -1, 0 or 1 makes accumulates, any other call multiply-accumulates.
  double effective_macs = 0, effective_acs = 0;
  double dense = 0;  ///< per sample: every weight times every position, padding left out
};

/// One network. What was not counted is absent, never guessed.
struct Metrics {
  std::int64_t footprint = 0;  ///< bytes, each parameter and buffer at the size of its element
  std::int64_t parameters = 0;
  double connection_sparsity = 0;  ///< share of zeros among the weights of connection layers
  std::optional<double> accuracy;
  std::optional<double> activation_sparsity;
  std::vector<std::pair<std::string, double>> activation_sparsity_by_layer;
  std::optional<SynapticOperations> operations;
  std::optional<double> membrane_updates;  ///< per sample

  // Beyond the harness.
  std::int64_t footprint_deployed = 0;      ///< bytes, weights at their quantised width
  std::optional<double> graded_operations;  ///< per sample, of payloads outside -1, 0, 1
  std::int64_t samples = 0;                 ///< that activity was counted on
};

/// Sizes of a float network; activity is filled by run_float().
Metrics describe(const TensorGraph& network);
/// Sizes of a spiking network; activity is filled by run_spiking().
Metrics describe(const SpikeGraph& graph);

/// Activity of the first `samples` samples, in one batch per `batch`. Errors: those of the
/// evaluator.
Result<> run_float(const TensorGraph& network, const SampleSource& data, std::int64_t samples,
                   std::int64_t batch, Metrics& metrics);

struct SpikingRunRequest {
  const SpikeGraph& graph;
  const Program& program;
  std::uint64_t steps = 0, seed = 0;
};
/// The same for the target's run. Errors: those of the target.
Result<> run_spiking(const SpikingRunRequest& run, const SampleSource& data, std::int64_t samples,
                     std::int64_t batch, Diagnostics& diagnostics, Progress& progress,
                     Metrics& metrics);

/// The harness's flat object; keys beyond it stand under "neurotool".
Json to_json(const Metrics& metrics);

}  // namespace neurotool::neurobench
