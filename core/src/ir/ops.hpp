// The tensor operations: a closed set, so that std::visit lists every place that forgot one. Names,
// attributes and meaning follow ONNX at the newest opset; the importer brings older forms to it.
// Attributes that ONNX turned into inputs are inputs here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/tensor.hpp"

namespace neurotool {

/// Inputs: x[N,C,spatial…], weight[M,C/group,kernel…], optional bias[M].
struct Conv {
  std::vector<std::int64_t> strides, dilations;
  std::vector<std::int64_t>
      pads;  ///< begins of all spatial axes, then ends; explicit, never "auto"
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
/// What a maximum over windows gives: its value, or its place among the elements of the input,
/// counted along rows or (of the spatial axes) along columns.
enum class PoolResult { kValue, kIndex, kColumnIndex };
struct MaxPool {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  bool ceil_mode = false;
  PoolResult result = PoolResult::kValue;
};
struct AveragePool {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  bool ceil_mode = false;
  bool count_include_pad = false;
};
struct GlobalAveragePool {};

enum class UnaryKind {
  kAbs,
  kCeil,
  kCos,
  kErf,
  kExp,
  kFloor,
  kLog,
  kNeg,
  kNot,
  kRelu,
  kRound,
  kSigmoid,
  kSign,
  kSin,
  kSqrt,
  kTanh,
};
/// One value in, one out, element by element.
struct Unary {
  UnaryKind kind;
};
/// kMod has the sign of the divisor, kFmod that of the dividend. Greater is less the other way
/// round.
enum class BinaryKind {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMin,
  kMax,
  kMod,
  kFmod,
  kEqual,
  kLess,
  kLessOrEqual,
  kAnd,
  kOr,
  kXor,
};
/// Whether the result is a truth value.
bool is_predicate(BinaryKind kind);
/// Two inputs, numpy broadcasting.
struct Binary {
  BinaryKind kind;
};
/// Inputs: x, optional min, optional max (scalars).
struct Clip {};
/// How a quantised activation finds its whole number: floor(v), or the nearest with halves to the
/// even one.
enum class LevelRounding { kFloor, kHalfEven };
/// Inputs: x, scale (> 0; one number, or one for each channel of axis 1). The output is
/// scale * clip(round(x / scale + offset), low, high): what a neuron that counts from low to high
/// stands for. kFloor with offset 1/2 rounds halves up.
struct QuantizedActivation {
  std::int64_t low = 0, high = 1;
  LevelRounding rounding = LevelRounding::kFloor;
  float offset = 0.5f;
};
/// Inputs: condition (bool), x, y; numpy broadcasting. x where the condition holds, y elsewhere.
struct Where {};
/// The largest element's share, its logarithm, or 1 for the first of the largest and 0 elsewhere.
enum class SoftmaxKind { kSoftmax, kLogSoftmax, kHardmax };
struct Softmax {
  std::int64_t axis = -1;
  SoftmaxKind kind = SoftmaxKind::kSoftmax;
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
/// What stands in the padding: a value, the input mirrored at its edge elements, the edge elements,
/// or the input from the other side.
enum class PadMode { kConstant, kReflect, kEdge, kWrap };
/// Inputs: data, pads, optional value, optional axes.
struct Pad {
  PadMode mode = PadMode::kConstant;
};
/// Inputs: data, shape. numpy's broadcast of data with the shape.
struct Expand {};
/// Inputs: data, repeats, one for each axis.
struct Tile {};
struct Gather {
  std::int64_t axis = 0;
};
enum class ReduceKind { kMean, kSum, kProd, kMax, kMin };
/// Inputs: data, optional axes; without axes, over all.
struct Reduce {
  ReduceKind kind = ReduceKind::kMean;
  bool keep_dims = true;
};
/// The place of the largest element along an axis, as int64: of the first, or of the last.
struct ArgMax {
  std::int64_t axis = 0;
  bool keep_dims = true;
  bool select_last = false;
};
/// Inputs: start, limit, delta, one number each. The numbers from start on, before limit.
struct NumberRange {};
/// A sum of products by numpy's notation, "bij,bjk->bik", with an explicit result and no blanks.
struct Einsum {
  std::string equation;
};

enum class ResizeMode { kNearest, kLinear, kCubic };
/// Where an element of the output lies on the input's axis.
enum class ResizeCoordinates {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kCropAndResize,
};
enum class ResizeNearest { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
/// How the wanted sizes of several axes keep their proportion.
enum class ResizeAspect { kStretch, kNotLarger, kNotSmaller };
/// Inputs: data, optional roi, optional scales, optional sizes; one of the last two.
struct Resize {
  ResizeMode mode = ResizeMode::kNearest;
  ResizeCoordinates coordinates = ResizeCoordinates::kHalfPixel;
  ResizeNearest nearest = ResizeNearest::kRoundPreferFloor;
  ResizeAspect aspect = ResizeAspect::kStretch;
  std::vector<std::int64_t> axes;  ///< those that scales and sizes speak of; empty: all
  float cubic_a = -0.75f;
  float outside = 0;  ///< the value outside the crop, kCropAndResize only
  bool exclude_outside = false;
  bool antialias = false;
};

enum class RecurrentKind { kRnn, kGru, kLstm };
enum class RecurrentDirection { kForward, kReverse, kBidirectional };
enum class RecurrentResult { kAll, kLastHidden, kLastCell };
enum class Activation {
  kAffine,
  kElu,
  kHardSigmoid,
  kLeakyRelu,
  kRelu,
  kScaledTanh,
  kSigmoid,
  kSoftplus,
  kSoftsign,
  kTanh,
  kThresholdedRelu,
};
/// Inputs as in ONNX: x, W, R, optional bias, optional sequence lengths, optional initial hidden
/// state, and for kLstm optional initial cell state and optional peepholes. One result of three.
struct Recurrent {
  RecurrentKind kind = RecurrentKind::kLstm;
  RecurrentDirection direction = RecurrentDirection::kForward;
  RecurrentResult result = RecurrentResult::kAll;
  /// One for each gate function of each direction, with its two parameters.
  std::vector<Activation> activations;
  std::vector<float> alpha, beta;
  float clip = 0;                    ///< bound of what activations read; 0: none
  bool linear_before_reset = false;  ///< kGru only
  bool input_forget = false;         ///< kLstm only
  bool batch_first = false;          ///< ONNX's layout = 1
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

using Op =
    std::variant<Conv, Gemm, MatMul, BatchNorm, MaxPool, AveragePool, GlobalAveragePool, Unary,
                 Binary, Clip, Where, Softmax, Flatten, Reshape, Transpose, Squeeze, Unsqueeze,
                 Concat, Slice, Pad, Expand, Tile, Gather, Reduce, ArgMax, NumberRange, Einsum,
                 Resize, Recurrent, Cast, ShapeOf, ConstantOfShape, Identity,
                 QuantizedActivation>;

/// "conv", "relu", "add", … as dumps and messages say it.
std::string_view op_name(const Op& op);

}  // namespace neurotool
