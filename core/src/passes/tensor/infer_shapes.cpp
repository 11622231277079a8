// Writes down the type and shape of every value, from the graph's inputs on. A free batch stays
// free: extents computed from it are followed as far as they can be. An op whose inputs do not fit
// each other is an error that names the node. Runs again after passes that changed shapes or
// constants.
#include <fmt/format.h>

#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

using namespace tensor_passes;

/// `inferred`, but an extent that is free there keeps the number that was known.
std::optional<Shape> merged(const std::optional<Shape>& inferred, const std::optional<Shape>& old) {
  if (!inferred || !old || inferred->size() != old->size()) return inferred ? inferred : old;
  Shape result = *inferred;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i] == kFreeDim) result[i] = (*old)[i];
  }
  return result;
}

Result<Changed> infer_shapes(TensorGraph& graph, const Model& model, Context& context) {
  ValueTypes types(graph);
  Changed changed = Changed::kNo;
  std::optional<Error> first;
  for (const OpId id : graph.topological_order()) {
    const OpNode& node = graph[id];
    auto type = types.infer(node);
    if (!type) {
      Error conflict = error("infer_shapes.conflict", at_node(model, node),
                             fmt::format("{}: {}", op_name(node.op), type.error().message));
      context.diagnostics.report(conflict);
      if (!first) first = std::move(conflict);
      continue;
    }
    Value& value = graph[node.outputs[0]];
    type->shape = merged(type->shape, value.shape);
    if (value.dtype != type->dtype || value.shape != type->shape) changed = Changed::kYes;
    value.dtype = type->dtype;
    value.shape = type->shape;
    types.set(node.outputs[0], *std::move(type));
  }
  if (first) return *std::move(first);
  return changed;
}

}  // namespace

PassEntry infer_shapes_entry() {
  return tensor_pass_entry<infer_shapes>(
      "infer_shapes", "Fills in the element type and shape of every value.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<infer_shapes>("infer_shapes", section, path, out);
      });
}

}  // namespace neurotool
