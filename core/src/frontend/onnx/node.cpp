// Wires a converter's ops into the graph under the node's names.
#include "frontend/onnx/node.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurotool::from_onnx {

Node::Node(Place place, std::vector<ValueId> inputs, Attributes attributes_of_node,
           GraphBuilder& builder, Report& report)
    : attributes(std::move(attributes_of_node)),
      place_(std::move(place)),
      inputs_(std::move(inputs)),
      builder_(builder),
      report_(report) {}

ValueId Node::input(std::size_t index) const {
  return index < inputs_.size() ? inputs_[index] : ValueId{};
}

std::optional<std::size_t> Node::rank(std::size_t index) const {
  const auto& shape = type(index).shape;
  return shape ? std::optional(shape->size()) : std::nullopt;
}

bool Node::has_broken_input() const {
  return std::ranges::any_of(inputs_, [&](ValueId id) { return builder_.is_broken(id); });
}

ValueId Node::constant(std::string_view what, Tensor tensor) {
  return builder_.add_constant(fmt::format("{}/{}", place_.output, what), std::move(tensor));
}

ValueId Node::constant(std::string_view what, std::vector<std::int64_t> list) {
  const auto count = static_cast<std::int64_t>(list.size());
  return constant(what, Tensor::from<std::int64_t>({count}, std::move(list)));
}

ValueId Node::emit(std::string_view what, Op op, std::vector<ValueId> inputs) {
  return add(fmt::format("{}/{}", place_.name, what), fmt::format("{}/{}", place_.output, what),
             std::move(op), std::move(inputs));
}

void Node::finish(Op op, std::vector<ValueId> inputs) {
  // A trailing absent input says nothing; one in the middle keeps its place.
  while (!inputs.empty() && !inputs.back().valid()) inputs.pop_back();
  output_ = add(place_.name, place_.output, std::move(op), std::move(inputs));
}

bool Node::wants(std::size_t index) const {
  return index < place_.outputs.size() && !place_.outputs[index].empty();
}

void Node::finish_output(std::size_t index, Op op, std::vector<ValueId> inputs) {
  NT_CHECK(wants(index), "no such output is wanted");
  if (index == 0) return finish(std::move(op), std::move(inputs));
  while (!inputs.empty() && !inputs.back().valid()) inputs.pop_back();
  later_outputs_.resize(place_.outputs.size());
  later_outputs_[index] = add(fmt::format("{}/{}", place_.name, place_.outputs[index]),
                              place_.outputs[index], std::move(op), std::move(inputs));
}

void Node::finish_output(std::size_t index, ValueId value) {
  if (value.valid()) finish_output(index, Identity{}, {value});
}

ValueId Node::output(std::size_t index) const {
  if (index == 0) return output_;
  return index < later_outputs_.size() ? later_outputs_[index] : ValueId{};
}

void Node::finish_constant(Tensor tensor) {
  output_ = builder_.add_constant(place_.output, std::move(tensor));
}

void Node::refuse(std::string_view code, std::string message, std::string help) {
  report_.error(code, report_.node(place_.name), std::move(message), std::move(help));
}

ValueId Node::add(std::string_view name, std::string_view value_name, Op op,
                  std::vector<ValueId> inputs) {
  auto id = builder_.add_op(name, value_name, std::move(op), std::move(inputs), place_.name);
  if (id) return *id;
  const bool of_type = id.error().code == "ir.type";
  refuse(of_type ? "onnx.type" : "onnx.shape",
         fmt::format("{} ({}): {}", place_.op_type, place_.output, id.error().message));
  return {};
}

}  // namespace neurotool::from_onnx
