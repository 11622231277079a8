// --plugin, --plugin-path, NEUROTOOL_PLUGIN_PATH, the user's data folder, the installation: first
// hit wins.
#include "target/search.hpp"

#include <neurotool/plugin/abi.h>

#include <algorithm>
#include <cstdlib>

namespace neurotool {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "neurotool_";
constexpr std::string_view kSuffix = ".so";

std::string variable(const char* name) {
  const char* value = secure_getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_word(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= 64 && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, allowed);
}

/// A folder only counts once, and never as a relative path: the working folder names no code.
void add_folder(std::vector<fs::path>& folders, const fs::path& folder) {
  if (!folder.is_absolute()) return;
  const fs::path clean = folder.lexically_normal();
  if (std::ranges::find(folders, clean) == folders.end()) folders.push_back(clean);
}

fs::path from_working_folder(const fs::path& path) {
  std::error_code failure;
  const fs::path result = fs::absolute(path, failure);
  return failure ? path : result.lexically_normal();
}

}  // namespace

SearchEnvironment SearchEnvironment::of_process() {
  std::error_code failure;
  return {.plugin_path = variable("NEUROTOOL_PLUGIN_PATH"),
          .data_home = variable("XDG_DATA_HOME"),
          .home = variable("HOME"),
          .executable = fs::read_symlink("/proc/self/exe", failure)};
}

PluginSearch::PluginSearch(SearchPath path, const SearchEnvironment& environment) {
  for (const fs::path& file : path.files) files_.push_back(from_working_folder(file));
  // A folder that the user typed is taken as typed, from the working folder too.
  for (const fs::path& folder : path.folders) add_folder(folders_, from_working_folder(folder));
  const std::string& list = environment.plugin_path;
  for (std::size_t first = 0; first < list.size();) {
    const std::size_t last = std::min(list.find(':', first), list.size());
    add_folder(folders_, list.substr(first, last - first));
    first = last + 1;
  }
  const fs::path user = fs::path("neurotool") / "plugins" / std::to_string(NT_ABI_MAJOR);
  if (fs::path(environment.data_home).is_absolute()) {
    add_folder(folders_, environment.data_home / user);
  } else if (!environment.home.empty()) {
    add_folder(folders_, fs::path(environment.home) / ".local" / "share" / user);
  }
  if (environment.executable.is_absolute()) {
    const fs::path prefix = environment.executable.parent_path().parent_path();
    add_folder(folders_, prefix / NEUROTOOL_PLUGIN_RELATIVE_DIR);
  }
}

std::optional<fs::path> PluginSearch::find(std::string_view target) const {
  const std::string stem(base_name_of(target));
  if (!is_word(stem)) return std::nullopt;
  for (const fs::path& file : files_) {
    if (stem_of(file) == stem) return file;
  }
  const std::string name = std::string(kPrefix) + stem + std::string(kSuffix);
  for (const fs::path& folder : folders_) {
    std::error_code failure;
    if (fs::exists(folder / name, failure)) return folder / name;
  }
  return std::nullopt;
}

std::vector<PluginSearch::Found> PluginSearch::all() const {
  std::vector<Found> found;
  for (const fs::path& file : files_) {
    found.push_back({file, stem_of(file).value_or(std::string()), true});
  }
  for (const fs::path& folder : folders_) {
    std::vector<fs::path> files;
    std::error_code failure;
    for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
      if (stem_of(entry->path())) files.push_back(entry->path());
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) found.push_back({file, *stem_of(file), false});
  }
  return found;
}

std::optional<std::string> stem_of(const fs::path& file) {
  const std::string name = file.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  if (name.size() <= kPrefix.size() + kSuffix.size()) return std::nullopt;
  const std::string stem =
      name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  return is_word(stem) ? std::optional(stem) : std::nullopt;
}

std::string_view base_name_of(std::string_view target) {
  return target.substr(0, target.find('.'));
}

bool is_target_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == name.npos) return is_word(name);
  return is_word(name.substr(0, dot)) && is_word(name.substr(dot + 1));
}

}  // namespace neurotool
