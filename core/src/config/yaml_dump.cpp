// Nodes as YAML text that reads back as the same nodes: block style, lists of plain values in
// brackets, quotes only where the text would change its meaning without them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "config/yaml.hpp"
#include "config/yaml_text.hpp"

namespace neurotool::yaml {
namespace {

constexpr std::size_t kLineWidth = 90;

bool is_null_word(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

bool is_visible(std::string_view text) { return escape_control(text) == text; }

std::string key_text(const std::string& key) {
  return fits_plain_in_brackets(key) && key != "<<" ? key : double_quoted(key);
}

std::string scalar_text(const Node& node) {
  return node.quoted || !fits_plain(node.scalar) ? double_quoted(node.scalar) : node.scalar;
}

/// "[a, b]" if the node is a list of values that stay what they are on one short line.
std::string one_line_list(const Node& node) {
  std::string text = "[";
  for (const Node& item : node.items) {
    const bool plain = item.kind == Kind::kScalar && !item.quoted;
    if (item.kind == Kind::kMapping || item.kind == Kind::kSequence) return {};
    if (plain && fits_plain(item.scalar) && !fits_plain_in_brackets(item.scalar)) return {};
    if (text.size() > 1) text += ", ";
    text += item.kind == Kind::kNull ? "null" : scalar_text(item);
    if (text.size() > kLineWidth) return {};
  }
  return text + "]";
}

class Writer {
 public:
  /// The value behind a key, with what separates it from the key: " 5\n" or "\n  a: 1\n".
  void value(const Node& node, std::size_t indent) {
    const std::string line = one_line(node);
    if (!line.empty()) {
      text_ += ' ' + line + '\n';
      return;
    }
    text_ += '\n';
    block(node, indent + 2, indent + 2);
  }

  /// A list or mapping over several lines. The first line has `first` spaces in front of it.
  void block(const Node& node, std::size_t indent, std::size_t first) {
    if (node.kind == Kind::kSequence) return items(node, indent, first);
    for (const Node::Entry& entry : node.entries) {
      text_ += std::string(&entry == node.entries.data() ? first : indent, ' ');
      text_ += key_text(entry.key) + ':';
      value(entry.value, indent);
    }
  }

  static std::string one_line(const Node& node) {
    switch (node.kind) {
      case Kind::kNull:
        return "null";
      case Kind::kScalar:
        return scalar_text(node);
      case Kind::kSequence:
        return one_line_list(node);
      case Kind::kMapping:
        return node.entries.empty() ? "{}" : "";
    }
    return {};
  }

  std::string take() { return std::move(text_); }

 private:
  void items(const Node& node, std::size_t indent, std::size_t first) {
    for (const Node& item : node.items) {
      text_ += std::string(&item == node.items.data() ? first : indent, ' ') + '-';
      const std::string line = one_line(item);
      if (!line.empty()) {
        text_ += ' ' + line + '\n';
      } else {
        text_ += ' ';
        block(item, indent + 2, 0);  // the first line stands behind the dash
      }
    }
  }

  std::string text_;
};

}  // namespace

bool fits_plain(std::string_view text) {
  if (is_null_word(text) || !is_visible(text)) return false;
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (text.starts_with("---") || text.starts_with("...") || text.starts_with("\xEF\xBB\xBF")) {
    return false;
  }
  const bool dash_like = std::string_view("-?:").find(text.front()) != std::string_view::npos;
  if (dash_like && (text.size() == 1 || text[1] == ' ')) return false;
  if (std::string_view(",[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos) {
    return false;
  }
  return text.find(": ") == text.npos && text.find(" #") == text.npos;
}

bool fits_plain_in_brackets(std::string_view text) {
  constexpr std::string_view kBracketSigns = ",[]{}:?";
  return fits_plain(text) && text.find_first_of(kBracketSigns) == text.npos;
}

std::string double_quoted(std::string_view text) {
  constexpr std::array<std::pair<char, std::string_view>, 5> kEscapes{
      {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\t', "\\t"}, {'\r', "\\r"}}};
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto escape =
        std::ranges::find(kEscapes, text[i], &std::pair<char, std::string_view>::first);
    const bool c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (escape != kEscapes.end()) {
      quoted += escape->second;
    } else if (c1) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += text[i];
    }
  }
  return quoted + '"';
}

std::string quote(std::string_view text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return fmt::format("'{}'", text);
  std::size_t cut = kShown;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return fmt::format("'{}…'", text.substr(0, cut));
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return node.quoted ? fmt::format("the text {} in quotes", quote(node.scalar))
                         : quote(node.scalar);
    case Kind::kSequence:
      return "a list";
    case Kind::kMapping:
      return "a mapping";
  }
  return {};
}

std::string dump(const Node& node) {
  const std::string line = Writer::one_line(node);
  if (!line.empty()) return line + '\n';
  Writer writer;
  writer.block(node, 0, 0);
  return writer.take();
}

}  // namespace neurotool::yaml
