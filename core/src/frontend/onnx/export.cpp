// Inputs, constants, nodes and outputs of a graph as a ModelProto.
#include "frontend/onnx/export.hpp"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "frontend/onnx/export_ops.hpp"
#include "ir/op_types.hpp"

namespace neurotool {
namespace {

constexpr int kIr = 8;      // the newest that knows opset 17 alone
constexpr int kOpset = 17;  // what Debian 12's ONNX and most runtimes accept

/// scale * clip(round(x / scale + offset), low, high) in the operations that exporters write.
void spell_out(TensorGraph& graph, OpId id) {
  const auto op = std::get<QuantizedActivation>(graph[id].op);
  const std::string name = graph[id].name;
  const std::vector<std::string> origins = graph[id].origins;
  const ValueId old = graph[id].outputs[0], input = graph[id].inputs[0];
  const std::optional<Shape> shape = graph[old].shape ? graph[old].shape : graph[input].shape;
  ValueId scale = graph[id].inputs[1];
  if (const Tensor factors = graph[scale].constant; factors.rank() == 1) {
    // One for each channel: along axis 1 of a value whose last axis broadcasting starts from.
    Shape along(shape.value().size() - 1, 1);
    along[0] = factors.size();
    scale = graph.add_constant(name + ".step", factors.reshaped(std::move(along)));
  }
  const auto number = [&](const char* what, double value) {
    return graph.add_constant(name + what, Tensor::scalar(static_cast<float>(value)));
  };
  const auto add = [&](const char* suffix, Op step, std::vector<ValueId> inputs) {
    const ValueId made = graph.add_op(name + suffix, std::move(step), std::move(inputs), origins);
    graph[made].shape = shape;
    return made;
  };
  ValueId value = add(".scaled", Binary{BinaryKind::kDiv}, {input, scale});
  if (op.offset != 0) {
    const ValueId offset = number(".offset", double{op.offset});
    value = add(".shifted", Binary{BinaryKind::kAdd}, {value, offset});
  }
  const bool floors = op.rounding == LevelRounding::kFloor;
  value = add(".level", Unary{floors ? UnaryKind::kFloor : UnaryKind::kRound}, {value});
  const ValueId low = number(".low", static_cast<double>(op.low));
  const ValueId high = number(".high", static_cast<double>(op.high));
  value = add(".clipped", Clip{}, {value, low, high});
  value = add(".value", Binary{BinaryKind::kMul}, {value, scale});
  graph.replace_uses(old, value);
  std::swap(graph[old].name, graph[value].name);
  graph.remove(id);
}

/// Fills in what follows from the shapes that are known; ONNX wants one for every output.
TensorGraph with_shapes(TensorGraph graph) {
  ValueTypes types(graph);
  for (const OpId id : graph.topological_order()) {
    auto type = types.infer(graph[id]);
    if (!type) continue;
    Value& value = graph[graph[id].outputs[0]];
    if (!value.shape) value.shape = type->shape;
    value.dtype = type->dtype;
    types.set(graph[id].outputs[0], *std::move(type));
  }
  return graph;
}

TensorGraph in_onnx_operations(TensorGraph graph) {
  for (const OpId id : graph.live_ops()) {
    if (std::holds_alternative<QuantizedActivation>(graph[id].op)) spell_out(graph, id);
  }
  graph.compact();
  return graph;
}

class Exporter {
 public:
  Exporter(const Model& model, TensorGraph graph)
      : model_(model), graph_(in_onnx_operations(std::move(graph))) {
    proto_.set_ir_version(kIr);
    proto_.set_producer_name("neurotool");
    proto_.add_opset_import()->set_version(kOpset);
    proto_.mutable_graph()->set_name(graph_.name.empty() ? model.name : graph_.name);
  }

  Result<std::string> run();

 private:
  void describe(ValueId id, ::onnx::ValueInfoProto& out) const;
  void add_constant(ValueId id);
  Result<> add_node(const OpNode& op);

  const Model& model_;
  const TensorGraph graph_;
  ::onnx::ModelProto proto_;
  std::set<ValueId> written_;
};

void Exporter::describe(ValueId id, ::onnx::ValueInfoProto& out) const {
  const Value& value = graph_[id];
  out.set_name(value.name);
  auto& type = *out.mutable_type()->mutable_tensor_type();
  type.set_elem_type(to_onnx::onnx_type(value.dtype));
  if (!value.shape) return;
  auto& shape = *type.mutable_shape();
  for (std::size_t axis = 0; axis < value.shape->size(); ++axis) {
    auto& extent = *shape.add_dim();
    const std::int64_t known = (*value.shape)[axis];
    if (known != kFreeDim) {
      extent.set_dim_value(known);
    } else {
      // A graph has one free extent, the batch.
      extent.set_dim_param("N");
    }
  }
}

void Exporter::add_constant(ValueId id) {
  if (!written_.insert(id).second) return;
  auto& tensor = *proto_.mutable_graph()->add_initializer();
  to_onnx::write_tensor(graph_[id].constant, tensor);
  tensor.set_name(graph_[id].name);
}

Result<> Exporter::add_node(const OpNode& op) {
  auto& node = *proto_.mutable_graph()->add_node();
  node.set_name(op.name);
  for (const ValueId input : op.inputs) {
    node.add_input(input.valid() ? graph_[input].name : std::string());
  }
  for (const ValueId output : op.outputs) node.add_output(graph_[output].name);
  if (std::string reason = to_onnx::write_op(graph_, op, node); !reason.empty()) {
    const std::string& name = op.origins.empty() ? op.name : op.origins.front();
    return error("onnx.export", ModelNode{model_.path, name}, fmt::format("'{}' {}", name, reason),
                 "the network can be kept as a snapshot: --dump-ir writes one");
  }
  // A list that became an attribute is no input any more.
  for (std::size_t i = 0; i < op.inputs.size() && static_cast<int>(i) < node.input_size(); ++i) {
    const ValueId input = op.inputs[i];
    if (input.valid() && graph_[input].constant.defined()) add_constant(input);
  }
  while (node.input_size() > 0 && node.input(node.input_size() - 1).empty()) {
    node.mutable_input()->RemoveLast();
  }
  return {};
}

Result<std::string> Exporter::run() {
  auto& graph = *proto_.mutable_graph();
  for (const ValueId id : graph_.inputs) describe(id, *graph.add_input());
  for (const OpId id : graph_.topological_order()) NT_TRY_VOID(add_node(graph_[id]));
  for (const ValueId id : graph_.outputs) {
    if (graph_[id].constant.defined()) add_constant(id);
    describe(id, *graph.add_output());
  }
  constexpr std::size_t kMost = (std::size_t{1} << 31) - 1;
  if (proto_.ByteSizeLong() > kMost) {
    return error("onnx.export", ModelNode{model_.path, graph_.name},
                 fmt::format("the network takes {} bytes, and an ONNX file holds 2^31 - 1",
                             proto_.ByteSizeLong()),
                 "the network can be kept as a snapshot: --dump-ir writes one");
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    proto_.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

Result<std::string> write_onnx(const Model& model) {
  TensorGraph graph = with_shapes(model.tensor());
  for (const OpId id : graph.live_ops()) {
    const OpNode& node = graph[id];
    if (!std::holds_alternative<QuantizedActivation>(node.op)) continue;
    if (graph[node.outputs[0]].shape || graph[node.inputs[0]].shape) continue;
    return error("onnx.export", ModelNode{model.path, node.name},
                 fmt::format("'{}' has scales by channel and no known shape", node.name),
                 "run 'infer_shapes' before");
  }
  for (const ValueId output : graph.outputs) {
    if (graph[output].shape) continue;
    return error("onnx.export", ModelNode{model.path, graph[output].name},
                 fmt::format("nothing is known of the shape of output '{}', and ONNX wants it",
                             graph[output].name),
                 "give the inputs their shapes");
  }
  return Exporter(model, std::move(graph)).run();
}

}  // namespace neurotool
