// Walks the resolved pipeline as a document: whatever the schema holds is shown, without a list of
// keys here.
#include "explain_plan.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/text.hpp"

namespace neurotool::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string origin(const Location& at) {
  const std::string text = escape_control(to_string(at));
  return text.empty() ? "default" : text;
}

std::string scalar_text(const yaml::Node& node) {
  const std::string text = escape_control(node.scalar);
  return node.quoted ? "\"" + text + "\"" : text;
}

std::string list_text(const yaml::Node& node) {
  std::string text;
  for (const yaml::Node& item : node.items) {
    text += (text.empty() ? "" : ", ") + scalar_text(item);
  }
  return "[" + text + "]";
}

void add_rows(const yaml::Node& node, const std::string& path, Rows& rows) {
  for (const yaml::Node::Entry& entry : node.entries) {
    // Passes have their own section; the version is the same in every file.
    if (path.empty() && (entry.key == "passes" || entry.key == "version")) continue;
    const std::string key = path.empty() ? entry.key : path + "." + entry.key;
    switch (entry.value.kind) {
      case yaml::Kind::kMapping:
        add_rows(entry.value, key, rows);
        break;
      case yaml::Kind::kSequence:
        rows.push_back({"  " + key, list_text(entry.value), origin(entry.value.at)});
        break;
      case yaml::Kind::kScalar:
      case yaml::Kind::kNull:
        rows.push_back({"  " + key, scalar_text(entry.value), origin(entry.value.at)});
        break;
    }
  }
}

std::string effect(const PassReport& pass) {
  if (!pass.ran) return "did not run";
  if (!pass.changed) return "changed nothing";
  std::string text = fmt::format("{} nodes became {}", pass.nodes_before, pass.nodes_after);
  if (pass.neurons_after > 0) {
    text += fmt::format("; {} neurons, {} synapses",
                        with_thousands(static_cast<std::uint64_t>(pass.neurons_after)),
                        with_thousands(static_cast<std::uint64_t>(pass.synapses_after)));
  }
  return text;
}

std::string explain_pass(std::size_t index, const PassReport& report, const PassConfig& config) {
  std::string text = fmt::format("  {}. {}  ({})\n     {} Here: {}.\n", index + 1, report.name,
                                 origin(config.at), report.summary, effect(report));
  Rows rows;
  add_rows(config.options, "", rows);
  for (std::vector<std::string>& row : rows) row.front().insert(0, "     ");
  return rows.empty() ? text : text + align_columns(rows, {false, false, false});
}

}  // namespace

std::string explain_plan(const SessionResult& result) {
  Rows rows;
  add_rows(to_yaml(result.resolved, std::filesystem::current_path()), "", rows);
  std::string text = "values\n" + align_columns(rows, {false, false, false});
  text += "\npasses\n";
  for (std::size_t i = 0; i < result.report.passes.size(); ++i) {
    text += explain_pass(i, result.report.passes[i], result.resolved.passes[i]);
  }
  return text + "\n" + report_text(result.report);
}

}  // namespace neurotool::cli
