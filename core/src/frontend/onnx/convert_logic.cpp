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

void convert_where(Node& node) { node.finish(Where{}, node.inputs()); }

void convert_mod(Node& node) {
  const bool like_dividend = node.attributes.flag("fmod", false);
  node.finish(Binary{like_dividend ? BinaryKind::kFmod : BinaryKind::kMod}, node.inputs());
}

}  // namespace neurotool::from_onnx
