// The table of operators and what is common to all conversions.
#include "frontend/onnx/convert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurotool::from_onnx {
namespace {

constexpr int kNow = kLastOpset;

// An operator that is older than the oldest supported opset is listed from that opset on.
constexpr Operator kOperators[] = {
    {"Abs", 7, kNow, 1, 1, convert_unary},
    {"Add", 7, kNow, 2, 2, convert_binary},
    {"AveragePool", 7, kNow, 1, 1, convert_average_pool},
    {"BatchNormalization", 7, kNow, 5, 5, convert_batch_normalization},
    {"Cast", 7, kNow, 1, 1, convert_cast},
    {"Ceil", 7, kNow, 1, 1, convert_unary},
    {"Clip", 7, kNow, 1, 3, convert_clip},
    {"Concat", 7, kNow, 1, kMany, convert_concat},
    {"Constant", 7, kNow, 0, 0, convert_constant},
    {"ConstantOfShape", 9, kNow, 1, 1, convert_constant_of_shape},
    {"Conv", 7, kNow, 2, 3, convert_conv},
    {"DequantizeLinear", 10, kNow, 2, 3, convert_dequantize_linear},
    {"Div", 7, kNow, 2, 2, convert_binary},
    {"Dropout", 7, kNow, 1, 3, convert_dropout},
    {"Erf", 9, kNow, 1, 1, convert_unary},
    {"Exp", 7, kNow, 1, 1, convert_unary},
    {"Flatten", 7, kNow, 1, 1, convert_flatten},
    {"Floor", 7, kNow, 1, 1, convert_unary},
    {"Gather", 7, kNow, 2, 2, convert_gather},
    {"Gemm", 7, kNow, 2, 3, convert_gemm},
    {"GlobalAveragePool", 7, kNow, 1, 1, convert_global_average_pool},
    {"Identity", 7, kNow, 1, 1, convert_identity},
    {"LayerNormalization", 17, kNow, 2, 3, convert_layer_normalization},
    {"Log", 7, kNow, 1, 1, convert_unary},
    {"MatMul", 7, kNow, 2, 2, convert_mat_mul},
    {"Max", 7, kNow, 1, kMany, convert_variadic},
    {"MaxPool", 7, kNow, 1, 1, convert_max_pool},
    {"Min", 7, kNow, 1, kMany, convert_variadic},
    {"Mul", 7, kNow, 2, 2, convert_binary},
    {"Neg", 7, kNow, 1, 1, convert_unary},
    {"Pad", 7, kNow, 1, 4, convert_pad},
    {"Pow", 7, kNow, 2, 2, convert_binary},
    {"QuantizeLinear", 10, kNow, 2, 3, convert_quantize_linear},
    {"ReduceMean", 7, kNow, 1, 2, convert_reduce_mean},
    {"Relu", 7, kNow, 1, 1, convert_unary},
    {"Reshape", 7, kNow, 2, 2, convert_reshape},
    {"Round", 11, kNow, 1, 1, convert_unary},
    {"Shape", 7, kNow, 1, 1, convert_shape},
    {"Sigmoid", 7, kNow, 1, 1, convert_unary},
    {"Slice", 7, kNow, 1, 5, convert_slice},
    {"Softmax", 7, kNow, 1, 1, convert_softmax},
    {"Sqrt", 7, kNow, 1, 1, convert_unary},
    {"Squeeze", 7, kNow, 1, 2, convert_squeeze},
    {"Sub", 7, kNow, 2, 2, convert_binary},
    {"Sum", 7, kNow, 1, kMany, convert_variadic},
    {"Tanh", 7, kNow, 1, 1, convert_unary},
    {"Transpose", 7, kNow, 1, 1, convert_transpose},
    {"Unsqueeze", 7, kNow, 1, 2, convert_unsqueeze},
};
static_assert(std::ranges::is_sorted(kOperators, {}, &Operator::name));

}  // namespace

std::span<const Operator> operators() { return kOperators; }

const Operator* find_operator(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kOperators, name, {}, &Operator::name);
  return found != std::end(kOperators) && found->name == name ? found : nullptr;
}

bool has_inputs(Node& node, std::size_t least, std::size_t most) {
  const std::size_t count = node.input_count();
  if (count < least || count > most) {
    node.refuse(
        "onnx.input",
        fmt::format("{} has {} inputs in opset {}, {} needed", node.op_type(), count, node.opset(),
                    least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most),
                    node.opset()));
    return false;
  }
  for (std::size_t i = 0; i < least; ++i) {
    if (node.has(i)) continue;
    node.refuse("onnx.input", fmt::format("input {} of {} is missing", i + 1, node.op_type()));
    return false;
  }
  return true;
}

void convert(const Operator& op, Node& node) {
  if (!has_inputs(node, op.least, op.most)) return;
  op.convert(node);
  // A converter that refused may have stopped reading half way.
  if (node.output().valid()) node.attributes.finish(op.name, node.opset());
}

}  // namespace neurotool::from_onnx
