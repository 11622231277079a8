// Part of neurotool/plugin/sdk.hpp: what a target says about itself, as a constant. Options are
// bound to the members of a struct, whose default values are the options' defaults.
#ifndef NEUROTOOL_PLUGIN_SDK_INFO_HPP
#define NEUROTOOL_PLUGIN_SDK_INFO_HPP

#include <neurotool/plugin/sdk/text.hpp>

#include <limits>
#include <tuple>

namespace neurotool::sdk {

/// Smallest and largest value, both allowed. Both 0: no bounds but the type's.
struct Range {
  double minimum = 0, maximum = 0;
};

enum class Given { kOptional, kRequired };

/// A word of a choice and the enumerator it stands for.
template <class E>
struct Word {
  std::string_view text;
  E value;
};
template <class E>
constexpr Word<E> word(std::string_view text, E value) {
  return {text, value};
}

namespace detail {

template <class T>
constexpr std::int32_t option_type() {
  static_assert(std::is_arithmetic_v<T> || std::is_same_v<T, std::string> ||
                    std::is_same_v<T, std::vector<std::int64_t>>,
                "an option is a bool, a number, a std::string, a std::vector<std::int64_t>, or a "
                "choice()");
  if constexpr (std::is_same_v<T, bool>)
    return NT_BOOL;
  else if constexpr (std::is_integral_v<T>)
    return NT_INT;
  else if constexpr (std::is_floating_point_v<T>)
    return NT_REAL;
  else if constexpr (std::is_same_v<T, std::string>)
    return NT_TEXT;
  else
    return NT_INT_LIST;
}

template <class S, class T>
struct OptionRow {
  std::string_view key;
  T S::*member;
  std::string_view summary;
  Range range;
  std::string_view unit;
  Given given;
};

template <class S, class E, std::size_t N>
struct ChoiceRow {
  std::string_view key;
  E S::*member;
  std::string_view summary;
  std::array<Word<E>, N> words;
};

/// A narrow integer is bounded by its own type unless the row says less.
template <class T>
constexpr Range bounded(Range range) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (range.minimum == 0 && range.maximum == 0 && !std::is_same_v<T, std::int64_t>) {
      return {static_cast<double>(std::numeric_limits<T>::min()),
              static_cast<double>(std::numeric_limits<T>::max())};
    }
  }
  return range;
}

}  // namespace detail

/// Built by info(); every function returns a larger constant.
template <class Rows, std::size_t ModelCount, std::size_t KindCount>
struct Info {
  std::string_view id, summary;
  Rows rows;
  std::array<std::string_view, ModelCount> model_words;
  std::array<std::string_view, KindCount> kind_words;

  /// .option("core_size", &Options::core_size, "Neurons that one core holds.", {1, 4096})
  template <class S, class T>
  constexpr auto option(std::string_view key, T S::*member, std::string_view text, Range range = {},
                        std::string_view unit = {}) const {
    return with(detail::OptionRow<S, T>{key, member, text, detail::bounded<T>(range), unit,
                                        Given::kOptional});
  }
  /// As option(), without a default: the user must set it.
  template <class S, class T>
  constexpr auto required(std::string_view key, T S::*member, std::string_view text,
                          Range range = {}, std::string_view unit = {}) const {
    return with(detail::OptionRow<S, T>{key, member, text, detail::bounded<T>(range), unit,
                                        Given::kRequired});
  }
  /// .choice("rounding", &Options::rounding, "How weights are rounded.",
  ///         nt::word("nearest", Rounding::kNearest), nt::word("floor", Rounding::kFloor))
  template <class S, class E, class... More>
  constexpr auto choice(std::string_view key, E S::*member, std::string_view text, Word<E> first,
                        More... more) const {
    return with(
        detail::ChoiceRow<S, E, 1 + sizeof...(More)>{key, member, text, {{first, more...}}});
  }
  /// Neuron models that the target takes; the host refuses others before the target is asked.
  template <class... Words>
  constexpr auto models(Words... words) const {
    return Info<Rows, sizeof...(Words), KindCount>{
        id, summary, rows, {{std::string_view(words)...}}, kind_words};
  }
  /// Projection kinds that the target takes.
  template <class... Words>
  constexpr auto kinds(Words... words) const {
    return Info<Rows, ModelCount, sizeof...(Words)>{
        id, summary, rows, model_words, {{std::string_view(words)...}}};
  }

 private:
  template <class Row>
  constexpr auto with(Row row) const {
    auto all = std::tuple_cat(rows, std::make_tuple(row));
    return Info<decltype(all), ModelCount, KindCount>{id, summary, all, model_words, kind_words};
  }
};

/// id is the word after "target:" in a pipeline file, and the file is called neurotool_<id>.so.
constexpr auto info(std::string_view id, std::string_view summary) {
  return Info<std::tuple<>, 0, 0>{id, summary, {}, {}, {}};
}

/// What a plugin says about itself: NEUROTOOL_PLUGIN_ABOUT(nt::about("org.example.acme", "1.0.0")
/// .by("Acme", "Apache-2.0", "https://example.org"), Acme)
struct About {
  std::string_view id, version, vendor, license, url, summary;

  constexpr About by(std::string_view who, std::string_view under,
                     std::string_view where = {}) const {
    return {id, version, who, under, where, summary};
  }
  constexpr About says(std::string_view text) const {
    return {id, version, vendor, license, url, text};
  }
};
constexpr About about(std::string_view id, std::string_view version) {
  return {id, version, {}, {}, {}, {}};
}

}  // namespace neurotool::sdk

#endif
