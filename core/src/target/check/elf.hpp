// What the dynamic linker sees of a shared library: the symbols it gives and the libraries it asks
// for. Read from the file, so that nothing of it runs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace neurotool::conformance {

struct DynamicView {
  std::vector<std::string> exports;  ///< defined, global or weak, of default visibility; sorted
  std::vector<std::string> needed;   ///< DT_NEEDED, in the order of the file
};

/// Errors: file.*, plugin.elf (not a 64-bit little-endian ELF file, or one whose tables point
/// outside the file).
Result<DynamicView> read_dynamic_view(const std::filesystem::path& file);

}  // namespace neurotool::conformance
