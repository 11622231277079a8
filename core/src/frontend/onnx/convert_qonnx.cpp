// The quantisers of QONNX and Brevitas, which keep float values on a grid of a given number of
// bits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

enum class Round { kHalfEven, kUp, kDown, kToZero, kFromZero, kHalfUp, kHalfDown };

std::optional<Round> read_rounding(Node& node) {
  std::string mode = node.attributes.text("rounding_mode", "ROUND");
  std::ranges::transform(mode, mode.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  if (mode == "ROUND" || mode == "HALF_EVEN") return Round::kHalfEven;
  if (mode == "CEIL") return Round::kUp;
  if (mode == "FLOOR") return Round::kDown;
  if (mode == "DOWN" || mode == "ROUND_TO_ZERO") return Round::kToZero;
  if (mode == "UP") return Round::kFromZero;
  if (mode == "HALF_UP") return Round::kHalfUp;
  if (mode == "HALF_DOWN") return Round::kHalfDown;
  node.refuse("onnx.attribute", fmt::format("rounding_mode = '{}' is not known", mode));
  return std::nullopt;
}

ValueId rounded(Compose& c, ValueId x, Round how) {
  // Away from zero and towards it are the same up and down, with the sign taken out.
  const auto by_size = [&](UnaryKind kind, float shift) {
    const ValueId size = c.add(c.unary(UnaryKind::kAbs, x), c.number(shift));
    return c.mul(c.unary(UnaryKind::kSign, x), c.unary(kind, size));
  };
  switch (how) {
    case Round::kHalfEven:
      return c.unary(UnaryKind::kRound, x);
    case Round::kUp:
      return c.unary(UnaryKind::kCeil, x);
    case Round::kDown:
      return c.unary(UnaryKind::kFloor, x);
    case Round::kToZero:
      return by_size(UnaryKind::kFloor, 0);
    case Round::kFromZero:
      return by_size(UnaryKind::kCeil, 0);
    case Round::kHalfUp:
      return by_size(UnaryKind::kFloor, 0.5f);
    case Round::kHalfDown:
      return by_size(UnaryKind::kCeil, -0.5f);
  }
  return {};
}

/// A constant number of bits, or a refusal.
std::optional<double> read_bits(Node& node, std::size_t input) {
  if (node.has_broken_input()) return std::nullopt;
  const Tensor& bits = node.type(input).constant;
  const bool sound = bits.defined() && bits.size() == 1 && bits.at(0) >= 1 && bits.at(0) <= 32;
  if (sound) return bits.at(0);
  node.refuse("onnx.quantization",
              bits.defined() && bits.size() == 1
                  ? fmt::format("{} has {} bits, outside 1 to 32", node.op_type(), bits.at(0))
                  : fmt::format("the number of bits of {} is not one constant", node.op_type()));
  return std::nullopt;
}

bool check_scale(Node& node) {
  if (node.has_broken_input()) return false;
  const Tensor& scale = node.type(1).constant;
  for (std::int64_t i = 0; scale.defined() && i < scale.size(); ++i) {
    if (scale.at(i) > 0 && std::isfinite(scale.at(i))) continue;
    node.refuse("onnx.quantization",
                fmt::format("scale {} of {} is {}, not positive", i, node.op_type(), scale.at(i)));
    return false;
  }
  return true;
}

}  // namespace

void convert_quant(Node& node) {
  const bool is_signed = node.attributes.flag("signed", true);
  const bool narrow = node.attributes.flag("narrow", false);
  const auto how = read_rounding(node);
  const auto bits = read_bits(node, 3);
  if (!how || !bits || !check_scale(node)) return;
  double most = std::exp2(is_signed ? *bits - 1 : *bits) - 1, least = 0;
  if (is_signed) least = -most - (narrow ? 0 : 1);
  if (!is_signed && narrow) most -= 1;
  Compose c(node);
  ValueId x = c.add(c.div(node.input(0), node.input(1)), node.input(2));
  // QONNX holds the value in its range before it rounds.
  x = rounded(c, c.clip(x, static_cast<float>(least), static_cast<float>(most)), *how);
  c.finish_binary(BinaryKind::kMul, c.sub(x, node.input(2)), node.input(1));
}

void convert_bipolar_quant(Node& node) {
  if (!check_scale(node)) return;
  Compose c(node);
  const ValueId below = c.binary(BinaryKind::kLess, node.input(0), c.number(0));
  c.finish(Where{}, {below, c.negative(node.input(1)), node.input(1)});
}

void convert_trunc(Node& node) {
  const std::string mode = node.attributes.text("rounding_mode", "FLOOR");
  const bool is_signed = node.attributes.flag("signed", true);
  const bool narrow = node.attributes.flag("narrow", false);
  // The older form has input and output bits, the newer one an output scale between them.
  const bool has_out_scale = node.input_count() == 6;
  const auto in_bits = read_bits(node, 3);
  const auto out_bits = in_bits ? read_bits(node, has_out_scale ? 5 : 4) : std::nullopt;
  if (!out_bits || !check_scale(node)) return;
  if (!has_out_scale && *out_bits > *in_bits) {
    node.refuse("onnx.quantization", fmt::format("Trunc from {} to {} bits", *in_bits, *out_bits));
    return;
  }
  const bool up = mode == "CEIL" || mode == "ceil", even = mode == "ROUND" || mode == "round";
  if (!up && !even && mode != "FLOOR" && mode != "floor") {
    node.refuse("onnx.attribute", fmt::format("rounding_mode = '{}' is not known", mode));
    return;
  }
  const UnaryKind how = up ? UnaryKind::kCeil : even ? UnaryKind::kRound : UnaryKind::kFloor;
  Compose c(node);
  const ValueId scale = node.input(1), zero = node.input(2);
  // The stored integer, exact again, and the bits that go.
  const ValueId stored = c.unary(UnaryKind::kRound, c.add(c.div(node.input(0), scale), zero));
  if (!has_out_scale) {
    const auto step = static_cast<float>(std::exp2(*in_bits - *out_bits));
    const ValueId cut = c.unary(how, c.div(stored, c.number(step)));
    return c.finish_binary(BinaryKind::kMul, c.sub(cut, zero), scale);
  }
  double most = std::exp2(is_signed ? *out_bits - 1 : *out_bits) - 1, least = 0;
  if (is_signed) least = -most - (narrow ? 0 : 1);
  if (!is_signed && narrow) most -= 1;
  const ValueId step = c.div(node.input(4), scale);
  const ValueId cut = c.unary(
      how, c.clip(c.div(stored, step), static_cast<float>(least), static_cast<float>(most)));
  c.finish_binary(BinaryKind::kMul, c.sub(cut, c.div(zero, step)), node.input(4));
}

}  // namespace neurotool::from_onnx
