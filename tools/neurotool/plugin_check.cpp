// `neurotool plugin check FILE…`: the conformance suite as a table, one row as each check ends.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "plugin_commands.hpp"
#include "render.hpp"
#include "target/check/suite.hpp"

namespace neurotool::cli {
namespace {

using conformance::CheckReport;
using conformance::CheckResult;
using conformance::Outcome;

constexpr int kExitPlugin = 4;  ///< the file cannot be loaded at all
constexpr int kExitInterrupted = 130;

struct CheckArguments {
  std::vector<std::string> files;
  bool list = false, json = false, in_process = false;
  std::vector<std::string> only;
  double timeout = conformance::CheckOptions{}.timeout_seconds;
};

std::size_t name_width() {
  std::size_t width = 0;
  for (const conformance::CheckInfo& check : conformance::list_checks())
    width = std::max(width, check.name.size());
  return width;
}

/// "fail  simulate.float   graph 'dense/float': …", further findings below the first.
std::string row_text(const CheckResult& result, std::size_t width) {
  std::string text =
      fmt::format("{}  {:<{}}", outcome_name(result.outcome), result.check.name, width);
  const std::string margin(text.size() + 2, ' ');
  for (std::size_t i = 0; i < result.findings.size(); ++i)
    text += (i == 0 ? "  " : margin) + escape_control(result.findings[i]) + '\n';
  if (result.findings.empty()) {
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string total_text(const CheckReport& report) {
  std::string text = fmt::format("{} checks:", report.results.size());
  for (const Outcome outcome : {Outcome::kPass, Outcome::kWarn, Outcome::kSkip, Outcome::kFail}) {
    const std::size_t count = report.count(outcome);
    if (count > 0 || outcome == Outcome::kPass || outcome == Outcome::kFail)
      text += fmt::format(" {} {},", count, outcome_name(outcome));
  }
  text.back() = '\n';
  return text;
}

Json to_json(const std::string& file, const CheckReport& report) {
  Json json = Json::object();
  json["file"] = file;
  json["loads"] = report.loads;
  Json checks = Json::array();
  for (const CheckResult& result : report.results) {
    Json row = Json::object();
    row["name"] = result.check.name;
    row["group"] = result.check.group;
    row["summary"] = result.check.summary;
    row["outcome"] = outcome_name(result.outcome);
    Json findings = Json::array();
    for (const std::string& text : result.findings) findings.push_back(text);
    row["findings"] = std::move(findings);
    row["seconds"] = result.seconds;
    checks.push_back(std::move(row));
  }
  json["checks"] = std::move(checks);
  return json;
}

int print_checks(Terminal& terminal) {
  std::vector<std::vector<std::string>> rows;
  for (const conformance::CheckInfo& check : conformance::list_checks())
    rows.push_back({std::string(check.name), std::string(check.summary)});
  terminal.out().write(align_columns(rows, {false, false}));
  return kExitDone;
}

int exit_code(const CheckReport& report) {
  if (report.cancelled) return kExitInterrupted;
  if (!report.loads) return kExitPlugin;
  return report.count(Outcome::kFail) > 0 ? kExitNo : kExitDone;
}

/// One file; the worst exit code of all files is the command's.
int check_file(const std::string& file, const CheckArguments& arguments, Json& all,
               Terminal& terminal) {
  const std::size_t width = name_width();
  if (!arguments.json && arguments.files.size() > 1)
    terminal.out().write(escape_control(file) + '\n');
  conformance::CheckOptions options;
  if (!arguments.only.empty()) options.only = arguments.only;
  options.in_process = arguments.in_process;
  options.timeout_seconds = arguments.timeout;
  const auto report = run_checks(file, options, [&](const CheckResult& result) {
    if (!arguments.json) terminal.out().write(row_text(result, width));
  });
  if (!report) {
    show(report.error(), terminal);
    return report.error().code.starts_with("file.") ? kExitPlugin : kExitUsage;
  }
  all.push_back(to_json(file, *report));
  if (!arguments.json) terminal.out().write(total_text(*report));
  const int code = exit_code(*report);
  if (code != kExitDone && !terminal.quiet) {
    show(note("plugin.nonconforming", {},
              fmt::format("'{}' does not conform to the plugin ABI", file),
              "docs/plugin/conformance.md has a section for each check"),
         terminal);
  }
  return code;
}

int check_files(const CheckArguments& arguments, Terminal& terminal) {
  if (arguments.list) return print_checks(terminal);
  if (arguments.files.empty()) {
    show(error("cli.usage", {}, "no plugin file was named",
               "neurotool plugin check FILE; --list shows the checks"),
         terminal);
    return kExitUsage;
  }
  Json all = Json::array();
  int worst = kExitDone;
  for (const std::string& file : arguments.files)
    worst = std::max(worst, check_file(file, arguments, all, terminal));
  if (arguments.json) terminal.out().write(all.dump() + '\n');
  return worst;
}

}  // namespace

void add_plugin_check(CommandLine& line, Command& parent) {
  auto arguments = std::make_shared<CheckArguments>();
  Command& command = line.add(parent, "check", "Find out whether a plugin keeps the contract.");
  command.details =
      "Runs the conformance suite: every check in a process of its own with a time limit, so that "
      "a plugin that crashes or hangs costs one line. A check passes, warns, is skipped with a "
      "reason, or fails. The exit code is 0 when none fails, 1 when one does, and 4 when the file "
      "cannot be loaded at all.";
  command.examples = {
      {"neurotool plugin check build/neurotool_acme_chip.so", "All checks of one plugin."},
      {"neurotool plugin check --only 'simulate.*' neurotool_cpu.so", "One group."},
      {"neurotool plugin check --list", "What is checked."},
      {"gdb --args neurotool plugin check --in-process --only simulate.float neurotool_cpu.so",
       "One check under a debugger."}};
  add_value(command, "files", arguments->files, "FILE...",
            "Plugins to check: neurotool_<target>.so.");
  command.app->add_flag("--list", arguments->list, "Print the checks and run none.");
  add_value(command, "--only", arguments->only, "GLOB",
            "Run the checks whose name matches; repeatable.")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command.app->add_flag("--in-process", arguments->in_process,
                        "Run one check in this process, for a debugger.");
  add_value(command, "--timeout", arguments->timeout, "SECONDS",
            "The longest that a check may take.")
      ->check(CLI::Validator(CLI::PositiveNumber).description(""));
  command.app->add_flag("--json", arguments->json, "Print JSON.");
  command.action = [arguments](Terminal& terminal) { return check_files(*arguments, terminal); };
}

}  // namespace neurotool::cli
