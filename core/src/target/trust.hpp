// Loading a plugin is running code: a file is only loaded when nobody but root and the user could
// have put it there.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace neurotool {

/// Checks the file and its folder: owned by root or the user, not writable by anyone else. `file`
/// is a real path. Error: target.untrusted, with the reason and the command that mends it.
Result<> check_trust(const std::filesystem::path& file);

}  // namespace neurotool
