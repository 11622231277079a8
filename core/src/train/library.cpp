// Finds and loads the trainer's library. It is a part of this program that may be left out, not a
// plugin: it is looked for beside the tool only, and one of another version is refused.
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <system_error>

#include "train/engine.hpp"

namespace neurotool::train {
namespace {

namespace fs = std::filesystem;

fs::path library_file() {
  if (const char* given = secure_getenv("NEUROTOOL_TRAINER")) return given;
  std::error_code failure;
  const fs::path tool = fs::read_symlink("/proc/self/exe", failure);
  return tool.parent_path().parent_path() / NEUROTOOL_TRAINER_RELATIVE_FILE;
}

Result<const TrainerApi*> load() {
  const fs::path file = library_file();
  std::error_code failure;
  if (!fs::exists(file, failure)) {
    return error(
        "train.no-trainer", {},
        fmt::format("this build of neurotool has no trainer: there is no '{}'", file.string()),
        "install libtorch-dev and build again with -DNEUROTOOL_WITH_TORCH=ON; lowering "
        "passes such as 'rate' need no training");
  }
  dlerror();
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return error(
        "train.load", FilePosition{.path = file.string()},
        fmt::format("the trainer cannot be loaded: {}", reason ? reason : "no reason given"),
        "install the libtorch that it was built with, or build it again");
  }
  void* symbol = dlsym(handle, kTrainerEntry);
  const TrainerApi* api = symbol == nullptr ? nullptr : reinterpret_cast<TrainerEntry>(symbol)();
  if (api != nullptr && api->version == kTrainerVersion) return api;
  return error("train.load", FilePosition{.path = file.string()},
               api == nullptr ? fmt::format("the file does not export '{}'", kTrainerEntry)
                              : fmt::format("the trainer has version {}, this tool needs {}",
                                            api->version, kTrainerVersion),
               "build the tool and the trainer together");
}

}  // namespace

bool has_trainer() {
  std::error_code failure;
  return fs::exists(library_file(), failure);
}

Result<const TrainerApi*> trainer_api() {
  // What was loaded stays for good: libtorch's threads cannot be unloaded.
  static std::mutex mutex;
  static const TrainerApi* loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (loaded == nullptr) {
    NT_TRY(loaded, load());
  }
  return loaded;
}

}  // namespace neurotool::train
