#include "passes/tensor/watch.hpp"

#include <vector>

#include "eval/tensor_eval.hpp"
#include "passes/lower/calibrate.hpp"

namespace neurotool::tensor_passes {

Result<> watch(const TensorGraph& graph, std::span<const ValueId> values, std::int64_t samples,
               std::string_view task, Context& context,
               const std::function<void(std::size_t i, const Tensor& batch)>& see) {
  const std::vector<ValueId> watched(values.begin(), values.end());
  const auto observe = [&](ValueId id, const Tensor& batch) {
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i] == id) see(i, batch);
    }
  };
  const TensorEvaluator evaluator(graph);
  return lower::for_each_batch(graph, samples, task, context, [&](const Tensor& batch) -> Result<> {
    NT_TRY([[maybe_unused]] const auto outputs, evaluator.run({&batch, 1}, watched, observe));
    return {};
  });
}

}  // namespace neurotool::tensor_passes
