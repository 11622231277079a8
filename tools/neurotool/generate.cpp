// `neurotool generate man|bash|zsh|fish`: what a package installs, printed by walking the commands.
#include "generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "help.hpp"

namespace neurotool::cli {
namespace {

/// Text that troff takes literally.
std::string troff(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) {
      result += std::string("\\&") + c;
    } else {
      result += c;
    }
  }
  return result;
}

/// Paragraphs of `text`; a blank line starts a new one.
std::string paragraphs(std::string_view text) {
  std::string result = troff(text);
  for (std::size_t at = result.find("\n\n"); at != result.npos; at = result.find("\n\n", at)) {
    result.replace(at, 2, "\n.PP\n");
  }
  return result + "\n";
}

std::string man_options(const std::vector<const CLI::Option*>& options) {
  std::string text;
  for (const CLI::Option* option : options) {
    text += fmt::format(".TP\n.B {}\n{}\n", troff(option_label(*option)),
                        troff(option->get_description()));
  }
  return text;
}

std::string man_command(const CommandLine& line, const Command& command) {
  std::string text =
      fmt::format(".SS {}\n{}\n", troff(usage_line(line, command)), troff(command.summary));
  if (!command.details.empty()) text += ".PP\n" + paragraphs(command.details);
  return text + man_options(own_options(command));
}

}  // namespace

std::string man_page(const CommandLine& line) {
  const Command& root = line.commands().front();
  std::string text = fmt::format(".TH NEUROTOOL 1 \"\" \"neurotool {}\" \"User Commands\"\n",
                                 troff(NEUROTOOL_VERSION));
  text += fmt::format(".SH NAME\nneurotool \\- {}\n",
                      troff("trained networks to spikes on neuromorphic targets"));
  text +=
      ".SH SYNOPSIS\n.B neurotool\n\\-\\-config FILE [OPTIONS]\n.br\n.B neurotool\nCOMMAND "
      "[ARGUMENTS]\n";
  text += ".SH DESCRIPTION\n" + paragraphs(root.details);
  text += ".SH OPTIONS\n" + man_options(own_options(root)) + man_options(common_options(root));
  text += ".SH COMMANDS\n";
  for (const Command& command : line.commands()) {
    if (command.parent != nullptr && command.action) text += man_command(line, command);
  }
  text += ".SH EXAMPLES\n";
  for (const Command& command : line.commands()) {
    for (const Example& example : command.examples) {
      text += fmt::format(".TP\n.B {}\n{}\n", troff(example.line), troff(example.what));
    }
  }
  return text;
}

void add_generate(CommandLine& line) {
  auto what = std::make_shared<std::string>();
  Command& command =
      line.add(line.root(), "generate", "Print the man page or the completions of a shell.");
  command.details =
      "What a package installs. All of it is printed from the definition of the "
      "commands themselves.";
  command.examples = {
      {"neurotool generate man | man -l -", "Read the man page."},
      {"neurotool generate bash > ~/.local/share/bash-completion/completions/neurotool",
       "Complete in bash."}};
  require(command, add_value(command, "what", *what, "man|bash|zsh|fish", "What to print."));
  command.action = [what, &line](Terminal& terminal) {
    terminal.out().write(*what == "man"    ? man_page(line)
                         : *what == "bash" ? bash_completion(line)
                         : *what == "zsh"  ? zsh_completion(line)
                                           : fish_completion(line));
    return kExitDone;
  };
}

}  // namespace neurotool::cli
