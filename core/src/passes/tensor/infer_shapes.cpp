// Fills in the element type and the shape of every value from those before it. A free batch extent
// stays free. The rules themselves are in ir/op_types: this pass walks the graph and says where.

#include <fmt/format.h>

#include "ir/op_types.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kName = "infer_shapes";

Result<Changed> infer_shapes(TensorGraph& graph, const Model& model, Context& context) {
  ValueTypes types(graph);
  Changed changed = Changed::kNo;
  Diagnostics found;
  for (const OpId id : graph.topological_order()) {
    const OpNode& node = graph[id];
    Result<TensorType> type = types.infer(node);
    if (!type) {
      Error error = std::move(type).error();
      error.at = ModelNode{model.path, node.name};
      found.report(error);
      continue;
    }
    Value& value = graph[node.outputs.front()];
    if (value.dtype != type->dtype || (type->shape && value.shape != type->shape)) {
      value.dtype = type->dtype;
      if (type->shape) value.shape = type->shape;
      changed = Changed::kYes;
    }
    types.set(node.outputs.front(), *std::move(type));
  }
  if (!found.has_errors()) return changed;
  Error first = found.first_error();
  for (Diagnostic& diagnostic : found.all()) context.diagnostics.report(std::move(diagnostic));
  return first;
}

}  // namespace

PassEntry infer_shapes_entry() {
  return tensor_pass_entry<infer_shapes>(
      kName, "Fills in the element type and shape of every value.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<infer_shapes>(kName, section, path, out);
      });
}

}  // namespace neurotool
