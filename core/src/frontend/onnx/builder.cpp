// Adds values and ops straight to the graph's vectors: asking the graph for a unique name costs a
// pass over all nodes, which a model of tens of thousands of nodes would feel.
#include "frontend/onnx/builder.hpp"

#include "base/text.hpp"

namespace neurotool::from_onnx {
namespace {

/// `wanted`, made printable, or with _2, _3, … behind it when it is taken.
std::string unique(Names& taken, std::string_view wanted) {
  const std::string stem = escape_control(wanted);
  const auto [first, is_new] = taken.emplace(stem, 2);
  if (is_new) return stem;
  for (;;) {
    std::string name = stem + "_" + std::to_string(taken[stem]++);
    if (taken.emplace(name, 2).second) return name;
  }
}

}  // namespace

ValueId GraphBuilder::add_value(std::string_view name, TensorType type, bool is_broken) {
  const ValueId id{static_cast<std::uint32_t>(graph_.values.size())};
  Value value;
  value.name = unique(value_names_, name);
  value.dtype = type.dtype;
  value.shape = type.shape;
  value.constant = type.constant;
  graph_.values.push_back(std::move(value));
  types_.set(id, std::move(type));
  broken_.push_back(is_broken);
  return id;
}

ValueId GraphBuilder::add_input(std::string_view name, DType dtype, Shape shape) {
  TensorType type;
  type.dtype = dtype;
  type.shape = std::move(shape);
  const ValueId id = add_value(name, std::move(type), false);
  graph_.inputs.push_back(id);
  return id;
}

ValueId GraphBuilder::add_constant(std::string_view name, Tensor tensor) {
  if (is_float(tensor.dtype()) && tensor.dtype() != DType::kFloat32) {
    const Tensor narrow = tensor.converted(DType::kFloat32);
    // Every number of 16 bits is one of 32; of those of 64 bits, the simple ones are.
    const bool loses =
        tensor.dtype() == DType::kFloat64 && narrow.converted(DType::kFloat64) != tensor;
    if (loses && rounded_++ == 0) first_rounded_ = name;
    tensor = narrow;
  }
  return add_value(name, type_of(tensor), false);
}

Result<ValueId> GraphBuilder::add_op(std::string_view name, std::string_view value_name, Op op,
                                     std::vector<ValueId> inputs, const std::string& origin) {
  const OpId op_id{static_cast<std::uint32_t>(graph_.ops.size())};
  OpNode node{.name = unique(op_names_, name),
              .op = std::move(op),
              .inputs = std::move(inputs),
              .outputs = {},
              .origins = {origin}};
  bool broken = false;
  for (const ValueId input : node.inputs) broken = broken || is_broken(input);
  Result<TensorType> type = TensorType{};
  if (!broken) type = types_.infer(node);
  const bool known = !broken && type.has_value();
  const ValueId id = add_value(value_name, known ? *type : TensorType{}, !known);
  graph_[id].producer = op_id;
  node.outputs.push_back(id);
  graph_.ops.push_back(std::move(node));
  if (!type) return std::move(type).error();
  return id;
}

ValueId GraphBuilder::add_broken(std::string_view value_name) {
  return add_value(value_name, TensorType{}, true);
}

}  // namespace neurotool::from_onnx
