// Invariants of a tensor graph: references, order, one producer for each value, the number of
// inputs of each operation, constants that agree with their value.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "ir/verify_checks.hpp"

namespace neurotool::checks {
namespace {

bool exists(const TensorGraph& graph, ValueId id) {
  return id.index < graph.values.size() && !graph[id].removed;
}

Subject subject(const OpNode& node) { return {node.name, node.origins}; }

bool is_input(const TensorGraph& graph, ValueId id) {
  return std::ranges::find(graph.inputs, id) != graph.inputs.end();
}

template <class Node>
void check_unique(const Model& model, const std::vector<Node>& nodes, std::string_view kind,
                  Diagnostics& out) {
  std::unordered_set<std::string_view> seen;
  for (const Node& node : nodes) {
    if (node.removed || (!node.name.empty() && seen.insert(node.name).second)) continue;
    violated(out, model, "unique-names", {node.name, {}},
             node.name.empty() ? fmt::format("{} has no name", kind)
                               : fmt::format("{} named '{}' is there twice", kind, node.name));
  }
}

void check_names(const Model& model, Diagnostics& out) {
  check_unique(model, model.tensor().values, "a value", out);
  check_unique(model, model.tensor().ops, "an operation", out);
}

void check_references(const Model& model, Diagnostics& out) {
  const TensorGraph& graph = model.tensor();
  const auto check = [&](ValueId id, Subject where, std::string_view what) {
    if (exists(graph, id)) return;
    const bool removed = id.index < graph.values.size();
    violated(out, model, "references", where,
             removed
                 ? fmt::format("{} is the removed value '{}'", what, graph[id].name)
                 : fmt::format("{} is value number {} of {}", what, id.index, graph.values.size()));
  };
  for (const OpId id : graph.live_ops()) {
    const OpNode& node = graph[id];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const bool absent = !node.inputs[i].valid();
      if (!absent)
        check(node.inputs[i], subject(node), fmt::format("input {} of '{}'", i, node.name));
    }
    for (const ValueId output : node.outputs) {
      check(output, subject(node), fmt::format("an output of '{}'", node.name));
    }
  }
  for (const ValueId id : graph.inputs) check(id, {}, "an input of the graph");
  for (const ValueId id : graph.outputs) check(id, {}, "an output of the graph");
}

void check_order(const Model& model, Diagnostics& out) {
  const TensorGraph& graph = model.tensor();
  std::vector<bool> known(graph.values.size(), false);
  for (std::size_t i = 0; i < known.size(); ++i) known[i] = graph.values[i].constant.defined();
  for (const ValueId id : graph.inputs) {
    if (exists(graph, id)) known[id.index] = true;
  }
  for (const OpId id : graph.live_ops()) {
    const OpNode& node = graph[id];
    for (const ValueId input : node.inputs) {
      if (!exists(graph, input) || known[input.index]) continue;
      violated(
          out, model, "op-order", subject(node),
          fmt::format("'{}' reads '{}' before anything makes it", node.name, graph[input].name));
    }
    for (const ValueId output : node.outputs) {
      if (exists(graph, output)) known[output.index] = true;
    }
  }
  for (const ValueId id : graph.outputs) {
    if (!exists(graph, id) || known[id.index]) continue;
    violated(out, model, "op-order", {graph[id].name, {}},
             fmt::format("nothing makes the output '{}'", graph[id].name));
  }
}

void check_producers(const Model& model, Diagnostics& out) {
  const TensorGraph& graph = model.tensor();
  std::vector<OpId> maker(graph.values.size());
  for (const OpId id : graph.live_ops()) {
    const OpNode& node = graph[id];
    for (const ValueId output : node.outputs) {
      if (!exists(graph, output)) continue;
      const Value& value = graph[output];
      const bool taken =
          maker[output.index].valid() || value.constant.defined() || is_input(graph, output);
      maker[output.index] = id;
      if (!taken && value.producer == id) continue;
      violated(out, model, "single-producer", subject(node),
               taken ? fmt::format("'{}' makes '{}', which something else makes too", node.name,
                                   value.name)
                     : fmt::format("'{}' makes '{}', which names another producer", node.name,
                                   value.name));
    }
  }
  for (std::uint32_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (value.removed || !value.producer.valid() || maker[i].valid()) continue;
    violated(out, model, "single-producer", {value.name, {}},
             fmt::format("'{}' names a producer that does not make it", value.name));
  }
}

struct Arity {
  std::size_t least, most;
};

struct ArityOf {
  static constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

  Arity operator()(const Conv&) const { return {2, 3}; }
  Arity operator()(const Gemm&) const { return {2, 3}; }
  Arity operator()(const MatMul&) const { return {2, 2}; }
  Arity operator()(const BatchNorm&) const { return {5, 5}; }
  Arity operator()(const MaxPool&) const { return {1, 1}; }
  Arity operator()(const AveragePool&) const { return {1, 1}; }
  Arity operator()(const GlobalAveragePool&) const { return {1, 1}; }
  Arity operator()(const Unary&) const { return {1, 1}; }
  Arity operator()(const Binary&) const { return {2, 2}; }
  Arity operator()(const Clip&) const { return {1, 3}; }
  Arity operator()(const Where&) const { return {3, 3}; }
  Arity operator()(const Softmax&) const { return {1, 1}; }
  Arity operator()(const Flatten&) const { return {1, 1}; }
  Arity operator()(const Reshape&) const { return {2, 2}; }
  Arity operator()(const Transpose&) const { return {1, 1}; }
  Arity operator()(const Squeeze&) const { return {1, 2}; }
  Arity operator()(const Unsqueeze&) const { return {2, 2}; }
  Arity operator()(const Concat&) const { return {1, kAny}; }
  Arity operator()(const Slice&) const { return {3, 5}; }
  Arity operator()(const Pad&) const { return {2, 4}; }
  Arity operator()(const Gather&) const { return {2, 2}; }
  Arity operator()(const Expand&) const { return {2, 2}; }
  Arity operator()(const Tile&) const { return {2, 2}; }
  Arity operator()(const Reduce&) const { return {1, 2}; }
  Arity operator()(const ArgMax&) const { return {1, 1}; }
  Arity operator()(const NumberRange&) const { return {3, 3}; }
  Arity operator()(const Einsum&) const { return {1, kAny}; }
  Arity operator()(const Resize&) const { return {1, 4}; }
  Arity operator()(const Recurrent&) const { return {3, 8}; }
  Arity operator()(const Cast&) const { return {1, 1}; }
  Arity operator()(const ShapeOf&) const { return {1, 1}; }
  Arity operator()(const ConstantOfShape&) const { return {1, 1}; }
  Arity operator()(const Identity&) const { return {1, 1}; }
  Arity operator()(const QuantizedActivation&) const { return {2, 2}; }
};

void check_arity(const Model& model, Diagnostics& out) {
  const TensorGraph& graph = model.tensor();
  for (const OpId id : graph.live_ops()) {
    const OpNode& node = graph[id];
    const Arity arity = std::visit(ArityOf{}, node.op);
    const std::size_t required = arity.most == ArityOf::kAny ? node.inputs.size() : arity.least;
    const auto first = node.inputs.begin();
    const bool enough = node.inputs.size() >= arity.least && node.inputs.size() <= arity.most;
    if (!enough) {
      const std::string most =
          arity.most == ArityOf::kAny ? "any number" : std::to_string(arity.most);
      violated(out, model, "op-arity", subject(node),
               fmt::format("'{}' ({}) has {} inputs, not {} to {}", node.name, op_name(node.op),
                           node.inputs.size(), arity.least, most));
    } else if (std::any_of(first, first + static_cast<std::ptrdiff_t>(required),
                           [](ValueId input) { return !input.valid(); })) {
      violated(out, model, "op-arity", subject(node),
               fmt::format("'{}' ({}) lacks one of its first {} inputs", node.name,
                           op_name(node.op), required));
    }
    if (node.outputs.size() != 1) {
      violated(out, model, "op-arity", subject(node),
               fmt::format("'{}' ({}) has {} outputs, not 1", node.name, op_name(node.op),
                           node.outputs.size()));
    }
  }
}

void check_constants(const Model& model, Diagnostics& out) {
  for (const Value& value : model.tensor().values) {
    if (value.removed || !value.constant.defined()) continue;
    const Tensor& constant = value.constant;
    if (constant.dtype() != value.dtype || constant.shape() != value.shape) {
      violated(out, model, "constants", {value.name, {}},
               fmt::format("the constant '{}' is {}{}, but its value says {}{}", value.name,
                           short_name(constant.dtype()), to_string(constant.shape()),
                           short_name(value.dtype),
                           value.shape ? to_string(*value.shape) : " of unknown shape"));
    }
    // Infinities have a use: masks, and the bounds of a clip that does nothing.
    for (std::int64_t i = 0; is_float(constant.dtype()) && i < constant.size(); ++i) {
      if (!std::isnan(constant.at(i))) continue;
      violated(out, model, "constants", {value.name, {}},
               fmt::format("element {} of the constant '{}' is not a number", i, value.name));
      break;
    }
  }
}

void check_outputs(const Model& model, Diagnostics& out) {
  if (model.tensor().outputs.empty()) {
    violated(out, model, "outputs", {}, "the graph has no output");
  }
}

constexpr Invariant kRows[] = {
    {"unique-names", "Values have names, operations have names, none twice.", Level::kTensor,
     check_names},
    {"references", "Operations and the graph name values that exist.", Level::kTensor,
     check_references},
    {"op-order", "What an operation reads is there before it.", Level::kTensor, check_order},
    {"single-producer", "Each value has one producer and knows it.", Level::kTensor,
     check_producers},
    {"op-arity", "Operations have as many inputs and outputs as they mean.", Level::kTensor,
     check_arity},
    {"constants", "Constants have the type and shape of their value, and are numbers.",
     Level::kTensor, check_constants},
    {"outputs", "There is an output.", Level::kTensor, check_outputs},
};

}  // namespace

std::span<const Invariant> tensor_level() { return kRows; }

}  // namespace neurotool::checks
