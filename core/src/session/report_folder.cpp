// The folder is opened when the first file needs it, so a run that fails early touches no disk.
#include "session/report_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace neurotool {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 10> kOurs{
    "report.json", "report.md",          "events.svg", "raster.svg", "weights.svg",
    "doctor.svg",  "pipeline.lock.yaml", "artifacts",  "ir",         "tuned.onnx"};

/// The topmost folder on the way to `path` that does not exist yet; empty if its parent does.
fs::path first_missing_above(const fs::path& path) {
  std::error_code code;
  fs::path missing;
  for (fs::path above = path.parent_path(); !above.empty() && !fs::exists(above, code);
       above = above.parent_path()) {
    missing = above;
  }
  return missing;
}

/// Removes empty folders from `deepest` up to and including `topmost`.
void remove_empty(fs::path deepest, const fs::path& topmost) {
  std::error_code code;
  while (!deepest.empty() && fs::remove(deepest, code) && deepest != topmost) {
    deepest = deepest.parent_path();
  }
}

fs::path without_slash(const fs::path& path) {
  if (path.empty()) return path;
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

}  // namespace

ReportFolder::ReportFolder(fs::path path, Location at)
    : final_(without_slash(path)), at_(std::move(at)) {}

ReportFolder::~ReportFolder() {
  if (committed_) return;
  swap_.reset();
  if (!made_above_.empty()) remove_empty(final_.parent_path(), made_above_);
}

Result<> ReportFolder::check() const {
  std::error_code code;
  if (!wanted() || !fs::is_directory(final_, code)) return {};
  bool empty = true, has_report = false;
  for (fs::directory_iterator entry(final_, code), end; !code && entry != end;
       entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    empty = false;
    has_report = has_report || name == "report.json";
    if (std::ranges::find(kOurs, name) == kOurs.end()) {
      return error("run.report-folder", at_,
                   fmt::format("'{}' holds '{}', which is no part of a report; a run replaces the "
                               "whole folder",
                               final_.string(), name),
                   "choose another report.directory, or move the file away");
    }
  }
  if (empty || has_report) return {};
  return error("run.report-folder", at_,
               fmt::format("'{}' is not empty and holds no report.json; a run replaces the whole "
                           "folder",
                           final_.string()),
               "choose another report.directory, or empty this one");
}

Result<> ReportFolder::open() {
  if (swap_) return {};
  NT_TRY_VOID(check());
  made_above_ = first_missing_above(final_);
  auto swap = FolderSwap::create(final_);
  if (!swap) {
    Error reason = std::move(swap).error();
    reason.notes.push_back({at_, "the report folder is named here"});
    return reason;
  }
  swap_.emplace(*std::move(swap));
  return {};
}

Result<fs::path> ReportFolder::folder(std::string_view name) {
  NT_TRY_VOID(open());
  const fs::path path = name.empty() ? swap_->path() : swap_->path() / name;
  std::error_code code;
  fs::create_directories(path, code);
  if (!code) return path;
  return error("file.unwritable", FilePosition{.path = path.string()},
               fmt::format("'{}' cannot be made: {}", path.string(), code.message()));
}

Result<> ReportFolder::write(std::string_view name, std::string_view content) {
  NT_TRY(const fs::path top, folder(""));
  return write_file_atomic(top / name, content);
}

Result<> ReportFolder::commit() {
  NT_TRY_VOID(open());
  std::error_code ignored;
  fs::remove(swap_->path() / "artifacts", ignored);  // only if nothing was written there
  NT_TRY_VOID(check());
  NT_TRY_VOID(swap_->commit());
  committed_ = true;
  return {};
}

}  // namespace neurotool
