// `neurotool targets [NAME]`: what can be written under 'target:' and what each of them takes.
#include "targets.hpp"

#include <fmt/format.h>

#include <memory>

#include "base/child.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "help.hpp"
#include "plugin_options.hpp"
#include "render.hpp"
#include "session/session.hpp"

namespace neurotool::cli {
namespace {

constexpr double kMostSeconds = 2;

/// What the child sends: a page, or an error.
std::string answer(const SearchPath& path, const std::string& name) {
  TargetRegistry registry(path);
  const TargetRequest request{.name = name, .at = {}, .version = {}, .sha256 = {}};
  auto description = registry.describe(request);
  if (!description) {
    const Error& problem = description.error();
    return Json(Json::Object{
                    {"code", problem.code}, {"message", problem.message}, {"help", problem.help}})
        .dump(0);
  }
  TargetPage page{.description = *std::move(description), .limits = {}};
  Diagnostics ignored;
  NoProgress silent;
  if (auto target = registry.open(request, yaml::Node{}, "target.options", {ignored, silent, {}})) {
    page.limits = target->limits({ignored, silent, {}});
  }
  return to_json(page).dump(0);
}

std::string how_it_ended(const ChildEnd& end) {
  switch (end.how) {
    case ChildEnd::How::kSignalled:
      return "crashed with " + signal_name(end.code);
    case ChildEnd::How::kTimedOut:
      return fmt::format("gave no answer within {:.0f} s", kMostSeconds);
    case ChildEnd::How::kNotStarted:
      return "could not be asked: " + end.said;
    default:
      return fmt::format("ended the process with exit code {}", end.code);
  }
}

std::string member(const Json& json, std::string_view key) {
  const Json* item = json.is_object() ? json.find(key) : nullptr;
  const auto* text = item ? std::get_if<std::string>(&item->value()) : nullptr;
  return text ? *text : std::string();
}

int print_targets(const SearchPath& path, Terminal& terminal) {
  const std::vector<ListedTarget> targets = list_targets(path);
  std::vector<std::vector<std::string>> rows;
  for (const ListedTarget& target : targets) {
    rows.push_back({escape_control(target.name),
                    target.page ? escape_control(target.page->description.plugin_version) : "-",
                    escape_control(target.page ? target.page->description.summary
                                               : "refused: " + target.refusal)});
    if (terminal.verbosity > 0) rows.back().push_back(escape_control(target.file.string()));
  }
  if (!rows.empty()) {
    terminal.out().write(align_columns(rows, std::vector<bool>(rows.front().size(), false)));
    return kExitDone;
  }
  show(warning("target.none", {}, "no plugin was found",
               "neurotool plugin path shows the folders that are searched"),
       terminal);
  return kExitDone;
}

int print_one(const SearchPath& path, const std::string& name, Terminal& terminal) {
  const auto found = describe_in_child(path, name);
  if (const auto* problem = std::get_if<Error>(&found)) {
    show(*problem, terminal);
    return static_cast<int>(outcome_of(problem->code));
  }
  terminal.out().write(target_page_text(std::get<TargetPage>(found)));
  return kExitDone;
}

}  // namespace

std::variant<TargetPage, Error> describe_in_child(const SearchPath& path, const std::string& name) {
  const ChildEnd child =
      run_in_child([&] { return answer(path, name); }, {.seconds = kMostSeconds});
  if (child.how != ChildEnd::How::kReturned) {
    return error("target.crashed", {},
                 fmt::format("the plugin of '{}' {} while it was asked to describe itself", name,
                             how_it_ended(child)),
                 "neurotool plugin check FILE says more");
  }
  if (auto page = page_from_json(child.answer)) return *std::move(page);
  const auto json = Json::parse(child.answer);
  if (json && !member(*json, "code").empty()) {
    return error(member(*json, "code"), {}, member(*json, "message"), member(*json, "help"));
  }
  return error("target.misbehaved", {},
               fmt::format("the plugin of '{}' disturbed its own description", name),
               "neurotool plugin check FILE says more");
}

std::vector<ListedTarget> list_targets(const SearchPath& path) {
  std::vector<ListedTarget> result;
  for (const TargetRegistry::Candidate& candidate : TargetRegistry(path).candidates()) {
    ListedTarget listed{candidate.target, candidate.file, {}, candidate.refusal};
    if (listed.refusal.empty()) {
      auto found = describe_in_child(path, candidate.target);
      if (auto* page = std::get_if<TargetPage>(&found)) {
        listed.page = std::move(*page);
      } else {
        listed.refusal = std::get<Error>(found).message;
      }
    }
    result.push_back(std::move(listed));
  }
  return result;
}

void add_targets(CommandLine& line) {
  struct Options {
    std::string name;
    PluginOptions plugins;
  };
  auto options = std::make_shared<Options>();
  Command& command =
      line.add(line.root(), "targets", "List targets, or show everything about one.");
  command.details =
      "Plugins are asked in a child process with a limit of two seconds, so that a broken one "
      "costs "
      "a line and not the list. With -v the list names the files.";
  command.examples = {
      {"neurotool targets", "What can stand under 'target:' in a pipeline."},
      {"neurotool targets cpu", "Its options with type, range and default."},
      {"neurotool targets --plugin-path build/plugins", "Look in another folder too."}};
  add_value(command, "name", options->name, "NAME", "The target to show.");
  add_plugin_options(command, options->plugins);
  command.action = [options](Terminal& terminal) {
    const SearchPath path = options->plugins.search_path();
    return options->name.empty() ? print_targets(path, terminal)
                                 : print_one(path, options->name, terminal);
  };
}

}  // namespace neurotool::cli
