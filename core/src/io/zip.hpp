// Zip archives, as far as numpy writes them: stored or deflated members, found through the central
// directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace neurotool {

struct ZipMember {
  std::string name;
  std::string content;
};

/// All members, in the order of the central directory. Never makes more than max_bytes in total,
/// and checks every checksum. Errors: data.format.
Result<std::vector<ZipMember>> read_zip(std::string_view bytes, std::string_view where,
                                        std::uint64_t max_bytes = std::uint64_t{4} << 30);

}  // namespace neurotool
