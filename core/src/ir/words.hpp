// The words that dumps and snapshots use for enumerators, in the order of the enumeration.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/check.hpp"
#include "ir/neurons.hpp"
#include "ir/ops.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

template <class Enum>
inline constexpr std::array<std::string_view, 0> kWords{};

template <>
inline constexpr std::array kWords<DType> = {
    std::string_view("bool"), std::string_view("i8"),   std::string_view("u8"),
    std::string_view("i16"),  std::string_view("u16"),  std::string_view("i32"),
    std::string_view("u32"),  std::string_view("i64"),  std::string_view("u64"),
    std::string_view("f16"),  std::string_view("bf16"), std::string_view("f32"),
    std::string_view("f64")};
template <>
inline constexpr std::array kWords<UnaryKind> = {
    std::string_view("abs"),     std::string_view("ceil"),  std::string_view("erf"),
    std::string_view("exp"),     std::string_view("floor"), std::string_view("log"),
    std::string_view("neg"),     std::string_view("relu"),  std::string_view("round"),
    std::string_view("sigmoid"), std::string_view("sqrt"),  std::string_view("tanh")};
template <>
inline constexpr std::array kWords<BinaryKind> = {std::string_view("add"), std::string_view("sub"),
                                                  std::string_view("mul"), std::string_view("div"),
                                                  std::string_view("pow"), std::string_view("min"),
                                                  std::string_view("max")};
template <>
inline constexpr std::array kWords<Reset> = {std::string_view("subtract"),
                                             std::string_view("to_value")};
template <>
inline constexpr std::array kWords<Rounding> = {std::string_view("floor"),
                                                std::string_view("toward_zero")};
template <>
inline constexpr std::array kWords<BiasTiming> = {
    std::string_view("every_step"), std::string_view("first_step"), std::string_view("last_step")};
template <>
inline constexpr std::array kWords<Arithmetic> = {std::string_view("float32"),
                                                  std::string_view("integer")};

template <class Enum>
concept Worded = kWords<Enum>
.size() > 0;

template <Worded Enum>
std::string_view word_of(Enum value) {
  const auto index = static_cast<std::size_t>(value);
  NT_CHECK(index < kWords<Enum>.size(), "no such enumerator");
  return kWords<Enum>[index];
}

template <Worded Enum>
std::optional<Enum> from_word(std::string_view word) {
  for (std::size_t i = 0; i < kWords<Enum>.size(); ++i) {
    if (kWords<Enum>[i] == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace neurotool
