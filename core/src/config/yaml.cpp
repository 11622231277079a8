// The strict reader. yaml-cpp's event interface is used instead of its nodes: events still know the
// quotes, the tags, the aliases and the place of everything, which the nodes have forgotten. Drafts
// of nodes are collected by index, because an alias may copy any finished one of them.
#include "config/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <new>
#include <sstream>
#include <utility>

#include "base/text.hpp"
#include "config/yaml_syntax.hpp"
#include "config/yaml_text.hpp"

namespace neurotool::yaml {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxNodes = 100'000;
constexpr std::size_t kMaxAliasNodes = 1000;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxKeyBytes = 200;

/// Reports findings and remembers the first error of this document.
class Findings {
 public:
  explicit Findings(Diagnostics& out) : out_(out) {}
  void add(Error found) {
    if (!first_) first_ = found;
    out_.report(std::move(found));
  }
  const std::optional<Error>& first() const { return first_; }

 private:
  Diagnostics& out_;
  std::optional<Error> first_;
};

/// Thrown through yaml-cpp to end a document that goes on too long or has no meaning from here on.
struct Stop {};

class Builder final : public YAML::EventHandler {
 public:
  Builder(const Source& source, Findings& findings) : source_(source), findings_(findings) {}

  Node finish() { return drafts_.empty() ? empty_document() : build(0); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      stop(error("config.syntax", source_.at(mark), "a second document begins here",
                 "keep one document in a file: remove the '---'"));
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_key()) return set_key(mark, {}, Kind::kNull);
    const char first = source_.byte(mark);
    const bool written = first == '~' || first == 'n' || first == 'N';
    Location at = source_.at(mark);
    if (!written && !frames_.empty()) {
      const Frame& frame = frames_.back();
      if (frame.is_mapping) at = frame.key_at;
      if (frame.has_dashes) at = source_.at_missing_item(mark);
    }
    attach(make(Kind::kNull, std::move(at)), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Location at = source_.at(mark);
    if (wants_key()) {
      stop(error("config.alias", at, "an alias stands where a key is expected",
                 "write the key itself"));
    }
    const auto found = anchors_.find(anchor);
    const bool open = std::ranges::any_of(frames_, [&](const Frame& frame) {
      return found != anchors_.end() && frame.draft == found->second;
    });
    if (found == anchors_.end() || open) {
      stop(error("config.alias", at, "the alias stands inside the value that it repeats",
                 "an alias can only repeat a value that ends before it"));
    }
    const std::size_t copied = copy(found->second, frames_.size() + 1, at);
    drafts_[copied].node.at = at;
    attach(copied, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    check_quotes(mark);
    if (wants_key()) return set_key(mark, value, Kind::kScalar);
    const std::size_t draft = make(Kind::kScalar, source_.at(mark));
    drafts_[draft].node.scalar = value;
    // A plain scalar over several lines can only be text; as a quoted one it can be written again.
    drafts_[draft].node.quoted = tag == "!" || !fits_plain(value);
    attach(draft, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, Kind::kSequence);
    frames_.back().has_dashes = style == YAML::EmitterStyle::Block;
  }
  void OnSequenceEnd() override { frames_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Kind::kMapping);
  }
  void OnMapEnd() override { frames_.pop_back(); }

 private:
  /// A node whose children are still indices. Children of a mapping stand beside its entries.
  struct Draft {
    Node node;
    std::vector<std::size_t> children;
  };
  /// A list or mapping that is not finished.
  struct Frame {
    std::size_t draft = 0;
    bool is_mapping = false;
    bool wants_key = false;
    bool has_dashes = false;
    Location key_at;
    std::map<std::string, Location> keys;
  };

  [[noreturn]] void stop(Error found) {
    findings_.add(std::move(found));
    throw Stop{};
  }

  bool wants_key() const {
    return !frames_.empty() && frames_.back().is_mapping && frames_.back().wants_key;
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    const bool explicit_mark = tag == "!" && source_.byte(mark) == '!';
    if (!explicit_mark && (tag.empty() || tag == "?" || tag == "!")) return;
    findings_.add(error("config.tag", source_.at(mark),
                        fmt::format("the tag {} is not used here", quote(tag)),
                        "remove it: each key knows the type of its value"));
  }

  /// yaml-cpp takes a text that is cut off by the end of the file for a whole one.
  void check_quotes(const YAML::Mark& mark) {
    if (source_.quote_is_closed(mark)) return;
    stop(error("config.syntax", source_.at(mark),
               "the file ends inside the quoted text that starts here", "add the closing quote"));
  }

  std::size_t make(Kind kind, Location at) {
    if (drafts_.size() >= kMaxNodes) {
      stop(error("config.too-large", at, fmt::format("the file has more than {} values", kMaxNodes),
                 "keep data in data files and name them here"));
    }
    Draft draft;
    draft.node.kind = kind;
    draft.node.at = std::move(at);
    drafts_.push_back(std::move(draft));
    return drafts_.size() - 1;
  }

  void attach(std::size_t draft, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = draft;
    if (frames_.empty()) return;
    Frame& frame = frames_.back();
    drafts_[frame.draft].children.push_back(draft);
    frame.wants_key = frame.is_mapping;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Kind kind) {
    check_tag(mark, tag);
    const FilePosition at = source_.at(mark);
    if (wants_key()) {
      stop(error("config.syntax", at,
                 fmt::format("a {} stands where a key is expected",
                             kind == Kind::kMapping ? "mapping" : "list"),
                 "look for a bracket that is never closed, and quote a template such as {{ x }}"));
    }
    check_depth(frames_.size() + 1, at);
    const std::size_t draft = make(kind, at);
    attach(draft, anchor);
    Frame& frame = frames_.emplace_back();
    frame.draft = draft;
    frame.is_mapping = frame.wants_key = kind == Kind::kMapping;
  }

  void check_depth(std::size_t depth, const Location& at) {
    if (depth <= kMaxDepth) return;
    stop(error("config.too-deep", at,
               fmt::format("lists and mappings are nested more than {} deep", kMaxDepth),
               "a pipeline file needs five levels; look for a bracket that is never closed"));
  }

  void set_key(const YAML::Mark& mark, const std::string& key, Kind kind) {
    Frame& frame = frames_.back();
    const Location at = source_.at(mark);
    check_key(key, kind, at);
    const auto [same, added] = frame.keys.try_emplace(key, at);
    if (!added) {
      Error twice = error("config.duplicate-key", at, fmt::format("{} is given twice", quote(key)),
                          "keep one of the two");
      twice.notes.push_back({same->second, "given here first"});
      findings_.add(std::move(twice));
    }
    drafts_[frame.draft].node.entries.push_back({.key = key, .key_at = at, .value = {}});
    frame.key_at = at;
    frame.wants_key = false;
  }

  void check_key(const std::string& key, Kind kind, const Location& at) {
    if (kind == Kind::kNull) {
      findings_.add(error("config.syntax", at, "a value stands here without a key",
                          "write 'key: value'; quote the word null if it is meant as a key"));
    } else if (key == "<<") {
      findings_.add(error("config.merge-key", at, "the merge key '<<' is not used here",
                          "write the merged keys out"));
    } else if (key.size() > kMaxKeyBytes) {
      stop(error("config.too-large", at,
                 fmt::format("the key {} has {} bytes, at most {} are read", quote(key), key.size(),
                             kMaxKeyBytes),
                 "look for a quote that is never closed"));
    }
  }

  /// Copies a finished draft and all below it for an alias; the copy is counted.
  std::size_t copy(std::size_t from, std::size_t depth, const Location& alias_at) {
    if (!drafts_[from].children.empty()) check_depth(depth, alias_at);
    if (++alias_nodes_ > kMaxAliasNodes) {
      stop(error("config.alias", alias_at,
                 fmt::format("the aliases repeat more than {} values", kMaxAliasNodes),
                 "write the values out, or use fewer aliases"));
    }
    const std::size_t made = make(drafts_[from].node.kind, drafts_[from].node.at);
    drafts_[made].node = drafts_[from].node;
    for (std::size_t i = 0; i < drafts_[from].children.size(); ++i) {
      const std::size_t child = copy(drafts_[from].children[i], depth + 1, alias_at);
      drafts_[made].children.push_back(child);
    }
    return made;
  }

  Node build(std::size_t index) {
    Draft& draft = drafts_[index];
    Node node = std::move(draft.node);
    for (std::size_t i = 0; i < draft.children.size(); ++i) {
      Node child = build(draft.children[i]);
      if (node.kind == Kind::kSequence) {
        node.items.push_back(std::move(child));
      } else {
        node.entries[i].value = std::move(child);
      }
    }
    return node;
  }

  Node empty_document() const {
    Node node;
    node.at = source_.at_byte(0);
    return node;
  }

  const Source& source_;
  Findings& findings_;
  std::vector<Draft> drafts_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, std::size_t> anchors_;
  std::size_t alias_nodes_ = 0;
  int documents_ = 0;
};

/// What yaml-cpp cannot be trusted with: encodings other than UTF-8, control bytes, sheer size.
std::optional<Error> check_bytes(std::string_view text, const Source& source) {
  if (text.size() > kMaxBytes) {
    return error("config.too-large", source.at_byte(0),
                 fmt::format("the file has {} bytes, at most {} are read",
                             with_thousands(text.size()), with_thousands(kMaxBytes)),
                 "keep data in data files and name them here");
  }
  const auto control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7F;
  };
  const auto found = std::ranges::find_if(text, control);
  if (found != text.end()) {
    const auto offset = static_cast<std::size_t>(found - text.begin());
    return error("config.syntax", source.at_byte(offset),
                 fmt::format("the control byte 0x{:02x} stands here, so this is no text file",
                             static_cast<unsigned char>(*found)),
                 "save the file as UTF-8 text");
  }
  if (is_utf8(text)) return std::nullopt;
  std::size_t good = 0;
  for (std::size_t next; good < text.size(); good = next) {
    next = good + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (!is_utf8(text.substr(good, next - good))) break;
  }
  return error(
      "config.syntax", source.at_byte(good),
      fmt::format("the byte 0x{:02x} here is not UTF-8", static_cast<unsigned char>(text[good])),
      "save the file as UTF-8 text");
}

}  // namespace

const Node::Entry* Node::find_entry(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found == entries.end() ? nullptr : &*found;
}

const Node* Node::find(std::string_view key) const {
  const Entry* entry = find_entry(key);
  return entry ? &entry->value : nullptr;
}

Result<Node> parse(std::string_view text, const std::string& path, Diagnostics& diagnostics) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark says nothing
  const Source source(text, path);
  Findings findings(diagnostics);
  if (auto bad = check_bytes(text, source)) {
    findings.add(*bad);
    return *std::move(bad);
  }
  try {
    Builder builder(source, findings);
    try {
      std::istringstream stream{std::string(text)};
      YAML::Parser parser(stream);
      while (parser.HandleNextDocument(builder)) {
      }
    } catch (const Stop&) {
    }
    if (!findings.first()) return builder.finish();
  } catch (const YAML::Exception& thrown) {
    findings.add(syntax_error(thrown, source));
  } catch (const std::bad_alloc&) {
    findings.add(error("config.too-large", source.at_byte(0),
                       "there is not enough memory to read this file"));
  } catch (const std::exception& thrown) {
    findings.add(error("config.syntax", source.at_byte(0),
                       fmt::format("this file cannot be read as YAML ({})", thrown.what()),
                       "compare with an example under configs/"));
  }
  return *findings.first();
}

}  // namespace neurotool::yaml
