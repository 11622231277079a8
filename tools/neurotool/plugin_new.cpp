// `neurotool plugin new NAME`: writes the project in tools/plugin-template, which is built into the
// tool, with its names replaced.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>

#include "base/files.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "plugin_commands.hpp"
#include "render.hpp"
#include "template_files.hpp"

namespace neurotool::cli {
namespace {

constexpr std::string_view kTemplateName = "acme_chip";
constexpr std::size_t kLongestName = 64;

/// A name becomes a file name, a word of YAML, a CMake target and a C++ namespace.
Result<> check_name(const std::string& name) {
  constexpr std::array<std::string_view, 20> kTaken{
      "cpu",     "auto",   "bool",   "case",   "char",   "class",   "const",
      "default", "double", "float",  "int",    "long",   "new",     "operator",
      "signed",  "short",  "static", "struct", "switch", "template"};
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  const std::string shown = escape_control(name);
  if (name.empty() || name.size() > kLongestName || !std::ranges::all_of(name, fine) ||
      name.front() < 'a' || name.back() == '_' || name.find("__") != std::string::npos) {
    return error("plugin.name", {}, fmt::format("'{}' cannot be the name of a target", shown),
                 fmt::format("use lower-case letters, digits and single '_', a letter first, {} "
                             "characters at most: acme_chip",
                             kLongestName));
  }
  if (std::ranges::find(kTaken, name) != kTaken.end()) {
    return error("plugin.name", {}, fmt::format("'{}' is a word that is taken", shown),
                 fmt::format("try {}_chip", name));
  }
  return {};
}

std::string with_name(std::string_view text, const std::string& name) {
  std::string result;
  for (std::size_t at = 0;;) {
    const std::size_t next = text.find(kTemplateName, at);
    result += text.substr(at, next - at);
    if (next == std::string_view::npos) return result;
    result += name;
    at = next + kTemplateName.size();
  }
}

/// Writes the project into `folder`, which must not exist or be empty: all of it, or nothing.
Result<> write_project(const std::filesystem::path& folder, const std::string& name) {
  std::error_code problem;
  if (std::filesystem::exists(std::filesystem::symlink_status(folder, problem)) &&
      !std::filesystem::is_empty(folder, problem)) {
    return error("plugin.exists", FilePosition{folder.string(), 0, 0},
                 "there is something here already, and nothing is overwritten",
                 "name another folder with --directory, or move this one away");
  }
  NT_TRY(FolderSwap project, FolderSwap::create(folder));
  for (const TemplateFile& file : template_files()) {
    const std::filesystem::path path = project.path() / file.path;
    std::filesystem::create_directories(path.parent_path(), problem);
    NT_TRY_VOID(write_file_atomic(path, with_name(file.text, name)));
    if (!file.runs) continue;
    using std::filesystem::perms;
    std::filesystem::permissions(path, perms::owner_exec | perms::group_exec | perms::others_exec,
                                 std::filesystem::perm_options::add, problem);
  }
  return project.commit();
}

int make_project(const std::string& name, const std::string& directory, Terminal& terminal) {
  const std::filesystem::path folder = directory.empty() ? name : directory;
  Result<> done = check_name(name);
  if (done) done = write_project(folder, name);
  if (!done) {
    show(done.error(), terminal);
    return kExitUsage;
  }
  const std::string where = escape_control(folder.string());
  terminal.out().write(
      fmt::format("{0} is a project that builds and passes the check.\n"
                  "  cmake -S {0} -B {0}/build && cmake --build {0}/build\n"
                  "  neurotool plugin check {0}/build/neurotool_{1}.so\n"
                  "{0}/README.md says what to do next.\n",
                  where, name));
  return kExitDone;
}

}  // namespace

void add_plugin_new(CommandLine& line, Command& parent) {
  struct Arguments {
    std::string name, directory;
  };
  auto arguments = std::make_shared<Arguments>();
  Command& command = line.add(parent, "new", "Write a plugin project to start from.");
  command.details =
      "The project builds against the installed sdk, simulates a small class of networks exactly, "
      "and refuses the rest with a reason. Nothing that exists is overwritten.";
  command.examples = {{"neurotool plugin new acme_chip", "A project in ./acme_chip."},
                      {"neurotool plugin new acme_chip --directory ~/src/acme", "Elsewhere."}};
  require(command, add_value(command, "name", arguments->name, "NAME",
                             "The target's name: lower-case letters, digits and '_'."));
  add_value(command, "--directory", arguments->directory, "DIR",
            "Where to write; by default ./NAME.");
  command.action = [arguments](Terminal& terminal) {
    return make_project(arguments->name, arguments->directory, terminal);
  };
}

}  // namespace neurotool::cli
