// `--set PATH=VALUE`: finds or makes the node that PATH names and puts VALUE there. The result is
// an ordinary document whose changed nodes point at the argument, so the schema checks it like a
// file.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text.hpp"
#include "config/pipeline.hpp"
#include "config/yaml_text.hpp"

namespace neurotool {
namespace {

using yaml::Kind;
using yaml::Node;
using yaml::quote;

constexpr std::size_t kMaxParts = 32;
constexpr std::string_view kSetHelp =
    "write --set PATH=VALUE, such as --set run.steps=16 or --set passes.qcfs[1].steps=8";

/// One part of a path: "qcfs", "qcfs[1]" or "[1]".
struct Part {
  std::string_view name;
  std::optional<std::size_t> index;
};

std::optional<std::size_t> to_index(std::string_view text) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (text.empty() || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

/// "passes.qcfs[1].steps" as passes, qcfs[1], steps; nothing if it has empty or broken parts.
std::optional<std::vector<Part>> split(std::string_view path) {
  std::vector<Part> parts;
  for (bool more = true; more;) {
    const auto dot = path.find('.');
    std::string_view text = path.substr(0, dot);
    more = dot != path.npos;
    path = more ? path.substr(dot + 1) : std::string_view();
    const auto bracket = text.find('[');
    Part part{text.substr(0, bracket), {}};
    if (bracket != text.npos) {
      if (!text.ends_with(']')) return std::nullopt;
      part.index = to_index(text.substr(bracket + 1, text.size() - bracket - 2));
      if (!part.index) return std::nullopt;
    }
    const bool valid_name = !part.name.empty() && part.name.find(']') == part.name.npos;
    if (!valid_name || parts.size() == kMaxParts) return std::nullopt;
    parts.push_back(part);
  }
  return parts;
}

class Setter {
 public:
  Setter(const Override& given, Node& document)
      : given_(given),
        at_(OverrideArgument{given.number, given.path + '=' + given.value}),
        document_(document) {}

  Result<> apply() {
    const auto parts = split(given_.path);
    if (!parts) {
      return refuse("config.set-syntax", fmt::format("{} is not a path", quote(given_.path)),
                    std::string(kSetHelp));
    }
    NT_TRY(Node value, this->value());
    NT_TRY(Node * target, find(*parts));
    *target = std::move(value);
    return {};
  }

 private:
  /// Brackets and quotes are YAML; anything else is a plain value, ':' and '#' included.
  Result<Node> value() {
    std::string_view text = given_.value;
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos) return made(Kind::kNull);
    text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
    if (text == "~" || text == "null") return made(Kind::kNull);
    if (std::string_view("[{\"'").find(text.front()) == std::string_view::npos) {
      Node scalar = made(Kind::kScalar);
      scalar.scalar = text;
      return scalar;
    }
    Diagnostics findings;
    auto parsed = yaml::parse(text, "", findings);
    if (!parsed) {
      return refuse(
          "config.set-syntax",
          fmt::format("the value {} is not YAML: {}", quote(text), parsed.error().message),
          parsed.error().help);
    }
    mark(*parsed);
    return std::move(*parsed);
  }

  Result<Node*> find(const std::vector<Part>& parts) {
    Node* node = &document_;
    std::string place;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const Part& part = parts[i];
      expand(*node, place);
      if (node->kind == Kind::kSequence) {
        NT_TRY(node, item(*node, part, place));
        // Below a pass stand its options; a number alone means the item as a whole.
        const bool whole_item = to_index(part.name) && i + 1 == parts.size();
        const bool in_passes = place == "passes" && !whole_item;
        if (in_passes && to_index(part.name)) skip_name(*node, parts, i);
        if (in_passes) node = &pass_options(*node);
        place += fmt::format(".{}", part.name);
        continue;
      }
      NT_TRY(node, child(*node, part.name, place));
      if (!place.empty()) place += '.';
      place += part.name;
      if (!part.index) continue;
      const bool in_passes = place == "passes";
      NT_TRY(node, element(*node, *part.index, place));
      place += fmt::format("[{}]", *part.index);
      if (!in_passes || i + 1 == parts.size()) continue;
      skip_name(*node, parts, i);
      node = &pass_options(*node);
    }
    return node;
  }

  /// Messages print passes[2].quantize.steps; behind a number the name may be left out.
  static void skip_name(const Node& item, const std::vector<Part>& parts, std::size_t& at) {
    const bool named = at + 1 < parts.size() && !parts[at + 1].index;
    if (named && pass_name(item) == parts[at + 1].name) ++at;
  }

  /// A missing section becomes what it should be; `target: cpu` grows into a mapping.
  void expand(Node& node, const std::string& place) {
    const auto& sections = pipeline_sections();
    const auto section = std::ranges::find(sections, place, &SectionInfo::path);
    const bool known = section != sections.end();
    if (node.kind == Kind::kNull) {
      const bool is_list = known && section->shape == SectionShape::kPassList;
      node = made(is_list ? Kind::kSequence : Kind::kMapping);
    }
    if (node.kind != Kind::kScalar || !known || section->shorthand.empty()) return;
    Node full;
    full.kind = Kind::kMapping;
    full.at = node.at;
    full.entries.push_back(
        {.key = section->shorthand, .key_at = node.at, .value = std::move(node)});
    node = std::move(full);
  }

  Result<Node*> child(Node& node, std::string_view name, const std::string& place) {
    if (node.kind != Kind::kMapping) {
      return refuse("config.set-path",
                    fmt::format("{} is a value, so nothing below it can be set", quote(place)),
                    fmt::format("set it as a whole: --set {}=VALUE", place));
    }
    const auto found = std::ranges::find(node.entries, name, &Node::Entry::key);
    if (found != node.entries.end()) return &found->value;
    node.entries.push_back({.key = std::string(name), .key_at = at_, .value = made(Kind::kNull)});
    return &node.entries.back().value;
  }

  /// A pass by name, the n-th of that name, or any item by number.
  Result<Node*> item(Node& list, const Part& part, const std::string& place) {
    const auto number = to_index(part.name);
    if (number && !part.index) return element(list, *number, place);
    std::vector<Node*> named;
    std::vector<std::string> names;
    for (Node& candidate : list.items) {
      names.emplace_back(pass_name(candidate));
      if (names.back() == part.name) named.push_back(&candidate);
    }
    const std::size_t wanted = part.index.value_or(0);
    if (wanted < named.size()) return named[wanted];
    if (!named.empty()) {
      return refuse("config.set-path",
                    fmt::format("{} has {} {}, so {}[{}] is none of them", quote(place),
                                named.size(), part.name, part.name, wanted),
                    "the first is [0]");
    }
    std::erase(names, "");
    return refuse(
        "config.set-path", fmt::format("{} has no {}", quote(place), quote(part.name)),
        names.empty() ? "name an item by its number, counted from 0" : suggest(part.name, names));
  }

  Result<Node*> element(Node& list, std::size_t index, const std::string& place) {
    if (list.kind == Kind::kSequence && index < list.items.size()) return &list.items[index];
    const std::string found = list.kind == Kind::kSequence
                                  ? fmt::format("has {} items", list.items.size())
                                  : std::string("is not a list");
    return refuse("config.set-path",
                  fmt::format("{} {}, so [{}] is not there", quote(place), found, index),
                  "items are counted from [0]; set the whole list with --set PATH=[…]");
  }

  static std::string_view pass_name(const Node& item) {
    if (item.kind == Kind::kScalar) return item.scalar;
    return item.kind == Kind::kMapping && item.entries.size() == 1 ? item.entries[0].key
                                                                   : std::string_view();
  }

  /// The options behind a pass; `- name` becomes `- name: {}`.
  static Node& pass_options(Node& item) {
    if (item.kind == Kind::kScalar) {
      Node full;
      full.kind = Kind::kMapping;
      full.at = item.at;
      full.entries.push_back({.key = item.scalar, .key_at = item.at, .value = {}});
      full.entries[0].value.at = item.at;
      item = std::move(full);
    }
    return item.kind == Kind::kMapping && item.entries.size() == 1 ? item.entries[0].value : item;
  }

  Node made(Kind kind) const {
    Node node;
    node.kind = kind;
    node.at = at_;
    return node;
  }

  void mark(Node& node) const {
    node.at = at_;
    for (Node& item : node.items) mark(item);
    for (Node::Entry& entry : node.entries) {
      entry.key_at = at_;
      mark(entry.value);
    }
  }

  Error refuse(std::string_view code, std::string message, std::string help) const {
    return error(code, at_, std::move(message), std::move(help));
  }

  const Override& given_;
  const Location at_;
  Node& document_;
};

}  // namespace

Result<Override> parse_override(std::string_view text, std::uint32_t number) {
  const auto refuse = [&](std::string message) {
    return error("config.set-syntax", OverrideArgument{number, std::string(text)},
                 std::move(message), std::string(kSetHelp));
  };
  const auto equals = text.find('=');
  if (equals == text.npos) return refuse("there is no '=' between a path and a value");
  const std::string_view path = text.substr(0, equals);
  if (path.empty()) return refuse("there is no path before '='");
  if (!is_utf8(text)) return refuse("the text is not UTF-8");
  if (!split(path)) return refuse(fmt::format("{} is not a path", quote(path)));
  return Override{number, std::string(path), std::string(text.substr(equals + 1))};
}

Result<> apply_overrides(Node& document, const std::vector<Override>& overrides) {
  const bool is_pipeline = document.kind == Kind::kMapping || document.kind == Kind::kNull;
  if (!is_pipeline) return {};  // the schema has more to say about that
  for (const Override& given : overrides) {
    NT_TRY_VOID(Setter(given, document).apply());
  }
  return {};
}

}  // namespace neurotool
