// The operators that can be imported: one table, one converter each.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "frontend/onnx/node.hpp"

namespace neurotool::from_onnx {

inline constexpr int kFirstOpset = 1;
inline constexpr int kLastOpset = 27;

/// Any number of inputs.
inline constexpr std::size_t kMany = 1000;

struct Operator {
  std::string_view name;
  int first_opset;          ///< the operator exists from here on
  int last_opset;           ///< the newest form that the converter knows
  std::size_t least, most;  ///< inputs
  void (*convert)(Node& node);
};

/// Sorted by name.
std::span<const Operator> operators();
/// The operator of ONNX's own domain with this name, or nullptr.
const Operator* find_operator(std::string_view name);
/// The same for the domains of QONNX, FINN and Brevitas, whose quantisers are supported.
const Operator* find_quantizer(std::string_view domain, std::string_view name);

/// Checks inputs, converts, and reports attributes that nobody read.
void convert(const Operator& op, Node& node);

/// Whether the node has between `least` and `most` inputs, the first `least` of them present;
/// reported (onnx.input) when not. For operators whose older forms take fewer.
bool has_inputs(Node& node, std::size_t least, std::size_t most);

/// The operands of an elementwise operator; before opset 7 the second one may have to be moved to
/// an axis of the first. Nothing when it had to refuse.
std::optional<std::pair<ValueId, ValueId>> broadcast_operands(Node& node);

// Converters by family. Each brings the forms of all supported opsets to the one in ir/ops.hpp.

// convert_linear.cpp
void convert_batch_normalization(Node& node);
void convert_conv(Node& node);
void convert_gemm(Node& node);
void convert_mat_mul(Node& node);

// convert_transposed.cpp
void convert_conv_transpose(Node& node);

// convert_pool.cpp
void convert_average_pool(Node& node);
void convert_global_average_pool(Node& node);
void convert_global_lp_pool(Node& node);
void convert_global_max_pool(Node& node);
void convert_lp_pool(Node& node);
void convert_max_pool(Node& node);

// convert_normalise.cpp
void convert_group_normalization(Node& node);
void convert_instance_normalization(Node& node);
void convert_layer_normalization(Node& node);
void convert_lp_normalization(Node& node);
void convert_lrn(Node& node);
void convert_mean_variance_normalization(Node& node);
void convert_rms_normalization(Node& node);

// convert_quantized.cpp
void convert_conv_integer(Node& node);
void convert_dequantize_linear(Node& node);
void convert_dynamic_quantize_linear(Node& node);
void convert_mat_mul_integer(Node& node);
void convert_qlinear_conv(Node& node);
void convert_qlinear_mat_mul(Node& node);
void convert_quantize_linear(Node& node);

// convert_qonnx.cpp
void convert_bipolar_quant(Node& node);
void convert_quant(Node& node);
void convert_trunc(Node& node);

// convert_recurrent.cpp
void convert_gru(Node& node);
void convert_lstm(Node& node);
void convert_rnn(Node& node);

// convert_attention.cpp
void convert_attention(Node& node);

// convert_elementwise.cpp
void convert_binary(Node& node);
void convert_cast(Node& node);
void convert_cast_like(Node& node);
void convert_clip(Node& node);
void convert_constant(Node& node);
void convert_dropout(Node& node);
void convert_identity(Node& node);
void convert_softmax(Node& node);
void convert_unary(Node& node);
void convert_variadic(Node& node);

// convert_logic.cpp
void convert_greater(Node& node);
void convert_greater_or_equal(Node& node);
void convert_is_inf(Node& node);
void convert_is_nan(Node& node);
void convert_mod(Node& node);
void convert_where(Node& node);

// convert_activations.cpp
void convert_celu(Node& node);
void convert_elu(Node& node);
void convert_gelu(Node& node);
void convert_hard_sigmoid(Node& node);
void convert_hard_swish(Node& node);
void convert_leaky_relu(Node& node);
void convert_mish(Node& node);
void convert_prelu(Node& node);
void convert_reciprocal(Node& node);
void convert_selu(Node& node);
void convert_shrink(Node& node);
void convert_softplus(Node& node);
void convert_softsign(Node& node);
void convert_swish(Node& node);
void convert_thresholded_relu(Node& node);

// convert_reduce.cpp
void convert_arg_max(Node& node);
void convert_einsum(Node& node);
void convert_range(Node& node);
void convert_reduce_l1(Node& node);
void convert_reduce_l2(Node& node);
void convert_reduce_log_sum(Node& node);
void convert_reduce_log_sum_exp(Node& node);
void convert_reduce_max(Node& node);
void convert_reduce_mean(Node& node);
void convert_reduce_min(Node& node);
void convert_reduce_prod(Node& node);
void convert_reduce_sum(Node& node);
void convert_reduce_sum_square(Node& node);
void convert_size(Node& node);

// convert_resize.cpp
void convert_depth_to_space(Node& node);
void convert_resize(Node& node);
void convert_space_to_depth(Node& node);
void convert_upsample(Node& node);

// convert_shape.cpp
void convert_concat(Node& node);
void convert_constant_of_shape(Node& node);
void convert_expand(Node& node);
void convert_flatten(Node& node);
void convert_gather(Node& node);
void convert_pad(Node& node);
void convert_reshape(Node& node);
void convert_shape(Node& node);
void convert_slice(Node& node);
void convert_split(Node& node);
void convert_squeeze(Node& node);
void convert_tile(Node& node);
void convert_transpose(Node& node);
void convert_unsqueeze(Node& node);

}  // namespace neurotool::from_onnx
