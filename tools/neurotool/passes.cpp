// `neurotool passes [NAME]`: the passes and their options, printed from the tables that check them.
#include <fmt/format.h>

#include <memory>

#include "base/text.hpp"
#include "cli.hpp"
#include "describe.hpp"
#include "passes/registry.hpp"
#include "render.hpp"

namespace neurotool::cli {
namespace {

std::string levels(const PassInfo& info) {
  if (info.from == info.to) return std::string(level_name(info.from));
  return fmt::format("{} to {}", level_name(info.from), level_name(info.to));
}

int print_passes(Terminal& terminal) {
  std::vector<std::vector<std::string>> rows;
  for (const PassEntry& entry : pass_registry()) {
    rows.push_back(
        {std::string(entry.info.name), levels(entry.info), std::string(entry.info.summary)});
  }
  terminal.out().write(align_columns(rows, {false, false, false}));
  return kExitDone;
}

int print_one(const std::string& name, Terminal& terminal) {
  const PassEntry* entry = find_pass(name);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const PassEntry& other : pass_registry()) names.emplace_back(other.info.name);
    show(
        error("pass.unknown", {}, fmt::format("there is no pass '{}'", name), suggest(name, names)),
        terminal);
    return kExitUsage;
  }
  std::string text = fmt::format("{} — {}\n  works on  {} graphs\n", entry->info.name,
                                 entry->info.summary, levels(entry->info));
  if (!entry->options.empty()) text += "  options\n" + option_table(entry->options);
  terminal.out().write(text);
  return kExitDone;
}

}  // namespace

void add_passes(CommandLine& line) {
  auto name = std::make_shared<std::string>();
  Command& command = line.add(line.root(), "passes", "List passes, or show everything about one.");
  command.details =
      "A pass works on a tensor graph (what the model file holds) or on a spike graph (populations "
      "and projections); a lowering leads from one to the other.";
  command.examples = {{"neurotool passes", "What can stand under 'passes:' in a pipeline."},
                      {"neurotool passes qcfs", "Its options with type, range and default."},
                      {"neurotool opt net.onnx --passes infer_shapes", "Run one and look."}};
  add_value(command, "name", *name, "NAME", "The pass to show.");
  command.action = [name](Terminal& terminal) {
    return name->empty() ? print_passes(terminal) : print_one(*name, terminal);
  };
}

}  // namespace neurotool::cli
