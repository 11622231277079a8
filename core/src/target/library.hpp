// A plugin's shared object: opened once per process, described, started when first needed, and
// never unloaded.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "target/describe.hpp"
#include "target/target.hpp"

namespace neurotool {

/// Why a plugin of this ABI cannot work with a host of that one; empty when it can. While the major
/// number is 0 the minors must be equal; later, equal majors will do.
struct AbiRefusal {
  std::string message, help;
};
AbiRefusal abi_refusal(AbiVersion plugin, AbiVersion host);

class Library {
 public:
  /// Loads the file, or finds it loaded. `file` is a real path that has been found trustworthy.
  /// Errors: target.load, target.abi, target.describe.
  static Result<std::shared_ptr<Library>> load(const std::filesystem::path& file);

  const DescribedPlugin& plugin() const { return plugin_; }
  /// The target `name`, or nullptr.
  const DescribedTarget* find(std::string_view name) const;

  /// While one lives, init() has been called and shutdown() has not: the first calls the one, the
  /// last to go the other.
  class Running {
   public:
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();

   private:
    friend class Library;
    explicit Running(std::shared_ptr<Library> library) : library_(std::move(library)) {}
    std::shared_ptr<Library> library_;
  };
  /// Error: target.load when init() refuses.
  static Result<std::shared_ptr<Running>> start(const std::shared_ptr<Library>& library);

  Library(std::filesystem::path file, DescribedPlugin plugin)
      : file_(std::move(file)), plugin_(std::move(plugin)) {}

 private:
  std::filesystem::path file_;
  DescribedPlugin plugin_;
  std::mutex mutex_;  ///< held around init() and shutdown()
  std::size_t running_ = 0;
};

}  // namespace neurotool
