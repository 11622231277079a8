// Reads the short form of a pipeline, as the `opt` command takes it:
//   fold_batch_norm, qcfs{steps=8, method=max}
// A value is a plain word or number, text in quotes, or a list in brackets.
#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "passes/pipeline.hpp"

namespace neurotool {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<PassConfig>> list() {
    std::vector<PassConfig> passes;
    skip_space();
    if (at_end()) return passes;
    while (true) {
      NT_TRY(PassConfig pass, item());
      passes.push_back(std::move(pass));
      if (at_end()) return passes;
      NT_TRY_VOID(expect(',', "between two passes"));
    }
  }

 private:
  Result<PassConfig> item() {
    PassConfig pass;
    pass.at = here();
    NT_TRY(pass.name, word("the name of a pass"));
    if (!accept('{')) return pass;
    pass.options.kind = yaml::Kind::kMapping;
    pass.options.at = pass.at;
    if (accept('}')) return pass;
    do {
      NT_TRY(yaml::Node::Entry entry, option());
      if (pass.options.find(entry.key) != nullptr) {
        return error("pass.syntax", entry.key_at,
                     fmt::format("'{}' is given twice for '{}'", entry.key, pass.name));
      }
      pass.options.entries.push_back(std::move(entry));
    } while (accept(','));
    NT_TRY_VOID(expect('}', fmt::format("after the options of '{}'", pass.name)));
    return pass;
  }

  Result<yaml::Node::Entry> option() {
    yaml::Node::Entry entry;
    entry.key_at = here();
    NT_TRY(entry.key, word("the name of an option"));
    NT_TRY_VOID(expect('=', fmt::format("after '{}'", entry.key)));
    NT_TRY(entry.value, value());
    return entry;
  }

  Result<yaml::Node> value() {
    if (peek() != '[') return scalar();
    yaml::Node list;
    list.kind = yaml::Kind::kSequence;
    list.at = here();
    accept('[');
    if (accept(']')) return list;
    do {
      NT_TRY(yaml::Node item, scalar());
      list.items.push_back(std::move(item));
    } while (accept(','));
    NT_TRY_VOID(expect(']', "at the end of a list"));
    return list;
  }

  Result<yaml::Node> scalar() {
    yaml::Node node;
    node.kind = yaml::Kind::kScalar;
    node.at = here();
    const char quote = peek();
    node.quoted = quote == '\'' || quote == '"';
    const std::size_t begin = node.quoted ? position_ + 1 : position_;
    const std::size_t end =
        text_.find_first_of(node.quoted ? std::string_view(&quote, 1) : ",{}[]= \t\r\n'\"", begin);
    if (node.quoted && end == std::string_view::npos) {
      return error("pass.syntax", node.at,
                   fmt::format("text that begins with {} has no end", quote));
    }
    node.scalar = text_.substr(begin, end == std::string_view::npos ? end : end - begin);
    if (!node.quoted && node.scalar.empty()) return unexpected("a value");
    position_ = begin + node.scalar.size() + (node.quoted ? 1 : 0);
    skip_space();
    return node;
  }

  Result<std::string> word(std::string_view what) {
    const std::size_t begin = position_;
    while (!at_end() && is_word(text_[position_])) ++position_;
    if (position_ == begin) return unexpected(what);
    std::string found(text_.substr(begin, position_ - begin));
    skip_space();
    return found;
  }

  Result<> expect(char c, std::string_view where) {
    if (accept(c)) return {};
    return unexpected(fmt::format("'{}' {}", c, where));
  }

  bool accept(char c) {
    if (peek() != c) return false;
    ++position_;
    skip_space();
    return true;
  }

  Error unexpected(std::string_view wanted) const {
    const std::string found = at_end() ? "the end" : fmt::format("'{}'", text_[position_]);
    return error("pass.syntax", here(), fmt::format("found {} instead of {}", found, wanted),
                 "write passes as 'fold_batch_norm,qcfs{steps=8,method=max}'");
  }

  /// '\0' at the end, which no rule accepts.
  char peek() const { return at_end() ? '\0' : text_[position_]; }
  bool at_end() const { return position_ >= text_.size(); }
  void skip_space() {
    while (!at_end() && is_space(text_[position_])) ++position_;
  }
  Location here() const {
    return FilePosition{"--passes", 1, static_cast<std::uint32_t>(position_ + 1)};
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

Result<std::vector<PassConfig>> parse_pass_list(std::string_view text) {
  return Reader(text).list();
}

}  // namespace neurotool
