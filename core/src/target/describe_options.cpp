// Option rows of a plugin become the rows that our own passes use, so that help, checks and schema
// are the same. A default that its own row would refuse is a mistake of the plugin's, found here.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "target/describe.hpp"

namespace neurotool {
namespace {

constexpr std::size_t kMostOptions = 256;
constexpr std::size_t kMostChoices = 256;
constexpr std::size_t kMostText = 4096;

bool is_option_key(std::string_view key) {
  return is_dotted_name(key) && key.size() <= 128 && key.find('-') == key.npos;
}

std::optional<OptionType> type_of(std::int32_t type) {
  switch (type) {
    case NT_BOOL:
      return OptionType::kBool;
    case NT_INT:
      return OptionType::kInt;
    case NT_REAL:
      return OptionType::kReal;
    case NT_TEXT:
      return OptionType::kText;
    case NT_CHOICE:
      return OptionType::kChoice;
    case NT_INT_LIST:
      return OptionType::kIntList;
    default:
      return std::nullopt;
  }
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// "[1, 2, 3]" or "[]"
std::optional<std::vector<std::int64_t>> number_list(std::string_view text) {
  if (!text.starts_with('[') || !text.ends_with(']') || text.size() < 2) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<std::int64_t> values;
  if (trimmed(text).empty()) return values;
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t last = std::min(text.find(',', first), text.size());
    const auto value = number<std::int64_t>(trimmed(text.substr(first, last - first)));
    if (!value) return std::nullopt;
    values.push_back(*value);
    first = last + 1;
  }
  return values;
}

template <class T>
std::optional<OptionValue> as_value(std::optional<T> value) {
  if (!value) return std::nullopt;
  return OptionValue(*std::move(value));
}

std::optional<OptionValue> value_of(const std::string& text, OptionType type) {
  switch (type) {
    case OptionType::kBool:
      if (text != "true" && text != "false") return std::nullopt;
      return OptionValue(text == "true");
    case OptionType::kInt:
      return as_value(number<std::int64_t>(text));
    case OptionType::kReal: {
      const auto value = number<double>(text);
      if (value && !std::isfinite(*value)) return std::nullopt;
      return as_value(value);
    }
    case OptionType::kIntList:
      return as_value(number_list(text));
    default:
      return OptionValue(text);
  }
}

bool within(const OptionInfo& row, double value) {
  return !row.bounded || (value >= row.minimum && value <= row.maximum);
}

bool default_fits(const OptionInfo& row) {
  if (const auto* whole = std::get_if<std::int64_t>(&row.fallback)) {
    return within(row, static_cast<double>(*whole));
  }
  if (const auto* real = std::get_if<double>(&row.fallback)) return within(row, *real);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&row.fallback)) {
    return std::ranges::all_of(
        *list, [&](std::int64_t value) { return within(row, static_cast<double>(value)); });
  }
  if (row.type != OptionType::kChoice) return true;
  return std::ranges::find(row.choices, std::get<std::string>(row.fallback)) != row.choices.end();
}

/// A required option has no default; the row still needs a value of its type.
OptionValue empty_value(OptionType type) {
  switch (type) {
    case OptionType::kBool:
      return false;
    case OptionType::kInt:
      return std::int64_t{0};
    case OptionType::kReal:
      return 0.0;
    case OptionType::kIntList:
      return std::vector<std::int64_t>();
    default:
      return std::string();
  }
}

Result<> read_bounds(OptionInfo& row, const nt_option& option) {
  row.minimum = option.minimum;
  row.maximum = option.maximum;
  row.bounded = option.minimum != 0 || option.maximum != 0;
  const bool numeric = row.type == OptionType::kInt || row.type == OptionType::kReal ||
                       row.type == OptionType::kIntList;
  if (row.bounded && !numeric) {
    return undescribable(fmt::format("option '{}' has bounds, but is no number", row.key));
  }
  if (!(row.minimum <= row.maximum)) {
    return undescribable(
        fmt::format("option '{}' has the empty range {} to {}", row.key, row.minimum, row.maximum));
  }
  return {};
}

Result<> read_choices(OptionInfo& row, const nt_option& option) {
  const bool is_choice = row.type == OptionType::kChoice;
  if (is_choice != (option.choice_count > 0) || option.choice_count > kMostChoices ||
      (is_choice && option.choices == nullptr)) {
    return undescribable(fmt::format("option '{}' has {} choices", row.key, option.choice_count));
  }
  for (std::size_t i = 0; i < option.choice_count; ++i) {
    const auto word = text_of(option.choices[i], 128);
    if (!word || word->empty() || std::ranges::find(row.choices, *word) != row.choices.end()) {
      return undescribable(
          fmt::format("choice {} of option '{}' is empty, given twice, or no text", i, row.key));
    }
    row.choices.push_back(*word);
  }
  return {};
}

Result<> read_default(OptionInfo& row, const nt_option& option) {
  row.required = option.fallback.data == nullptr;
  row.fallback = empty_value(row.type);
  if (row.required) return {};
  const auto text = text_of(option.fallback, kMostText);
  const auto value = text ? value_of(*text, row.type) : std::nullopt;
  if (value) row.fallback = *value;
  if (value && default_fits(row)) return {};
  return undescribable(
      fmt::format("the default of option '{}' is '{}', which the option itself "
                  "does not allow",
                  row.key, message_of(option.fallback, 200)));
}

Result<OptionInfo> describe_option(const nt_option& option) {
  OptionInfo row;
  row.key = message_of(option.key, 128);
  if (!is_option_key(row.key)) {
    return undescribable(
        fmt::format("an option is called '{}'; keys are lower-case words with '_', "
                    "joined by dots",
                    row.key));
  }
  const auto type = type_of(option.type);
  if (!type) {
    return undescribable(fmt::format("option '{}' has type {}, which this neurotool does not know",
                                     row.key, option.type));
  }
  row.type = *type;
  const auto summary = text_of(option.summary, kMostText);
  const auto unit = text_of(option.unit, 64);
  if (!summary || summary->empty() || !unit) {
    return undescribable(fmt::format("option '{}' has no summary", row.key));
  }
  row.summary = escape_control(*summary);
  row.unit = escape_control(*unit);
  NT_TRY_VOID(read_bounds(row, option));
  NT_TRY_VOID(read_choices(row, option));
  NT_TRY_VOID(read_default(row, option));
  return row;
}

/// "noc" and "noc.rows" cannot both be options: one is a value, the other needs a mapping.
bool keys_clash(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '.');
}

}  // namespace

Result<std::vector<OptionInfo>> describe_options(const nt_target_info& target) {
  if (target.option_count > kMostOptions ||
      (target.option_count > 0 && target.options == nullptr)) {
    return undescribable(fmt::format("the list of options has {} entries{}", target.option_count,
                                     target.options == nullptr ? " at NULL" : ""));
  }
  std::vector<OptionInfo> rows;
  for (std::size_t i = 0; i < target.option_count; ++i) {
    const auto option = copied(target.options[i]);
    if (!option) return undescribable(fmt::format("the table of option {} is too small", i));
    NT_TRY(OptionInfo row, describe_option(*option));
    for (const OptionInfo& other : rows) {
      if (!keys_clash(row.key, other.key)) continue;
      return undescribable(
          fmt::format("options '{}' and '{}' take each other's place", other.key, row.key));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace neurotool
