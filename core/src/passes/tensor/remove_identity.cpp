// Removes ops that hand on their input unchanged (Identity and Dropout, casts to the same type,
// pads of zero, reshapes, transposes and slices that move nothing) and writes every spelling of a
// rectifier, Clip(0, inf) and Max(x, 0), as Relu.

#include <cmath>
#include <limits>
#include <numeric>

#include "ir/op_types.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kName = "remove_identity";

bool all_equal(std::span<const std::int64_t> values, std::int64_t wanted) {
  return std::ranges::all_of(values, [&](std::int64_t v) { return v == wanted; });
}

/// The constant of an input; undefined when the input is absent or computed.
Tensor constant_of(const TensorGraph& graph, const OpNode& node, std::size_t index) {
  if (index >= node.inputs.size() || !node.inputs[index].valid()) return {};
  return graph[node.inputs[index]].constant;
}

bool is_absent(const OpNode& node, std::size_t index) {
  return index >= node.inputs.size() || !node.inputs[index].valid();
}

bool is_all(const Tensor& tensor, double wanted) {
  if (!tensor.defined()) return false;
  for (std::int64_t i = 0; i < tensor.size(); ++i)
    if (tensor.at(i) != wanted) return false;
  return true;
}

/// Input and output have the same known shape; at most one extent is free, so it is the same one.
bool keeps_shape(const OpNode& node, const ValueTypes& types) {
  const auto& before = types[node.inputs.front()].shape;
  const auto& after = types[node.outputs.front()].shape;
  return before && after && *before == *after && std::ranges::count(*before, kFreeDim) <= 1;
}

/// One overload for each op that can be an identity; everything else computes something.
struct IsIdentity {
  const TensorGraph& graph;
  const OpNode& node;
  const ValueTypes& types;

  bool operator()(const Identity&) const { return true; }
  bool operator()(const Cast& cast) const { return types[node.inputs.front()].dtype == cast.to; }
  bool operator()(const Pad&) const { return is_all(constant_of(graph, node, 1), 0); }
  bool operator()(const Reshape&) const { return keeps_shape(node, types); }
  bool operator()(const Flatten&) const { return keeps_shape(node, types); }
  bool operator()(const Squeeze&) const { return keeps_shape(node, types); }
  bool operator()(const Concat&) const { return node.inputs.size() == 1; }
  bool operator()(const Clip&) const { return is_absent(node, 1) && is_absent(node, 2); }
  bool operator()(const Transpose& transpose) const {
    std::vector<std::int64_t> identity(transpose.perm.size());
    std::iota(identity.begin(), identity.end(), std::int64_t{0});
    return !identity.empty() && transpose.perm == identity;
  }
  bool operator()(const Slice&) const {
    const bool forward = is_absent(node, 4) || is_all(constant_of(graph, node, 4), 1);
    return forward && keeps_shape(node, types);
  }
  bool operator()(const AveragePool& pool) const {
    return all_equal(pool.kernel, 1) && all_equal(pool.strides, 1) && all_equal(pool.pads, 0);
  }
  bool operator()(const auto&) const { return false; }
};

/// The input that is rectified when the op is max(x, 0) in some spelling; invalid otherwise.
ValueId rectified_input(const TensorGraph& graph, const OpNode& node) {
  if (std::holds_alternative<Clip>(node.op)) {
    const bool from_zero = is_all(constant_of(graph, node, 1), 0);
    const Tensor maximum = constant_of(graph, node, 2);
    const bool open = is_absent(node, 2) ||
                      is_all(maximum, std::numeric_limits<double>::infinity()) ||
                      is_all(maximum, double{std::numeric_limits<float>::max()});
    return from_zero && open ? node.inputs.front() : ValueId{};
  }
  const auto* binary = std::get_if<Binary>(&node.op);
  if (binary == nullptr || binary->kind != BinaryKind::kMax) return {};
  for (const std::size_t zero : {std::size_t{0}, std::size_t{1}}) {
    const Tensor constant = constant_of(graph, node, zero);
    if (constant.size() == 1 && constant.rank() <= 1 && is_all(constant, 0))
      return node.inputs[1 - zero];
  }
  return {};
}

Result<Changed> remove_identity(TensorGraph& graph, const Model&, Context&) {
  Changed changed = Changed::kNo;
  ValueTypes types(graph);
  for (const OpId id : graph.topological_order()) {
    const Result<TensorType> type = types.infer(graph[id]);
    if (type) types.set(graph[id].outputs.front(), *type);
    if (const ValueId input = rectified_input(graph, graph[id]); input.valid()) {
      graph[id].op = Unary{UnaryKind::kRelu};
      graph[id].inputs = {input};
      changed = Changed::kYes;
      continue;
    }
    const OpNode& node = graph[id];
    if (!type || !std::visit(IsIdentity{graph, node, types}, node.op)) continue;
    const ValueId input = node.inputs.front(), output = node.outputs.front();
    // A network that is nothing but an identity keeps it: an output needs something that makes it.
    if (graph.is_output(output) && !graph[input].producer.valid()) continue;
    graph.replace_uses(output, input);
    graph.remove(id);
    changed = Changed::kYes;
  }
  return changed;
}

}  // namespace

PassEntry remove_identity_entry() {
  return tensor_pass_entry<remove_identity>(
      kName, "Removes ops that change nothing and writes every rectifier as Relu.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<remove_identity>(kName, section, path, out);
      });
}

}  // namespace neurotool
