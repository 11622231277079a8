// One lock, and the words of the library for our messages.
#include "io/hdf5_library.hpp"

#include <fmt/format.h>

namespace neurotool {
namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

LibraryLock::LibraryLock() : lock_(library_mutex()) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // thread by thread
  static const bool once = [] {
    H5PLset_loading_state(0);
    register_lzf();
    return true;
  }();
  (void)once;
}

std::string hdf5_reason() {
  std::string text;
  const auto take = [](unsigned, const H5E_error2_t* entry, void* into) -> herr_t {
    if (entry->desc != nullptr) *static_cast<std::string*>(into) = entry->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, take, &text);
  return text.empty() ? "no reason given" : text;
}

std::string next_hdf5_name() {
  static std::uint64_t count = 0;
  return fmt::format("/dev/null/{}", count++);
}

Handle file_access() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  if (!access) return access;
  H5Pset_fapl_sec2(access.id());
  // Every open data set has such a buffer, which the library clears first: 64 KiB by default, and
  // most data sets have a few bytes.
  H5Pset_sieve_buf_size(access.id(), 512);
  return access;
}

Handle in_memory_access() {
  constexpr std::size_t kGrowBy = 1 << 16;  // the driver clears what it grows by
  Handle access = file_access();
  if (access) H5Pset_fapl_core(access.id(), kGrowBy, /*backing_store=*/false);
  return access;
}

}  // namespace neurotool
