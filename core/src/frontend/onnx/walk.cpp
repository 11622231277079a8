// One function for each kind of node: an operator, an If, a call. All end in the ids of the values
// that they make; a value that could not be made is marked broken, so that one mistake is one
// error.
#include "frontend/onnx/walk.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "frontend/onnx/initializers.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr std::size_t kDeepestCall = 64;
/// Names of nodes repeat the path to them; a path may not make a small file large.
constexpr std::size_t kLongestPrefix = 400;

/// The path of nodes inside `name`.
std::string prefix_of(std::string name) {
  if (name.size() > kLongestPrefix) name.resize(kLongestPrefix);
  name += '/';
  return name;
}

const ::onnx::GraphProto* subgraph(const ::onnx::NodeProto& node, std::string_view name) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.name() == name && attribute.has_g()) return &attribute.g();
  }
  return nullptr;
}

/// A slip of the pen, not another operator with a similar name.
std::string nearest_operator(const std::string& type) {
  std::vector<std::string_view> names;
  for (const Operator& known : operators()) names.push_back(known.name);
  const std::string_view near = nearest_name(type, names);
  const bool slip = !near.empty() && near.size() + 2 > type.size() && type.size() + 2 > near.size();
  return slip ? fmt::format("the nearest operator that is supported is {}", near)
              : "neurotool explain onnx.unsupported-op lists the operators that are";
}

}  // namespace

void Walk::main_graph(const Body& nodes, Scope& scope, const Opsets& opsets) {
  body(nodes, {.scope = scope, .opsets = opsets});
}

void Walk::body(const Body& body, const Frame& frame) {
  const NodeOrder order = order_nodes(body, report_);
  for (const int index : order.nodes) node(body, index, order, frame);
}

void Walk::node(const Body& body, int index, const NodeOrder& order, const Frame& frame) {
  const ::onnx::NodeProto& given = *body.nodes[static_cast<std::size_t>(index)];
  ::onnx::NodeProto resolved;
  const bool refers = frame.actuals != nullptr && has_references(given);
  if (refers) {
    resolved = given;
    resolve_references(resolved, *frame.actuals);
  }
  const ::onnx::NodeProto& proto = refers ? resolved : given;
  const auto opset =
      frame.opsets.find(is_onnx_domain(proto.domain()) ? std::string() : proto.domain());
  const Site site{.proto = proto,
                  .name = body.prefix + name_of(proto, index),
                  .opset = opset == frame.opsets.end() ? 0 : static_cast<int>(opset->second),
                  .order = order,
                  .frame = frame};
  const std::size_t errors = report_.errors();
  const std::size_t row = record_ != nullptr ? record_->nodes.size() : 0;
  if (record_ != nullptr) {
    record_->nodes.push_back(
        {.name = site.name, .op = proto.op_type(), .domain = proto.domain(), .opset = site.opset});
  }
  Made made = convert_node(site);
  if (record_ != nullptr && report_.errors() > errors && record_->nodes.size() == row + 1) {
    record_->nodes[row].problem = report_.last_error().message;
    record_->nodes[row].help = report_.last_error().help;
  }
  made.resize(static_cast<std::size_t>(proto.output_size()));
  for (int i = 0; i < proto.output_size(); ++i) {
    if (proto.output(i).empty()) continue;
    const ValueId id = made[static_cast<std::size_t>(i)];
    frame.scope.bind(proto.output(i), id.valid() ? id : builder_.add_broken(value_name(site, i)));
  }
}

Walk::Made Walk::convert_node(const Site& site) {
  if (const Function* function = functions_.called_by(site.proto)) return call(site, *function);
  if (is_onnx_domain(site.proto.domain()) && site.proto.op_type() == "If") return if_node(site);
  const Operator* op = operator_of(site);
  if (!op || site.proto.output_size() == 0 || !is_for_inference(site)) return {};
  return operator_node(site, *op);
}

void Walk::refuse(const Site& site, std::string_view code, std::string message, std::string help) {
  report_.error(code, report_.node(site.name), std::move(message), std::move(help));
}

std::string Walk::value_name(const Site& site, int output) const {
  return site.frame.scope.value_name(site.proto.output(output));
}

std::vector<ValueId> Walk::inputs_of(const Site& site) {
  std::vector<ValueId> inputs;
  for (const std::string& input : site.proto.input()) {
    if (input.empty()) {
      inputs.emplace_back();
      continue;
    }
    const auto id = site.frame.scope.find(input);
    // A name that nobody makes has been reported.
    inputs.push_back(id ? *id : builder_.add_broken(input));
  }
  while (!inputs.empty() && !inputs.back().valid()) inputs.pop_back();
  return inputs;
}

const Operator* Walk::operator_of(const Site& site) {
  const std::string& type = site.proto.op_type();
  const auto refuse_op = [&](std::string message, std::string help) {
    refuse(site, "onnx.unsupported-op", std::move(message), std::move(help));
    return nullptr;
  };
  if (!is_onnx_domain(site.proto.domain())) {
    if (const Operator* quantizer = find_quantizer(site.proto.domain(), type)) return quantizer;
    return refuse_op(
        fmt::format("operator {} of domain '{}'{} is not supported", type, site.proto.domain(),
                    site.opset > 0 ? fmt::format(" (opset {})", site.opset) : ""),
        "export the layer with operators of ONNX's own domain");
  }
  const Operator* op = find_operator(type);
  if (!op) {
    return refuse_op(fmt::format("operator {} (opset {}) is not supported", type, site.opset),
                     nearest_operator(type));
  }
  if (site.opset < op->first_opset || site.opset > op->last_opset) {
    return refuse_op(fmt::format("operator {} exists from opset {} on, the file declares {}", type,
                                 op->first_opset, site.opset),
                     "export the model again with the opset that its nodes need");
  }
  return op;
}

/// Before opset 14, the further outputs were what made a batch normalisation a training one.
bool Walk::is_for_inference(const Site& site) {
  if (site.proto.op_type() != "BatchNormalization") return true;
  for (int i = 1; i < site.proto.output_size(); ++i) {
    const std::string& output = site.proto.output(i);
    if (output.empty() || (site.opset >= 14 && !site.order.read.contains(output))) continue;
    refuse(site, "onnx.training-mode", "batch normalisation has the outputs of training mode",
           "switch the model to evaluation before exporting it (model.eval() in PyTorch)");
    return false;
  }
  return true;
}

Walk::Made Walk::operator_node(const Site& site, const Operator& op) {
  const ::onnx::NodeProto& proto = site.proto;
  Node::Place place{.name = site.name,
                    .op_type = proto.op_type(),
                    .opset = site.opset,
                    .output = proto.output(0).empty() ? site.name : value_name(site, 0)};
  for (int i = 0; i < proto.output_size(); ++i) {
    const bool wanted =
        !proto.output(i).empty() && (i == 0 || site.order.read.contains(proto.output(i)));
    place.outputs.push_back(wanted ? value_name(site, i) : std::string());
  }
  Node node(std::move(place), inputs_of(site), Attributes(proto, folder_, report_, site.name),
            builder_, report_);
  convert(op, node);
  Made made;
  for (int i = 0; i < proto.output_size(); ++i) {
    made.push_back(node.output(static_cast<std::size_t>(i)));
  }
  return made;
}

std::optional<bool> Walk::condition(const Site& site) {
  const std::vector<ValueId> inputs = inputs_of(site);
  if (inputs.size() != 1) {
    refuse(site, "onnx.input", fmt::format("If has {} inputs, 1 needed", inputs.size()), {});
    return std::nullopt;
  }
  if (builder_.is_broken(inputs[0])) return std::nullopt;
  const auto value = known_.of(inputs[0]);
  if (value && value->size() == 1) return value->at(0) != 0;
  if (value) {
    refuse(site, "onnx.shape",
           fmt::format("the condition of If has {} elements, 1 needed", value->size()), {});
  } else {
    refuse(site, "onnx.unsupported-form", "the condition of If depends on data or on a free extent",
           "give free extents a number (model.dims in the pipeline file), or export the model "
           "without control flow");
  }
  return std::nullopt;
}

Walk::Made Walk::if_node(const Site& site) {
  const auto taken = condition(site);
  if (!taken) return {};
  const std::string_view which = *taken ? "then_branch" : "else_branch";
  const ::onnx::GraphProto* graph = subgraph(site.proto, which);
  if (graph != nullptr) return branch(site, *graph, which);
  refuse(site, "onnx.attribute", fmt::format("If has no attribute '{}' that is a graph", which),
         "export the model again");
  return {};
}

Walk::Made Walk::branch(const Site& site, const ::onnx::GraphProto& graph, std::string_view which) {
  const int results = site.proto.output_size();
  if (graph.input_size() != 0 || graph.output_size() != results) {
    refuse(site, "onnx.unsupported-form",
           fmt::format("{} of If has {} inputs and {} outputs, 0 and {} needed", which,
                       graph.input_size(), graph.output_size(), results),
           "export the model again");
    return {};
  }
  Scope scope(&site.frame.scope, prefix_of(site.name), {});
  for (int i = 0; i < results; ++i) {
    if (!site.proto.output(i).empty()) scope.rename(graph.output(i).name(), value_name(site, i));
  }
  Body inside = body_of(graph);
  inside.prefix = scope.prefix();
  inside.is_outer = [&](const std::string& name) {
    return site.frame.scope.find(name).has_value();
  };
  add_initializers(graph, scope, folder_, builder_, report_);
  body(inside, {.scope = scope, .opsets = site.frame.opsets, .actuals = site.frame.actuals});
  Made made;
  for (int i = 0; i < results; ++i) {
    const auto id = scope.find(graph.output(i).name());
    made.push_back(id && id->valid() ? under_name(*id, value_name(site, i), site.name) : ValueId{});
  }
  return made;
}

bool Walk::may_call(const Site& site, const Function& function) {
  const auto refuse_call = [&](std::string message, std::string help) {
    refuse(site, "onnx.function", std::move(message), std::move(help));
    return false;
  };
  if (std::ranges::find(calls_, &function) != calls_.end()) {
    std::string path;
    for (const Function* caller : calls_) path += fmt::format("'{}', ", caller->title);
    return refuse_call(
        fmt::format("the function '{}' calls itself: {}'{}'", function.title, path, function.title),
        "ONNX functions have no recursion; export the model again");
  }
  const int inputs = site.proto.input_size(), outputs = site.proto.output_size();
  if (inputs > function.proto->input_size() || outputs > function.proto->output_size()) {
    return refuse_call(
        fmt::format("the call of '{}' has {} inputs and {} outputs, the function {} and {}",
                    function.title, inputs, outputs, function.proto->input_size(),
                    function.proto->output_size()),
        "export the model again");
  }
  if (exhausted_) return false;
  exhausted_ = calls_.size() >= kDeepestCall ||
               !expansions_.spend(function, site.proto.ByteSizeLong() + site.name.size());
  if (!exhausted_) return true;
  return refuse_call(
      "the functions of the file call each other too often to write their bodies out",
      "export the model without functions, or inline them with onnx.inliner in Python");
}

Walk::Made Walk::call(const Site& site, const Function& function) {
  if (!may_call(site, function)) return {};
  const ::onnx::FunctionProto& proto = *function.proto;
  Scope scope(nullptr, prefix_of(site.name), prefix_of(site.name));
  const std::vector<ValueId> inputs = inputs_of(site);
  for (int i = 0; i < proto.input_size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    scope.bind(proto.input(i), at < inputs.size() ? inputs[at] : ValueId{});
  }
  for (int i = 0; i < site.proto.output_size(); ++i) {
    if (!site.proto.output(i).empty()) scope.rename(proto.output(i), value_name(site, i));
  }
  // A function that names no opset of ONNX's own is of the model's.
  Opsets opsets = function.opsets;
  opsets.insert(site.frame.opsets.begin(), site.frame.opsets.end());
  const Actuals actuals = actuals_of(function, site.proto);
  Body inside = body_of(proto);
  inside.prefix = scope.prefix();
  calls_.push_back(&function);
  body(inside, {.scope = scope, .opsets = opsets, .actuals = &actuals});
  calls_.pop_back();
  Made made;
  for (int i = 0; i < site.proto.output_size(); ++i) {
    const auto id = scope.find(proto.output(i));
    const bool wanted = id && id->valid() && !site.proto.output(i).empty();
    made.push_back(wanted ? under_name(*id, value_name(site, i), site.name) : ValueId{});
  }
  return made;
}

ValueId Walk::under_name(ValueId id, const std::string& value_name, const std::string& node_name) {
  if (builder_.is_broken(id) || builder_.graph()[id].name == escape_control(value_name)) return id;
  const auto renamed = builder_.add_op(node_name, value_name, Identity{}, {id}, node_name);
  return renamed ? *renamed : ValueId{};
}

}  // namespace neurotool::from_onnx
