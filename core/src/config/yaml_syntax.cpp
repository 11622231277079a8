// Positions out of yaml-cpp's marks, and its terse messages as sentences with a way out.
#include "config/yaml_syntax.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>

#include <algorithm>
#include <array>
#include <utility>

namespace neurotool::yaml {
namespace {

struct Wording {
  std::string_view theirs, message, help;
};

constexpr std::string_view kQuoteIt = "put the text in double quotes";

const std::array kWordings{
    Wording{YAML::ErrorMsg::END_OF_MAP, "this does not continue the mapping above it",
            "start all keys of one mapping in the same column"},
    Wording{YAML::ErrorMsg::END_OF_MAP_FLOW, "a '}' or ',' is missing before this place",
            "look for a '{' that is never closed"},
    Wording{YAML::ErrorMsg::END_OF_SEQ, "this does not continue the list above it",
            "start all items of one list with '- ' in the same column"},
    Wording{YAML::ErrorMsg::END_OF_SEQ_FLOW, "a ']' or ',' is missing before this place",
            "look for a '[' that is never closed"},
    Wording{YAML::ErrorMsg::TAB_IN_INDENTATION, "a tab stands where indentation is expected",
            "indent with spaces"},
    Wording{YAML::ErrorMsg::EOF_IN_SCALAR, "the file ends inside a quoted text",
            "add the closing quote"},
    Wording{YAML::ErrorMsg::DOC_IN_SCALAR, "a document marker stands inside a quoted text",
            "add the closing quote before it"},
    Wording{YAML::ErrorMsg::CHAR_IN_SCALAR, "this character cannot stand in a plain value",
            kQuoteIt},
    Wording{YAML::ErrorMsg::UNKNOWN_TOKEN, "a value cannot start with this character", kQuoteIt},
    Wording{YAML::ErrorMsg::MAP_VALUE, "a second ':' stands here, or a ':' without a key",
            "quote the text if the ':' belongs to it; start a new key on its own line"},
    Wording{YAML::ErrorMsg::MAP_KEY, "a key cannot start here", "start the key on its own line"},
    Wording{YAML::ErrorMsg::BLOCK_ENTRY, "a list item cannot start here",
            "start each item with '- ' on its own line, all in the same column"},
    Wording{YAML::ErrorMsg::FLOW_END, "a bracket is closed here that was never opened",
            "remove it, or quote the text it belongs to"},
    Wording{YAML::ErrorMsg::INVALID_ESCAPE, "YAML knows no such escape after '\\'",
            "write '\\\\' for a backslash, or use single quotes"},
    Wording{YAML::ErrorMsg::INVALID_HEX, "hexadecimal digits are expected after this escape",
            "write '\\\\' for a backslash, or use single quotes"},
    Wording{YAML::ErrorMsg::INVALID_UNICODE, "this escape names no Unicode character",
            "write the character itself"},
    Wording{YAML::ErrorMsg::UNKNOWN_ANCHOR, "the alias names no anchor above it",
            "quote the text if '*' belongs to it; otherwise define the anchor first"},
    Wording{YAML::ErrorMsg::ALIAS_NOT_FOUND, "a name is missing after '*'", kQuoteIt},
    Wording{YAML::ErrorMsg::ANCHOR_NOT_FOUND, "a name is missing after '&'", kQuoteIt},
    Wording{YAML::ErrorMsg::CHAR_IN_ALIAS, "this character cannot stand in an alias", kQuoteIt},
    Wording{YAML::ErrorMsg::CHAR_IN_ANCHOR, "this character cannot stand in an anchor", kQuoteIt},
    Wording{YAML::ErrorMsg::MULTIPLE_ANCHORS, "this value has two anchors", "keep one"},
    Wording{YAML::ErrorMsg::MULTIPLE_TAGS, "this value has two tags", "remove both"},
    Wording{YAML::ErrorMsg::ALIAS_CONTENT, "an alias has an anchor or a tag of its own",
            "keep only the alias"},
    Wording{YAML::ErrorMsg::CHAR_IN_BLOCK, "only a comment may follow '|' or '>' on its line",
            "start the text on the next line, or quote it"},
    Wording{YAML::ErrorMsg::CHAR_IN_TAG_HANDLE, "a tag is not used here",
            "quote the text if '!' belongs to it"},
    Wording{YAML::ErrorMsg::TAG_WITH_NO_SUFFIX, "a tag is not used here",
            "quote the text if '!' belongs to it"},
    Wording{YAML::ErrorMsg::END_OF_VERBATIM_TAG, "a tag is not used here",
            "quote the text if '!' belongs to it"},
    Wording{YAML::ErrorMsg::BAD_FILE, "lists and mappings are nested too deep to be read",
            "look for a bracket that is never closed"},
};

}  // namespace

Source::Source(std::string_view text, std::string path) : text_(text), path_(std::move(path)) {
  starts_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(i + 1);
  }
}

FilePosition Source::at(const YAML::Mark& mark) const {
  if (mark.is_null() || mark.line < 0 || mark.column < 0) return {path_, 0, 0};
  return at(static_cast<std::size_t>(mark.line), static_cast<std::size_t>(mark.column));
}

FilePosition Source::at_byte(std::size_t offset) const {
  const auto after = std::ranges::upper_bound(starts_, offset);
  const auto line_number = static_cast<std::size_t>(after - starts_.begin()) - 1;
  return at(line_number, offset - starts_[line_number]);
}

FilePosition Source::at_missing_item(const YAML::Mark& mark) const {
  if (mark.is_null() || mark.line < 0 || mark.column < 0) return {path_, 0, 0};
  const auto next = std::min(static_cast<std::size_t>(mark.line), starts_.size() - 1);
  for (std::size_t number = next + 1; number-- > 0;) {
    std::string_view content = line(number);
    if (number == next) content = content.substr(0, static_cast<std::size_t>(mark.column));
    content = content.substr(0, content.find('#'));
    const auto last = content.find_last_not_of(" \t\r");
    if (last == content.npos) continue;
    if (content[last] == '-') return at(number, last);
    break;
  }
  return at(mark);
}

std::optional<FilePosition> Source::tab_before(const YAML::Mark& mark) const {
  if (mark.is_null() || mark.line < 0) return std::nullopt;
  const auto number = static_cast<std::size_t>(mark.line);
  const auto indent = line(number).find_first_not_of(' ');
  if (indent == std::string_view::npos || line(number)[indent] != '\t') return std::nullopt;
  return at(number, indent);
}

bool Source::quote_is_closed(const YAML::Mark& mark) const {
  if (mark.is_null() || mark.line < 0 || mark.column < 0) return true;
  const std::size_t number = std::min(static_cast<std::size_t>(mark.line), starts_.size() - 1);
  std::size_t at = starts_[number] + static_cast<std::size_t>(mark.column);
  // The mark of a value with an anchor is that of the anchor.
  while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
    at = text_.find_first_not_of(" \t\r\n", text_.find_first_of(" \t\r\n", at));
  }
  if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return true;
  const char quote = text_[at];
  for (++at; at < text_.size(); ++at) {
    const bool doubled = quote == '\'' && text_.substr(at).starts_with("''");
    if (text_[at] == quote && !doubled) return true;
    if (doubled || (quote == '"' && text_[at] == '\\')) ++at;
  }
  return false;
}

char Source::byte(const YAML::Mark& mark) const {
  if (mark.is_null() || mark.line < 0 || mark.column < 0) return 0;
  const std::string_view content = line(static_cast<std::size_t>(mark.line));
  const auto column = static_cast<std::size_t>(mark.column);
  return column < content.size() ? content[column] : '\0';
}

std::string_view Source::line(std::size_t number) const {
  if (number >= starts_.size()) return {};
  const std::size_t end = number + 1 < starts_.size() ? starts_[number + 1] - 1 : text_.size();
  return text_.substr(starts_[number], end - starts_[number]);
}

FilePosition Source::at(std::size_t line_number, std::size_t bytes) const {
  const std::string_view content = line(line_number).substr(0, bytes);
  // Marks come in the order of the text: counting goes on from the last one, or a file of one long
  // line would be counted again for each of its values.
  if (line_number != counted_line_ || content.size() < counted_bytes_) {
    counted_line_ = line_number;
    counted_bytes_ = counted_characters_ = 0;
  }
  counted_characters_ +=
      static_cast<std::size_t>(std::ranges::count_if(content.substr(counted_bytes_), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      }));
  counted_bytes_ = content.size();
  return {path_, static_cast<std::uint32_t>(line_number + 1),
          static_cast<std::uint32_t>(counted_characters_ + 1)};
}

Error syntax_error(const YAML::Exception& thrown, const Source& source) {
  // yaml-cpp takes a tab for a blank in some places and stumbles over what follows it.
  const auto tab = source.tab_before(thrown.mark);
  const std::string theirs = tab ? YAML::ErrorMsg::TAB_IN_INDENTATION : thrown.msg;
  const FilePosition at = tab.value_or(source.at(thrown.mark));
  for (const Wording& wording : kWordings) {
    if (theirs.starts_with(wording.theirs)) {
      return error("config.syntax", at, std::string(wording.message), std::string(wording.help));
    }
  }
  return error("config.syntax", at, fmt::format("this is not YAML ({})", theirs),
               "compare with an example under configs/");
}

}  // namespace neurotool::yaml
