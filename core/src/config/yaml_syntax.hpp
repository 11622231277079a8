// Places in YAML text, and what yaml-cpp says about it in our words. Private to the reader.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.hpp"

namespace YAML {
struct Mark;
class Exception;
}  // namespace YAML

namespace neurotool::yaml {

/// Turns yaml-cpp's marks (from 0, columns in bytes) into positions (from 1, columns in
/// characters). `text` must outlive it.
class Source {
 public:
  Source(std::string_view text, std::string path);

  /// Without line and column when the mark is nowhere.
  FilePosition at(const YAML::Mark& mark) const;
  FilePosition at_byte(std::size_t offset) const;
  /// A missing item of a block list is marked where the next thing stands; this finds its dash.
  FilePosition at_missing_item(const YAML::Mark& mark) const;
  /// Where a tab stands in the indentation of the mark's line, if there is one.
  std::optional<FilePosition> tab_before(const YAML::Mark& mark) const;
  /// False if a quoted text begins at the mark and the file ends inside it.
  bool quote_is_closed(const YAML::Mark& mark) const;
  /// The byte at the mark; 0 when there is none.
  char byte(const YAML::Mark& mark) const;

 private:
  std::string_view line(std::size_t number) const;
  FilePosition at(std::size_t line_number, std::size_t bytes) const;

  std::string_view text_;
  std::string path_;
  std::vector<std::size_t> starts_;
  mutable std::size_t counted_line_ = 0, counted_bytes_ = 0, counted_characters_ = 0;
};

/// config.syntax for what yaml-cpp threw.
Error syntax_error(const YAML::Exception& thrown, const Source& source);

}  // namespace neurotool::yaml
