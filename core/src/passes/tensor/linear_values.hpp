// Where one linear layer reads what another computed, with no activation between them.
#pragma once

#include <set>
#include <vector>

#include "ir/tensor_graph.hpp"

namespace neurotool::tensor_passes {

/// The values that need levels of their own before spikes can stand for them, in topological order:
/// a sum of weights that goes on into weights or a pool, or to several readers that do not all
/// fire. Where one of them has levels, what is behind it is judged by that. `activations` are the
/// operations that have levels, or are about to get them.
std::vector<ValueId> linear_values(const TensorGraph& graph, const std::set<OpId>& activations);

}  // namespace neurotool::tensor_passes
