// `neurotool inspect MODEL`: what is in a model file, before anything is done to it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/text.hpp"
#include "cli.hpp"
#include "ir/print.hpp"
#include "model_output.hpp"
#include "render.hpp"
#include "session/inputs.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

std::string whole(std::int64_t value) { return with_thousands(static_cast<std::uint64_t>(value)); }

std::string row(std::string_view label, const std::string& text) {
  return fmt::format("  {:<12} {}\n", label, text);
}

/// "conv 2, relu 3": the most frequent first.
std::string counted(const std::map<std::string, int>& counts) {
  std::vector<std::pair<std::string, int>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::greater{}, &std::pair<std::string, int>::second);
  std::string text;
  for (const auto& [name, count] : sorted) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  }
  return text;
}

std::string values_text(const TensorGraph& graph, const std::vector<ValueId>& ids) {
  std::string text;
  for (const ValueId id : ids) {
    const Value& value = graph[id];
    text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", escape_control(value.name),
                        short_name(value.dtype), value.shape ? to_string(*value.shape) : "[…]");
  }
  return text;
}

std::string summary(const TensorGraph& graph) {
  std::map<std::string, int> ops;
  for (const OpId id : graph.live_ops()) ++ops[std::string(op_name(graph[id].op))];
  std::int64_t parameters = 0;
  for (const Value& value : graph.values) {
    if (!value.removed && value.constant.defined() && is_float(value.constant.dtype())) {
      parameters += value.constant.size();
    }
  }
  return row("inputs", values_text(graph, graph.inputs)) +
         row("outputs", values_text(graph, graph.outputs)) + row("parameters", whole(parameters)) +
         row("operations", fmt::format("{}: {}", graph.live_ops().size(), counted(ops)));
}

std::string summary(const SpikeGraph& graph) {
  std::map<std::string, int> models, kinds;
  for (const PopulationId id : graph.live_populations()) {
    ++models[std::string(model_name(graph[id].neuron))];
  }
  for (const ProjectionId id : graph.live_projections()) {
    ++kinds[std::string(kind_name(graph[id].connectivity))];
  }
  return row("neurons", whole(graph.neuron_count())) +
         row("synapses", whole(graph.synapse_count())) +
         row("populations",
             fmt::format("{}: {}", graph.live_populations().size(), counted(models))) +
         row("projections", fmt::format("{}: {}", graph.live_projections().size(), counted(kinds)));
}

int inspect(const std::string& path, const ModelFormat& format, Terminal& terminal) {
  Diagnostics diagnostics;
  const auto model = read_model(path, {}, diagnostics);
  if (!model && !diagnostics.has_errors()) diagnostics.report(model.error());
  show(diagnostics, terminal, render_options(terminal));
  if (diagnostics.has_errors()) {
    return static_cast<int>(outcome_of(diagnostics.first_error().code));
  }
  if (!format.dot && !format.json) {
    terminal.out().write(
        fmt::format("{} — {} graph\n", escape_control(model->name.empty() ? path : model->name),
                    level_name(model->level())) +
        std::visit([](const auto& graph) { return summary(graph); }, model->graph) + "\n");
  }
  terminal.out().write(model_text(*model, format));
  return kExitDone;
}

}  // namespace

void add_model_format(Command& command, ModelFormat& format) {
  CLI::Option* dot = command.app->add_flag("--dot", format.dot, "Print a graph for Graphviz.");
  command.app->add_flag("--json", format.json, "Print JSON.")->excludes(dot);
}

std::string model_text(const Model& model, const ModelFormat& format) {
  if (format.dot) return print_dot(model);
  if (format.json) return print_json(model).dump() + "\n";
  return print_text(model);
}

void add_inspect(CommandLine& line) {
  struct Options {
    std::string model;
    ModelFormat format;
  };
  auto options = std::make_shared<Options>();
  Command& command = line.add(line.root(), "inspect", "Show what is in a model file.");
  command.details =
      "Reads an ONNX file or a snapshot and prints its level, inputs, outputs and counts, then the "
      "graph itself, as it is before any pass.";
  command.examples = {{"neurotool inspect net.onnx", "Shapes, counts and the graph."},
                      {"neurotool inspect net.onnx --dot | dot -Tsvg > net.svg", "Draw it."},
                      {"neurotool inspect out/ir/05-qcfs.h5", "A snapshot that --dump-ir wrote."}};
  require(command, add_value(command, "model", options->model, "MODEL", "The model file."));
  add_model_format(command, options->format);
  command.action = [options](Terminal& terminal) {
    return inspect(options->model, options->format, terminal);
  };
}

}  // namespace neurotool::cli
