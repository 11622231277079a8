// Comparisons, truth values, choices, and the rest of a division.
#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {

void convert_greater(Node& node) {
  const auto operands = broadcast_operands(node);
  if (!operands) return;
  node.finish(Binary{BinaryKind::kLess}, {operands->second, operands->first});
}

void convert_greater_or_equal(Node& node) {
  node.finish(Binary{BinaryKind::kLessOrEqual}, {node.input(1), node.input(0)});
}

void convert_is_inf(Node& node) {
  const bool below = node.attributes.flag("detect_negative", true);
  const bool above = node.attributes.flag("detect_positive", true);
  Compose c(node);
  const ValueId high = c.number(Compose::kInfinity), low = c.number(-Compose::kInfinity);
  if (below && above) {
    return c.finish_binary(BinaryKind::kEqual, c.unary(UnaryKind::kAbs, c.in(0)), high);
  }
  if (below || above) return c.finish_binary(BinaryKind::kEqual, c.in(0), below ? low : high);
  // Nothing is looked for: nothing is found.
  c.finish_binary(BinaryKind::kLess, c.in(0), low);
}

void convert_is_nan(Node& node) {
  Compose c(node);
  // The only number that is not equal to itself.
  c.finish(Unary{UnaryKind::kNot}, {c.binary(BinaryKind::kEqual, c.in(0), c.in(0))});
}

void convert_where(Node& node) { node.finish(Where{}, node.inputs()); }

void convert_mod(Node& node) {
  const bool like_dividend = node.attributes.flag("fmod", false);
  node.finish(Binary{like_dividend ? BinaryKind::kFmod : BinaryKind::kMod}, node.inputs());
}

}  // namespace neurotool::from_onnx
