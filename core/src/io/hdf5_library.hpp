// What the files that call the HDF5 library share: the lock, owning handles, its reasons. Only for
// io/hdf5*.cpp.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace neurotool {

/// Deflate, the strongest filter that files meet, does not pack better than this.
inline constexpr std::uint64_t kBestRatio = 1032;

/// Held by every public function. Debian's serial build would be thread-safe by itself, but other
/// builds are not; one mutex makes all of them so. The library prints an error stack to stderr and
/// loads filters from shared libraries unless it is told not to.
class LibraryLock {
 public:
  LibraryLock();

 private:
  std::lock_guard<std::mutex> lock_;
};

/// An HDF5 identifier and how to give it back.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  explicit operator bool() const { return id_ >= 0; }
  hid_t id() const { return id_; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// The innermost entry of the error stack: the most exact one.
std::string hdf5_reason();

/// The library tells files in memory apart by name, and looks on disk for some of them first; these
/// names are never taken twice and can never be there. Call it under the lock.
std::string next_hdf5_name();

/// Access to a file on disk, and to one that lives in memory.
Handle file_access();
Handle in_memory_access();

/// Knows the filter LZF (32000) from now on, which h5py's users choose and the library lacks.
void register_lzf();

}  // namespace neurotool
