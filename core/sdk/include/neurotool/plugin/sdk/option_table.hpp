// Part of neurotool/plugin/sdk.hpp: rows of nt::info() to nt_option, and a checked config to the
// options struct. Plugin authors need not read it.
#ifndef NEUROTOOL_PLUGIN_SDK_OPTION_TABLE_HPP
#define NEUROTOOL_PLUGIN_SDK_OPTION_TABLE_HPP

#include <neurotool/plugin/sdk/failure.hpp>
#include <neurotool/plugin/sdk/info.hpp>

#include <deque>

namespace neurotool::sdk::detail {

/// An nt_option and the memory that it points to; kept in a deque, because it must not move.
struct StoredOption {
  nt_option row = sized<nt_option>();
  std::string fallback;
  std::vector<nt_str> choices;
};

inline std::string default_text(const std::string& value) { return value; }
inline std::string default_text(const std::vector<std::int64_t>& values) {
  std::string text = "[";
  for (const std::int64_t value : values) {
    if (text.size() > 1) text += ", ";
    append(text, value);
  }
  return text + "]";
}
template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
std::string default_text(T value) {
  return format("{}", value);
}

template <class S, class T>
void add_row(std::deque<StoredOption>& table, const OptionRow<S, T>& given, const S& defaults) {
  StoredOption& stored = table.emplace_back();
  stored.row.key = str(given.key);
  stored.row.summary = str(given.summary);
  stored.row.unit = str(given.unit);
  stored.row.type = option_type<T>();
  stored.row.minimum = given.range.minimum;
  stored.row.maximum = given.range.maximum;
  if (given.given == Given::kRequired) return;
  stored.fallback = default_text(defaults.*given.member);
  stored.row.fallback = str(stored.fallback);
}

template <class S, class E, std::size_t N>
void add_row(std::deque<StoredOption>& table, const ChoiceRow<S, E, N>& given, const S& defaults) {
  StoredOption& stored = table.emplace_back();
  stored.row.key = str(given.key);
  stored.row.summary = str(given.summary);
  stored.row.type = NT_CHOICE;
  for (const Word<E>& word : given.words) {
    stored.choices.push_back(str(word.text));
    if (word.value == defaults.*given.member) stored.row.fallback = str(word.text);
  }
  stored.row.choices = stored.choices.data();
  stored.row.choice_count = stored.choices.size();
}

template <class S, class Rows>
std::deque<StoredOption> option_table(const Rows& rows) {
  std::deque<StoredOption> table;
  const S defaults{};
  std::apply([&](const auto&... row) { (add_row(table, row, defaults), ...); }, rows);
  (void)defaults;
  return table;
}

template <class S, class T>
void read_row(S& options, const OptionRow<S, T>& row, const nt_config* config) {
  const nt_config_api& api = *host->config;
  T& member = options.*row.member;
  if constexpr (std::is_same_v<T, bool>) {
    std::uint32_t value = 0;
    expect_ok(api.get_bool(config, str(row.key), &value));
    member = value != 0;
  } else if constexpr (std::is_integral_v<T>) {
    std::int64_t value = 0;
    expect_ok(api.get_int(config, str(row.key), &value));
    member = static_cast<T>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    double value = 0;
    expect_ok(api.get_real(config, str(row.key), &value));
    member = static_cast<T>(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    nt_str value{};
    expect_ok(api.get_text(config, str(row.key), &value));
    member = std::string(view(value));
  } else {
    const std::int64_t* values = nullptr;
    std::size_t count = 0;
    expect_ok(api.get_ints(config, str(row.key), &values, &count));
    member.assign(values, values + count);
  }
}

template <class S, class E, std::size_t N>
void read_row(S& options, const ChoiceRow<S, E, N>& row, const nt_config* config) {
  nt_str value{};
  expect_ok(host->config->get_text(config, str(row.key), &value));
  for (const Word<E>& word : row.words) {
    if (word.text == view(value)) options.*row.member = word.value;
  }
}

template <class S, class Rows>
S read_options(const Rows& rows, const nt_config* config) {
  S options{};
  std::apply([&](const auto&... row) { (read_row(options, row, config), ...); }, rows);
  (void)config;
  return options;
}

}  // namespace neurotool::sdk::detail

#endif
