// Completions for three shells. Words between bars complete to those words, FILE, MODEL and
// SNAPSHOT to files, DIR to folders; everything else is left to the user.
#include <fmt/format.h>

#include <algorithm>

#include "generate.hpp"
#include "help.hpp"

namespace neurotool::cli {
namespace {

bool is_choice(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  return name.find('|') != name.npos;
}

bool is_file(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  return name == "FILE" || name == "MODEL" || name == "SNAPSHOT";
}

bool is_folder(const CLI::Option& option) { return option.get_type_name() == "DIR"; }

bool takes_value(const CLI::Option& option) { return option.get_type_size() != 0; }

std::string choices(const CLI::Option& option) {
  std::string words = option.get_type_name();
  std::ranges::replace(words, '|', ' ');
  return words;
}

std::vector<const CLI::Option*> all_options(const Command& command) {
  std::vector<const CLI::Option*> options = own_options(command);
  for (const CLI::Option* option : common_options(command)) options.push_back(option);
  return options;
}

std::vector<std::string> flags(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

/// What can stand behind `command`: its commands, its options, the words of its first argument.
std::string words_of(const CommandLine& line, const Command& command) {
  std::vector<std::string> words;
  for (const Command* child : children(line, command)) words.push_back(child->name);
  for (const CLI::Option* option : all_options(command)) {
    for (const std::string& name : flags(*option)) words.push_back(name);
    if (option->get_positional() && is_choice(*option)) words.push_back(choices(*option));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

/// Text inside single quotes of a shell.
std::string in_quotes(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result;
}

std::string bash_values(const CommandLine& line) {
  std::vector<std::string> seen;
  std::string text;
  for (const Command& command : line.commands()) {
    for (const CLI::Option* option : all_options(command)) {
      if (option->get_positional() || !takes_value(*option)) continue;
      const std::string pattern = fmt::format("{}", fmt::join(flags(*option), "|"));
      if (std::ranges::find(seen, pattern) != seen.end()) continue;
      seen.push_back(pattern);
      std::string reply = "COMPREPLY=()";
      if (is_choice(*option))
        reply = fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))", choices(*option));
      if (is_file(*option)) reply = "COMPREPLY=($(compgen -f -- \"$word\"))";
      if (is_folder(*option)) reply = "COMPREPLY=($(compgen -d -- \"$word\"))";
      text += fmt::format("    {}) {}; return ;;\n", pattern, reply);
    }
  }
  return text;
}

/// zsh and fish want one line for each option.
std::string zsh_option(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : flags(option)) {
    std::string value;
    if (takes_value(option)) {
      value = ":" + option.get_type_name() + ":";
      if (is_choice(option)) value += "(" + choices(option) + ")";
      if (is_file(option)) value += "_files";
      if (is_folder(option)) value += "_files -/";
      std::ranges::replace(value, '|', ' ');
    }
    std::string summary = option.get_description();
    std::erase_if(summary, [](char c) { return c == '[' || c == ']' || c == ':'; });
    text += fmt::format("      '{}[{}]{}' \\\n", name, in_quotes(summary), in_quotes(value));
  }
  return text;
}

std::string zsh_positionals(const Command& command) {
  std::string text;
  for (const CLI::Option* option : own_options(command)) {
    if (!option->get_positional()) continue;
    const std::string action = is_choice(*option) ? "(" + choices(*option) + ")"
                               : is_file(*option) ? "_files"
                                                  : "";
    std::string label = option->get_type_name();
    std::ranges::replace(label, '|', ' ');
    text += fmt::format("      ':{}:{}' \\\n", label, action);
  }
  return text;
}

std::string function_name(const Command& command) {
  std::string name = "_" + command.path;
  std::ranges::replace(name, ' ', '_');
  return name;
}

/// "__fish_seen_subcommand_from plugin; and __fish_seen_subcommand_from list"
std::string fish_condition(const CommandLine& line, const Command& command) {
  std::string text;
  for (const Command* level = &command; level->parent != nullptr; level = level->parent) {
    text = "__fish_seen_subcommand_from " + level->name + (text.empty() ? "" : "; and ") + text;
  }
  const auto below = children(line, command);
  if (below.empty()) return text;
  text +=
      text.empty() ? "not __fish_seen_subcommand_from" : "; and not __fish_seen_subcommand_from";
  for (const Command* child : below) text += " " + child->name;
  return text;
}

std::string fish_option(const CLI::Option& option, const std::string& condition) {
  std::string text = fmt::format("complete -c neurotool -n '{}'", condition);
  for (const std::string& name : option.get_snames()) text += " -s " + name;
  for (const std::string& name : option.get_lnames()) text += " -l " + name;
  if (takes_value(option)) text += is_file(option) || is_folder(option) ? " -r -F" : " -x";
  if (takes_value(option) && is_choice(option)) text += " -a '" + choices(option) + "'";
  return text + fmt::format(" -d '{}'\n", in_quotes(option.get_description()));
}

}  // namespace

std::string bash_completion(const CommandLine& line) {
  std::string text =
      "# bash completion for neurotool; written by: neurotool generate bash\n_neurotool() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path=neurotool i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"$path ${COMP_WORDS[i]}\" in\n";
  std::string paths;
  for (const Command& command : line.commands()) {
    if (command.parent) paths += fmt::format("{}\"{}\"", paths.empty() ? "" : "|", command.path);
  }
  text += fmt::format("      {}) path=\"$path ${{COMP_WORDS[i]}}\" ;;\n    esac\n  done\n", paths);
  text += "  case \"$before\" in\n" + bash_values(line) +
          "  esac\n  local words=\n  case \"$path\" in\n";
  for (const Command& command : line.commands()) {
    text += fmt::format("    \"{}\") words=\"{}\" ;;\n", command.path, words_of(line, command));
  }
  return text +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  if [[ $word != -* ]]; then COMPREPLY+=($(compgen -f -- \"$word\")); fi\n}\n"
         "complete -o filenames -F _neurotool neurotool\n";
}

std::string zsh_completion(const CommandLine& line) {
  std::string text =
      "#compdef neurotool\n# zsh completion for neurotool; written by: neurotool generate zsh\n";
  for (const Command& command : line.commands()) {
    const auto below = children(line, command);
    text += fmt::format("\n{}() {{\n", function_name(command));
    if (!below.empty()) text += "  local context state state_descr line\n  typeset -A opt_args\n";
    text += fmt::format("  _arguments{} \\\n", below.empty() ? "" : " -C");
    for (const CLI::Option* option : all_options(command)) text += zsh_option(*option);
    if (below.empty()) {
      text += zsh_positionals(command) + "      && return 0\n}\n";
      continue;
    }
    text +=
        "      '1:command:->command' '*::argument:->argument' && return 0\n  case $state in\n"
        "    command)\n      local -a names=(\n";
    for (const Command* child : below) {
      text += fmt::format("        '{}:{}'\n", child->name, in_quotes(child->summary));
    }
    text += "      )\n      _describe command names ;;\n    argument)\n      case $line[1] in\n";
    for (const Command* child : below) {
      text += fmt::format("        {}) {} ;;\n", child->name, function_name(*child));
    }
    text += "      esac ;;\n  esac\n}\n";
  }
  return text + "\n_neurotool \"$@\"\n";
}

std::string fish_completion(const CommandLine& line) {
  std::string text = "# fish completion for neurotool; written by: neurotool generate fish\n";
  for (const Command& command : line.commands()) {
    const std::string condition = fish_condition(line, command);
    for (const Command* child : children(line, command)) {
      text += fmt::format("complete -c neurotool -f -n '{}' -a {} -d '{}'\n", condition,
                          child->name, in_quotes(child->summary));
    }
    for (const CLI::Option* option : all_options(command)) {
      if (!option->get_positional())
        text += fish_option(*option, condition);
      else if (is_choice(*option)) {
        text +=
            fmt::format("complete -c neurotool -f -n '{}' -a '{}'\n", condition, choices(*option));
      }
    }
  }
  return text;
}

}  // namespace neurotool::cli
