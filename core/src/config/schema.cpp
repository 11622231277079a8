// Checks a section of a file against the rows of its table, and says what is wrong with which value
// and where.
#include "config/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/check.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "config/yaml_text.hpp"

namespace neurotool {
namespace {

using yaml::quote;

/// A quantity such as "4 KiB" in the row's own unit. "9 ms" for a row in ms stays exactly 9; other
/// units go through the base unit that both belong to.
std::optional<double> quantity(const std::string& text, const std::string& unit) {
  if (const auto direct = parse_quantity(text, unit)) return direct;
  for (const std::string_view base : {"s", "byte", "J", "Hz"}) {
    const auto one = parse_quantity("1 " + unit, base);
    const auto value = parse_quantity(text, base);
    if (one && value) return *value / *one;
  }
  return std::nullopt;
}

/// "The network." as the end of a sentence: "the network".
std::string as_clause(std::string summary) {
  if (summary.ends_with('.')) summary.pop_back();
  const bool acronym = summary.size() > 1 && summary[1] >= 'A' && summary[1] <= 'Z';
  if (!summary.empty() && !acronym && summary[0] >= 'A' && summary[0] <= 'Z') {
    summary[0] = static_cast<char>(summary[0] - 'A' + 'a');
  }
  return summary.empty() ? "which has no default" : summary;
}

bool is_number_like(const yaml::Node& node) { return yaml::as_real(node, "").has_value(); }

bool has_leading_zero(std::string_view text) {
  const auto first = text.find_first_not_of(" +-");
  return first != text.npos && first + 1 < text.size() && text[first] == '0' &&
         text[first + 1] >= '0' && text[first + 1] <= '9';
}

/// A number that may carry the row's unit, in the row's unit.
Result<double> read_quantity(const yaml::Node& node, const OptionInfo& row, std::string_view what) {
  const bool decimal = node.kind == yaml::Kind::kScalar && !has_leading_zero(node.scalar);
  const auto value = decimal ? quantity(node.scalar, row.unit) : std::nullopt;
  if (value) return *value;
  return error(
      "config.type", node.at,
      fmt::format("{} is {}, expected a number of {}", what, yaml::describe(node), row.unit),
      fmt::format("write a number and a unit of the same kind, such as \"10 {}\"", row.unit));
}

class SectionChecker {
 public:
  SectionChecker(std::span<const OptionInfo> rows, std::string_view path, std::string_view help,
                 Diagnostics& out, std::span<const std::string> other_keys)
      : rows_(rows), path_(path), help_(help), out_(out), other_keys_(other_keys) {
    for (const OptionInfo& row : rows) {
      result_.push_back({.key = row.key, .value = row.fallback, .at = {}});
    }
  }

  std::vector<CheckedOption> check(const yaml::Node& section) {
    given_.assign(rows_.size(), false);
    mapping(section, "");
    const bool readable = section.kind == yaml::Kind::kMapping || section.kind == yaml::Kind::kNull;
    if (!readable) return std::move(result_);  // what is missing from a list says nothing new
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (!rows_[i].required || given_[i]) continue;
      report(error("config.missing-key", section.at,
                   fmt::format("{} is missing", place(rows_[i].key)),
                   fmt::format("add '{}', {}", rows_[i].key, as_clause(rows_[i].summary))));
    }
    return std::move(result_);
  }

 private:
  /// `prefix` is "" or ends in a dot.
  void mapping(const yaml::Node& node, const std::string& prefix) {
    if (node.kind == yaml::Kind::kNull) return;
    if (node.kind != yaml::Kind::kMapping) {
      const std::string inner = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
      const std::string name = inner.empty() ? std::string(path_) : place(inner);
      report(error("config.type", node.at,
                   fmt::format("{} is {}, expected a mapping of keys to values",
                               name.empty() ? "the document" : name, yaml::describe(node)),
                   std::string(help_)));
      return;
    }
    for (const yaml::Node::Entry& entry : node.entries) this->entry(entry, prefix);
  }

  void entry(const yaml::Node::Entry& entry, const std::string& prefix) {
    const std::string key = prefix + entry.key;
    if (prefix.empty() && std::ranges::find(other_keys_, key) != other_keys_.end()) return;
    const bool nested_key = entry.key.find('.') == std::string::npos;
    const auto row = std::ranges::find(rows_, key, &OptionInfo::key);
    if (row != rows_.end() && nested_key) {
      const auto index = static_cast<std::size_t>(row - rows_.begin());
      given_[index] = true;
      return value(entry.value, *row, result_[index]);
    }
    const bool is_parent = std::ranges::any_of(
        rows_, [&](const OptionInfo& info) { return info.key.starts_with(key + '.'); });
    if (is_parent && nested_key) return mapping(entry.value, key + '.');
    std::string help = unknown_help(entry.key, prefix);
    if (row != rows_.end()) help = "write each part of the key as a mapping of its own";
    report(error("config.unknown-key", entry.key_at,
                 fmt::format("{} is not {}", quote(entry.key), section_words(prefix)), help));
  }

  std::string section_words(const std::string& prefix) const {
    if (!prefix.empty()) return "a key of " + place(prefix.substr(0, prefix.size() - 1));
    return path_.empty() ? "a section of a pipeline file" : fmt::format("a key of {}", path_);
  }

  /// The nearest of the keys that could stand here, or all of them, or where to read about them.
  std::string unknown_help(const std::string& key, const std::string& prefix) const {
    std::vector<std::string> names;
    for (const OptionInfo& row : rows_) {
      if (!row.key.starts_with(prefix)) continue;
      const std::string rest = row.key.substr(prefix.size());
      const std::string name = rest.substr(0, rest.find('.'));
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    if (prefix.empty()) names.insert(names.end(), other_keys_.begin(), other_keys_.end());
    if (names.empty()) return "nothing can be set here; remove the key";
    const std::string hint = suggest(key, names);
    return help_.empty() ? hint : fmt::format("{} ({})", hint, help_);
  }

  void value(const yaml::Node& node, const OptionInfo& row, CheckedOption& into) {
    auto read = this->read(node, row);
    if (!read) {
      if (read.error().help.empty()) read.error().help = help_;
      return report(std::move(read).error());
    }
    into.value = *std::move(read);
    into.at = node.at;
  }

  Result<OptionValue> read(const yaml::Node& node, const OptionInfo& row) const {
    const std::string what = place(row.key);
    switch (row.type) {
      case OptionType::kBool:
        return wrap(yaml::as_bool(node, what));
      case OptionType::kInt:
        return wrap(integer(node, row, what));
      case OptionType::kReal:
        return wrap(real(node, row, what));
      case OptionType::kText:
        return wrap(yaml::as_text(node, what));
      case OptionType::kChoice:
        return wrap(word(node, row, what));
      case OptionType::kIntList:
        return wrap(list<std::int64_t>(node, row, what, &SectionChecker::integer));
      case OptionType::kRealList:
        return wrap(list<double>(node, row, what, &SectionChecker::real));
    }
    NT_CHECK(false, "an option type without a reader");
  }

  template <class T>
  static Result<OptionValue> wrap(Result<T> value) {
    if (!value) return std::move(value).error();
    return OptionValue(*std::move(value));
  }

  Result<std::int64_t> integer(const yaml::Node& node, const OptionInfo& row,
                               const std::string& what) const {
    if (row.unit.empty() || (is_number_like(node) && yaml::as_int(node, what))) {
      NT_TRY(const std::int64_t value, yaml::as_int(node, what));
      NT_TRY_VOID(in_range(static_cast<double>(value), std::to_string(value), node, row, what));
      return value;
    }
    NT_TRY(const double value, read_quantity(node, row, what));
    const double whole = std::nearbyint(value);
    if (std::abs(value - whole) > 1e-9 * std::abs(whole)) {
      return error("config.type", node.at,
                   fmt::format("{} is {} = {} {}, expected a whole number", what,
                               quote(node.scalar), number_text(value), row.unit));
    }
    NT_TRY_VOID(in_range(whole, number_text(whole), node, row, what));
    constexpr double kLimit = 0x1p63;
    if (whole < -kLimit || whole >= kLimit) {
      return error(
          "config.range", node.at,
          fmt::format("{} = {} is outside the whole numbers of 64 bits", what, quote(node.scalar)));
    }
    return static_cast<std::int64_t>(whole);
  }

  Result<double> real(const yaml::Node& node, const OptionInfo& row,
                      const std::string& what) const {
    NT_TRY(const double value,
           row.unit.empty() ? yaml::as_real(node, what) : read_quantity(node, row, what));
    NT_TRY_VOID(in_range(value, number_text(value), node, row, what));
    return value;
  }

  Result<> in_range(double value, const std::string& shown, const yaml::Node& node,
                    const OptionInfo& row, const std::string& what) const {
    if (!row.bounded || (value >= row.minimum && value <= row.maximum)) return {};
    const std::string unit = row.unit.empty() ? "" : " " + row.unit;
    std::string limits;
    if (std::isinf(row.maximum)) {
      limits = fmt::format("less than {}", number_text(row.minimum));
    } else if (std::isinf(row.minimum)) {
      limits = fmt::format("more than {}", number_text(row.maximum));
    } else {
      limits = fmt::format("outside {} to {}", number_text(row.minimum), number_text(row.maximum));
    }
    return error("config.range", node.at,
                 fmt::format("{} = {}{} is {}{}", what, shown, unit, limits, unit));
  }

  Result<std::string> word(const yaml::Node& node, const OptionInfo& row,
                           const std::string& what) const {
    NT_TRY(std::string text, yaml::as_text(node, what));
    if (std::ranges::find(row.choices, text) != row.choices.end()) return text;
    return error(
        "config.choice", node.at,
        fmt::format("{} = {} is none of {}", what, quote(text), fmt::join(row.choices, ", ")),
        suggest(text, row.choices));
  }

  template <class T>
  Result<std::vector<T>> list(
      const yaml::Node& node, const OptionInfo& row, const std::string& what,
      Result<T> (SectionChecker::*element)(const yaml::Node&, const OptionInfo&, const std::string&)
          const) const {
    if (node.kind != yaml::Kind::kSequence) {
      return error("config.type", node.at,
                   fmt::format("{} is {}, expected a list of numbers", what, yaml::describe(node)),
                   "write a list such as [1, 2]");
    }
    std::vector<T> values;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      NT_TRY(T item, (this->*element)(node.items[i], row, fmt::format("{}[{}]", what, i)));
      values.push_back(item);
    }
    return values;
  }

  std::string place(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }

  void report(Error found) { out_.report(std::move(found)); }

  std::span<const OptionInfo> rows_;
  std::string_view path_, help_;
  Diagnostics& out_;
  std::span<const std::string> other_keys_;
  std::vector<CheckedOption> result_;
  std::vector<bool> given_;
};

/// A bound that comes from the member's type tells a reader nothing.
bool is_open(double bound) {
  return std::isinf(bound) || bound == 2147483647.0 || bound == -2147483648.0 ||
         bound == 4294967295.0;
}

struct ValueText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number_text(value); }
  std::string operator()(const std::string& value) const {
    const bool word = yaml::fits_plain_in_brackets(value) && value != "true" && value != "false";
    yaml::Node node;
    node.kind = yaml::Kind::kScalar;
    node.scalar = value;
    return word && !is_number_like(node) ? value : yaml::double_quoted(value);
  }
  template <class T>
  std::string operator()(const std::vector<T>& values) const {
    std::vector<std::string> parts;
    for (const T value : values) parts.push_back((*this)(value));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
};

}  // namespace

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::kBool:
      return "bool";
    case OptionType::kInt:
      return "int";
    case OptionType::kReal:
      return "real";
    case OptionType::kText:
      return "text";
    case OptionType::kChoice:
      return "choice";
    case OptionType::kIntList:
      return "int list";
    case OptionType::kRealList:
      return "real list";
  }
  return "";
}

std::vector<CheckedOption> check_options(const yaml::Node& section,
                                         std::span<const OptionInfo> rows, std::string_view path,
                                         std::string_view help, Diagnostics& out,
                                         std::span<const std::string> other_keys) {
  return SectionChecker(rows, path, help, out, other_keys).check(section);
}

std::string describe_range(const OptionInfo& info) {
  if (!info.choices.empty()) return fmt::format("{}", fmt::join(info.choices, ", "));
  if (!info.bounded) return {};
  const bool open_below = is_open(info.minimum), open_above = is_open(info.maximum);
  if (open_below && open_above) return {};
  if (open_above) return fmt::format("{} or more", number_text(info.minimum));
  if (open_below) return fmt::format("{} or less", number_text(info.maximum));
  return fmt::format("{} to {}", number_text(info.minimum), number_text(info.maximum));
}

std::string value_text(const OptionValue& value) { return std::visit(ValueText{}, value); }

}  // namespace neurotool
