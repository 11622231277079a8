// A name that could leave the folder, hide, or upset a terminal is refused, never repaired: two
// names must not become one.
#include "target/artifacts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/text.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMostName = 1024;
constexpr std::size_t kMostPart = 200;

std::string part_refusal(std::string_view part) {
  if (part.empty()) return "has an empty part";
  if (part.front() == '.') return fmt::format("has a part that begins with a dot, '{}'", part);
  if (part.size() > kMostPart) {
    return fmt::format("has a part of {} bytes, more than {}", part.size(), kMostPart);
  }
  return {};
}

Error misbehaved(std::string message) {
  return error("target.misbehaved", {}, std::move(message),
               "this is a bug in the plugin; tell its author");
}

Error unwritable(const std::filesystem::path& path, int number) {
  return error(
      "target.artifact", {},
      fmt::format("cannot write '{}': {}", path.string(), std::generic_category().message(number)),
      "make room, or choose another report folder");
}

}  // namespace

std::string artifact_name_refusal(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kMostName) {
    return fmt::format("has {} bytes, more than {}", name.size(), kMostName);
  }
  if (!is_utf8(name)) return "is not UTF-8";
  if (escape_control(name) != name) return "has a control character";
  if (name.find('\\') != name.npos) return "has a backslash";
  if (name.front() == '/') return "is absolute";
  for (std::size_t first = 0; first <= name.size();) {
    const std::size_t last = std::min(name.find('/', first), name.size());
    if (auto refusal = part_refusal(name.substr(first, last - first)); !refusal.empty()) {
      return refusal;
    }
    first = last + 1;
  }
  return {};
}

Artifacts::Artifacts(std::filesystem::path folder, ArtifactLimits limits)
    : folder_(std::move(folder)), limits_(limits) {}

Result<Artifacts::Writer*> Artifacts::open(std::string_view name) {
  if (const std::string refusal = artifact_name_refusal(name); !refusal.empty()) {
    return misbehaved(
        fmt::format("the artifact name '{}' {}", escape_control(name.substr(0, 200)), refusal));
  }
  const std::lock_guard lock(mutex_);
  if (names_.contains(name)) return misbehaved(fmt::format("artifact '{}' is opened twice", name));
  if (names_.size() >= limits_.files) {
    return error("target.too-much", {},
                 fmt::format("the target writes more than {} artifacts", limits_.files));
  }
  const std::filesystem::path path = folder_ / name;
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  if (failure) return unwritable(path, failure.value());
  // What an earlier call left under this name is replaced, not followed where it is a link.
  std::filesystem::remove(path, failure);
  if (failure) return unwritable(path, failure.value());
  Writer& writer = writers_.emplace_back(*this, std::string(name));
  errno = 0;
  writer.file_.open(path, std::ios::binary | std::ios::trunc);
  if (!writer.file_) {
    writers_.pop_back();
    return unwritable(path, errno);
  }
  names_.emplace(name);
  return &writer;
}

Result<> Artifacts::write(Writer& writer, const void* data, std::size_t size) {
  const std::lock_guard lock(mutex_);
  if (!writer.open_) {
    return misbehaved(fmt::format("artifact '{}' is written after it was closed", writer.name_));
  }
  if (data == nullptr && size > 0) {
    return misbehaved(fmt::format("{} bytes at NULL for artifact '{}'", size, writer.name_));
  }
  if (size > limits_.bytes - bytes_) {
    return error("target.too-much", {},
                 fmt::format("the artifacts of one call hold more than {} bytes", limits_.bytes));
  }
  bytes_ += size;
  errno = 0;
  writer.file_.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  if (!writer.file_) return unwritable(folder_ / writer.name_, errno);
  return {};
}

Result<> Artifacts::close(Writer& writer) {
  const std::lock_guard lock(mutex_);
  if (!writer.open_) return misbehaved(fmt::format("artifact '{}' is closed twice", writer.name_));
  writer.open_ = false;
  errno = 0;
  writer.file_.close();
  if (!writer.file_) return unwritable(folder_ / writer.name_, errno);
  return {};
}

Result<> Artifacts::finish(bool keep) {
  const std::lock_guard lock(mutex_);
  std::string left_open;
  for (Writer& writer : writers_) {
    if (!writer.open_) continue;
    writer.open_ = false;
    writer.file_.close();
    if (left_open.empty()) left_open = writer.name_;
  }
  if (!keep || !left_open.empty()) remove_all();
  // A call that failed may well leave a file open; only a call that succeeded must not.
  if (keep && !left_open.empty()) {
    return misbehaved(fmt::format("artifact '{}' was never closed", left_open));
  }
  return {};
}

std::vector<std::string> Artifacts::names() const {
  const std::lock_guard lock(mutex_);
  return {names_.begin(), names_.end()};
}

void Artifacts::remove_all() {
  for (const std::string& name : names_) {
    std::error_code ignored;
    std::filesystem::remove(folder_ / name, ignored);
  }
  names_.clear();
}

}  // namespace neurotool
