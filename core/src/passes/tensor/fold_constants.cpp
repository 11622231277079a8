// Computes what does not depend on an input: ops whose inputs are all constant, and the shapes of
// values whose extents are all known. Exporters write such arithmetic to size pads and reshapes.

#include <fmt/format.h>

#include "eval/tensor_eval.hpp"
#include "ir/op_types.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kName = "fold_constants";

/// A folded tensor may not be larger than this: a small file must not unfold into gigabytes.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 26;

/// The op's inputs, or nothing when one of them is not constant. Absent inputs stay undefined.
std::optional<std::vector<Tensor>> constant_inputs(const TensorGraph& graph, const OpNode& node) {
  std::vector<Tensor> inputs;
  for (const ValueId id : node.inputs) {
    if (!id.valid()) {
      inputs.emplace_back();
      continue;
    }
    if (!graph[id].constant.defined()) return std::nullopt;
    inputs.push_back(graph[id].constant);
  }
  return inputs;
}

/// The op's value, or an undefined tensor when it is not known before data comes.
Result<Tensor> folded_value(const TensorGraph& graph, const OpNode& node, const TensorType& type) {
  if (type.constant.defined()) return type.constant;
  const auto inputs = constant_inputs(graph, node);
  if (!inputs) return Tensor();
  const auto count = type.shape ? element_count(*type.shape) : std::nullopt;
  if (!count || *count > kMaxElements) return Tensor();
  NT_TRY(const std::vector<Tensor> outputs, evaluate_op(node.op, *inputs));
  return outputs.front();
}

Result<Changed> fold_constants(TensorGraph& graph, const Model& model, Context&) {
  Changed changed = Changed::kNo;
  ValueTypes types(graph);
  for (const OpId id : graph.topological_order()) {
    const auto at_node = [&](Error error) {
      error.at = ModelNode{model.path, graph[id].name};
      return error;
    };
    Result<TensorType> type = types.infer(graph[id]);
    if (!type) return at_node(std::move(type).error());
    Result<Tensor> value = folded_value(graph, graph[id], *type);
    if (!value) return at_node(std::move(value).error());
    if (!value->defined()) {
      types.set(graph[id].outputs.front(), *std::move(type));
      continue;
    }
    // The value keeps its name and its users: it only stops being computed.
    const ValueId output = graph[id].outputs.front();
    types.set(output, type_of(*value));
    graph[output].dtype = value->dtype();
    graph[output].shape = value->shape();
    graph[output].constant = *std::move(value);
    graph[output].producer = OpId{};
    graph[id].removed = true;
    changed = Changed::kYes;
  }
  return changed;
}

}  // namespace

PassEntry fold_constants_entry() {
  return tensor_pass_entry<fold_constants>(
      kName, "Computes what does not depend on an input.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<fold_constants>(kName, section, path, out);
      });
}

}  // namespace neurotool
