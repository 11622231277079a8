// Finds the one file that offers a target, decides whether it may be loaded, and opens it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "target/opened.hpp"
#include "target/search.hpp"
#include "target/target.hpp"
#include "target/target_state.hpp"
#include "target/trust.hpp"
#include "target/version_request.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

/// A file that may be loaded: where it really is, and what is in it.
struct TrustedFile {
  fs::path path;
  std::string sha256;
};

Result<fs::path> real_path(const fs::path& file) {
  std::error_code failure;
  fs::path path = fs::canonical(file, failure);
  if (!failure) return path;
  return error("target.missing", {},
               fmt::format("plugin '{}' cannot be opened: {}", file.string(), failure.message()));
}

Result<TrustedFile> trusted(const fs::path& found, const TargetRequest& request) {
  NT_TRY(fs::path path, real_path(found));
  NT_TRY_VOID(check_trust(path));
  if (!stem_of(path)) {
    return error("target.load", {},
                 fmt::format("'{}' leads to '{}', which is not called as a plugin is",
                             found.string(), path.string()),
                 "a plugin keeps its name, neurotool_<target>.so, wherever a link leads");
  }
  // Before it is loaded: loading is running its code.
  NT_TRY(std::string hash, sha256_file(path));
  if (!request.sha256.empty() && request.sha256 != hash) {
    return error(
        "target.hash", {},
        fmt::format("'{}' has sha256 {}, but {} is asked for", path.string(), hash, request.sha256),
        "install the plugin that the file was written for, or change target.sha256");
  }
  return TrustedFile{std::move(path), std::move(hash)};
}

/// Puts the place of the request on an error that has none.
template <class T>
Result<T> placed(Result<T> result, const Location& at) {
  if (!result && std::holds_alternative<std::monostate>(result.error().at)) result.error().at = at;
  return result;
}

}  // namespace

struct TargetRegistry::State {
  explicit State(SearchPath path) : search(std::move(path), SearchEnvironment::of_process()) {}

  struct Choice {
    std::shared_ptr<Library> library;
    const DescribedTarget* target = nullptr;
    TargetDescription description;
  };

  Error missing(const TargetRequest& request) const {
    std::vector<std::string> names;
    for (const PluginSearch::Found& found : search.all()) {
      if (!found.stem.empty()) names.push_back(found.stem);
    }
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string folders;
    for (const fs::path& folder : search.folders()) folders += "\n    " + folder.string();
    const std::string hint =
        names.empty() ? "no plugin is installed" : suggest(base_name_of(request.name), names);
    return error("target.missing", request.at,
                 fmt::format("no plugin offers target '{}'", request.name),
                 hint + "; plugins are looked for in" + folders);
  }

  Result<Choice> choose(const TargetRequest& request) const {
    if (!is_target_name(request.name)) return missing(request);
    const auto found = search.find(request.name);
    if (!found) return missing(request);
    NT_TRY(const TrustedFile file, trusted(*found, request));
    Choice choice;
    NT_TRY(choice.library, Library::load(file.path));
    choice.target = choice.library->find(request.name);
    if (choice.target == nullptr) {
      std::vector<std::string> names;
      for (const DescribedTarget& target : choice.library->plugin().targets) {
        names.push_back(target.description.name);
      }
      return error("target.missing", request.at,
                   fmt::format("'{}' does not offer target '{}'", file.path.string(), request.name),
                   suggest(request.name, names));
    }
    choice.description = choice.target->description;
    choice.description.file_sha256 = file.sha256;
    NT_TRY_VOID(check_version(request.version, choice.description.plugin_version,
                              choice.description.plugin_id, request.at));
    return choice;
  }

  Result<std::shared_ptr<Library::Running>> start(const std::shared_ptr<Library>& library) {
    NT_TRY(std::shared_ptr<Library::Running> plugin, Library::start(library));
    const std::lock_guard lock(mutex);
    running[library.get()] = plugin;
    return plugin;
  }

  PluginSearch search;
  std::mutex mutex;
  std::map<const Library*, std::shared_ptr<Library::Running>> running;
};

TargetRegistry::TargetRegistry(SearchPath path)
    : state_(std::make_unique<State>(std::move(path))) {}

TargetRegistry::~TargetRegistry() { shutdown(); }

std::vector<std::pair<fs::path, bool>> TargetRegistry::search_folders() const {
  std::vector<std::pair<fs::path, bool>> folders;
  for (const fs::path& folder : state_->search.folders()) {
    std::error_code failure;
    folders.emplace_back(folder, fs::is_directory(folder, failure));
  }
  return folders;
}

std::vector<TargetRegistry::Candidate> TargetRegistry::candidates() const {
  std::vector<Candidate> result;
  for (const PluginSearch::Found& found : state_->search.all()) {
    Candidate candidate{.file = found.file, .target = found.stem, .refusal = {}};
    const auto earlier = std::ranges::find(result, found.stem, &Candidate::target);
    if (found.stem.empty()) {
      candidate.refusal = "a plugin is called neurotool_<target>.so";
    } else if (earlier != result.end()) {
      candidate.refusal = fmt::format("'{}' comes first", earlier->file.string());
    } else if (auto file = trusted(found.file, {}); !file) {
      candidate.refusal = file.error().message;
    }
    result.push_back(std::move(candidate));
  }
  return result;
}

Result<TargetDescription> TargetRegistry::describe(const TargetRequest& request) {
  NT_TRY(State::Choice choice, placed(state_->choose(request), request.at));
  return std::move(choice.description);
}

Result<Target> TargetRegistry::open(const TargetRequest& request, const yaml::Node& options,
                                    std::string_view options_path, PluginCall call) {
  // Reports what has not been reported yet; the result is the first error, as everywhere.
  const auto failed = [&](Error failure) {
    call.diagnostics.report(failure);
    return failure;
  };
  auto choice = placed(state_->choose(request), request.at);
  if (!choice) return failed(std::move(choice).error());

  Diagnostics found;
  auto checked = check_options(options, choice->description.options, options_path,
                               "neurotool targets " + request.name, found);
  for (const Diagnostic& item : found.all()) call.diagnostics.report(item);
  if (found.has_errors()) return found.first_error();

  auto running = placed(state_->start(choice->library), request.at);
  if (!running) return failed(std::move(running).error());
  auto target = std::make_shared<OpenedTarget>(*std::move(running), *choice->target,
                                               std::move(choice->description), std::move(checked));
  NT_TRY_VOID(target->open(call));
  return Target(std::make_unique<Target::State>(Target::State{std::move(target)}));
}

void TargetRegistry::shutdown() {
  const std::lock_guard lock(state_->mutex);
  state_->running.clear();
}

}  // namespace neurotool
