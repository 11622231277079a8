// One child per file. The HDF5 library has had memory errors and endless loops of its own over
// damaged files (SECURITY.md); there they end the child, and this process, which never shows the
// library such a file, says so. docs/adr/0016.
#include "io/hdf5_guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "base/child.hpp"
#include "base/text.hpp"
#include "io/hdf5_library.hpp"
#include "io/hdf5_tree_bytes.hpp"

namespace neurotool::hdf5 {
namespace {

constexpr std::string_view kDamaged =
    "the file is damaged, or made to do so; copy or export it again";

/// Generous: an honest file of any size takes a hundredth. Sanitizers slow the library down.
double processor_seconds(const ReadLimits& limits, std::uint64_t file_bytes) {
  constexpr double kLeast = 3, kBytesPerSecond = 20e6;
  return limits.processor_seconds > 0
             ? limits.processor_seconds
             : kLeast + std::floor(static_cast<double>(file_bytes) / kBytesPerSecond);
}

/// A machine may be busy: the clock only ends what waits for ever.
double clock_seconds(double processor_seconds) { return 60 + 20 * processor_seconds; }

/// Beside the numbers that are shared: the library's caches and one unpacked chunk, texts, and the
/// bytes of a file in memory, which it copies.
std::uint64_t private_memory(std::uint64_t budget, std::uint64_t file_bytes) {
  constexpr std::uint64_t kLeast = 256 << 20;
  return kLeast + std::min(budget, kBestRatio * std::min(file_bytes, budget)) + 2 * file_bytes;
}

/// Why the child has no answer.
Error without_answer(const ChildEnd& end, const GuardedFile& file, double seconds,
                     const std::string& noted) {
  const ModelNode at{file.where, noted.empty() ? "/" : noted};
  switch (end.how) {
    case ChildEnd::How::kNotStarted:
      return error("hdf5.process", FilePosition{.path = file.where},
                   fmt::format("the file is read in a process of its own, and {}", end.said),
                   "free some memory, or raise the limit on processes (ulimit -u)");
    case ChildEnd::How::kTimedOut: {
      const bool by_clock = end.code == 0;
      return error("hdf5.limit", at,
                   fmt::format("reading the object took more than {} s{}",
                               number_text(by_clock ? clock_seconds(seconds) : seconds),
                               by_clock ? "" : " of processor time"),
                   std::string(kDamaged));
    }
    case ChildEnd::How::kSignalled:
      return error(
          "hdf5.crash", at,
          fmt::format("the HDF5 library crashed on the object ({})", signal_name(end.code)),
          std::string(kDamaged));
    default:
      return error("hdf5.crash", at, "the HDF5 library ended the process that read the object",
                   std::string(kDamaged));
  }
}

Error too_large(const GuardedFile& file) {
  return error("hdf5.limit", ModelNode{file.where, "/"},
               "the values need more memory than there is", "read it on a larger machine");
}

}  // namespace

Result<Item> guarded(const GuardedFile& file, const ReadLimits& limits,
                     const std::function<Result<Item>(SharedValues*)>& read) {
  if (!limits.own_process) return read(nullptr);
  const std::uint64_t budget = limits.budget(file.bytes);
  // Whole pages and the note on top.
  const auto shared = SharedValues::reserve(budget + budget / 8);
  if (!shared) return too_large(file);
  const double seconds = processor_seconds(limits, file.bytes);
  const auto answer = [&] {
    try {
      return to_bytes(read(shared.get()), *shared);
    } catch (const std::bad_alloc&) {
      return to_bytes(too_large(file), *shared);
    }
  };
  const ChildEnd end = run_in_child(answer, {.seconds = clock_seconds(seconds),
                                             .processor_seconds = seconds,
                                             .memory = private_memory(budget, file.bytes)});
  shared->seal();
  if (end.how == ChildEnd::How::kReturned) {
    if (auto made = from_bytes(end.answer, shared)) return *std::move(made);
  }
  return without_answer(end, file, seconds, shared->noted());
}

}  // namespace neurotool::hdf5
