// The IR as text for people and golden files: one line for each population, projection, value and
// operation, in graph order, columns aligned. Nothing reads this form back.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "ir/print.hpp"
#include "ir/print_parts.hpp"
#include "ir/words.hpp"

namespace neurotool {
namespace {

using namespace printing;

using Rows = std::vector<std::vector<std::string>>;

std::string name_text(std::string_view name) { return fmt::format("%{}", escape_control(name)); }

std::string origin_comment(const std::vector<std::string>& origins) {
  if (origins.empty()) return "";
  std::vector<std::string> clean;
  for (const std::string& origin : origins) clean.push_back(escape_control(origin));
  return fmt::format("# from {}", joined(clean, ", "));
}

std::string title(std::string_view level, const Model& model, std::string_view graph_name) {
  const std::string_view name = model.name.empty() ? graph_name : std::string_view(model.name);
  return fmt::format("{}{}{}", level, name.empty() ? "" : " ", escape_control(name));
}

/// Leaves out columns that are empty in every row, so that gaps mean something.
std::string table(Rows rows) {
  std::size_t columns = 0;
  for (const auto& row : rows) columns = std::max(columns, row.size());
  for (std::size_t c = columns; c-- > 0;) {
    const bool used = std::ranges::any_of(
        rows, [&](const auto& row) { return c < row.size() && !row[c].empty(); });
    if (used) continue;
    for (auto& row : rows) {
      if (c < row.size()) row.erase(row.begin() + static_cast<std::ptrdiff_t>(c));
    }
  }
  return align_columns(rows, {});
}

std::string population_name(const SpikeGraph& graph, PopulationId id) {
  const bool known = id.index < graph.populations.size();
  return known ? name_text(graph[id].name) : fmt::format("%?{}", id.index);
}

std::string print(const Model& model, const SpikeGraph& graph) {
  std::string text = title("spike", model, graph.name);
  text += fmt::format("  {}", word_of(graph.arithmetic));
  if (graph.steps > 0) text += fmt::format(" steps={}", graph.steps);
  if (graph.dt_seconds > 0) text += fmt::format(" dt={}", number_text(graph.dt_seconds));
  text += '\n';

  Rows populations;
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    populations.push_back({fmt::format("  {}", name_text(population.name)),
                           model_and_shape(population), population_words(population),
                           origin_comment(population.origins)});
  }
  text += table(std::move(populations));

  std::size_t width = 0;
  for (const ProjectionId id : graph.live_projections()) {
    width = std::max(width, population_name(graph, graph[id].source).size());
  }
  Rows projections;
  for (const ProjectionId id : graph.live_projections()) {
    const Projection& projection = graph[id];
    projections.push_back({fmt::format("  {:<{}} -> {}", population_name(graph, projection.source),
                                       width, population_name(graph, projection.target)),
                           kind_and_shape(projection), projection_words(projection),
                           origin_comment(projection.origins)});
  }
  return text + table(std::move(projections));
}

std::string value_name(const TensorGraph& graph, ValueId id) {
  if (!id.valid()) return "-";
  const bool known = id.index < graph.values.size();
  return known ? name_text(graph[id].name) : fmt::format("%?{}", id.index);
}

std::string value_list(const TensorGraph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (const ValueId id : ids) names.push_back(value_name(graph, id));
  return joined(names, ", ");
}

std::string result_types(const TensorGraph& graph, const OpNode& node) {
  std::vector<std::string> types;
  for (const ValueId id : node.outputs) {
    types.push_back(id.index < graph.values.size() ? type_and_shape(graph[id]) : "?");
  }
  return joined(types, ", ");
}

/// Not in columns: operands make lines too different in length.
std::string op_line(const TensorGraph& graph, const OpNode& node) {
  std::string line = fmt::format("  {} = {}({})", value_list(graph, node.outputs), op_name(node.op),
                                 value_list(graph, node.inputs));
  if (const std::string words = op_words(node.op); !words.empty())
    line += fmt::format(" {}", words);
  line += fmt::format(" -> {}", result_types(graph, node));
  if (!node.origins.empty()) line += fmt::format("  {}", origin_comment(node.origins));
  return line + '\n';
}

/// "= 0.5", "= {0, -1}"; nothing for larger constants.
std::string short_value(const Tensor& tensor) {
  constexpr std::int64_t kMostShown = 4;
  if (tensor.size() > kMostShown) return "";
  if (tensor.rank() == 0) return fmt::format("= {}", summary(tensor));
  std::vector<std::string> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(element_text(tensor, i));
  return fmt::format("= {{{}}}", joined(values, ", "));
}

std::string print(const Model& model, const TensorGraph& graph) {
  std::string text = title("tensor", model, graph.name) + '\n';
  Rows values;
  for (const ValueId id : graph.inputs) {
    const bool known = id.index < graph.values.size();
    values.push_back({"  input", value_name(graph, id), known ? type_and_shape(graph[id]) : "?"});
  }
  for (const Value& value : graph.values) {
    if (value.removed || !value.constant.defined()) continue;
    values.push_back(
        {"  constant", name_text(value.name), type_and_shape(value), short_value(value.constant)});
  }
  text += table(std::move(values));

  for (const OpId id : graph.live_ops()) text += op_line(graph, graph[id]);
  return text + fmt::format("  output {}\n", value_list(graph, graph.outputs));
}

}  // namespace

std::string print_text(const Model& model) {
  return std::visit([&](const auto& graph) { return print(model, graph); }, model.graph);
}

}  // namespace neurotool
