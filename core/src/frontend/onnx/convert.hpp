// The operators that can be imported: one table, one converter each.
#pragma once

#include <span>
#include <string_view>

#include "frontend/onnx/node.hpp"

namespace neurotool::from_onnx {

inline constexpr int kFirstOpset = 7;
inline constexpr int kLastOpset = 22;

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

/// Checks inputs, converts, and reports attributes that nobody read.
void convert(const Operator& op, Node& node);

/// Whether the node has between `least` and `most` inputs, the first `least` of them present;
/// reported (onnx.input) when not. For operators whose older forms take fewer.
bool has_inputs(Node& node, std::size_t least, std::size_t most);

// Converters by family. Each brings the forms of all supported opsets to the one in ir/ops.hpp.

// convert_linear.cpp
void convert_batch_normalization(Node& node);
void convert_conv(Node& node);
void convert_gemm(Node& node);
void convert_mat_mul(Node& node);

// convert_pool.cpp
void convert_average_pool(Node& node);
void convert_global_average_pool(Node& node);
void convert_max_pool(Node& node);
void convert_reduce_mean(Node& node);

// convert_composed.cpp
void convert_dequantize_linear(Node& node);
void convert_layer_normalization(Node& node);
void convert_quantize_linear(Node& node);

// convert_elementwise.cpp
void convert_binary(Node& node);
void convert_cast(Node& node);
void convert_clip(Node& node);
void convert_constant(Node& node);
void convert_dropout(Node& node);
void convert_identity(Node& node);
void convert_softmax(Node& node);
void convert_unary(Node& node);
void convert_variadic(Node& node);

// convert_shape.cpp
void convert_concat(Node& node);
void convert_constant_of_shape(Node& node);
void convert_flatten(Node& node);
void convert_gather(Node& node);
void convert_pad(Node& node);
void convert_reshape(Node& node);
void convert_shape(Node& node);
void convert_slice(Node& node);
void convert_squeeze(Node& node);
void convert_transpose(Node& node);
void convert_unsqueeze(Node& node);

}  // namespace neurotool::from_onnx
