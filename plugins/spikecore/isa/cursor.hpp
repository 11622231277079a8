// A position in one line of assembly: takes tokens, and says what it found where something else was
// expected.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "object.hpp"

namespace neurotool::spikecore {

/// Thrown by the cursor, caught where the line was begun. Columns count from 1.
struct SyntaxError {
  std::uint32_t column;
  std::string message, help;
};

/// a, first and last included: "a0..a3", "0..127".
struct Span2 {
  std::int64_t first = 0, last = 0;
  std::int64_t count() const { return last - first + 1; }
};

class Cursor {
 public:
  /// `syntax` is shown as help where the line does not go on as it should.
  explicit Cursor(std::string_view line) : line_(line) {}

  void set_syntax(std::string_view syntax) { syntax_ = syntax; }
  /// Only blanks or a comment are left.
  bool at_end();
  void expect_end();
  /// Takes the text if it stands here; words only where they end.
  bool take(std::string_view text);
  void expect(std::string_view text);
  /// A word of letters, digits, '_' and '.', or "".
  std::string_view word();
  std::string_view expect_word(std::string_view what);
  std::int64_t integer(std::string_view what, std::int64_t least, std::int64_t most);
  bool next_is_integer();
  /// "key=value"; false where another key stands here.
  bool keyed(std::string_view key, std::int64_t& value, std::int64_t least, std::int64_t most);
  int slot();
  Span2 slots();
  Span2 range(std::string_view what, std::int64_t least, std::int64_t most);
  /// "…" with \" \\ \n \xNN inside.
  std::string quoted();
  bool next_is_quote();

  std::uint32_t column();
  [[noreturn]] void fail(const std::string& message, const std::string& help = {});
  [[noreturn]] void fail_at(std::uint32_t column, const std::string& message,
                            const std::string& help = {});
  /// "expected 'X', found 'Y'"
  [[noreturn]] void expected(const std::string& what);

 private:
  void skip();
  std::string found() const;

  std::string_view line_, syntax_;
  std::size_t at_ = 0;
};

/// `text` in quotes, so that Cursor::quoted() reads it back.
std::string quote(std::string_view text);

/// One instruction or .word from where the cursor is. `strict`: refuse what the profile lacks.
std::uint64_t parse_word(Cursor& cursor, std::string_view mnemonic, std::uint32_t column,
                         Profile profile);

/// The operands of one plan record whose name was taken.
PlanRecord parse_record(Cursor& cursor, std::string_view name, std::uint32_t column,
                        const Object& object);

std::string upper(std::string_view text);
/// "did you mean 'X'?", or a list of what there is.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace neurotool::spikecore
