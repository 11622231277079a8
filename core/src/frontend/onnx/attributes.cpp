// Attribute access with the type checks that protobuf does not make.
#include "frontend/onnx/attributes.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <set>

#include "frontend/onnx/tensors.hpp"

namespace neurotool::from_onnx {
namespace {

using ::onnx::AttributeProto;

std::string type_word(int type) {
  return AttributeProto::AttributeType_IsValid(type)
             ? AttributeProto::AttributeType_Name(static_cast<AttributeProto::AttributeType>(type))
             : fmt::format("type {}", type);
}

}  // namespace

Attributes::Attributes(const ::onnx::NodeProto& node, const ExternalFolder& folder, Report& report,
                       std::string node_name)
    : node_(node), folder_(folder), report_(report), node_name_(std::move(node_name)) {
  std::set<std::string_view> seen;
  for (const AttributeProto& attribute : node.attribute()) {
    if (!seen.insert(attribute.name()).second) {
      this->report(fmt::format("attribute '{}' is given twice", attribute.name()));
    }
  }
}

bool Attributes::has(std::string_view name) const {
  return std::ranges::any_of(
      node_.attribute(), [&](const AttributeProto& attribute) { return attribute.name() == name; });
}

const AttributeProto* Attributes::take(std::string_view name, int type) {
  read_.push_back(name);
  for (const AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() != name) continue;
    if (!attribute.ref_attr_name().empty()) {
      report(fmt::format("attribute '{}' refers to '{}', which only exists in a function", name,
                         attribute.ref_attr_name()));
      return nullptr;
    }
    if (attribute.type() == type) return &attribute;
    report(fmt::format("attribute '{}' has type {}, expected {}", name, type_word(attribute.type()),
                       type_word(type)));
    return nullptr;
  }
  return nullptr;
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t fallback) {
  const AttributeProto* found = take(name, AttributeProto::INT);
  return found ? found->i() : fallback;
}

float Attributes::real(std::string_view name, float fallback) {
  const AttributeProto* found = take(name, AttributeProto::FLOAT);
  return found ? found->f() : fallback;
}

std::string Attributes::text(std::string_view name, std::string fallback) {
  const AttributeProto* found = take(name, AttributeProto::STRING);
  return found ? found->s() : fallback;
}

bool Attributes::flag(std::string_view name, bool fallback) {
  const std::int64_t value = integer(name, fallback ? 1 : 0);
  if (value != 0 && value != 1) {
    report(fmt::format("attribute '{}' = {} is neither 0 nor 1", name, value));
  }
  return value != 0;
}

std::optional<std::vector<std::int64_t>> Attributes::integers(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::INTS);
  if (!found) return std::nullopt;
  return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
}

std::optional<std::vector<float>> Attributes::reals(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::FLOATS);
  if (!found) return std::nullopt;
  return std::vector<float>(found->floats().begin(), found->floats().end());
}

std::optional<std::vector<std::string>> Attributes::texts(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::STRINGS);
  if (!found) return std::nullopt;
  return std::vector<std::string>(found->strings().begin(), found->strings().end());
}

std::optional<Tensor> Attributes::tensor(std::string_view name) {
  const AttributeProto* found = take(name, AttributeProto::TENSOR);
  if (!found) return std::nullopt;
  auto tensor = read_tensor(found->t(), folder_);
  if (tensor) return *std::move(tensor);
  Error problem = std::move(tensor).error();
  problem.at = report_.node(node_name_);
  problem.message = fmt::format("attribute '{}': {}", name, problem.message);
  report_.add(std::move(problem));
  return std::nullopt;
}

void Attributes::ignore(std::initializer_list<std::string_view> names) {
  read_.insert(read_.end(), names.begin(), names.end());
}

void Attributes::finish(std::string_view op, int opset) {
  for (const AttributeProto& attribute : node_.attribute()) {
    if (std::ranges::find(read_, attribute.name()) != read_.end()) continue;
    report(
        fmt::format("attribute '{}' is not known for {} in opset {}", attribute.name(), op, opset),
        "export the model again with the opset it declares; newer opsets turn some attributes "
        "into inputs");
  }
}

void Attributes::report(std::string message, std::string help) {
  report_.error("onnx.attribute", report_.node(node_name_), std::move(message), std::move(help));
}

}  // namespace neurotool::from_onnx
