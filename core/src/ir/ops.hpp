// The tensor operations: a closed set, so that std::visit lists every place that forgot one. Names,
// attributes and meaning follow ONNX at the newest opset; the importer brings older forms to it.
// Attributes that ONNX turned into inputs are inputs here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/tensor.hpp"

namespace neurotool {

/// Inputs: x[N,C,spatial…], weight[M,C/group,kernel…], optional bias[M].
struct Conv {
  std::vector<std::int64_t> strides, dilations;
  std::vector<std::int64_t> pads;  ///< begins of all spatial axes, then ends; explicit, never "auto"
  std::int64_t group = 1;
};
/// alpha * op(A) * op(B) + beta * C, C optional.
struct Gemm {
  float alpha = 1, beta = 1;
  bool trans_a = false, trans_b = false;
};
/// numpy.matmul.
struct MatMul {};
/// Inference form. Inputs: x, scale, bias, mean, variance.
struct BatchNorm {
  float epsilon = 1e-5f;
};
struct MaxPool {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  bool ceil_mode = false;
};
struct AveragePool {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  bool ceil_mode = false;
  bool count_include_pad = false;
};
struct GlobalAveragePool {};

enum class UnaryKind { kAbs, kCeil, kErf, kExp, kFloor, kLog, kNeg, kRelu, kRound, kSigmoid, kSqrt, kTanh };
/// One value in, one out, element by element.
struct Unary {
  UnaryKind kind;
};
enum class BinaryKind { kAdd, kSub, kMul, kDiv, kPow, kMin, kMax };
/// Two inputs, numpy broadcasting.
struct Binary {
  BinaryKind kind;
};
/// Inputs: x, optional min, optional max (scalars).
struct Clip {};
struct Softmax {
  std::int64_t axis = -1;
};

struct Flatten {
  std::int64_t axis = 1;
};
/// Inputs: data, shape (int64). 0 copies an extent unless allow_zero; -1 is inferred.
struct Reshape {
  bool allow_zero = false;
};
struct Transpose {
  std::vector<std::int64_t> perm;
};
/// Inputs: data, optional axes (int64).
struct Squeeze {};
/// Inputs: data, axes (int64).
struct Unsqueeze {};
struct Concat {
  std::int64_t axis = 0;
};
/// Inputs: data, starts, ends, optional axes, optional steps.
struct Slice {};
/// Inputs: data, pads, optional value, optional axes. Constant mode only.
struct Pad {};
struct Gather {
  std::int64_t axis = 0;
};
/// Inputs: data, optional axes.
struct ReduceMean {
  bool keep_dims = true;
};
struct Cast {
  DType to;
};
/// The extents of the input as int64, from `start` to `end`.
struct ShapeOf {
  std::int64_t start = 0;
  std::optional<std::int64_t> end;
};
/// Input: shape. Output: filled with the one element of `value`.
struct ConstantOfShape {
  Tensor value;
};
/// Identity, and Dropout at inference.
struct Identity {};

using Op = std::variant<Conv, Gemm, MatMul, BatchNorm, MaxPool, AveragePool, GlobalAveragePool, Unary,
                        Binary, Clip, Softmax, Flatten, Reshape, Transpose, Squeeze, Unsqueeze,
                        Concat, Slice, Pad, Gather, ReduceMean, Cast, ShapeOf, ConstantOfShape,
                        Identity>;

/// "conv", "relu", "add", … as dumps and messages say it.
std::string_view op_name(const Op& op);

}  // namespace neurotool
