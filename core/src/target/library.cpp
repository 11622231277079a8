// dlopen, the entry, the version, and one start per library. Nothing here ever calls dlclose: a
// worker thread or a device may still be inside, and whether an object really goes away depends on
// how it was compiled. shutdown() releases what matters.
#include "target/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <map>

#include "target/host.hpp"
#include "target/search.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

constexpr AbiVersion kHostAbi{NT_ABI_MAJOR, NT_ABI_MINOR};
/// How far above our own we look for the major that a plugin speaks, only to name it.
constexpr std::uint32_t kMajorsAhead = 8;

std::string quoted(const fs::path& file) { return "'" + file.string() + "'"; }

std::string version_text(AbiVersion version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

/// The plugin's table for our major, or why there is none.
Result<const nt_plugin*> negotiate(nt_plugin_entry_fn entry, const fs::path& file) {
  const auto refuse = [&](AbiVersion version) {
    AbiRefusal refusal = abi_refusal(version, kHostAbi);
    return error("target.abi", {}, quoted(file) + " " + refusal.message, std::move(refusal.help));
  };
  if (const nt_plugin* plugin = entry(kHostAbi.major)) {
    const AbiVersion version{plugin->abi_major, plugin->abi_minor};
    if (abi_refusal(version, kHostAbi).message.empty()) return plugin;
    return refuse(version);
  }
  // The first three fields are in the same place in every major.
  for (std::uint32_t major = kHostAbi.major + 1; major <= kHostAbi.major + kMajorsAhead; ++major) {
    if (const nt_plugin* plugin = entry(major)) return refuse({major, plugin->abi_minor});
  }
  return error(
      "target.abi", {},
      fmt::format("{} answers NULL when asked for plugin ABI {}, which this neurotool speaks",
                  quoted(file), kHostAbi.major),
      fmt::format("get a build of the plugin for ABI {}", version_text(kHostAbi)));
}

Result<nt_plugin_entry_fn> open_entry(const fs::path& file) {
  dlerror();
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return error(
        "target.load", {},
        fmt::format("cannot load {}: {}", quoted(file), reason ? reason : "no reason given"),
        "rebuild the plugin on this machine, or install what it needs");
  }
  void* symbol = dlsym(handle, NT_PLUGIN_ENTRY);
  if (symbol != nullptr) return reinterpret_cast<nt_plugin_entry_fn>(symbol);
  return error("target.load", {},
               fmt::format("{} is no neurotool plugin: it does not export '{}'", quoted(file),
                           NT_PLUGIN_ENTRY),
               "build it with neurotool_add_plugin(), or export the entry (NT_EXPORT)");
}

/// Every library that this process has loaded, by real path; they stay for good.
struct Loaded {
  std::mutex mutex;
  std::map<fs::path, std::shared_ptr<Library>> libraries;
};
Loaded& loaded() {
  static Loaded& all = *new Loaded;  // outlives every static object that may still use a target
  return all;
}

}  // namespace

AbiRefusal abi_refusal(AbiVersion plugin, AbiVersion host) {
  const bool same_major = plugin.major == host.major;
  if (same_major && (host.major > 0 || plugin.minor == host.minor)) return {};
  const bool newer = plugin.major > host.major || (same_major && plugin.minor > host.minor);
  const std::string draft = host.major == 0 ? "; while the ABI is a draft, both must be equal" : "";
  return {.message = fmt::format("was built for plugin ABI {}, {} than the {} of this neurotool{}",
                                 version_text(plugin), newer ? "newer" : "older",
                                 version_text(host), draft),
          .help = newer ? fmt::format("update neurotool, or build the plugin against the sdk of "
                                      "plugin ABI {}",
                                      version_text(host))
                        : "get a newer version of the plugin, or build it again with the "
                          "sdk of this neurotool"};
}

Result<std::shared_ptr<Library>> Library::load(const fs::path& file) {
  Loaded& all = loaded();
  const std::lock_guard lock(all.mutex);
  if (const auto known = all.libraries.find(file); known != all.libraries.end()) {
    return known->second;
  }
  NT_TRY(const nt_plugin_entry_fn entry, open_entry(file));
  NT_TRY(const nt_plugin* const table, negotiate(entry, file));
  auto plugin = describe_plugin(table, file, stem_of(file).value_or(""));
  if (!plugin) {
    Error refusal = std::move(plugin).error();
    refusal.message = quoted(file) + " does not describe itself as it must: " + refusal.message;
    return refusal;
  }
  auto library = std::make_shared<Library>(file, *std::move(plugin));
  all.libraries.emplace(file, library);
  return library;
}

const DescribedTarget* Library::find(std::string_view name) const {
  for (const DescribedTarget& target : plugin_.targets) {
    if (target.description.name == name) return &target;
  }
  return nullptr;
}

Result<std::shared_ptr<Library::Running>> Library::start(const std::shared_ptr<Library>& library) {
  const std::lock_guard lock(library->mutex_);
  if (library->running_ == 0) {
    if (const nt_code code = library->plugin_.functions.init(&host_table()); code != NT_OK) {
      return error("target.load", {},
                   fmt::format("{} refuses to start: init() answers '{}'", quoted(library->file_),
                               code_text(code)),
                   "the plugin may need a newer neurotool, or a device that is not there");
    }
  }
  ++library->running_;
  return std::shared_ptr<Running>(new Running(library));
}

Library::Running::~Running() {
  const std::lock_guard lock(library_->mutex_);
  if (--library_->running_ == 0) library_->plugin_.functions.shutdown();
}

}  // namespace neurotool
