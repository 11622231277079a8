// The command line: one tree of commands from which parsing, help, man page and completions come.
// CLI11 parses; what a command does is its `action`, run after the whole line was understood.
#pragma once

#include <CLI/CLI.hpp>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "terminal.hpp"

namespace neurotool::cli {

struct Example {
  std::string line, what;  ///< "neurotool inspect net.onnx", "what is in it"
};

struct Command {
  std::string path;     ///< "neurotool plugin list"
  std::string name;     ///< "list"; of the root, "neurotool"
  std::string summary;  ///< one sentence
  std::string details;  ///< paragraphs for --help and the man page
  std::vector<Example> examples;
  CLI::App* app = nullptr;
  const Command* parent = nullptr;
  std::vector<const CLI::Option*> required;
  /// Returns the exit code. Empty: a group, which only holds other commands.
  std::function<int(Terminal&)> action;
};

class CommandLine {
 public:
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command& root() { return commands_.front(); }
  /// In the order in which help lists them; the root comes first. References stay good.
  const std::deque<Command>& commands() const { return commands_; }
  Command& add(Command& parent, std::string name, std::string summary);

  /// Parses, prints help or says what is wrong, or runs the action. Returns the exit code.
  int run(int argc, const char* const* argv, Terminal& terminal);

 private:
  int parsed(Terminal& terminal);
  void add_common(Command& command);

  CLI::App app_;
  std::deque<Command> commands_;
  int verbosity_ = 0;
  bool quiet_ = false, short_help_ = false, long_help_ = false, version_ = false;
  std::string color_ = "auto";
};

/// A positional argument or an option with a value; `placeholder` is what help shows ("FILE"),
/// words between bars ("text|json") are the only ones accepted.
template <class T>
CLI::Option* add_value(Command& command, const std::string& name, T& value,
                       const std::string& placeholder, const std::string& summary);
/// Makes a word between bars a check.
CLI::Option* described(CLI::Option* option, const std::string& placeholder);
/// Help must say which argument is missing; CLI11 would say so before it looks at --help.
void require(Command& command, const CLI::Option* option);

template <class T>
CLI::Option* add_value(Command& command, const std::string& name, T& value,
                       const std::string& placeholder, const std::string& summary) {
  return described(command.app->add_option(name, value, summary), placeholder);
}

/// Exit codes of commands that do not run a session; the others come from Outcome.
inline constexpr int kExitDone = 0, kExitNo = 1, kExitUsage = 2;

// One function for each command, in its own file.
void add_run(CommandLine& line);
void add_doctor(CommandLine& line);
void add_inspect(CommandLine& line);
void add_opt(CommandLine& line);
void add_passes(CommandLine& line);
void add_nir(CommandLine& line);
void add_targets(CommandLine& line);
void add_plugin(CommandLine& line);
void add_schema(CommandLine& line);
void add_explain(CommandLine& line);
void add_generate(CommandLine& line);
void add_as(CommandLine& line);
void add_dis(CommandLine& line);
void add_run_sco(CommandLine& line);
void add_version(CommandLine& line);

}  // namespace neurotool::cli
