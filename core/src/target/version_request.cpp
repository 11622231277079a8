// Versions compare number by number; what follows the numbers ("-beta") is not compared.
#include "target/version_request.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <compare>
#include <optional>
#include <vector>

namespace neurotool {
namespace {

/// The leading numbers of "1.2.3-beta", or nothing. `whole`: nothing may follow them.
std::optional<std::vector<std::uint64_t>> numbers_of(std::string_view text, bool whole) {
  std::vector<std::uint64_t> numbers;
  for (;;) {
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc()) return std::nullopt;
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  if (whole && !text.empty()) return std::nullopt;
  // 1.2 is 1.2.0
  while (numbers.size() > 1 && numbers.back() == 0) numbers.pop_back();
  return numbers;
}

bool satisfies(std::strong_ordering order, std::string_view comparison) {
  if (comparison == ">=") return order >= 0;
  if (comparison == "<=") return order <= 0;
  if (comparison == ">") return order > 0;
  if (comparison == "<") return order < 0;
  return order == 0;
}

}  // namespace

Result<> check_version(std::string_view request, std::string_view version, std::string_view plugin,
                       const Location& at) {
  if (request.empty()) return {};
  std::string_view comparison, rest = request;
  for (const std::string_view known : std::array{">=", "<=", "==", ">", "<"}) {
    if (!rest.starts_with(known)) continue;
    comparison = known;
    rest.remove_prefix(known.size());
    break;
  }
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto wanted = numbers_of(rest, true);
  if (!wanted) {
    return error("target.version", at, fmt::format("'{}' is no version to ask for", request),
                 "write a version such as \"1.2.0\" or \">=1.2\"");
  }
  const auto found = numbers_of(version, false);
  if (found && satisfies(*found <=> *wanted, comparison)) return {};
  return error(
      "target.version", at,
      fmt::format("plugin '{}' has version {}, but {} is asked for", plugin, version, request),
      "install another version of the plugin, or change target.version");
}

}  // namespace neurotool
