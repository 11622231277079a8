// The IR as JSON for programs: everything that the graph says, tensors by value when they are small
// and by SHA-256 when they are not, so that equal JSON means an equal model.
#include <limits>
#include <type_traits>

#include "base/hash.hpp"
#include "ir/fields.hpp"
#include "ir/print.hpp"
#include "ir/words.hpp"

namespace neurotool {
namespace {

constexpr std::int64_t kMostListed = 16;

Json json_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

Json json_of(const std::vector<float>& numbers) {
  Json list = Json::array();
  for (const float number : numbers) list.push_back(static_cast<double>(number));
  return list;
}

Json json_of(const std::vector<Activation>& activations) {
  Json list = Json::array();
  for (const Activation activation : activations) list.push_back(word_of(activation));
  return list;
}

Json json_of(std::span<const std::int64_t> numbers) {
  Json list = Json::array();
  for (const std::int64_t number : numbers) list.push_back(number);
  return list;
}

Json json_of(const Quantization& quantization) {
  Json scales = Json::array();
  for (const double scale : quantization.scales) scales.push_back(scale);
  Json object = Json::object();
  object["scales"] = std::move(scales);
  object["zero_point"] = quantization.zero_point;
  object["bits"] = quantization.bits;
  return object;
}

Json values_of(const Tensor& tensor) {
  Json list = Json::array();
  if (is_float(tensor.dtype())) {
    for (std::int64_t i = 0; i < tensor.size(); ++i) list.push_back(tensor.at(i));
  } else {
    const Tensor wide = tensor.converted(DType::kInt64);
    for (const std::int64_t value : wide.as<std::int64_t>()) list.push_back(value);
  }
  return list;
}

Json json_of(const Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  Json object = Json::object();
  object["dtype"] = short_name(tensor.dtype());
  object["shape"] = json_of(tensor.shape());
  if (tensor.quantization()) object["quantization"] = json_of(*tensor.quantization());
  if (tensor.size() <= kMostListed) {
    object["values"] = values_of(tensor);
  } else {
    const auto* bytes = reinterpret_cast<const char*>(tensor.data());
    object["sha256"] = sha256_hex({bytes, tensor.bytes()});
  }
  return object;
}

/// Puts each field of a node into an object.
struct FieldWriter {
  Json& object;

  template <class T>
  void operator()(std::string_view name, const T& field) const {
    Json& slot = object[name];
    if constexpr (Worded<T>) {
      slot = word_of(field);
    } else if constexpr (std::is_same_v<T, std::optional<std::int64_t>>) {
      slot = field ? Json(*field) : Json();
    } else if constexpr (std::is_same_v<T, float>) {
      slot = static_cast<double>(field);
    } else if constexpr (std::is_same_v<T, std::string>) {
      slot = field;
    } else if constexpr (std::is_same_v<T, Tensor> || std::is_class_v<T>) {
      slot = json_of(field);
    } else if constexpr (std::is_same_v<T, bool>) {
      slot = field;
    } else {
      // "For ever" and "without bound" are the largest number of their type.
      slot = field == std::numeric_limits<T>::max() ? Json() : Json(field);
    }
  }
};

template <class Variant>
Json fields_json(const Variant& node) {
  Json object = Json::object();
  std::visit([&](const auto& kind) { each_field(kind, FieldWriter{object}); }, node);
  return object;
}

Json json_of(const Population& population) {
  Json object = Json::object();
  object["name"] = population.name;
  object["model"] = model_name(population.neuron);
  object["shape"] = json_of(population.shape);
  object["neurons"] = population.size();
  object["output"] = population.output;
  object["parameters"] = fields_json(population.neuron);
  object["bias"] = json_of(population.bias);
  object["bias_timing"] = word_of(population.bias_timing);
  object["payload_value"] = json_of(population.payload_value);
  object["membrane_value"] = json_of(population.membrane_value);
  object["chip"] = population.chip;
  object["provisional"] = population.provisional;
  object["origins"] = json_of(population.origins);
  return object;
}

Json name_or_null(const SpikeGraph& graph, PopulationId id) {
  return id.index < graph.populations.size() ? Json(graph[id].name) : Json();
}

Json json_of(const SpikeGraph& graph, const Projection& projection) {
  Json object = Json::object();
  object["name"] = projection.name;
  object["source"] = name_or_null(graph, projection.source);
  object["target"] = name_or_null(graph, projection.target);
  object["kind"] = kind_name(projection.connectivity);
  object["parameters"] = fields_json(projection.connectivity);
  object["delay_steps"] = projection.delay_steps;
  object["target_port"] = projection.target_port;
  object["shift"] = projection.shift;
  object["origins"] = json_of(projection.origins);
  return object;
}

void describe(Json& object, const SpikeGraph& graph) {
  object["arithmetic"] = word_of(graph.arithmetic);
  object["steps"] = graph.steps;
  object["dt_seconds"] = graph.dt_seconds;
  object["neurons"] = graph.neuron_count();
  object["synapses"] = graph.synapse_count();
  Json populations = Json::array(), projections = Json::array();
  for (const PopulationId id : graph.live_populations()) populations.push_back(json_of(graph[id]));
  for (const ProjectionId id : graph.live_projections()) {
    projections.push_back(json_of(graph, graph[id]));
  }
  object["populations"] = std::move(populations);
  object["projections"] = std::move(projections);
}

Json name_or_null(const TensorGraph& graph, ValueId id) {
  return id.index < graph.values.size() ? Json(graph[id].name) : Json();
}

Json names_of(const TensorGraph& graph, const std::vector<ValueId>& ids) {
  Json list = Json::array();
  for (const ValueId id : ids) list.push_back(name_or_null(graph, id));
  return list;
}

Json json_of(const Value& value) {
  Json object = Json::object();
  object["name"] = value.name;
  object["dtype"] = short_name(value.dtype);
  object["shape"] = value.shape ? json_of(*value.shape) : Json();
  if (value.constant.defined()) object["constant"] = json_of(value.constant);
  return object;
}

void describe(Json& object, const TensorGraph& graph) {
  object["inputs"] = names_of(graph, graph.inputs);
  object["outputs"] = names_of(graph, graph.outputs);
  Json values = Json::array(), ops = Json::array();
  for (const Value& value : graph.values) {
    if (!value.removed) values.push_back(json_of(value));
  }
  for (const OpId id : graph.live_ops()) {
    const OpNode& node = graph[id];
    Json op = Json::object();
    op["name"] = node.name;
    op["op"] = op_name(node.op);
    op["inputs"] = names_of(graph, node.inputs);
    op["outputs"] = names_of(graph, node.outputs);
    op["attributes"] = fields_json(node.op);
    op["origins"] = json_of(node.origins);
    ops.push_back(std::move(op));
  }
  object["values"] = std::move(values);
  object["ops"] = std::move(ops);
}

}  // namespace

Json print_json(const Model& model) {
  Json object = Json::object();
  object["level"] = level_name(model.level());
  object["name"] = model.name;
  std::visit(
      [&](const auto& graph) {
        object["graph"] = graph.name;
        describe(object, graph);
      },
      model.graph);
  return object;
}

}  // namespace neurotool
