// `neurotool schema`: a JSON Schema of the pipeline file, for editors that complete and check.
#include <fmt/format.h>

#include <memory>

#include "cli.hpp"
#include "config/pipeline.hpp"
#include "passes/registry.hpp"
#include "plugin_options.hpp"
#include "render.hpp"
#include "targets.hpp"

namespace neurotool::cli {
namespace {

std::vector<NamedRows> pass_rows() {
  std::vector<NamedRows> rows;
  for (const PassEntry& entry : pass_registry()) {
    rows.push_back({std::string(entry.info.name),
                    std::string(entry.info.summary),
                    {entry.options.begin(), entry.options.end()}});
  }
  return rows;
}

std::vector<NamedRows> target_rows(const SearchPath& path, Terminal& terminal) {
  std::vector<NamedRows> rows;
  for (const ListedTarget& target : list_targets(path)) {
    if (target.page) {
      const TargetDescription& d = target.page->description;
      rows.push_back({d.name, d.summary, d.options});
    } else if (!terminal.quiet) {
      show(note("target.refused", {},
                fmt::format("the schema leaves out target '{}': {}", target.name, target.refusal)),
           terminal);
    }
  }
  return rows;
}

}  // namespace

void add_schema(CommandLine& line) {
  auto options = std::make_shared<PluginOptions>();
  Command& command = line.add(line.root(), "schema", "Print a JSON Schema of the pipeline file.");
  command.details =
      "Editors with YAML support complete and check pipeline files with it. Options of the targets "
      "that are installed are part of it.";
  command.examples = {
      {"neurotool schema > pipeline.schema.json", "Write it down once."},
      {"# yaml-language-server: $schema=pipeline.schema.json",
       "The first line of a pipeline file that an editor is to check."},
      {"neurotool schema --plugin-path build/plugins", "With targets of your own."}};
  add_plugin_options(command, *options);
  command.action = [options](Terminal& terminal) {
    const Json schema =
        pipeline_json_schema(pass_rows(), target_rows(options->search_path(), terminal));
    terminal.out().write(schema.dump() + "\n");
    return kExitDone;
  };
}

}  // namespace neurotool::cli
