// One folder per failing step: running into the same bug again replaces it.
#include "session/reproducer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "io/snapshot.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

fs::path place(const BugScene& scene) {
  const std::string step = scene.pass.empty() ? "run" : scene.pass;
  const fs::path& report = scene.config.report_directory.value;
  if (!report.empty()) {
    const fs::path folder = report.has_filename() ? report : report.parent_path();
    return folder.parent_path() / fmt::format("{}-reproducer-{}", folder.filename().string(), step);
  }
  std::error_code code;
  fs::path temporary = fs::temp_directory_path(code);
  if (code) temporary = "/tmp";
  const std::string key = sha256_hex(scene.config.model.value.string() + scene.error.message);
  return temporary / fmt::format("neurotool-reproducer-{}-{}", step, key.substr(0, 12));
}

/// The pipeline cut down to the step that failed, on the model that it met.
PipelineConfig only_that_step(const BugScene& scene, const fs::path& folder) {
  PipelineConfig config = scene.config;
  config.report_directory.value.clear();
  config.expect.clear();
  if (scene.model != nullptr) {
    config.model.value = folder / "model.h5";
    std::erase_if(config.passes, [&](const PassConfig& p) { return p.name != scene.pass; });
    if (config.passes.size() > 1) config.passes.resize(1);
  }
  if (!scene.pass.empty()) {
    config.target = {};
    config.target_version = {};
    config.target_sha256 = {};
    config.target_options = {};
    config.mode.value = RunMode::kPlan;
  }
  return config;
}

}  // namespace

Result<fs::path> write_reproducer(const BugScene& scene) {
  const fs::path folder = place(scene);
  NT_TRY(FolderSwap swap, FolderSwap::create(folder));
  if (scene.model != nullptr) {
    NT_TRY_VOID(write_snapshot(*scene.model, swap.path() / "model.h5"));
  }
  const std::string pipeline =
      "# Repeats the failure described in diagnostic.txt: neurotool --config pipeline.yaml\n" +
      yaml::dump(to_yaml(only_that_step(scene, folder), folder));
  NT_TRY_VOID(write_file_atomic(swap.path() / "pipeline.yaml", pipeline));
  NT_TRY_VOID(write_file_atomic(
      swap.path() / "diagnostic.txt",
      fmt::format("neurotool {}\n{}", scene.tool_version, to_string(scene.error))));
  NT_TRY_VOID(swap.commit());
  return folder;
}

}  // namespace neurotool
