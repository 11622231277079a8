// The table of operators and what is common to all conversions.
#include "frontend/onnx/convert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurotool::from_onnx {
namespace {

constexpr int kNow = kLastOpset;

constexpr Operator kOperators[] = {
    {"Abs", 1, kNow, 1, 1, convert_unary},
    {"Add", 1, kNow, 2, 2, convert_binary},
    {"And", 1, kNow, 2, 2, convert_binary},
    {"ArgMax", 1, kNow, 1, 1, convert_arg_max},
    {"ArgMin", 1, kNow, 1, 1, convert_arg_max},
    {"Attention", 23, kNow, 3, 7, convert_attention},
    {"AveragePool", 1, kNow, 1, 1, convert_average_pool},
    {"BatchNormalization", 1, kNow, 5, 5, convert_batch_normalization},
    {"Cast", 1, kNow, 1, 1, convert_cast},
    {"CastLike", 15, kNow, 2, 2, convert_cast_like},
    {"Ceil", 1, kNow, 1, 1, convert_unary},
    {"Celu", 12, kNow, 1, 1, convert_celu},
    {"Clip", 1, kNow, 1, 3, convert_clip},
    {"Concat", 1, kNow, 1, kMany, convert_concat},
    {"Constant", 1, kNow, 0, 0, convert_constant},
    {"ConstantOfShape", 9, kNow, 1, 1, convert_constant_of_shape},
    {"Conv", 1, kNow, 2, 3, convert_conv},
    {"ConvInteger", 10, kNow, 2, 4, convert_conv_integer},
    {"ConvTranspose", 1, kNow, 2, 3, convert_conv_transpose},
    {"Cos", 7, kNow, 1, 1, convert_unary},
    {"DepthToSpace", 1, kNow, 1, 1, convert_depth_to_space},
    {"DequantizeLinear", 10, kNow, 2, 3, convert_dequantize_linear},
    {"Div", 1, kNow, 2, 2, convert_binary},
    {"Dropout", 1, kNow, 1, 3, convert_dropout},
    {"DynamicQuantizeLinear", 11, kNow, 1, 1, convert_dynamic_quantize_linear},
    {"Einsum", 12, kNow, 1, kMany, convert_einsum},
    {"Elu", 1, kNow, 1, 1, convert_elu},
    {"Equal", 1, kNow, 2, 2, convert_binary},
    {"Erf", 9, kNow, 1, 1, convert_unary},
    {"Exp", 1, kNow, 1, 1, convert_unary},
    {"Expand", 8, kNow, 2, 2, convert_expand},
    {"Flatten", 1, kNow, 1, 1, convert_flatten},
    {"Floor", 1, kNow, 1, 1, convert_unary},
    {"GRU", 1, kNow, 3, 6, convert_gru},
    {"Gather", 1, kNow, 2, 2, convert_gather},
    {"Gelu", 20, kNow, 1, 1, convert_gelu},
    {"Gemm", 1, kNow, 2, 3, convert_gemm},
    {"GlobalAveragePool", 1, kNow, 1, 1, convert_global_average_pool},
    {"GlobalLpPool", 2, kNow, 1, 1, convert_global_lp_pool},
    {"GlobalMaxPool", 1, kNow, 1, 1, convert_global_max_pool},
    {"Greater", 1, kNow, 2, 2, convert_greater},
    {"GreaterOrEqual", 12, kNow, 2, 2, convert_greater_or_equal},
    {"GroupNormalization", 18, kNow, 3, 3, convert_group_normalization},
    {"HardSigmoid", 1, kNow, 1, 1, convert_hard_sigmoid},
    {"HardSwish", 14, kNow, 1, 1, convert_hard_swish},
    {"Hardmax", 1, kNow, 1, 1, convert_softmax},
    {"Identity", 1, kNow, 1, 1, convert_identity},
    {"InstanceNormalization", 1, kNow, 3, 3, convert_instance_normalization},
    {"IsInf", 10, kNow, 1, 1, convert_is_inf},
    {"IsNaN", 9, kNow, 1, 1, convert_is_nan},
    {"LRN", 1, kNow, 1, 1, convert_lrn},
    {"LSTM", 1, kNow, 3, 8, convert_lstm},
    {"LayerNormalization", 17, kNow, 2, 3, convert_layer_normalization},
    {"LeakyRelu", 1, kNow, 1, 1, convert_leaky_relu},
    {"Less", 1, kNow, 2, 2, convert_binary},
    {"LessOrEqual", 12, kNow, 2, 2, convert_binary},
    {"Log", 1, kNow, 1, 1, convert_unary},
    {"LogSoftmax", 1, kNow, 1, 1, convert_softmax},
    {"LpNormalization", 1, kNow, 1, 1, convert_lp_normalization},
    {"LpPool", 2, kNow, 1, 1, convert_lp_pool},
    {"MatMul", 1, kNow, 2, 2, convert_mat_mul},
    {"MatMulInteger", 10, kNow, 2, 4, convert_mat_mul_integer},
    {"Max", 1, kNow, 1, kMany, convert_variadic},
    {"MaxPool", 1, kNow, 1, 1, convert_max_pool},
    {"Mean", 1, kNow, 1, kMany, convert_variadic},
    {"MeanVarianceNormalization", 1, kNow, 1, 1, convert_mean_variance_normalization},
    {"Min", 1, kNow, 1, kMany, convert_variadic},
    {"Mish", 18, kNow, 1, 1, convert_mish},
    {"Mod", 10, kNow, 2, 2, convert_mod},
    {"Mul", 1, kNow, 2, 2, convert_binary},
    {"Neg", 1, kNow, 1, 1, convert_unary},
    {"Not", 1, kNow, 1, 1, convert_unary},
    {"Or", 1, kNow, 2, 2, convert_binary},
    {"PRelu", 1, kNow, 2, 2, convert_prelu},
    {"Pad", 1, kNow, 1, 4, convert_pad},
    {"Pow", 1, kNow, 2, 2, convert_binary},
    {"QLinearConv", 10, kNow, 8, 9, convert_qlinear_conv},
    {"QLinearMatMul", 10, kNow, 8, 8, convert_qlinear_mat_mul},
    {"QuantizeLinear", 10, kNow, 2, 3, convert_quantize_linear},
    {"RMSNormalization", 23, kNow, 2, 2, convert_rms_normalization},
    {"RNN", 1, kNow, 3, 6, convert_rnn},
    {"Range", 11, kNow, 3, 3, convert_range},
    {"Reciprocal", 1, kNow, 1, 1, convert_reciprocal},
    {"ReduceL1", 1, kNow, 1, 2, convert_reduce_l1},
    {"ReduceL2", 1, kNow, 1, 2, convert_reduce_l2},
    {"ReduceLogSum", 1, kNow, 1, 2, convert_reduce_log_sum},
    {"ReduceLogSumExp", 1, kNow, 1, 2, convert_reduce_log_sum_exp},
    {"ReduceMax", 1, kNow, 1, 2, convert_reduce_max},
    {"ReduceMean", 1, kNow, 1, 2, convert_reduce_mean},
    {"ReduceMin", 1, kNow, 1, 2, convert_reduce_min},
    {"ReduceProd", 1, kNow, 1, 2, convert_reduce_prod},
    {"ReduceSum", 1, kNow, 1, 2, convert_reduce_sum},
    {"ReduceSumSquare", 1, kNow, 1, 2, convert_reduce_sum_square},
    {"Relu", 1, kNow, 1, 1, convert_unary},
    {"Reshape", 1, kNow, 1, 2, convert_reshape},
    {"Resize", 10, kNow, 1, 4, convert_resize},
    {"Round", 11, kNow, 1, 1, convert_unary},
    {"Selu", 1, kNow, 1, 1, convert_selu},
    {"Shape", 1, kNow, 1, 1, convert_shape},
    {"Shrink", 9, kNow, 1, 1, convert_shrink},
    {"Sigmoid", 1, kNow, 1, 1, convert_unary},
    {"Sign", 9, kNow, 1, 1, convert_unary},
    {"Sin", 7, kNow, 1, 1, convert_unary},
    {"Size", 1, kNow, 1, 1, convert_size},
    {"Slice", 1, kNow, 1, 5, convert_slice},
    {"Softmax", 1, kNow, 1, 1, convert_softmax},
    {"Softplus", 1, kNow, 1, 1, convert_softplus},
    {"Softsign", 1, kNow, 1, 1, convert_softsign},
    {"SpaceToDepth", 1, kNow, 1, 1, convert_space_to_depth},
    {"Split", 1, kNow, 1, 2, convert_split},
    {"Sqrt", 1, kNow, 1, 1, convert_unary},
    {"Squeeze", 1, kNow, 1, 2, convert_squeeze},
    {"Sub", 1, kNow, 2, 2, convert_binary},
    {"Sum", 1, kNow, 1, kMany, convert_variadic},
    {"Swish", 24, kNow, 1, 1, convert_swish},
    {"Tanh", 1, kNow, 1, 1, convert_unary},
    {"ThresholdedRelu", 1, kNow, 1, 1, convert_thresholded_relu},
    {"Tile", 6, kNow, 2, 2, convert_tile},
    {"Transpose", 1, kNow, 1, 1, convert_transpose},
    {"Unsqueeze", 1, kNow, 1, 2, convert_unsqueeze},
    {"Upsample", 1, 9, 1, 2, convert_upsample},
    {"Where", 9, kNow, 3, 3, convert_where},
    {"Xor", 1, kNow, 2, 2, convert_binary},
};
static_assert(std::ranges::is_sorted(kOperators, {}, &Operator::name));

constexpr std::string_view kQuantizerDomains[] = {"finn", "finn.custom_op.general", "onnx.brevitas",
                                                  "qonnx", "qonnx.custom_op.general"};
constexpr Operator kQuantizers[] = {
    {"BipolarQuant", 1, kNow, 2, 2, convert_bipolar_quant},
    {"Quant", 1, kNow, 4, 4, convert_quant},
    {"Trunc", 1, kNow, 5, 6, convert_trunc},
};

}  // namespace

std::span<const Operator> operators() { return kOperators; }

const Operator* find_operator(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kOperators, name, {}, &Operator::name);
  return found != std::end(kOperators) && found->name == name ? found : nullptr;
}

const Operator* find_quantizer(std::string_view domain, std::string_view name) {
  if (std::ranges::find(kQuantizerDomains, domain) == std::end(kQuantizerDomains)) return nullptr;
  const auto* found = std::ranges::find(kQuantizers, name, &Operator::name);
  return found != std::end(kQuantizers) ? found : nullptr;
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
  if (node.wants(0) && !node.output().valid()) return;
  for (std::size_t i = 1; i < node.output_count(); ++i) {
    if (!node.wants(i) || node.output(i).valid() || node.has_broken_input()) continue;
    node.refuse("onnx.unsupported-form",
                fmt::format("output {} of {} is used, and it is not supported", i + 1, op.name));
    return;
  }
  node.attributes.finish(op.name, node.opset());
}

}  // namespace neurotool::from_onnx
