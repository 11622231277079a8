// What the tensor passes share: places, types, and who reads a value.
#pragma once

#include <string_view>
#include <vector>

#include "ir/op_types.hpp"
#include "passes/pass.hpp"

namespace neurotool::tensor_passes {

Location at_node(const Model& model, const OpNode& node);

/// Types of all values, inferred op by op; where an op does not fit, its output stays as the graph
/// has it. Infers nothing into the graph itself.
ValueTypes types_of(const TensorGraph& graph);

/// How often each value is read, by ops and as a graph output.
std::vector<std::size_t> count_readers(const TensorGraph& graph);

/// Input `index` of a node; an invalid id when it is absent.
ValueId input_of(const OpNode& node, std::size_t index);
/// The constant at input `index`, or an undefined tensor.
const Tensor& constant_of(const TensorGraph& graph, const OpNode& node, std::size_t index);

}  // namespace neurotool::tensor_passes
