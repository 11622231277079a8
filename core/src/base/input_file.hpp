// A regular file open for reading, for those who do not want all of it at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.hpp"

namespace neurotool {

class InputFile {
 public:
  /// Errors: file.missing, file.not-regular, file.unreadable.
  static Result<InputFile> open(const std::filesystem::path& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  /// The size when it was opened; the file may grow or shrink afterwards.
  std::uint64_t size() const { return size_; }
  /// Fills `buffer` from where the last call ended; less than its size only at the end of the file.
  Result<std::size_t> read(std::span<char> buffer);
  /// The same from any place, without moving the one that read() goes on from.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) const;

 private:
  InputFile(std::filesystem::path path, int descriptor);
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace neurotool
