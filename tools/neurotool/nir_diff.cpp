// `neurotool nir diff A B`: structure and parameters of two NIR files, and with --preset what they
// compute.
#include <fmt/format.h>

#include <memory>

#include "base/json.hpp"
#include "base/text.hpp"
#include "ir/nir/diff.hpp"
#include "nir_commands.hpp"
#include "render.hpp"

namespace neurotool::cli {
namespace {

struct DiffOptions {
  std::string first, second, format = "text";
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

int diff(const DiffOptions& options, Terminal& terminal) {
  int code = kExitDone;
  const auto first = read_nir(options.first, nir::Strictness::kLenient, terminal, code);
  if (!first) return code;
  const auto second = read_nir(options.second, nir::Strictness::kLenient, terminal, code);
  if (!second) return code;
  const std::vector<nir::Difference> differences = nir::diff(first->graph, second->graph);
  if (options.format == "json") {
    Json json = Json::object();
    json["first"] = options.first;
    json["second"] = options.second;
    json["differences"] = json_of(differences);
    terminal.out().write(json.dump() + "\n");
  } else {
    terminal.out().write(nir_headline(options.first, *first) + "\n" +
                         nir_headline(options.second, *second) + "\n" + text_of(differences));
  }
  return differences.empty() ? kExitDone : kExitNo;
}

}  // namespace

void add_nir_diff(CommandLine& line, Command& parent) {
  auto options = std::make_shared<DiffOptions>();
  Command& command = line.add(parent, "diff", "Compare two NIR files: structure and parameters.");
  command.details =
      "Nodes are matched by name, edges as a set. A difference of form is another element type, or "
      "one number for a whole shape, where the values agree. A v_reset of zeros equals an absent "
      "one. Exit code 1 when there is a difference.";
  command.examples = {{"neurotool nir diff a.nir b.nir", "What is different."}};
  require(command, add_value(command, "first", options->first, "FIRST", "A NIR file."));
  require(command, add_value(command, "second", options->second, "SECOND", "Another."));
  add_value(command, "--format", options->format, "text|json", "How to print the differences.");
  command.action = [options](Terminal& terminal) { return diff(*options, terminal); };
}

}  // namespace neurotool::cli
