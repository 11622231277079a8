// A Model as JSON with numbered tensors. The fields of operations, neurons and connectivity come
// from ir/fields.hpp, so a new attribute needs nothing here.
#include <optional>
#include <type_traits>
#include <utility>

#include "io/snapshot_description.hpp"
#include "ir/fields.hpp"
#include "ir/words.hpp"

namespace neurotool {
namespace {

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

template <class Tag>
Json json_of(Id<Tag> id) {
  return id.valid() ? Json(std::int64_t{id.index}) : Json();
}

template <class Tag>
Json json_of(const std::vector<Id<Tag>>& ids) {
  Json list = Json::array();
  for (const Id<Tag> id : ids) list.push_back(json_of(id));
  return list;
}

class Describer {
 public:
  SnapshotParts take() && { return std::move(parts_); }

  void describe(const Model& model) {
    Json& top = parts_.description;
    top = Json::object();
    top["level"] = level_name(model.level());
    top["name"] = model.name;
    top["path"] = model.path;
    top["graph"] = std::visit([&](const auto& graph) { return this->graph(graph); }, model.graph);
  }

 private:
  Json tensor(const Tensor& tensor) {
    if (!tensor.defined()) return nullptr;
    Json object = Json::object();
    object["tensor"] = parts_.tensors.size();
    object["dtype"] = word_of(tensor.dtype());
    if (const auto& quantization = tensor.quantization()) {
      Json scales = Json::array();
      for (const double scale : quantization->scales) scales.push_back(scale);
      Json& inner = object["quantization"];
      inner = Json::object();
      inner["scales"] = std::move(scales);
      inner["zero_point"] = quantization->zero_point;
      inner["bits"] = quantization->bits;
    }
    parts_.tensors.push_back(tensor);
    return object;
  }

  template <class T>
  Json field(const T& value) {
    if constexpr (std::is_same_v<T, Tensor>) {
      return tensor(value);
    } else if constexpr (Worded<T>) {
      return word_of(value);
    } else if constexpr (std::is_same_v<T, std::optional<std::int64_t>>) {
      return value ? Json(*value) : Json();
    } else if constexpr (std::is_same_v<T, float>) {
      return static_cast<double>(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return value;
    } else if constexpr (std::is_class_v<T>) {
      return json_of(value);
    } else {
      return value;
    }
  }

  template <class Variant>
  Json fields(const Variant& node) {
    Json object = Json::object();
    object["alternative"] = alternative_name(node);
    const auto add = [&](std::string_view name, const auto& value) { object[name] = field(value); };
    std::visit([&](const auto& kind) { each_field(kind, add); }, node);
    return object;
  }

  Json graph(const SpikeGraph& graph) {
    Json object = Json::object();
    object["name"] = graph.name;
    object["arithmetic"] = word_of(graph.arithmetic);
    object["steps"] = graph.steps;
    object["dt_seconds"] = graph.dt_seconds;
    Json populations = Json::array(), projections = Json::array();
    for (const Population& population : graph.populations) populations.push_back(node(population));
    for (const Projection& projection : graph.projections) projections.push_back(node(projection));
    object["populations"] = std::move(populations);
    object["projections"] = std::move(projections);
    return object;
  }

  Json node(const Population& population) {
    Json object = Json::object();
    object["name"] = population.name;
    object["shape"] = json_of(population.shape);
    object["neuron"] = fields(population.neuron);
    object["bias"] = tensor(population.bias);
    object["bias_timing"] = word_of(population.bias_timing);
    object["output"] = population.output;
    object["chip"] = population.chip;
    object["payload_value"] = tensor(population.payload_value);
    object["membrane_value"] = tensor(population.membrane_value);
    object["provisional"] = population.provisional;
    object["origins"] = json_of(population.origins);
    object["removed"] = population.removed;
    return object;
  }

  Json node(const Projection& projection) {
    Json object = Json::object();
    object["name"] = projection.name;
    object["source"] = json_of(projection.source);
    object["target"] = json_of(projection.target);
    object["connectivity"] = fields(projection.connectivity);
    object["delay_steps"] = projection.delay_steps;
    object["target_port"] = projection.target_port;
    object["shift"] = projection.shift;
    object["origins"] = json_of(projection.origins);
    object["removed"] = projection.removed;
    return object;
  }

  Json graph(const TensorGraph& graph) {
    Json object = Json::object();
    object["name"] = graph.name;
    Json values = Json::array(), ops = Json::array();
    for (const Value& value : graph.values) values.push_back(node(value));
    for (const OpNode& op : graph.ops) ops.push_back(node(op));
    object["values"] = std::move(values);
    object["ops"] = std::move(ops);
    object["inputs"] = json_of(graph.inputs);
    object["outputs"] = json_of(graph.outputs);
    return object;
  }

  Json node(const Value& value) {
    Json object = Json::object();
    object["name"] = value.name;
    object["dtype"] = word_of(value.dtype);
    object["shape"] = value.shape ? json_of(*value.shape) : Json();
    object["constant"] = tensor(value.constant);
    object["producer"] = json_of(value.producer);
    object["removed"] = value.removed;
    return object;
  }

  Json node(const OpNode& op) {
    Json object = Json::object();
    object["name"] = op.name;
    object["op"] = fields(op.op);
    object["inputs"] = json_of(op.inputs);
    object["outputs"] = json_of(op.outputs);
    object["origins"] = json_of(op.origins);
    object["removed"] = op.removed;
    return object;
  }

  SnapshotParts parts_;
};

}  // namespace

SnapshotParts describe_snapshot(const Model& model) {
  Describer describer;
  describer.describe(model);
  return std::move(describer).take();
}

}  // namespace neurotool
