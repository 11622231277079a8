// What a plugin must leave as it found it: everything of a process that is nobody's in particular.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace neurotool::conformance {

struct ProcessState {
  static ProcessState now();

  struct OpenFile {
    int descriptor = 0;
    std::string target;
    bool operator==(const OpenFile&) const = default;
  };
  struct Handler {
    std::uintptr_t function = 0;
    int flags = 0;
    bool operator==(const Handler&) const = default;
  };

  std::string folder, locale;
  unsigned umask = 0;
  std::vector<int> blocked_signals;
  std::array<Handler, 65> handlers{};  ///< by signal number
  std::vector<std::string> environment;
  int rounding = 0;
  bool flushes_denormals = false;
  std::size_t threads = 0;
  std::vector<OpenFile> files;
};

/// Of the C library, on all of its heaps; 0 under a sanitizer, which has its own.
std::size_t bytes_in_use();

/// What `times` runs of `body` leave on the heap: the least of a few rounds, as a leak grows in each
/// of them, while the caches of an allocator, whose freed blocks count as used, fill and empty.
/// Stops at the first round that leaves at most `tolerated` bytes.
std::size_t bytes_left_by(const std::function<void()>& body, std::size_t times,
                          std::size_t tolerated);

}  // namespace neurotool::conformance
