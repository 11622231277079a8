// `neurotool inspect MODEL`: what is in a model file, before anything is done to it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "base/text.hpp"
#include "cli.hpp"
#include "ir/print.hpp"
#include "model_output.hpp"
#include "render.hpp"
#include "session/inputs.hpp"
#include "session/partition.hpp"
#include "session/self_check.hpp"
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

struct InspectOptions {
  std::string model, reference;
  std::vector<std::string> dims;
  double tolerance = 1e-4;
  ModelFormat format;
};

std::string free_extents(const Model& model) {
  std::string text;
  for (const FreeExtent& free : model.free_extents) {
    const std::string place = fmt::format("{}[{}]", escape_control(free.input), free.axis);
    text += fmt::format("{}{}", text.empty() ? "" : ", ",
                        free.name.empty() ? place : fmt::format("{} ({})", free.name, place));
  }
  return text.empty() ? text : row("free", text);
}

/// "12 nodes: 9 spiking, 3 folded", then a line for each node.
std::string node_table(const Partition& partition) {
  std::string counts;
  for (const NodePlace place :
       {NodePlace::kSpiking, NodePlace::kFolded, NodePlace::kHost, NodePlace::kUnsupported}) {
    if (partition.count(place) == 0) continue;
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", partition.count(place),
                          place_name(place));
  }
  std::vector<std::vector<std::string>> rows;
  for (const PlacedNode& node : partition.nodes) {
    rows.push_back({"  " + std::string(place_name(node.place)), node.op, escape_control(node.node),
                    escape_control(node.reason)});
  }
  return fmt::format("{} nodes: {}\n{}\n", partition.nodes.size(), counts,
                     align_columns(rows, {false, false, false, false}));
}

/// "seq=16" as what the model's free extent is.
Result<std::vector<BoundExtent>> parse_dims(const std::vector<std::string>& given) {
  std::vector<BoundExtent> extents;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto equals = given[i].rfind('=');
    std::int64_t extent = 0;
    if (equals != std::string::npos) {
      const char* end = given[i].data() + given[i].size();
      const auto [rest, code] = std::from_chars(given[i].data() + equals + 1, end, extent);
      if (code != std::errc() || rest != end) extent = 0;
    }
    if (equals == 0 || extent < 1) {
      return error(
          "cli.value", {},
          fmt::format("--dim is '{}', expected NAME=N with N from 1 on", escape_control(given[i])),
          "such as --dim seq=16");
    }
    extents.push_back({given[i].substr(0, equals), extent, {}});
  }
  return extents;
}

/// What the files told, before anything is printed.
struct Findings {
  std::optional<Model> model;
  std::optional<Partition> partition;
  std::optional<SelfCheck> check;
};

std::string json_text(const Findings& found) {
  Json json = found.model ? print_json(*found.model) : Json::object();
  if (found.partition) json["nodes_of_file"] = to_json(*found.partition);
  if (found.check) json["self_check"] = to_json(*found.check);
  return json.dump() + "\n";
}

std::string text(const Findings& found, const InspectOptions& options) {
  std::string out;
  if (found.model) {
    const Model& model = *found.model;
    out += fmt::format("{} — {} graph\n",
                       escape_control(model.name.empty() ? options.model : model.name),
                       level_name(model.level())) +
           std::visit([](const auto& graph) { return summary(graph); }, model.graph) +
           free_extents(model) + "\n";
  }
  if (found.partition) out += node_table(*found.partition);
  if (found.check) out += to_string(*found.check) + "\n\n";
  if (found.model) out += model_text(*found.model, options.format);
  return out;
}

int inspect(const InspectOptions& options, Terminal& terminal) {
  ImportRecord record;
  LoadOptions loading{.extents = {}, .record = &record};
  auto dims = parse_dims(options.dims);
  if (dims && !(options.tolerance >= 0)) {
    dims = error("cli.value", {},
                 fmt::format("--tolerance is {}, expected 0 or more", options.tolerance),
                 "such as --tolerance 1e-4");
  }
  if (!dims) {
    show(dims.error(), terminal);
    return kExitUsage;
  }
  loading.extents = *std::move(dims);
  Diagnostics diagnostics;
  Findings found;
  auto model = read_model(options.model, {}, diagnostics, loading);
  if (model) found.model = *std::move(model);
  if (!model && !diagnostics.has_errors()) diagnostics.report(model.error());
  if (!record.nodes.empty() && !options.format.dot) {
    found.partition = partition_of(found.model ? &*found.model : nullptr, record);
  }
  if (found.model && !options.reference.empty()) {
    auto check =
        check_against(*found.model, options.reference, {options.tolerance, options.tolerance});
    if (check) found.check = *std::move(check);
    if (!check) diagnostics.report(std::move(check).error());
  }
  show(diagnostics, terminal, render_options(terminal));
  if (options.format.json) {
    terminal.out().write(json_text(found));
  } else if (options.format.dot) {
    if (found.model) terminal.out().write(model_text(*found.model, options.format));
  } else {
    terminal.out().write(text(found, options));
  }
  if (diagnostics.has_errors()) {
    return static_cast<int>(outcome_of(diagnostics.first_error().code));
  }
  return found.check && found.check->first ? kExitNo : kExitDone;
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
  auto options = std::make_shared<InspectOptions>();
  Command& command = line.add(line.root(), "inspect", "Show what is in a model file.");
  command.details =
      "Reads an ONNX file or a snapshot and prints its level, inputs, outputs and counts; for each "
      "node of an ONNX file whether it becomes spikes, is folded into others, is left to the host "
      "or cannot be read, and why; then the graph itself, as it is before any pass. With --check, "
      "the network is evaluated on the inputs of an npz file, and every other array there is "
      "compared with the value of its name; exit code 1 when one differs.";
  command.examples = {
      {"neurotool inspect net.onnx", "Shapes, counts, nodes and the graph."},
      {"neurotool inspect net.onnx --check ref.npz", "Is it the network that was trained?"},
      {"neurotool inspect net.onnx --dim seq=16", "With a free extent bound."},
      {"neurotool inspect net.onnx --dot | dot -Tsvg > net.svg", "Draw it."},
      {"neurotool inspect out/ir/05-qcfs.h5", "A snapshot that --dump-ir wrote."}};
  require(command, add_value(command, "model", options->model, "MODEL", "The model file."));
  add_value(command, "--check", options->reference, "FILE",
            "An npz of inputs and reference values to compare with.");
  add_value(command, "--tolerance", options->tolerance, "T",
            "A value may be off by T + T * |reference|.");
  add_value(command, "--dim", options->dims, "NAME=N", "A number for a free extent; repeatable.");
  add_model_format(command, options->format);
  command.action = [options](Terminal& terminal) { return inspect(*options, terminal); };
}

}  // namespace neurotool::cli
