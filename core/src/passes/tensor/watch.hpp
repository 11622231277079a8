// Runs a network on calibration samples and shows what some of its values are.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "ir/tensor_graph.hpp"
#include "passes/pass.hpp"

namespace neurotool::tensor_passes {

/// Calls see(i, values[i] for one batch) for each value and batch of the first `samples`
/// calibration samples. `task` is what progress shows. Errors: those of lower::for_each_batch() and
/// of the evaluator.
Result<> watch(const TensorGraph& graph, std::span<const ValueId> values, std::int64_t samples,
               std::string_view task, Context& context,
               const std::function<void(std::size_t i, const Tensor& batch)>& see);

}  // namespace neurotool::tensor_passes
