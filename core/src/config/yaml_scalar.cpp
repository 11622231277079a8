// What a scalar means once somebody knows the type it should have. Nothing is guessed: only true
// and false are booleans, numbers are decimal or 0x, and text in quotes stays text.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "base/text.hpp"
#include "config/yaml.hpp"
#include "config/yaml_text.hpp"

namespace neurotool::yaml {
namespace {

Error mismatch(const Node& node, std::string_view what, std::string_view expected,
               std::string help) {
  return error("config.type", node.at,
               fmt::format("{} is {}, expected {}", what, describe(node), expected),
               std::move(help));
}

bool is_plain(const Node& node) { return node.kind == Kind::kScalar && !node.quoted; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_digits(std::string_view text, std::size_t from) {
  while (from < text.size() && is_digit(text[from])) ++from;
  return from;
}

/// A number taken apart before anyone converts it.
struct NumberShape {
  bool number = false;
  bool whole = false;
  bool leading_zero = false;
  bool hexadecimal = false;
};

NumberShape shape_of(std::string_view text) {
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  if (text.substr(at).starts_with("0x")) {
    const std::string_view digits = text.substr(at + 2);
    const bool good =
        !digits.empty() && digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos;
    return {.number = good, .whole = good, .leading_zero = false, .hexadecimal = good};
  }
  NumberShape shape;
  const std::size_t first = at;
  at = skip_digits(text, at);
  const std::size_t whole_digits = at - first;
  shape.leading_zero = whole_digits > 1 && text[first] == '0';
  shape.whole = at == text.size();
  std::size_t digits = whole_digits;
  if (at < text.size() && text[at] == '.') {
    const std::size_t after = skip_digits(text, at + 1);
    digits += after - at - 1;
    at = after;
  }
  if (digits > 0 && at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t after = skip_digits(text, at);
    if (after == at) return {};
    at = after;
  }
  shape.number = digits > 0 && at == text.size();
  shape.whole = shape.whole && shape.number;
  return shape;
}

/// Why a scalar that is no number is none, as a help line.
std::string number_help(const Node& node, const NumberShape& shape) {
  if (node.kind == Kind::kScalar && node.quoted) {
    return shape_of(node.scalar).number ? "remove the quotes" : "";
  }
  if (!is_plain(node)) return {};
  const std::string_view text = node.scalar;
  if (shape.leading_zero) return "numbers are decimal: write them without leading zeros";
  if (text.starts_with("0o") || text.starts_with("0b")) return "write it in decimal, or as 0x…";
  if (text.find('_') != text.npos || text.find(',') != text.npos) {
    return "write the digits without separators, and '.' for the decimal point";
  }
  return {};
}

std::optional<std::int64_t> to_int(std::string_view text, bool hexadecimal) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (hexadecimal) text.remove_prefix(2);
  std::uint64_t size = 0;
  const auto result =
      std::from_chars(text.data(), text.data() + text.size(), size, hexadecimal ? 16 : 10);
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (result.ec != std::errc{} || size > kMax + (negative ? 1 : 0)) return std::nullopt;
  if (!negative) return static_cast<std::int64_t>(size);
  return size > kMax ? std::numeric_limits<std::int64_t>::min() : -static_cast<std::int64_t>(size);
}

Error out_of_type(const Node& node, std::string_view what, std::string_view limits) {
  return error("config.range", node.at,
               fmt::format("{} = {} is outside {}", what, quote(node.scalar), limits));
}

}  // namespace

Result<bool> as_bool(const Node& node, std::string_view what) {
  if (is_plain(node) && node.scalar == "true") return true;
  if (is_plain(node) && node.scalar == "false") return false;
  std::string help;
  if (node.kind == Kind::kScalar) {
    const bool word = node.scalar == "true" || node.scalar == "false";
    help = word ? "remove the quotes" : "only the words true and false are booleans";
  }
  return mismatch(node, what, "true or false", std::move(help));
}

Result<std::int64_t> as_int(const Node& node, std::string_view what) {
  const NumberShape shape = is_plain(node) ? shape_of(node.scalar) : NumberShape{};
  if (!shape.whole || shape.leading_zero) {
    std::string help = number_help(node, shape);
    if (help.empty() && shape.number) help = "write it with digits only, without '.' and 'e'";
    return mismatch(node, what, "a whole number", std::move(help));
  }
  const auto value = to_int(node.scalar, shape.hexadecimal);
  if (!value) return out_of_type(node, what, "the whole numbers of 64 bits");
  return *value;
}

Result<double> as_real(const Node& node, std::string_view what) {
  const NumberShape shape = is_plain(node) ? shape_of(node.scalar) : NumberShape{};
  if (!shape.number || shape.leading_zero) {
    return mismatch(node, what, "a finite number", number_help(node, shape));
  }
  if (shape.hexadecimal) {
    NT_TRY(const std::int64_t whole, as_int(node, what));
    return static_cast<double>(whole);
  }
  std::string_view text = node.scalar;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || !std::isfinite(value)) {
    return out_of_type(node, what, "the numbers that 64 bits can hold");
  }
  return value;
}

Result<std::string> as_text(const Node& node, std::string_view what) {
  if (node.kind == Kind::kScalar) return node.scalar;
  return mismatch(node, what, "text",
                  node.kind == Kind::kNull ? "write \"\" for an empty text" : "");
}

}  // namespace neurotool::yaml
