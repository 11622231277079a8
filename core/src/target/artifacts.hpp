// The files that a plugin writes during one call. The host decides where they land: a name is a
// relative path of plain words below one folder, and nothing else.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace neurotool {

/// Why `name` may not be the name of an artifact; empty when it may.
std::string artifact_name_refusal(std::string_view name);

struct ArtifactLimits {
  std::uint64_t files = 10'000;
  std::uint64_t bytes = std::uint64_t{16} << 30;  ///< of all files of a call together
};

/// Safe from several threads. Errors: target.misbehaved (the plugin broke the contract),
/// target.artifact (the file system refused), target.too-much (a limit).
class Artifacts {
 public:
  /// A file being written; stays valid, closed or not, as long as its Artifacts.
  class Writer {
   public:
    Writer(Artifacts& owner, std::string name) : owner_(owner), name_(std::move(name)) {}
    Artifacts& owner() { return owner_; }

   private:
    friend class Artifacts;
    Artifacts& owner_;
    std::string name_;
    std::ofstream file_;
    bool open_ = true;
  };

  Artifacts(std::filesystem::path folder, ArtifactLimits limits = {});

  Result<Writer*> open(std::string_view name);
  Result<> write(Writer& writer, const void* data, std::size_t size);
  Result<> close(Writer& writer);

  /// Ends the call. Every file must have been closed; after an error, or when not `keep`, no file
  /// of this call is left.
  Result<> finish(bool keep);
  /// Names of the files, sorted.
  std::vector<std::string> names() const;

 private:
  void remove_all();

  std::filesystem::path folder_;
  ArtifactLimits limits_;
  mutable std::mutex mutex_;
  std::deque<Writer> writers_;
  std::set<std::string, std::less<>> names_;
  std::uint64_t bytes_ = 0;
};

}  // namespace neurotool
