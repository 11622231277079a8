// Whole data files, with the words that belong to data.
#include "io/bytes.hpp"

#include <utility>

namespace neurotool {

Result<std::string> read_data_file(const std::filesystem::path& path) {
  auto content = read_file(path);
  if (!content && content.error().code == "file.missing") {
    Error missing = content.error();
    missing.code = "data.missing";
    missing.help = "a path in a pipeline file is relative to that file";
    return missing;
  }
  if (!content) return content.error();
  return gunzip_if_needed(*std::move(content), path);
}

Error bad_format(std::string_view where, std::string message, std::string help) {
  return error("data.format", FilePosition{.path = std::string(where)}, std::move(message),
               std::move(help));
}

}  // namespace neurotool
