// Small helpers for text that people read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace neurotool {

/// The candidate nearest to `word` by edit distance, or "" when none is near enough to be meant.
std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates);
std::string_view nearest_name(std::string_view word, std::span<const std::string> candidates);

/// "did you mean 'x'?" or "one of: a, b, c".
std::string suggest(std::string_view word, std::span<const std::string> candidates);

/// Control characters, DEL and invalid UTF-8 become \xNN; everything else stays.
std::string escape_control(std::string_view text);

/// True if `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);

/// "1,234,567"
std::string with_thousands(std::uint64_t value);

/// Shortest decimal text that reads back as the same number; always the same text for the same
/// number. Whole numbers below 1e15 have neither point nor exponent.
std::string number_text(double value);
std::string number_text(float value);

/// Rows of cells as aligned columns, two spaces apart. `right` tells which columns align right.
std::string align_columns(const std::vector<std::vector<std::string>>& rows,
                          const std::vector<bool>& right);

}  // namespace neurotool
