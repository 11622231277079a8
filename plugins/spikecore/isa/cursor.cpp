// Tokens of one line of assembly.
#include "cursor.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace neurotool::spikecore {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 24)) {
    if (c >= ' ' && c < 127) {
      out.push_back(c);
    } else {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<unsigned>(c) & 0xffu);
      out += buffer;
    }
  }
  return out + (text.size() > 24 ? "…" : "");
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t least = std::min<std::size_t>(3, (word.size() + 2) / 2);
  if (word.size() > 32) return best;
  for (const std::string_view candidate : candidates) {
    const std::size_t d = distance(upper(word), upper(candidate));
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view near = nearest_word(word, candidates);
  if (!near.empty()) return "did you mean '" + std::string(near) + "'?";
  std::string list;
  for (const std::string_view candidate : candidates) {
    list += (list.empty() ? "one of: " : ", ") + std::string(candidate);
  }
  return list;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 127) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<unsigned>(c) & 0xffu);
      out += buffer;
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

void Cursor::skip() {
  while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) {
    ++at_;
  }
}

std::uint32_t Cursor::column() {
  skip();
  return static_cast<std::uint32_t>(at_ + 1);
}

bool Cursor::at_end() {
  skip();
  return at_ == line_.size() || line_[at_] == ';';
}

std::string Cursor::found() const {
  if (at_ == line_.size() || line_[at_] == ';') return "the end of the line";
  std::size_t end = at_;
  if (is_word(line_[end]) || line_[end] == '-') {
    ++end;
    while (end < line_.size() && is_word(line_[end])) ++end;
  } else {
    ++end;
  }
  return "'" + shown(line_.substr(at_, end - at_)) + "'";
}

void Cursor::fail_at(std::uint32_t column, const std::string& message, const std::string& help) {
  throw SyntaxError{column, message, help};
}

void Cursor::fail(const std::string& message, const std::string& help) {
  fail_at(column(), message, help);
}

void Cursor::expected(const std::string& what) {
  skip();
  fail("expected " + what + ", found " + found(),
       syntax_.empty() ? std::string() : "as in: " + std::string(syntax_));
}

void Cursor::expect_end() {
  if (!at_end()) expected("the end of the line");
}

bool Cursor::take(std::string_view text) {
  skip();
  if (upper(line_.substr(at_, text.size())) != upper(text)) return false;
  const std::size_t end = at_ + text.size();
  if (is_word(text.back()) && end < line_.size() && is_word(line_[end])) return false;
  at_ = end;
  return true;
}

void Cursor::expect(std::string_view text) {
  if (!take(text)) expected("'" + std::string(text) + "'");
}

std::string_view Cursor::word() {
  skip();
  const std::size_t begin = at_;
  while (at_ < line_.size() && (is_word(line_[at_]) || line_[at_] == '.')) ++at_;
  return line_.substr(begin, at_ - begin);
}

std::string_view Cursor::expect_word(std::string_view what) {
  skip();
  if (at_ == line_.size() || !is_word(line_[at_]) || is_digit(line_[at_])) {
    expected(std::string(what));
  }
  return word();
}

bool Cursor::next_is_integer() {
  skip();
  return at_ < line_.size() && (is_digit(line_[at_]) || line_[at_] == '-');
}

std::int64_t Cursor::integer(std::string_view what, std::int64_t least, std::int64_t most) {
  const std::uint32_t begin = column();
  if (!next_is_integer()) expected(std::string(what));
  std::size_t at = at_;
  const bool negative = line_[at] == '-';
  if (negative) ++at;
  const bool hex = at + 1 < line_.size() && line_[at] == '0' && (line_[at + 1] | 32) == 'x';
  if (hex) at += 2;
  std::size_t end = at;
  while (end < line_.size() && is_word(line_[end])) ++end;
  std::uint64_t value = 0;
  const char* const last = line_.data() + end;
  const auto [stop, problem] = std::from_chars(line_.data() + at, last, value, hex ? 16 : 10);
  if (stop != last || end == at) {
    expected(std::string(what) + ", a whole number such as 12, -3 or 0x1f");
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool fits = problem == std::errc() && value <= kMost;
  const std::int64_t number =
      fits ? (negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value)) : 0;
  if (!fits || number < least || number > most) {
    fail_at(begin, std::string(what) + " is " + shown(line_.substr(at_, end - at_)) + ", outside " +
                       std::to_string(least) + " to " + std::to_string(most));
  }
  at_ = end;
  return number;
}

bool Cursor::keyed(std::string_view key, std::int64_t& value, std::int64_t least,
                   std::int64_t most) {
  const std::size_t begin = at_;
  if (!take(key)) return false;
  if (!take("=")) {
    at_ = begin;
    return false;
  }
  value = integer(key, least, most);
  return true;
}

int Cursor::slot() {
  skip();
  const std::uint32_t begin = column();
  if (at_ + 1 >= line_.size() || (line_[at_] | 32) != 'a' || !is_digit(line_[at_ + 1])) {
    expected("a slot such as a0");
  }
  ++at_;
  const std::size_t digits = at_;
  std::int64_t number = 0;
  while (at_ < line_.size() && is_digit(line_[at_])) {
    number = std::min<std::int64_t>(number * 10 + (line_[at_++] - '0'), 100000);
  }
  if (number >= kSlots) {
    fail_at(begin, "slot a" + shown(line_.substr(digits, at_ - digits)) +
                       " does not exist; a core has a0 to a255");
  }
  return static_cast<int>(number);
}

Span2 Cursor::slots() {
  const std::uint32_t begin = column();
  Span2 span;
  span.first = span.last = slot();
  if (take("..")) span.last = slot();
  if (span.last < span.first) {
    fail_at(begin, "the slots run backwards, from a" + std::to_string(span.first) + " to a" +
                       std::to_string(span.last));
  }
  return span;
}

Span2 Cursor::range(std::string_view what, std::int64_t least, std::int64_t most) {
  const std::uint32_t begin = column();
  Span2 span;
  span.first = span.last = integer(what, least, most);
  if (take("..")) span.last = integer(what, least, most);
  if (span.last < span.first) {
    fail_at(begin, std::string(what) + " runs backwards, from " + std::to_string(span.first) +
                       " to " + std::to_string(span.last));
  }
  return span;
}

bool Cursor::next_is_quote() {
  skip();
  return at_ < line_.size() && line_[at_] == '"';
}

std::string Cursor::quoted() {
  if (!next_is_quote()) expected("a text in quotes");
  const std::uint32_t begin = column();
  std::string out;
  for (++at_; at_ < line_.size() && line_[at_] != '"'; ++at_) {
    if (line_[at_] != '\\') {
      out.push_back(line_[at_]);
      continue;
    }
    const char kind = ++at_ < line_.size() ? line_[at_] : ' ';
    if (kind == 'n') {
      out.push_back('\n');
    } else if (kind == '"' || kind == '\\') {
      out.push_back(kind);
    } else if (kind == 'x' && at_ + 2 < line_.size() && hex_value(line_[at_ + 1]) >= 0 &&
               hex_value(line_[at_ + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_value(line_[at_ + 1]) * 16 + hex_value(line_[at_ + 2])));
      at_ += 2;
    } else {
      fail("expected \\\", \\\\, \\n or \\xNN in a text");
    }
  }
  if (at_ == line_.size()) fail_at(begin, "the text has no quote at its end");
  ++at_;
  return out;
}

}  // namespace neurotool::spikecore
