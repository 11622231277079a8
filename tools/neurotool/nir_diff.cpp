// `neurotool nir diff A B`: structure and parameters of two NIR files, and with --preset what they
// compute.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/json.hpp"
#include "base/text.hpp"
#include "ir/nir/diff.hpp"
#include "nir_commands.hpp"
#include "nir_semantics.hpp"
#include "render.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

struct DiffOptions {
  std::string first, second, format = "text";
  RunOptions run;
};

std::string values_of(const nir::Difference& difference) {
  if (difference.absolute > 0) {
    return fmt::format("at most {} apart, relative {}", number_text(difference.absolute),
                       number_text(difference.relative));
  }
  if (difference.first.empty() && difference.second.empty()) return "";
  if (difference.first.empty() || difference.second.empty())
    return difference.first + difference.second;
  return difference.first + " and " + difference.second;
}

std::string text_of(const std::vector<nir::Difference>& differences) {
  if (differences.empty()) return "the graphs are equal\n";
  std::vector<std::vector<std::string>> rows;
  for (const nir::Difference& each : differences) {
    rows.push_back({escape_control(each.place), std::string(nir::kind_word(each.kind)),
                    escape_control(values_of(each))});
  }
  return align_columns(rows, {false, false, false});
}

Json json_of(const std::vector<nir::Difference>& differences) {
  Json list = Json::array();
  for (const nir::Difference& each : differences) {
    Json json = Json::object();
    json["place"] = each.place;
    json["kind"] = nir::kind_word(each.kind);
    json["first"] = each.first;
    json["second"] = each.second;
    json["absolute"] = each.absolute;
    json["relative"] = each.relative;
    list.push_back(std::move(json));
  }
  return list;
}

std::string text_of(const std::vector<OutputDifference>& runs, const RunOptions& options) {
  std::string text;
  for (const OutputDifference& each : runs) {
    const std::string names =
        each.first == each.second ? each.first : each.first + " and " + each.second;
    text += each.different == 0
                ? fmt::format("{}: equal in {} steps of {}\n", escape_control(names), options.steps,
                              options.preset)
                : fmt::format(
                      "{}: {} of {} values differ in {} steps of {}, first in step {}, at "
                      "most by {}\n",
                      escape_control(names), each.different, each.values, options.steps,
                      options.preset, each.first_step, number_text(each.largest));
  }
  return text;
}

Json json_of(const std::vector<OutputDifference>& runs) {
  Json list = Json::array();
  for (const OutputDifference& each : runs) {
    Json json = Json::object();
    json["first"] = each.first;
    json["second"] = each.second;
    json["values"] = each.values;
    json["different"] = each.different;
    json["first_step"] = each.first_step;
    json["largest"] = each.largest;
    list.push_back(std::move(json));
  }
  return list;
}

/// Nothing where no preset was named; an error is shown, and its exit code set.
std::vector<OutputDifference> runs_of(const nir::Graph& first, const nir::Graph& second,
                                      const RunOptions& options, Terminal& terminal, int& code) {
  if (options.preset.empty()) return {};
  Diagnostics diagnostics;
  auto runs = compare_runs(first, second, options, diagnostics);
  if (!runs && !diagnostics.has_errors()) diagnostics.report(runs.error());
  show(diagnostics, terminal, render_options(terminal));
  if (runs) return *std::move(runs);
  code = static_cast<int>(outcome_of(runs.error().code));
  return {};
}

int diff(const DiffOptions& options, Terminal& terminal) {
  int code = kExitDone;
  Diagnostics of_first, of_second;
  const auto first = read_nir(options.first, nir::Strictness::kLenient, terminal, code, of_first);
  if (!first) return code;
  const auto second =
      read_nir(options.second, nir::Strictness::kLenient, terminal, code, of_second);
  if (!second) return code;
  const std::vector<nir::Difference> differences = nir::diff(first->graph, second->graph);
  const auto runs = runs_of(first->graph, second->graph, options.run, terminal, code);
  if (code != kExitDone) return code;
  if (options.format == "json") {
    Json json = Json::object();
    json["first"] = options.first;
    json["second"] = options.second;
    json["differences"] = json_of(differences);
    if (!options.run.preset.empty()) json["runs"] = json_of(runs);
    terminal.out().write(json.dump() + "\n");
  } else {
    terminal.out().write(nir_headline(options.first, *first) + "\n" +
                         nir_headline(options.second, *second) + "\n" + text_of(differences) +
                         text_of(runs, options.run));
  }
  const bool equal =
      std::ranges::all_of(runs, [](const OutputDifference& each) { return each.different == 0; });
  return differences.empty() && equal ? kExitDone : kExitNo;
}

}  // namespace

void add_nir_diff(CommandLine& line, Command& parent) {
  auto options = std::make_shared<DiffOptions>();
  Command& command = line.add(
      parent, "diff", "Compare two NIR files: structure, parameters, and what they compute.");
  command.details =
      "Nodes are matched by name, edges as a set. A difference of form is another element type, or "
      "one number for a whole shape, where the values agree. A v_reset of zeros equals an absent "
      "one. With --preset, both run on the same random spikes as that simulator would run them, "
      "and "
      "the values of their outputs are compared. Exit code 1 when there is a difference.";
  command.examples = {{"neurotool nir diff a.nir b.nir", "What is different."},
                      {"neurotool nir diff a.nir b.nir --preset norse", "And in norse?"}};
  require(command, add_value(command, "first", options->first, "FIRST", "A NIR file."));
  require(command, add_value(command, "second", options->second, "SECOND", "Another."));
  add_value(command, "--preset", options->run.preset, "NAME",
            "Run both as this simulator would: norse, snntorch, spikingjelly, sinabs, …");
  add_value(command, "--steps", options->run.steps, "N", "Steps to run.");
  add_value(command, "--seed", options->run.seed, "N", "Seed of the spikes that go in.");
  add_value(command, "--format", options->format, "text|json", "How to print the differences.");
  command.action = [options](Terminal& terminal) { return diff(*options, terminal); };
}

}  // namespace neurotool::cli
