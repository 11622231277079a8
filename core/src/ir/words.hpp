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
    std::string_view("abs"),  std::string_view("ceil"),  std::string_view("cos"),
    std::string_view("erf"),  std::string_view("exp"),   std::string_view("floor"),
    std::string_view("log"),  std::string_view("neg"),   std::string_view("not"),
    std::string_view("relu"), std::string_view("round"), std::string_view("sigmoid"),
    std::string_view("sign"), std::string_view("sin"),   std::string_view("sqrt"),
    std::string_view("tanh")};
template <>
inline constexpr std::array kWords<BinaryKind> = {
    std::string_view("add"),   std::string_view("sub"),  std::string_view("mul"),
    std::string_view("div"),   std::string_view("pow"),  std::string_view("min"),
    std::string_view("max"),   std::string_view("mod"),  std::string_view("fmod"),
    std::string_view("equal"), std::string_view("less"), std::string_view("less_or_equal"),
    std::string_view("and"),   std::string_view("or"),   std::string_view("xor")};
template <>
inline constexpr std::array kWords<PoolResult> = {
    std::string_view("value"), std::string_view("index"), std::string_view("column_index")};
template <>
inline constexpr std::array kWords<SoftmaxKind> = {
    std::string_view("softmax"), std::string_view("log_softmax"), std::string_view("hardmax")};
template <>
inline constexpr std::array kWords<PadMode> = {std::string_view("constant"),
                                               std::string_view("reflect"),
                                               std::string_view("edge"), std::string_view("wrap")};
template <>
inline constexpr std::array kWords<ReduceKind> = {
    std::string_view("reduce_mean"), std::string_view("reduce_sum"),
    std::string_view("reduce_prod"), std::string_view("reduce_max"),
    std::string_view("reduce_min")};
template <>
inline constexpr std::array kWords<ResizeMode> = {
    std::string_view("nearest"), std::string_view("linear"), std::string_view("cubic")};
template <>
inline constexpr std::array kWords<ResizeCoordinates> = {
    std::string_view("half_pixel"),         std::string_view("half_pixel_symmetric"),
    std::string_view("pytorch_half_pixel"), std::string_view("align_corners"),
    std::string_view("asymmetric"),         std::string_view("crop_and_resize")};
template <>
inline constexpr std::array kWords<ResizeNearest> = {
    std::string_view("round_prefer_floor"), std::string_view("round_prefer_ceil"),
    std::string_view("floor"), std::string_view("ceil")};
template <>
inline constexpr std::array kWords<ResizeAspect> = {
    std::string_view("stretch"), std::string_view("not_larger"), std::string_view("not_smaller")};
template <>
inline constexpr std::array kWords<RecurrentKind> = {
    std::string_view("rnn"), std::string_view("gru"), std::string_view("lstm")};
template <>
inline constexpr std::array kWords<RecurrentDirection> = {
    std::string_view("forward"), std::string_view("reverse"), std::string_view("bidirectional")};
template <>
inline constexpr std::array kWords<RecurrentResult> = {
    std::string_view("all"), std::string_view("last_hidden"), std::string_view("last_cell")};
template <>
inline constexpr std::array kWords<Activation> = {std::string_view("affine"),
                                                  std::string_view("elu"),
                                                  std::string_view("hard_sigmoid"),
                                                  std::string_view("leaky_relu"),
                                                  std::string_view("relu"),
                                                  std::string_view("scaled_tanh"),
                                                  std::string_view("sigmoid"),
                                                  std::string_view("softplus"),
                                                  std::string_view("softsign"),
                                                  std::string_view("tanh"),
                                                  std::string_view("thresholded_relu")};
template <>
inline constexpr std::array kWords<LevelRounding> = {std::string_view("floor"),
                                                     std::string_view("half_even")};
template <>
inline constexpr std::array kWords<Reset> = {std::string_view("subtract"),
                                             std::string_view("to_value")};
template <>
inline constexpr std::array kWords<Comparison> = {std::string_view("at_least"),
                                                  std::string_view("above")};
template <>
inline constexpr std::array kWords<Rounding> = {std::string_view("floor"),
                                                std::string_view("toward_zero")};
template <>
inline constexpr std::array kWords<Coding> = {
    std::string_view("none"), std::string_view("rate"),     std::string_view("poisson"),
    std::string_view("ttfs"), std::string_view("bitplane"), std::string_view("delta")};
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
