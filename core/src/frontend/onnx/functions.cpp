// Functions by domain, name and overload. Fields newer than the packaged ONNX library are found
// among those that protobuf keeps without knowing them.
#include "frontend/onnx/functions.hpp"

#include <fmt/format.h>
#include <google/protobuf/unknown_field_set.h>
#include <onnx/onnx_pb.h>

#include <algorithm>

namespace neurotool::from_onnx {
namespace {

constexpr std::size_t kMostNodes = 200'000;
constexpr std::size_t kMostBytes = std::size_t{64} << 20;

constexpr int kNodeOverload = 8, kFunctionOverload = 13, kFunctionDefaults = 11;

/// The contents of a field of bytes that the library does not know.
template <class Message>
std::vector<std::string> unknown_bytes(const Message& message, int number) {
  std::vector<std::string> result;
  const auto& fields = message.unknown_fields();
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() == number &&
        field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      result.push_back(field.length_delimited());
    }
  }
  return result;
}

template <class Message>
std::string overload_of(const Message& message, int number) {
  const auto found = unknown_bytes(message, number);
  return found.empty() ? std::string() : found.back();
}

std::string key_of(const std::string& domain, const std::string& name,
                   const std::string& overload) {
  const std::string& shown = is_onnx_domain(domain) ? std::string() : domain;
  return shown + '\n' + name + '\n' + overload;
}

Function describe(const ::onnx::FunctionProto& proto) {
  Function function{.proto = &proto,
                    .title = proto.domain().empty()
                                 ? proto.name()
                                 : fmt::format("{}.{}", proto.domain(), proto.name()),
                    .opsets = {},
                    .size = proto.ByteSizeLong(),
                    .defaults = {}};
  for (const auto& import : proto.opset_import()) {
    const bool own = is_onnx_domain(import.domain());
    function.opsets.emplace(own ? std::string() : import.domain(), import.version());
  }
  for (const std::string& bytes : unknown_bytes(proto, kFunctionDefaults)) {
    auto attribute = std::make_shared<::onnx::AttributeProto>();
    if (attribute->ParseFromString(bytes)) function.defaults.push_back(std::move(attribute));
  }
  return function;
}

}  // namespace

bool is_onnx_domain(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

Functions::Functions(const ::onnx::ModelProto& model, Report& report) {
  for (const auto& proto : model.functions()) {
    Function function = describe(proto);
    const std::string title = function.title;
    const std::string key =
        key_of(proto.domain(), proto.name(), overload_of(proto, kFunctionOverload));
    if (functions_.emplace(key, std::move(function)).second) continue;
    report.error("onnx.function", report.file(),
                 fmt::format("the file defines the function '{}' twice", title),
                 "export the model again");
  }
}

Functions::~Functions() = default;

const Function* Functions::called_by(const ::onnx::NodeProto& node) const {
  if (functions_.empty()) return nullptr;
  const auto found =
      functions_.find(key_of(node.domain(), node.op_type(), overload_of(node, kNodeOverload)));
  return found == functions_.end() ? nullptr : &found->second;
}

bool Expansions::spend(const Function& function, std::size_t call_bytes) {
  const std::size_t nodes = 1 + static_cast<std::size_t>(function.proto->node_size());
  nodes_ = std::min(kMostNodes + 1, nodes_ + nodes);
  bytes_ =
      std::min(kMostBytes + 1, bytes_ + function.size + nodes * std::min(call_bytes, kMostBytes));
  return nodes_ <= kMostNodes && bytes_ <= kMostBytes;
}

Actuals actuals_of(const Function& function, const ::onnx::NodeProto& call) {
  Actuals actuals;
  for (const auto& attribute : call.attribute()) actuals.emplace(attribute.name(), &attribute);
  for (const auto& fallback : function.defaults) {
    actuals.emplace(fallback->name(), fallback.get());
  }
  return actuals;
}

bool has_references(const ::onnx::NodeProto& node) {
  const auto in_graph = [](const ::onnx::GraphProto& graph) {
    return std::ranges::any_of(graph.node(), has_references);
  };
  return std::ranges::any_of(node.attribute(), [&](const ::onnx::AttributeProto& attribute) {
    return !attribute.ref_attr_name().empty() || (attribute.has_g() && in_graph(attribute.g())) ||
           std::ranges::any_of(attribute.graphs(), in_graph);
  });
}

void resolve_references(::onnx::NodeProto& node, const Actuals& actuals) {
  const auto in_graph = [&](::onnx::GraphProto& graph) {
    for (auto& inner : *graph.mutable_node()) resolve_references(inner, actuals);
  };
  auto& attributes = *node.mutable_attribute();
  for (int i = attributes.size() - 1; i >= 0; --i) {
    auto& attribute = attributes[i];
    if (attribute.has_g()) in_graph(*attribute.mutable_g());
    for (auto& graph : *attribute.mutable_graphs()) in_graph(graph);
    if (attribute.ref_attr_name().empty()) continue;
    const auto actual = actuals.find(attribute.ref_attr_name());
    if (actual == actuals.end()) {
      attributes.DeleteSubrange(i, 1);
      continue;
    }
    const std::string name = attribute.name();
    attribute.CopyFrom(*actual->second);
    attribute.set_name(name);
  }
}

}  // namespace neurotool::from_onnx
