// `neurotool plugin …`: where plugins are looked for and what was found there. `check` and `new` have
// files of their own.
#include <fmt/format.h>

#include <memory>

#include "base/text.hpp"
#include "cli.hpp"
#include "plugin_commands.hpp"
#include "plugin_options.hpp"
#include "render.hpp"
#include "target/target.hpp"

namespace neurotool::cli {
namespace {

int print_candidates(const SearchPath& path, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows;
  for (const TargetRegistry::Candidate& candidate : TargetRegistry(path).candidates()) {
    rows.push_back({escape_control(candidate.target), escape_control(candidate.file.string()),
                    candidate.refusal.empty() ? "usable" : escape_control(candidate.refusal)});
  }
  if (!rows.empty()) {
    terminal.out().write(align_columns(rows, {false, false, false}));
    return kExitDone;
  }
  show(warning("target.none", {}, "no plugin was found",
               "neurotool plugin path shows the folders that are searched"),
       terminal);
  return kExitDone;
}

int print_folders(const SearchPath& path, Terminal& terminal) {
  std::string text;
  for (const auto& [folder, exists] : TargetRegistry(path).search_folders()) {
    text += escape_control(folder.string()) + (exists ? "\n" : "  (not there)\n");
  }
  terminal.out().write(text);
  return kExitDone;
}

void add_list(CommandLine& line, Command& parent) {
  auto options = std::make_shared<PluginOptions>();
  Command& command = line.add(parent, "list", "List plugin files and why one is not used.");
  command.details = "Looks at names, owners and modes; loads nothing.";
  command.examples = {{"neurotool plugin list", "Every file that could be a plugin."}};
  add_plugin_options(command, *options);
  command.action = [options](Terminal& terminal) {
    return print_candidates(options->search_path(), terminal);
  };
}

void add_path(CommandLine& line, Command& parent) {
  auto options = std::make_shared<PluginOptions>();
  Command& command =
      line.add(parent, "path", "Print the folders that are searched, first hit wins.");
  command.details =
      "In this order: --plugin-path, NEUROTOOL_PLUGIN_PATH, the user's data folder, and the folder "
      "that belongs to this installation. Never the current folder or that of a pipeline file.";
  command.examples = {{"neurotool plugin path", "Where to put a plugin."}};
  add_plugin_options(command, *options);
  command.action = [options](Terminal& terminal) {
    return print_folders(options->search_path(), terminal);
  };
}

}  // namespace

void add_plugin(CommandLine& line) {
  Command& group = line.add(line.root(), "plugin", "Manage plugins: list, path, check, new.");
  group.details = "A plugin is a shared library that offers targets.";
  add_list(line, group);
  add_path(line, group);
  add_plugin_check(line, group);
  add_plugin_new(line, group);
}

}  // namespace neurotool::cli
