// Reading whole files with a limit, writing them without leaving halves behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace neurotool {

/// The content of a regular file. Errors: file.missing, file.not-regular, file.too-large,
/// file.unreadable.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::uint64_t max_bytes = std::uint64_t{4} << 30);

/// Inflates `bytes` if they are gzip, returns them unchanged otherwise. Never makes more than
/// max_bytes; errors: file.corrupt, file.too-large.
Result<std::string> gunzip_if_needed(std::string bytes, const std::filesystem::path& path,
                                     std::uint64_t max_bytes = std::uint64_t{4} << 30);

/// Writes beside `path` and renames: readers see the old content or the new, never a half. A link
/// is followed. Errors: file.unwritable, file.not-regular.
Result<> write_file_atomic(const std::filesystem::path& path, std::string_view content);

/// A folder that is filled beside its final place and swapped in by commit(). Destroyed without
/// commit(), it removes what it wrote and leaves the old folder alone. Missing folders above the
/// final path are made, and stay. Errors: file.unwritable, file.not-folder.
///
/// commit() removes the whole old folder: whoever takes the path from a user checks first that it
/// is one of ours.
class FolderSwap {
 public:
  static Result<FolderSwap> create(const std::filesystem::path& final_path);
  FolderSwap(FolderSwap&&) noexcept;
  FolderSwap& operator=(FolderSwap&&) = delete;
  ~FolderSwap();

  /// Where to write until commit().
  const std::filesystem::path& path() const { return staging_; }
  Result<> commit();

 private:
  FolderSwap(std::filesystem::path final_path, std::filesystem::path staging);
  std::filesystem::path final_, staging_;
};

}  // namespace neurotool
