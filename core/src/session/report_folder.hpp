// The folder that a run leaves: filled beside its place, swapped in at the end, or gone without a
// trace.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "base/files.hpp"
#include "base/result.hpp"

namespace neurotool {

class ReportFolder {
 public:
  /// `path` empty: there is no folder, and wanted() is false.
  ReportFolder(std::filesystem::path path, Location at);
  ReportFolder(const ReportFolder&) = delete;
  ReportFolder& operator=(const ReportFolder&) = delete;
  /// Without commit(): removes what was written, and folders above it that were made for it.
  ~ReportFolder();

  bool wanted() const { return !final_.empty(); }
  const std::filesystem::path& final_path() const { return final_; }
  /// Refuses to replace a folder that holds anything but a report. Error: run.report-folder.
  Result<> check() const;
  /// A folder inside the one being filled ("ir", "artifacts"; "" is the top), made if missing.
  Result<std::filesystem::path> folder(std::string_view name);
  Result<> write(std::string_view name, std::string_view content);
  Result<> commit();

 private:
  Result<> open();
  std::filesystem::path final_;
  Location at_;
  std::filesystem::path made_above_;  ///< the topmost folder that open() made
  std::optional<FolderSwap> swap_;
  bool committed_ = false;
};

}  // namespace neurotool
