// Walks the graph of a parsed model: versions, inputs, weights, nodes, outputs. Everything that is
// wrong is reported before the import fails, so that twelve unsupported layers are one run.
#include "frontend/onnx/import.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "frontend/onnx/convert.hpp"
#include "frontend/onnx/order.hpp"
#include "frontend/onnx/tensors.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr std::int64_t kFirstIr = 3;
constexpr std::int64_t kLastIr = 13;

bool is_onnx_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

class Importer {
 public:
  Importer(::onnx::ModelProto& proto, const std::string& path, Diagnostics& diagnostics)
      : proto_(proto),
        graph_(*proto.mutable_graph()),
        folder_(std::filesystem::path(path).parent_path()),
        report_(path, diagnostics) {}

  Result<Model> run() {
    check_versions();
    if (report_.has_errors()) return report_.first_error();
    const NodeOrder order = order_nodes(graph_, report_);
    add_initializers();
    add_inputs();
    for (const int index : order.nodes) add_node(index, order);
    add_outputs();
    check_numbers();
    if (report_.has_errors()) return report_.first_error();
    warn_about_precision();
    return finish();
  }

 private:
  void check_versions();
  void add_initializers();
  void add_inputs();
  void add_input(const ::onnx::ValueInfoProto& input);
  std::optional<Shape> declared_shape(const ::onnx::ValueInfoProto& value);
  void add_node(int index, const NodeOrder& order);
  bool check_outputs_of(const ::onnx::NodeProto& node, const std::string& name,
                        const NodeOrder& order);
  const Operator* operator_of(const ::onnx::NodeProto& node, const std::string& name);
  void add_outputs();
  void check_declared(const ::onnx::ValueInfoProto& output, ValueId id);
  void warn_about_precision();
  void check_numbers();
  Model finish();

  ::onnx::ModelProto& proto_;
  ::onnx::GraphProto& graph_;
  ExternalFolder folder_;
  Report report_;
  GraphBuilder builder_;
  int opset_ = 0;
  bool narrow_inputs_ = false;
};

void Importer::check_versions() {
  if (proto_.ir_version() < kFirstIr || proto_.ir_version() > kLastIr) {
    report_.error("onnx.version", report_.file(),
                  fmt::format("the file has IR version {}, supported are {} to {}",
                              proto_.ir_version(), kFirstIr, kLastIr),
                  "export the model with a supported version of the onnx package");
  }
  std::optional<std::int64_t> opset;
  for (const auto& import : proto_.opset_import()) {
    if (!is_onnx_domain(import.domain())) continue;
    if (opset && *opset != import.version()) {
      report_.error(
          "onnx.version", report_.file(),
          fmt::format("the file declares opset {} and opset {}", *opset, import.version()));
    }
    opset = import.version();
  }
  if (!opset) {
    report_.error("onnx.version", report_.file(), "the file declares no opset of ONNX's own domain",
                  "export the model again; every ONNX file names the opset it was made for");
  } else if (*opset < kFirstOpset || *opset > kLastOpset) {
    report_.error("onnx.version", report_.file(),
                  fmt::format("the file declares opset {}, supported are {} to {}", *opset,
                              kFirstOpset, kLastOpset),
                  fmt::format("export the model with an opset up to {}, such as 17", kLastOpset));
  } else {
    opset_ = static_cast<int>(*opset);
  }
}

void Importer::add_initializers() {
  for (const auto& sparse : graph_.sparse_initializer()) {
    report_.error("onnx.unsupported-form", report_.node(sparse.values().name()),
                  "the initializer is stored as a sparse tensor",
                  "store it as a dense tensor; zeros are found again by the prune pass");
    builder_.bind(sparse.values().name(), builder_.add_broken(sparse.values().name()));
  }
  for (auto& proto : *graph_.mutable_initializer()) {
    auto tensor = take_tensor(proto, folder_);
    ValueId id;
    if (tensor) {
      id = builder_.add_constant(proto.name(), *std::move(tensor));
    } else {
      Error problem = std::move(tensor).error();
      problem.at = report_.node(proto.name());
      problem.message = fmt::format("initializer '{}': {}", proto.name(), problem.message);
      report_.add(std::move(problem));
      id = builder_.add_broken(proto.name());
    }
    builder_.bind(proto.name(), id);
  }
}

void Importer::add_inputs() {
  for (const auto& input : graph_.input()) {
    // An initializer of the same name is its value: networks are run with the weights they bring.
    if (!builder_.find(input.name()).valid()) add_input(input);
  }
}

void Importer::add_input(const ::onnx::ValueInfoProto& input) {
  const auto refuse = [&](std::string_view code, std::string message, std::string help) {
    report_.error(code, report_.node(input.name()), std::move(message), std::move(help));
    builder_.bind(input.name(), builder_.add_broken(input.name()));
  };
  if (!input.type().has_tensor_type()) {
    return refuse("onnx.type", fmt::format("graph input '{}' is not a tensor", input.name()),
                  "sequences, maps and optional values are not supported");
  }
  const int type = input.type().tensor_type().elem_type();
  auto dtype = dtype_of(type);
  if (!dtype) {
    return refuse(
        "onnx.type",
        fmt::format("graph input '{}' has elements of {}", input.name(), onnx_type_name(type)),
        "give the network a float32 input");
  }
  if (!input.type().tensor_type().has_shape()) {
    return refuse("onnx.input-shape", fmt::format("graph input '{}' has no shape", input.name()),
                  "export the model with a shape for each input; the batch may be symbolic");
  }
  const auto shape = declared_shape(input);
  if (!shape) return builder_.bind(input.name(), builder_.add_broken(input.name())), void();
  if (is_float(*dtype) && *dtype != DType::kFloat32) {
    narrow_inputs_ = true;
    dtype = DType::kFloat32;
  }
  builder_.bind(input.name(), builder_.add_input(input.name(), *dtype, *shape));
}

std::optional<Shape> Importer::declared_shape(const ::onnx::ValueInfoProto& value) {
  Shape shape, known;
  for (const auto& dim : value.type().tensor_type().shape().dim()) {
    // Some exporters write -1 for an extent that is not fixed, instead of a name.
    const bool is_fixed = dim.has_dim_value() && dim.dim_value() != -1;
    shape.push_back(is_fixed ? dim.dim_value() : kFreeDim);
    if (is_fixed) known.push_back(dim.dim_value());
  }
  const auto bad = std::ranges::find_if(known, [](std::int64_t extent) { return extent < 0; });
  if (bad != known.end()) {
    report_.error("onnx.input-shape", report_.node(value.name()),
                  fmt::format("graph input '{}' has the extent {}", value.name(), *bad),
                  "an extent that is not fixed has a name instead of a number (dim_param)");
    return std::nullopt;
  }
  if (!element_count(known)) {
    report_.error("onnx.input-shape", report_.node(value.name()),
                  fmt::format("graph input '{}' of shape {} has more than 2^48 elements",
                              value.name(), to_string(shape)));
    return std::nullopt;
  }
  return shape;
}

const Operator* Importer::operator_of(const ::onnx::NodeProto& node, const std::string& name) {
  const Location at = report_.node(name);
  const auto refuse = [&](std::string message, std::string help) {
    report_.error("onnx.unsupported-op", at, std::move(message), std::move(help));
    return nullptr;
  };
  const std::string& type = node.op_type();
  for (const auto& function : proto_.functions()) {
    if (function.name() == type && function.domain() == node.domain()) {
      return refuse(fmt::format("'{}' is a function that the model file defines", type),
                    "inline the model's functions before loading it (onnx.inliner in Python)");
    }
  }
  if (!is_onnx_domain(node.domain())) {
    if (const Operator* quantizer = find_quantizer(node.domain(), type)) return quantizer;
    return refuse(fmt::format("operator {} of domain '{}' is not supported", type, node.domain()),
                  "export the layer with operators of ONNX's own domain");
  }
  const Operator* op = find_operator(type);
  if (!op) {
    std::vector<std::string_view> names;
    for (const Operator& known : operators()) names.push_back(known.name);
    // A slip of the pen, not another operator with a similar name.
    const std::string_view near = nearest_name(type, names);
    const bool slip =
        !near.empty() && near.size() + 2 > type.size() && type.size() + 2 > near.size();
    return refuse(fmt::format("operator {} (opset {}) is not supported", type, opset_),
                  slip ? fmt::format("the nearest operator that is supported is {}", near)
                       : "neurotool explain onnx.unsupported-op lists the operators that are");
  }
  if (opset_ < op->first_opset || opset_ > op->last_opset) {
    return refuse(fmt::format("operator {} exists from opset {} on, the file declares {}", type,
                              op->first_opset, opset_),
                  "export the model again with the opset that its nodes need");
  }
  return op;
}

bool Importer::check_outputs_of(const ::onnx::NodeProto& node, const std::string& name,
                                const NodeOrder& order) {
  for (int i = 1; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    // Before opset 14, the further outputs were what made a batch normalisation a training one.
    if (node.op_type() == "BatchNormalization" &&
        (opset_ < 14 || order.read.contains(node.output(i)))) {
      report_.error("onnx.training-mode", report_.node(name),
                    "batch normalisation has the outputs of training mode",
                    "switch the model to evaluation before exporting it (model.eval() in PyTorch)");
      return false;
    }
  }
  return true;
}

void Importer::add_node(int index, const NodeOrder& order) {
  const ::onnx::NodeProto& proto = graph_.node(index);
  const std::string name = name_of(proto, index);
  const Operator* op = operator_of(proto, name);
  std::vector<ValueId> made(static_cast<std::size_t>(proto.output_size()));
  if (op && check_outputs_of(proto, name, order) && proto.output_size() > 0) {
    std::vector<ValueId> inputs;
    for (const std::string& input : proto.input()) {
      ValueId id = input.empty() ? ValueId{} : builder_.find(input);
      // A name that nobody makes has been reported.
      if (!input.empty() && !id.valid()) id = builder_.add_broken(input);
      inputs.push_back(id);
    }
    while (!inputs.empty() && !inputs.back().valid()) inputs.pop_back();
    Node::Place place{.name = name,
                      .op_type = proto.op_type(),
                      .opset = opset_,
                      .output = proto.output(0).empty() ? name : proto.output(0)};
    for (const std::string& output : proto.output()) {
      place.outputs.push_back(place.outputs.empty() || order.read.contains(output) ? output : "");
    }
    Node node(std::move(place), std::move(inputs), Attributes(proto, folder_, report_, name),
              builder_, report_);
    convert(*op, node);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = node.output(i);
  }
  for (int i = 0; i < proto.output_size(); ++i) {
    const std::string& value = proto.output(i);
    if (value.empty()) continue;
    const ValueId id = made[static_cast<std::size_t>(i)];
    builder_.bind(value, id.valid() ? id : builder_.add_broken(value));
  }
}

void Importer::add_outputs() {
  for (const auto& output : graph_.output()) {
    const ValueId id = builder_.find(output.name());
    if (!id.valid()) continue;  // reported, or part of a cycle
    builder_.graph().outputs.push_back(id);
    if (!builder_.is_broken(id)) check_declared(output, id);
  }
}

void Importer::check_declared(const ::onnx::ValueInfoProto& output, ValueId id) {
  const auto& type = output.type();
  const auto& shape = builder_.graph()[id].shape;
  if (!type.has_tensor_type() || !type.tensor_type().has_shape() || !shape) return;
  const auto& dims = type.tensor_type().shape().dim();
  bool agree = dims.size() == std::ssize(*shape);
  for (int i = 0; agree && i < dims.size(); ++i) {
    const std::int64_t extent = (*shape)[static_cast<std::size_t>(i)];
    agree = !dims[i].has_dim_value() || extent == kFreeDim || dims[i].dim_value() == extent;
  }
  if (agree) return;
  report_.warning("onnx.declared-shape", report_.node(output.name()),
                  fmt::format("the declared shape of output '{}' is not the one that its nodes "
                              "make, {}",
                              output.name(), to_string(*shape)));
}

void Importer::warn_about_precision() {
  if (narrow_inputs_) {
    report_.warning("onnx.precision", report_.file(),
                    "the inputs are not float32; the network is computed in float32");
  }
  if (builder_.rounded() == 0) return;
  report_.warning(
      "onnx.precision", report_.file(),
      fmt::format("{} constants, '{}' the first, are stored in float64 and lose digits; "
                  "the network is computed in float32",
                  builder_.rounded(), builder_.first_rounded()));
}

void Importer::check_numbers() {
  for (const Value& value : builder_.graph().values) {
    const Tensor& tensor = value.constant;
    if (!tensor.defined() || tensor.dtype() != DType::kFloat32) continue;
    const auto numbers = tensor.as<float>();
    const auto is_odd = [](float number) { return !std::isfinite(number); };
    const auto odd = std::ranges::count_if(numbers, is_odd);
    if (odd == 0) continue;
    const bool is_nan =
        std::ranges::any_of(numbers, [](float number) { return std::isnan(number); });
    // A single infinity is a bound of Clip more often than a mistake.
    if (!is_nan && tensor.size() == 1) continue;
    const auto first = std::ranges::find_if(numbers, is_odd) - numbers.begin();
    const std::string message =
        fmt::format("{} of {} elements of '{}' are {}, element {} the first", odd, tensor.size(),
                    value.name, is_nan ? "infinite or not a number" : "infinite", first);
    constexpr const char* kHelp = "the training diverged or the file is damaged; export it again";
    if (is_nan) report_.error("onnx.not-finite", report_.node(value.name), message, kHelp);
    if (!is_nan) report_.warning("onnx.not-finite", report_.node(value.name), message, kHelp);
  }
}

Model Importer::finish() {
  Model model;
  TensorGraph& graph = builder_.graph();
  const std::string stem = std::filesystem::path(report_.path()).stem().string();
  graph.name = escape_control(graph_.name().empty() ? stem : graph_.name());
  graph.compact();
  model.name = stem;
  model.path = report_.path();
  model.graph = std::move(graph);
  return model;
}

}  // namespace

Result<Model> import_model(::onnx::ModelProto& proto, const std::string& path,
                           Diagnostics& diagnostics) {
  if (!proto.has_graph()) {
    Error problem = error("onnx.no-graph", FilePosition{.path = path}, "the ONNX file has no graph",
                          "export the model again");
    diagnostics.report(problem);
    return problem;
  }
  return Importer(proto, path, diagnostics).run();
}

}  // namespace neurotool::from_onnx
