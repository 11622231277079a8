// Options as tables: one table gives parsing, ranges, help, man page, docs and JSON Schema. A pass
// binds a table to a struct; a plugin's descriptor becomes the same OptionInfo rows.
//
//   struct PruneOptions { double sparsity = 0.5; Method method = Method::kMagnitude; };
//   const OptionTable<PruneOptions> kOptions{
//       option("sparsity", &PruneOptions::sparsity, "Share of weights set to zero.").range(0, 1),
//       choice("method", &PruneOptions::method, "How weights are ranked.",
//              {{"magnitude", Method::kMagnitude}, {"random", Method::kRandom}}),
//   };
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "config/yaml.hpp"

namespace neurotool {

enum class OptionType { kBool, kInt, kReal, kText, kChoice, kIntList, kRealList };
std::string_view type_name(OptionType type);  ///< "bool", "int", "real", "text", "choice", …

using OptionValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                                 std::vector<double>>;

/// One option, as help, docs and checks see it.
struct OptionInfo {
  std::string key{};  ///< dotted for nested mappings: "noc.rows"
  OptionType type = OptionType::kText;
  std::string summary{};   ///< one sentence
  std::string unit{};      ///< "", "ms", "byte", …: such a value may carry a unit,
                           ///< and arrives converted to this one
  OptionValue fallback{};  ///< the default
  bool required = false;   ///< no default: the user must set it
  bool bounded = false;
  double minimum = 0, maximum = 0;     ///< inclusive, of each number; infinite: open on that side;
                                       ///< only if bounded
  std::vector<std::string> choices{};  ///< of kChoice
};

/// A checked value and where it came from: std::monostate means the default.
struct CheckedOption {
  std::string key;
  OptionValue value;
  Location at;
};

/// Checks a mapping (or kNull: nothing given) against the rows. Reports config.unknown-key (with
/// the nearest name), config.type, config.range, config.choice, config.missing-key to `out`; `path`
/// is the place in the file ("passes[2].quantize"), `help` the command that explains the section. A
/// dotted key is a nested mapping in the file. Keys in `other_keys` are somebody else's to check.
/// Returns one entry per row, in table order; entries in error hold their default.
std::vector<CheckedOption> check_options(const yaml::Node& section,
                                         std::span<const OptionInfo> rows, std::string_view path,
                                         std::string_view help, Diagnostics& out,
                                         std::span<const std::string> other_keys = {});

/// The range or the choices as help prints them: "1 to 16", "0 or more", "max, percentile, mmse";
/// empty when any value of the type will do.
std::string describe_range(const OptionInfo& info);
/// A value as YAML text and as help prints it; reads back as the same value.
std::string value_text(const OptionValue& value);
/// JSON Schema of a section (an object without additional properties).
Json json_schema(std::span<const OptionInfo> rows);

// ---- binding a table to a struct ---------------------------------------------------------------

template <class S>
struct BoundOption {
  OptionInfo info;
  std::function<void(S&, const OptionValue&)> set;
  std::function<OptionValue(const S&)> get;

  /// Inclusive. Never wider than what the member's type holds.
  BoundOption range(double minimum, double maximum) && {
    info.minimum = info.bounded ? std::max(info.minimum, minimum) : minimum;
    info.maximum = info.bounded ? std::min(info.maximum, maximum) : maximum;
    info.bounded = true;
    return std::move(*this);
  }
  BoundOption at_least(double minimum) && {
    return std::move(*this).range(minimum, std::numeric_limits<double>::infinity());
  }
  BoundOption unit(std::string unit) && {
    info.unit = std::move(unit);
    return std::move(*this);
  }
  BoundOption required() && {
    info.required = true;
    return std::move(*this);
  }
};

namespace detail {
template <class T>
struct OptionTraits;
template <>
struct OptionTraits<bool> {
  using Stored = bool;
  static constexpr OptionType kType = OptionType::kBool;
};
template <std::integral T>
struct OptionTraits<T> {
  using Stored = std::int64_t;
  static constexpr OptionType kType = OptionType::kInt;
};
template <std::floating_point T>
struct OptionTraits<T> {
  using Stored = double;
  static constexpr OptionType kType = OptionType::kReal;
};
template <>
struct OptionTraits<std::string> {
  using Stored = std::string;
  static constexpr OptionType kType = OptionType::kText;
};
template <>
struct OptionTraits<std::vector<std::int64_t>> {
  using Stored = std::vector<std::int64_t>;
  static constexpr OptionType kType = OptionType::kIntList;
};
template <>
struct OptionTraits<std::vector<double>> {
  using Stored = std::vector<double>;
  static constexpr OptionType kType = OptionType::kRealList;
};

/// Options are read as 64-bit integers; a narrower member bounds them.
template <class T>
void bound_by_type(OptionInfo& info) {
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    using Limits = std::numeric_limits<T>;
    constexpr double kOpen = std::numeric_limits<double>::infinity();
    info.bounded = sizeof(T) < sizeof(std::int64_t) || std::unsigned_integral<T>;
    info.minimum = info.bounded ? static_cast<double>(Limits::min()) : 0;
    info.maximum = !info.bounded                      ? 0
                   : sizeof(T) < sizeof(std::int64_t) ? static_cast<double>(Limits::max())
                                                      : kOpen;
  }
}
}  // namespace detail

/// A row bound to a member. An integral member is bounded by its own type unless range() says less.
template <class S, class T>
BoundOption<S> option(std::string key, T S::*member, std::string summary) {
  using Traits = detail::OptionTraits<T>;
  BoundOption<S> row;
  row.info = {.key = std::move(key), .type = Traits::kType, .summary = std::move(summary)};
  detail::bound_by_type<T>(row.info);
  row.set = [member](S& target, const OptionValue& value) {
    target.*member = static_cast<T>(std::get<typename Traits::Stored>(value));
  };
  row.get = [member](const S& source) {
    return OptionValue(static_cast<typename Traits::Stored>(source.*member));
  };
  return row;
}

/// A row bound to an enum member, one word per enumerator.
template <class S, class E>
requires std::is_enum_v<E> BoundOption<S> choice(
    std::string key, E S::*member, std::string summary,
    std::initializer_list<std::pair<const char*, E>> words) {
  std::vector<std::pair<std::string, E>> table(words.begin(), words.end());
  BoundOption<S> row;
  row.info = {.key = std::move(key), .type = OptionType::kChoice, .summary = std::move(summary)};
  for (const auto& [word, value] : table) row.info.choices.push_back(word);
  row.set = [member, table](S& target, const OptionValue& value) {
    for (const auto& [word, enumerator] : table)
      if (word == std::get<std::string>(value)) target.*member = enumerator;
  };
  row.get = [member, table](const S& source) {
    for (const auto& [word, enumerator] : table)
      if (enumerator == source.*member) return OptionValue(word);
    return OptionValue(std::string());
  };
  return row;
}

/// The rows of one struct. Defaults are read from a default-constructed S.
template <class S>
class OptionTable {
 public:
  OptionTable(std::initializer_list<BoundOption<S>> rows) : rows_(rows) {
    const S defaults{};
    for (BoundOption<S>& row : rows_) {
      row.info.fallback = row.get(defaults);
      infos_.push_back(row.info);
    }
  }

  std::span<const OptionInfo> infos() const { return infos_; }

  /// A filled-in S; problems go to `out`, and the value then holds defaults for the rows in error.
  S bind(const yaml::Node& section, std::string_view path, std::string_view help,
         Diagnostics& out) const {
    S result{};
    const auto checked = check_options(section, infos_, path, help, out);
    for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i].set(result, checked[i].value);
    return result;
  }

  /// Every option with its value, in table order.
  std::vector<std::pair<std::string, OptionValue>> values(const S& options) const {
    std::vector<std::pair<std::string, OptionValue>> result;
    for (const BoundOption<S>& row : rows_) result.emplace_back(row.info.key, row.get(options));
    return result;
  }

 private:
  std::vector<BoundOption<S>> rows_;
  std::vector<OptionInfo> infos_;
};

}  // namespace neurotool
