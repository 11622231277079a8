// Group load: what happens before init(), to the file and to its entry function.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "target/check/elf.hpp"
#include "target/check/guest.hpp"
#include "target/check/process_state.hpp"
#include "target/check/trial.hpp"
#include "target/trust.hpp"

namespace neurotool::conformance {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

Result<> resolve(Trial& trial) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(trial.file()));
  static_cast<void>(entry);
  return {};
}

Result<> exports(Trial& trial) {
  NT_TRY(const DynamicView view, read_dynamic_view(trial.file()));
  std::vector<std::string> others = view.exports;
  std::erase(others, NT_PLUGIN_ENTRY);
  if (others.empty()) return {};
  constexpr std::size_t kShown = 5;
  const std::size_t count = others.size();
  if (count > kShown) others.resize(kShown);
  trial.warn(fmt::format("besides {} it exports {} symbol{}: {}{}", NT_PLUGIN_ENTRY, count,
                         count == 1 ? "" : "s", fmt::join(others, ", "),
                         count > kShown ? ", …" : ""));
  return {};
}

/// Whoever names a file to be checked has decided to run it; a run would not.
Result<> trusted(Trial& trial) {
  if (const Result<> trust = check_trust(trial.file()); !trust)
    trial.warn(fmt::format("a run would not load it from here: {}", trust.error().message));
  return {};
}

/// Two copies of these in one process end it: see docs/plugin/conformance.md.
Result<> dependencies(Trial& trial) {
  NT_TRY(const DynamicView view, read_dynamic_view(trial.file()));
  for (const std::string& library : view.needed) {
    if (library.starts_with("libprotobuf") || library.starts_with("libonnx."))
      trial.warn(fmt::format("it needs {}, of which the host may hold another version", library));
  }
  return {};
}

Result<> abi_version(Trial& trial) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(trial.file()));
  const nt_plugin* const plugin = entry(NT_ABI_MAJOR);
  if (plugin == nullptr) {
    return finding(
        fmt::format("the entry answers NULL to ABI major {}, this neurotool's", NT_ABI_MAJOR));
  }
  if (plugin->abi_major != NT_ABI_MAJOR) {
    return finding(fmt::format("asked for ABI major {}, it answers with a table of major {}",
                               NT_ABI_MAJOR, plugin->abi_major));
  }
  // While drafting, major 0, host and plugin match exactly.
  if (NT_ABI_MAJOR == 0 && plugin->abi_minor != NT_ABI_MINOR) {
    trial.fail(fmt::format("it was built for ABI 0.{}; this neurotool speaks 0.{} and no other",
                           plugin->abi_minor, NT_ABI_MINOR));
  }
  return {};
}

Result<> other_majors(Trial& trial) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(trial.file()));
  for (const std::uint32_t major : {NT_ABI_MAJOR + 1u, 0xFFFFu, 0xFFFFFFFFu}) {
    if (entry(major) != nullptr)
      trial.fail(
          fmt::format("the entry answers ABI major {}, which does not exist, with a table", major));
  }
  return {};
}

Result<> same_table(Trial& trial) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(trial.file()));
  const nt_plugin* const first = entry(NT_ABI_MAJOR);
  const nt_plugin* const second = entry(NT_ABI_MAJOR);
  if (first != second) trial.fail("two calls of the entry answer with two tables");
  return {};
}

Result<> quick_entry(Trial& trial) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(trial.file()));
  // The best of three: the machine may be busy with something else, but not three times.
  Milliseconds first{}, best = Milliseconds::max();
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    static_cast<void>(entry(NT_ABI_MAJOR));
    const Milliseconds taken = std::chrono::steady_clock::now() - start;
    if (i == 0) first = taken;
    best = std::min(best, taken);
  }
  constexpr Milliseconds kLimit{10};
  if (best > kLimit) {
    trial.fail(
        fmt::format("the entry takes {:.1f} ms each time; its limit is 10 ms", best.count()));
  } else if (first > kLimit) {
    trial.warn(
        fmt::format("the entry takes {:.1f} ms the first time; its limit is 10 ms", first.count()));
  }
  return {};
}

Result<> no_allocation(Trial& trial) {
  NT_TRY(const nt_plugin_entry_fn entry, open_library(trial.file()));
  std::size_t before = 0, after = 0;
  // A fresh thread has an empty cache of freed blocks, so that even memory that is given back at
  // once shows: it stays in that cache, and counts as used.
  std::thread([&] {
    std::free(std::malloc(1));
    before = bytes_in_use();
    static_cast<void>(entry(NT_ABI_MAJOR));
    after = bytes_in_use();
  }).join();
  if (after > before) {
    trial.fail(fmt::format("the entry allocates memory, {} bytes or more", after - before));
  }
  return {};
}

constexpr std::array kChecks{
    Check{{"load", "load.resolve", "The file opens with every symbol resolved and has the entry."},
          resolve,
          ""},
    Check{{"load", "load.trusted", "A run may load the file from where it lies."}, trusted, ""},
    Check{{"load", "load.exports", "The entry is the one symbol that the file exports."},
          exports,
          ""},
    Check{{"load", "load.dependencies", "The file needs neither protobuf nor ONNX."},
          dependencies,
          ""},
    Check{{"load", "load.abi", "The entry speaks the ABI version of this neurotool."},
          abi_version,
          ""},
    Check{{"load", "load.majors", "The entry answers NULL to versions that do not exist."},
          other_majors,
          ""},
    Check{{"load", "load.same-table", "The entry always answers with the same table."},
          same_table,
          ""},
    Check{{"load", "load.quick", "The entry takes less than 10 ms."}, quick_entry, ""},
    Check{{"load", "load.no-allocation", "The entry allocates no memory."}, no_allocation, ""},
};

}  // namespace

std::span<const Check> load_checks() { return kChecks; }

}  // namespace neurotool::conformance
