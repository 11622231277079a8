// The IR for Graphviz: a box for each population or operation, an arrow for each projection or
// value.
#include <fmt/format.h>

#include "base/text.hpp"
#include "ir/print.hpp"
#include "ir/print_parts.hpp"

namespace neurotool {
namespace {

using namespace printing;

/// A quoted dot string; `lines` are shown under each other.
std::string quoted(const std::vector<std::string>& lines) {
  std::string text = "\"";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += "\\n";
    for (const char c : escape_control(lines[i])) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text + '"';
}

std::vector<std::string> without_empty(std::vector<std::string> lines) {
  std::erase(lines, "");
  return lines;
}

std::string_view shape_of(const Population& population) {
  if (std::holds_alternative<Input>(population.neuron)) return "invhouse";
  return population.output ? "house" : "box";
}

std::string print(const SpikeGraph& graph) {
  std::string text;
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    text += fmt::format("  n{} [shape={}, label={}];\n", id.index, shape_of(population),
                        quoted(without_empty({population.name, model_and_shape(population),
                                              population_words(population)})));
  }
  for (const ProjectionId id : graph.live_projections()) {
    const Projection& projection = graph[id];
    text += fmt::format(
        "  n{} -> n{} [label={}{}];\n", projection.source.index, projection.target.index,
        quoted(without_empty({kind_and_shape(projection), projection_words(projection)})),
        projection.delay_steps > 0 ? ", style=dashed" : "");
  }
  return text;
}

/// The box that a value comes from: an operation, or a graph input. Constants have none.
std::string box_of(const TensorGraph& graph, ValueId id) {
  if (id.index >= graph.values.size()) return "";
  const Value& value = graph[id];
  if (value.constant.defined()) return "";
  return value.producer.valid() ? fmt::format("n{}", value.producer.index)
                                : fmt::format("v{}", id.index);
}

std::string print_op(const TensorGraph& graph, OpId id) {
  const OpNode& node = graph[id];
  std::vector<std::string> lines{node.name, std::string(op_name(node.op)), op_words(node.op)};
  std::string arrows;
  for (const ValueId input : node.inputs) {
    if (input.index >= graph.values.size()) continue;
    const std::string box = box_of(graph, input);
    if (box.empty()) {
      lines.push_back(graph[input].name + " " + type_and_shape(graph[input]));
    } else {
      arrows += fmt::format("  {} -> n{} [label={}];\n", box, id.index,
                            quoted({type_and_shape(graph[input])}));
    }
  }
  return fmt::format("  n{} [shape=box, label={}];\n{}", id.index,
                     quoted(without_empty(std::move(lines))), arrows);
}

std::string print(const TensorGraph& graph) {
  std::string text;
  for (const ValueId id : graph.inputs) {
    if (id.index >= graph.values.size()) continue;
    text += fmt::format("  v{} [shape=invhouse, label={}];\n", id.index,
                        quoted({graph[id].name, type_and_shape(graph[id])}));
  }
  for (const OpId id : graph.live_ops()) text += print_op(graph, id);
  for (const ValueId id : graph.outputs) {
    const std::string box = box_of(graph, id);
    if (box.empty()) continue;
    text += fmt::format("  out{0} [shape=house, label={1}];\n  {2} -> out{0};\n", id.index,
                        quoted({graph[id].name, type_and_shape(graph[id])}), box);
  }
  return text;
}

}  // namespace

std::string print_dot(const Model& model) {
  return fmt::format("digraph {} {{\n  rankdir=TB;\n{}}}\n", quoted({model.name}),
                     std::visit([](const auto& graph) { return print(graph); }, model.graph));
}

}  // namespace neurotool
