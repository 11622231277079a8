// The text of a failed check: where, which condition, why it mattered.
#include "base/check.hpp"

#include <fmt/format.h>

#include <string_view>

namespace neurotool {
namespace {

/// The part of a source path below the repository, so that messages are the same on every machine.
std::string_view short_path(std::string_view file) {
  for (const std::string_view root : {"core/src/", "tools/neurotool/"}) {
    if (const auto at = file.rfind(root); at != file.npos) return file.substr(at);
  }
  return file.substr(file.rfind('/') + 1);
}

}  // namespace

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw InternalError(fmt::format("{}:{}: check '{}' does not hold: {}", short_path(file), line,
                                  condition, message));
}

}  // namespace neurotool
