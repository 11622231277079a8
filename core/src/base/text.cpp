// Names, numbers and tables for people to read.
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/check.hpp"

namespace neurotool {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Edits (insert, remove, replace, swap neighbours) from a to b, upper and lower case being equal.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

std::size_t length_difference(std::string_view a, std::string_view b) {
  return a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
}

template <class Text>
std::string_view nearest(std::string_view word, std::span<const Text> candidates) {
  std::string_view best;
  std::size_t best_distance = (word.size() + 2) / 3 + 1;  // a third of the letters may be wrong
  for (const std::string_view candidate : candidates) {
    if (length_difference(word, candidate) >= best_distance) continue;
    const std::size_t distance = edit_distance(word, candidate);
    const bool something_kept = distance < std::max(word.size(), candidate.size());
    if (distance < best_distance && something_kept) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

bool in_range(unsigned char c, unsigned first, unsigned last) { return c >= first && c <= last; }

/// Bytes of the well-formed UTF-8 sequence at the start of text, 0 if there is none (Unicode,
/// table 3-7: no overlong forms, no surrogates, nothing past U+10FFFF).
std::size_t utf8_sequence(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = in_range(lead, 0xC2, 0xDF)   ? 2
                             : in_range(lead, 0xE0, 0xEF) ? 3
                             : in_range(lead, 0xF0, 0xF4) ? 4
                                                          : 0;
  if (length == 0 || text.size() < length) return 0;
  const unsigned first = lead == 0xE0 ? 0xA0u : lead == 0xF0 ? 0x90u : 0x80u;
  const unsigned last = lead == 0xED ? 0x9Fu : lead == 0xF4 ? 0x8Fu : 0xBFu;
  if (!in_range(at(1), first, last)) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!in_range(at(i), 0x80, 0xBF)) return 0;
  }
  return length;
}

/// ASCII controls, DEL, and the C1 controls U+0080 to U+009F, which terminals obey as well.
bool is_control(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead < 0x20 || lead == 0x7F;
  return lead == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

template <class Number>
std::string shortest(Number value) {
  if (std::isnan(value)) return "nan";
  const Number size = std::abs(value);
  // Plain digits where people would write them; the text of 1e300 stays short.
  const bool plain = size == 0 || (size >= Number(1e-5) && size < Number(1e15));
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  NT_CHECK(result.ec == std::errc{}, "64 characters hold any number");
  return {buffer.data(), result.ptr};
}

}  // namespace

std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates) {
  return nearest(word, candidates);
}

std::string_view nearest_name(std::string_view word, std::span<const std::string> candidates) {
  return nearest(word, candidates);
}

std::string suggest(std::string_view word, std::span<const std::string> candidates) {
  if (candidates.empty()) return {};
  const std::string_view name = nearest_name(word, candidates);
  if (!name.empty()) return fmt::format("did you mean '{}'?", name);
  return fmt::format("one of: {}", fmt::join(candidates, ", "));
}

std::string escape_control(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    const std::string_view head = text.substr(0, std::max<std::size_t>(length, 1));
    if (length > 0 && !is_control(head)) {
      escaped += head;
    } else {
      for (const char c : head) {
        escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
    text.remove_prefix(head.size());
  }
  return escaped;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string with_thousands(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string number_text(double value) { return shortest(value); }

std::string number_text(float value) { return shortest(value); }

std::string align_columns(const std::vector<std::vector<std::string>>& rows,
                          const std::vector<bool>& right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      const std::string padding(widths[i] - width(row[i]), ' ');
      line += i < right.size() && right[i] ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

}  // namespace neurotool
