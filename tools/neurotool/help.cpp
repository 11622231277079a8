// Fixed at 80 columns: help looks the same in a terminal, a pipe and a golden file.
#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurotool::cli {
namespace {

constexpr std::size_t kWidth = 80, kLabelWidth = 24;

bool is_common(const CLI::Option* option) { return option->get_group() == kCommonGroup; }

/// "  label     text", the text wrapped beside the label.
std::string entry(std::string_view label, std::string_view text) {
  const std::string body = wrap(text, kLabelWidth, kWidth);
  std::string head = fmt::format("  {}", label);
  if (head.size() + 2 > kLabelWidth) return head + "\n" + body;
  head.resize(kLabelWidth, ' ');
  return head + body.substr(kLabelWidth);
}

std::string option_list(const std::vector<const CLI::Option*>& options) {
  std::string text;
  for (const CLI::Option* option : options) {
    text += entry(option_label(*option), option->get_description());
  }
  return text;
}

std::string example_list(const Command& command) {
  std::string text = "\nexamples\n";
  for (const Example& example : command.examples) {
    text += fmt::format("  {}\n{}", example.line, wrap(example.what, 6, kWidth));
  }
  return text;
}

}  // namespace

std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result, line;
  const auto flush = [&] {
    if (!line.empty()) result += std::string(indent, ' ') + line + "\n";
    line.clear();
  };
  std::size_t begin = 0;
  while (begin < text.size()) {
    if (text[begin] == '\n') {
      flush();
      if (begin + 1 < text.size() && text[begin + 1] == '\n') result += "\n";
      ++begin;
      continue;
    }
    if (text[begin] == ' ') {
      ++begin;
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) flush();
    line += (line.empty() ? "" : " ") + std::string(word);
    begin = end;
  }
  flush();
  return result;
}

std::string option_label(const CLI::Option& option) {
  if (option.get_positional()) return option.get_type_name();
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  std::string label = fmt::format("{}", fmt::join(names, ", "));
  const std::string placeholder = option.get_type_name();
  if (placeholder.starts_with("[=")) return label + placeholder;
  return option.get_type_size() == 0 ? label : label + " " + placeholder;
}

std::vector<const CLI::Option*> own_options(const Command& command) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : std::as_const(*command.app).get_options()) {
    if (!is_common(option)) options.push_back(option);
  }
  std::ranges::stable_partition(options, [](const auto* o) { return o->get_positional(); });
  return options;
}

std::vector<const CLI::Option*> common_options(const Command& command) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : std::as_const(*command.app).get_options()) {
    if (is_common(option)) options.push_back(option);
  }
  return options;
}

std::vector<const Command*> children(const CommandLine& line, const Command& parent) {
  std::vector<const Command*> found;
  for (const Command& command : line.commands()) {
    if (command.parent == &parent) found.push_back(&command);
  }
  return found;
}

std::string usage_line(const CommandLine& line, const Command& command) {
  std::string text = command.path;
  if (!command.action || (!command.parent && !children(line, command).empty())) {
    return text + (command.parent ? " COMMAND" : " --config FILE [OPTIONS]");
  }
  for (const CLI::Option* option : own_options(command)) {
    if (!option->get_positional()) continue;
    const bool needed = std::ranges::find(command.required, option) != command.required.end();
    const std::string name = option->get_type_name();
    text += needed ? " " + name : " [" + name + "]";
  }
  return text + " [OPTIONS]";
}

std::string help_text(const CommandLine& line, const Command& command, HelpLength length) {
  const bool is_long = length == HelpLength::kLong;
  std::string text = wrap(command.summary, 0, kWidth);
  if (is_long && !command.details.empty()) text += "\n" + wrap(command.details, 0, kWidth);
  text += "\nusage\n  " + usage_line(line, command) + "\n";
  const auto commands = children(line, command);
  if (!command.parent) text += "  neurotool COMMAND [ARGUMENTS]\n";
  if (!commands.empty()) text += "\ncommands\n";
  for (const Command* child : commands) text += entry(child->name, child->summary);
  if (const auto options = own_options(command); !options.empty()) {
    text += "\noptions\n" + option_list(options);
  }
  text += "\n" + option_list(common_options(command));
  if (is_long && !command.examples.empty()) text += example_list(command);
  return text;
}

int print_short_help(const CommandLine& line, const Command& command, Terminal& terminal) {
  terminal.err().write(help_text(line, command, HelpLength::kShort));
  return kExitUsage;
}

}  // namespace neurotool::cli
