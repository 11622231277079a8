// The units that pipeline files may use, and a reader for a number followed by one.
#include "base/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

namespace neurotool {
namespace {

struct Unit {
  std::string_view base;
  std::string_view symbol;
  double times;
  double per;  ///< dividing by 1000 rounds once, multiplying by 0.001 twice: 9 ms is 0.009 s
};

constexpr auto kUnits = std::to_array<Unit>({
    {"s", "s", 1, 1},           {"s", "ms", 1, 1e3},        {"s", "us", 1, 1e6},
    {"s", "\u00b5s", 1, 1e6},  // micro sign
    {"s", "\u03bcs", 1, 1e6},  // Greek mu
    {"s", "ns", 1, 1e9},        {"s", "ps", 1, 1e12},       {"byte", "byte", 1, 1},
    {"byte", "bytes", 1, 1},    {"byte", "B", 1, 1},        {"byte", "kB", 1e3, 1},
    {"byte", "MB", 1e6, 1},     {"byte", "GB", 1e9, 1},     {"byte", "TB", 1e12, 1},
    {"byte", "KiB", 0x1p10, 1}, {"byte", "MiB", 0x1p20, 1}, {"byte", "GiB", 0x1p30, 1},
    {"byte", "TiB", 0x1p40, 1}, {"J", "J", 1, 1},           {"J", "kJ", 1e3, 1},
    {"J", "mJ", 1, 1e3},        {"J", "uJ", 1, 1e6},        {"J", "\u00b5J", 1, 1e6},
    {"J", "\u03bcJ", 1, 1e6},   {"J", "nJ", 1, 1e9},        {"J", "pJ", 1, 1e12},
    {"J", "fJ", 1, 1e15},       {"J", "aJ", 1, 1e18},       {"Hz", "Hz", 1, 1},
    {"Hz", "mHz", 1, 1e3},      {"Hz", "kHz", 1e3, 1},      {"Hz", "MHz", 1e6, 1},
    {"Hz", "GHz", 1e9, 1},
});

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::optional<double> parse_quantity(std::string_view text, std::string_view unit) {
  text = trim(text);
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, number);
  if (code != std::errc{} || !std::isfinite(number)) return std::nullopt;

  const std::string_view symbol = trim(text.substr(static_cast<std::size_t>(rest - text.data())));
  if (symbol.empty() || symbol == unit) return number;
  for (const Unit& known : kUnits) {
    if (known.base != unit || known.symbol != symbol) continue;
    const double value = number * known.times / known.per;
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace neurotool
