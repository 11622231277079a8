// Runs networks over data sets, in batches spread over the threads. Results are stored by batch
// index, so nothing depends on the number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "ir/samples.hpp"
#include "ir/spike_graph.hpp"
#include "ir/tensor_graph.hpp"
#include "session/report.hpp"
#include "target/target.hpp"

namespace neurotool {

/// The class of every sample: the index of the largest output, ties to the lower index.
struct Predictions {
  std::vector<std::int32_t> classes;
  std::int64_t class_count = 0;
};

/// The classes that a batch's readouts say, one per sample. `result` is what the target pushed for
/// `count` samples, with a probe "readout" on `output`. Error: target.misbehaved.
Result<std::vector<std::int32_t>> read_classes(const RunResult& result, const SpikeGraph& graph,
                                               PopulationId output, std::int64_t count);
/// The index of the largest element of each of `count` equal rows; ties to the lower index.
std::vector<std::int32_t> largest_in_rows(const Tensor& rows, std::int64_t count);

/// Labels that a run can be judged by. Errors: run.no-samples, run.no-labels.
Result<> check_labels(const SampleSource& data, const Location& at);
/// Counts agreements with the labels. Error: run.label-range.
Result<Accuracy> judge(const Predictions& predictions, const SampleSource& data,
                       const Location& at);
/// Samples to which both give the same class.
std::int64_t count_agreement(const Predictions& a, const Predictions& b);

/// The float network on every sample. Errors: eval.*, run.interrupted, run.outputs.
Result<Predictions> float_predictions(const TensorGraph& graph, const SampleSource& data,
                                      std::int64_t batch, Progress& progress);

struct SpikingRequest {
  std::int64_t batch = 0;
  std::uint64_t steps = 0, seed = 0;
};
struct SpikingRun {
  Predictions predictions;
  std::vector<Metric> totals;  ///< over all samples
};
/// The compiled network on every sample. What the target diagnoses comes to `diagnostics` in batch
/// order, each finding once. Errors: target.*, run.*.
Result<SpikingRun> spiking_predictions(const Program& program, const SpikeGraph& graph,
                                       const SampleSource& data, const SpikingRequest& request,
                                       Diagnostics& diagnostics, Progress& progress);

}  // namespace neurotool
