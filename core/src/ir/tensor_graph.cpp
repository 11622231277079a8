// Adding, removing and ordering the nodes of a tensor graph.
#include "ir/tensor_graph.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "ir/unique_name.hpp"

namespace neurotool {
namespace {

bool is_shape_op(const Op& op) { return std::holds_alternative<ShapeOf>(op); }

/// What infer_shapes would say of most results; good enough until it has run.
DType result_type(const TensorGraph& graph, const OpNode& node) {
  if (is_shape_op(node.op)) return DType::kInt64;
  if (const auto* cast = std::get_if<Cast>(&node.op)) return cast->to;
  if (const auto* fill = std::get_if<ConstantOfShape>(&node.op)) return fill->value.dtype();
  const bool known = !node.inputs.empty() && node.inputs[0].index < graph.values.size();
  return known ? graph[node.inputs[0]].dtype : DType::kFloat32;
}

/// The live op that makes `id`, or an invalid id for inputs, constants and broken references.
OpId live_producer(const TensorGraph& graph, ValueId id) {
  if (id.index >= graph.values.size()) return {};
  const OpId producer = graph[id].producer;
  const bool live = producer.index < graph.ops.size() && !graph[producer].removed;
  return live ? producer : OpId{};
}

/// Gives each index that `keep` holds its place among those kept; the others have none.
std::vector<std::uint32_t> renumber(const std::vector<bool>& keep) {
  std::vector<std::uint32_t> place(keep.size(), ValueId::kNoIndex);
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (keep[i]) place[i] = next++;
  }
  return place;
}

}  // namespace

ValueId TensorGraph::add_input(std::string wanted, DType dtype, Shape shape) {
  const ValueId id{static_cast<std::uint32_t>(values.size())};
  Value value;
  value.name = unique_value_name(wanted);
  value.dtype = dtype;
  value.shape = std::move(shape);
  values.push_back(std::move(value));
  inputs.push_back(id);
  return id;
}

ValueId TensorGraph::add_constant(std::string wanted, Tensor tensor) {
  const ValueId id{static_cast<std::uint32_t>(values.size())};
  Value value;
  value.name = unique_value_name(wanted);
  value.dtype = tensor.dtype();
  value.shape = tensor.shape();
  value.constant = std::move(tensor);
  values.push_back(std::move(value));
  return id;
}

ValueId TensorGraph::add_op(std::string wanted, Op op, std::vector<ValueId> op_inputs,
                            std::vector<std::string> origins) {
  const ValueId value_id{static_cast<std::uint32_t>(values.size())};
  const OpId op_id{static_cast<std::uint32_t>(ops.size())};
  OpNode node{.name = unique_op_name(wanted),
              .op = std::move(op),
              .inputs = std::move(op_inputs),
              .outputs = {value_id},
              .origins = std::move(origins)};
  Value value;
  value.name = unique_value_name(wanted);
  value.dtype = result_type(*this, node);
  value.producer = op_id;
  values.push_back(std::move(value));
  ops.push_back(std::move(node));
  return value_id;
}

void TensorGraph::remove(OpId id) {
  OpNode& node = (*this)[id];
  node.removed = true;
  for (const ValueId output : node.outputs) {
    if (output.index < values.size()) (*this)[output].removed = true;
  }
}

void TensorGraph::replace_uses(ValueId from, ValueId to) {
  for (OpNode& node : ops) {
    if (!node.removed) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  }
  std::replace(outputs.begin(), outputs.end(), from, to);
}

std::vector<OpId> TensorGraph::users(ValueId id) const {
  std::vector<OpId> found;
  for (const OpId op : live_ops()) {
    const auto& read = (*this)[op].inputs;
    if (std::find(read.begin(), read.end(), id) != read.end()) found.push_back(op);
  }
  return found;
}

bool TensorGraph::is_output(ValueId id) const {
  return std::find(outputs.begin(), outputs.end(), id) != outputs.end();
}

std::vector<OpId> TensorGraph::live_ops() const {
  std::vector<OpId> live;
  for (std::uint32_t i = 0; i < ops.size(); ++i) {
    if (!ops[i].removed) live.push_back({i});
  }
  return live;
}

std::vector<OpId> TensorGraph::topological_order() const {
  const std::vector<OpId> live = live_ops();
  std::vector<std::vector<OpId>> readers(ops.size());
  std::vector<std::uint32_t> waiting_for(ops.size(), 0);
  for (const OpId id : live) {
    for (const ValueId input : (*this)[id].inputs) {
      const OpId producer = live_producer(*this, input);
      if (!producer.valid()) continue;
      readers[producer.index].push_back(id);
      ++waiting_for[id.index];
    }
  }
  std::priority_queue<OpId, std::vector<OpId>, std::greater<>> ready;
  for (const OpId id : live) {
    if (waiting_for[id.index] == 0) ready.push(id);
  }
  std::vector<OpId> order;
  while (!ready.empty()) {
    const OpId id = ready.top();
    ready.pop();
    order.push_back(id);
    for (const OpId reader : readers[id.index]) {
      if (--waiting_for[reader.index] == 0) ready.push(reader);
    }
  }
  if (order.size() < live.size()) order.clear();
  return order;
}

void TensorGraph::compact() {
  std::vector<OpId> order = topological_order();
  if (order.empty()) order = live_ops();  // a cycle, which verify reports by name

  // A tombstone that something still reads stays, so that verify can say who reads it.
  std::vector<bool> keep(values.size(), false);
  const auto use = [&](ValueId id) {
    if (id.index < keep.size()) keep[id.index] = true;
  };
  for (const OpId id : order) {
    std::ranges::for_each((*this)[id].inputs, use);
    std::ranges::for_each((*this)[id].outputs, use);
  }
  std::ranges::for_each(inputs, use);
  std::ranges::for_each(outputs, use);

  const std::vector<std::uint32_t> value_place = renumber(keep);
  const auto move_id = [&](ValueId& id) {
    if (id.index < value_place.size()) id.index = value_place[id.index];
  };
  std::vector<std::uint32_t> op_place(ops.size(), OpId::kNoIndex);
  std::vector<OpNode> kept_ops;
  kept_ops.reserve(order.size());
  for (const OpId id : order) {
    op_place[id.index] = static_cast<std::uint32_t>(kept_ops.size());
    OpNode& node = kept_ops.emplace_back(std::move((*this)[id]));
    std::ranges::for_each(node.inputs, move_id);
    std::ranges::for_each(node.outputs, move_id);
  }
  std::vector<Value> kept_values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!keep[i]) continue;
    Value& value = kept_values.emplace_back(std::move(values[i]));
    const OpId producer = value.producer;
    if (producer.index < op_place.size()) value.producer.index = op_place[producer.index];
  }
  std::ranges::for_each(inputs, move_id);
  std::ranges::for_each(outputs, move_id);
  values = std::move(kept_values);
  ops = std::move(kept_ops);
}

std::string TensorGraph::unique_value_name(std::string_view wanted) const {
  return unique_name(values, wanted);
}

std::string TensorGraph::unique_op_name(std::string_view wanted) const {
  return unique_name(ops, wanted);
}

}  // namespace neurotool
