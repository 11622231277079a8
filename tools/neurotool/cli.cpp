// CLI11 with messages of our own: it is told to let unknown arguments through, so that we can say
// which argument is meant and what stands near it.
#include "cli.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.hpp"
#include "base/diagnostic.hpp"
#include "base/text.hpp"
#include "help.hpp"
#include "render.hpp"

namespace neurotool::cli {
namespace {

const Command* chosen(const std::deque<Command>& commands) {
  const Command* leaf = &commands.front();
  for (const Command& command : commands) {
    if (command.app->parsed() && command.path.size() > leaf->path.size()) leaf = &command;
  }
  return leaf;
}

const Command& named(const std::deque<Command>& commands, std::string_view name) {
  const auto found = std::ranges::find(commands, name, &Command::name);
  NT_CHECK(found != commands.end(), "the command exists");
  return *found;
}

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.app->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> child_names(const std::deque<Command>& commands, const Command& parent) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.parent == &parent) names.push_back(command.name);
  }
  return names;
}

Error usage(std::string message, std::string help) {
  return error("cli.usage", {}, std::move(message), std::move(help));
}

std::string see_help(const Command& command) { return command.path + " -h"; }

Error unknown_argument(const std::deque<Command>& commands, const Command& command,
                       const std::string& argument) {
  if (argument.starts_with('-')) {
    const std::string name = argument.substr(0, argument.find('='));
    const std::string near(nearest_name(name, option_names(command)));
    return usage(fmt::format("'{}' is not an option of '{}'", name, command.path),
                 near.empty() ? see_help(command) : fmt::format("did you mean '{}'?", near));
  }
  const std::vector<std::string> children = child_names(commands, command);
  if (children.empty()) {
    return usage(fmt::format("'{}' has no use for the argument '{}'", command.path, argument),
                 see_help(command));
  }
  const bool is_pipeline = argument.ends_with(".yaml") || argument.ends_with(".yml");
  return usage(fmt::format("'{}' is not a command of '{}'", argument, command.path),
               is_pipeline ? "neurotool run " + argument : suggest(argument, children));
}

/// "--set: 1 required PATH=VALUE missing" and the like, in our words.
Error from_cli11(const CLI::ParseError& problem, const Command& command) {
  const std::string text = problem.what();
  const std::string name = text.substr(0, text.find(':'));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&problem) != nullptr) {
    return usage(fmt::format("'{}' needs a value", name), see_help(command));
  }
  if (dynamic_cast<const CLI::ValidationError*>(&problem) != nullptr &&
      text.size() > name.size() + 2) {
    const std::string what = name.starts_with('-') ? fmt::format("'{}'", name) : "the argument";
    return error("cli.value", {}, fmt::format("{} {}", what, text.substr(name.size() + 2)),
                 see_help(command));
  }
  if (dynamic_cast<const CLI::ConversionError*>(&problem) != nullptr) {
    return error("cli.value", {}, fmt::format("a value does not have the type it needs: {}", text),
                 see_help(command));
  }
  return usage(text, see_help(command));
}

/// Options before a command belong to nobody.
const CLI::Option* misplaced(const Command& leaf) {
  for (const Command* above = leaf.parent; above != nullptr; above = above->parent) {
    for (const CLI::Option* option : above->app->get_options()) {
      if (option->count() > 0 && option->get_group() != kCommonGroup) return option;
    }
  }
  return nullptr;
}

std::vector<std::string> split_words(const std::string& placeholder) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= placeholder.size();) {
    const std::size_t end = std::min(placeholder.find('|', begin), placeholder.size());
    words.push_back(placeholder.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

/// A result that could not be delivered is a failure, unless the reader has just gone away.
int finish(int code, Terminal& terminal) {
  if (terminal.out().good()) return code;
  show(error("cli.output", {},
             fmt::format("the result could not be written: {}", terminal.out().reason()),
             "check where stdout goes"),
       terminal);
  return code == kExitDone ? kExitUsage : code;
}

}  // namespace

CLI::Option* described(CLI::Option* option, const std::string& placeholder) {
  option->type_name(placeholder);
  if (placeholder.find('|') == std::string::npos) return option;
  const std::vector<std::string> words = split_words(placeholder);
  option->check([words](const std::string& value) -> std::string {
    if (std::ranges::find(words, value) != words.end()) return {};
    return fmt::format("is '{}', expected {}", value, fmt::join(words, ", "));
  });
  option->type_name(placeholder);
  return option;
}

void require(Command& command, const CLI::Option* option) { command.required.push_back(option); }

CommandLine::CommandLine() : app_("", "neurotool") {
  app_.set_help_flag("");
  app_.allow_extras();
  Command root;
  root.path = root.name = "neurotool";
  root.summary = "Trained networks to spikes on neuromorphic targets.";
  root.app = &app_;
  commands_.push_back(std::move(root));
  add_run(*this);
  add_doctor(*this);
  add_inspect(*this);
  add_opt(*this);
  add_passes(*this);
  add_nir(*this);
  add_targets(*this);
  add_plugin(*this);
  add_schema(*this);
  add_explain(*this);
  add_generate(*this);
  add_as(*this);
  add_dis(*this);
  add_run_sco(*this);
  add_version(*this);
  app_.add_flag("--version", version_, "Print the five versions; the same as 'neurotool version'.");
  for (Command& command : commands_) add_common(command);
}

Command& CommandLine::add(Command& parent, std::string name, std::string summary) {
  Command command;
  command.path = parent.path + " " + name;
  command.summary = std::move(summary);
  command.app = parent.app->add_subcommand(name, command.summary);
  command.name = std::move(name);
  command.parent = &parent;
  commands_.push_back(std::move(command));
  return commands_.back();
}

void CommandLine::add_common(Command& command) {
  CLI::App& app = *command.app;
  const std::vector<CLI::Option*> options{
      app.add_flag("-v,--verbose", verbosity_, "Say more on stderr; twice: everything."),
      app.add_flag("-q,--quiet", quiet_, "Print errors and the result only."),
      described(app.add_option("--color", color_, "Colour on stderr."), "auto|always|never"),
      app.add_flag("-h", short_help_, "Print short help."),
      app.add_flag("--help", long_help_, "Print long help with examples."),
  };
  for (CLI::Option* option : options) option->group(std::string(kCommonGroup));
}

int CommandLine::run(int argc, const char* const* argv, Terminal& terminal) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    show(from_cli11(problem, *chosen(commands_)), terminal);
    return kExitUsage;
  }
  terminal.verbosity = verbosity_;
  terminal.quiet = quiet_;
  terminal.choose_color(color_ == "always"  ? ColorChoice::kAlways
                        : color_ == "never" ? ColorChoice::kNever
                                            : ColorChoice::kAuto);
  return finish(parsed(terminal), terminal);
}

int CommandLine::parsed(Terminal& terminal) {
  const Command& command = version_ ? named(commands_, "version") : *chosen(commands_);
  if (short_help_ || long_help_) {
    const HelpLength length = long_help_ ? HelpLength::kLong : HelpLength::kShort;
    terminal.out().write(help_text(*this, command, length));
    return kExitDone;
  }
  if (const auto extras = command.app->remaining(); !extras.empty()) {
    show(unknown_argument(commands_, command, extras.front()), terminal);
    return kExitUsage;
  }
  if (const CLI::Option* option = version_ ? nullptr : misplaced(command)) {
    show(usage(fmt::format("'{}' stands before the command '{}'", option->get_name(), command.name),
               fmt::format("write options behind the command; {}", see_help(command))),
         terminal);
    return kExitUsage;
  }
  for (const CLI::Option* option : command.required) {
    if (option->count() > 0) continue;
    show(usage(fmt::format("'{}' needs {}", command.path,
                           option->get_positional() ? option->get_type_name() : option->get_name()),
               see_help(command)),
         terminal);
    return kExitUsage;
  }
  if (command.action) return command.action(terminal);
  return print_short_help(*this, command, terminal);
}

}  // namespace neurotool::cli
