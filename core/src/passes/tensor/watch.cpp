// Batches are small, so that the memory of the activations is bounded.
#include "passes/tensor/watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "eval/tensor_eval.hpp"

namespace neurotool::tensor_passes {
namespace {

constexpr std::int64_t kBatch = 32;

}  // namespace

Result<> watch(const TensorGraph& graph, std::span<const ValueId> values, std::int64_t samples,
               std::string_view task, Context& context,
               const std::function<void(std::size_t i, const Tensor& batch)>& see) {
  const SampleSource& source = *context.calibration;
  Shape shape = graph[graph.inputs.at(0)].shape.value_or(Shape{kFreeDim});
  // A network with a batch size of its own takes nothing less.
  const bool whole_batches = shape[0] != kFreeDim;
  const std::int64_t step = whole_batches ? shape[0] : kBatch;
  const auto observe = [&](ValueId id, const Tensor& batch) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] == id) see(i, batch);
    }
  };
  const TensorEvaluator evaluator(graph);
  for (std::int64_t first = 0; first < samples; first += step) {
    if (whole_batches && first > 0 && first + step > samples) break;
    const std::int64_t count = whole_batches ? step : std::min(step, samples - first);
    const double done = static_cast<double>(first) / static_cast<double>(samples);
    if (!context.progress.update(done, std::string(task))) {
      return error("pass.cancelled", {}, fmt::format("cancelled while {}", task));
    }
    NT_TRY(const Tensor batch, source.batch(first, count));
    shape[0] = count;
    const Tensor input = batch.reshaped(shape);
    const std::vector<ValueId> watched(values.begin(), values.end());
    NT_TRY([[maybe_unused]] const auto outputs, evaluator.run({&input, 1}, watched, observe));
  }
  return {};
}

}  // namespace neurotool::tensor_passes
