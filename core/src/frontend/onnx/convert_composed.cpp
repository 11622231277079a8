// Operators that are written as several of ours: layer normalisation, and the two ends of a
// quantised value. What is constant in them disappears again in fold_constants.
#include <fmt/format.h>

#include <limits>

#include "frontend/onnx/convert.hpp"
#include "frontend/onnx/tensors.hpp"
#include "ir/op_geometry.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr std::size_t kScale = 1, kZeroPoint = 2;

/// The range of the integers that a quantised value may have.
struct IntegerRange {
  float least, most;
};

std::optional<IntegerRange> range_of(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return IntegerRange{-128, 127};
    case DType::kUint8:
      return IntegerRange{0, 255};
    case DType::kInt16:
      return IntegerRange{-32768, 32767};
    case DType::kUint16:
      return IntegerRange{0, 65535};
    default:
      return std::nullopt;
  }
}

/// Scale and zero point as float32 that broadcast over the data; the zero point undefined when it
/// is absent or all zeros.
struct Quantizer {
  Tensor scale, zero_point;
};

/// Per-axis parameters as a column along their axis.
std::optional<Tensor> along_axis(Node& node, const Tensor& parameter, std::int64_t axis) {
  const Tensor numbers = parameter.converted(DType::kFloat32);
  if (parameter.size() == 1) return numbers.reshaped({});
  const auto& shape = node.type(0).shape;
  if (!shape || parameter.rank() != 1) {
    node.refuse(
        "onnx.unsupported-form",
        fmt::format("{} has parameters of shape {} for an input of {} shape", node.op_type(),
                    to_string(parameter.shape()), shape ? "known" : "unknown"),
        "one parameter for all elements, or one for each element of an axis, is supported");
    return std::nullopt;
  }
  const auto normal = normal_axis(axis, shape->size(), "axis");
  if (!normal) {
    node.refuse("onnx.shape", fmt::format("{}: {}", node.op_type(), normal.error().message));
    return std::nullopt;
  }
  const std::int64_t extent = (*shape)[*normal];
  if (extent != kFreeDim && extent != parameter.size()) {
    node.refuse("onnx.shape", fmt::format("{} has {} parameters for axis {} of {}", node.op_type(),
                                          parameter.size(), axis, to_string(*shape)));
    return std::nullopt;
  }
  Shape column(shape->size(), 1);
  column[*normal] = parameter.size();
  return numbers.reshaped(std::move(column));
}

std::optional<Quantizer> read_quantizer(Node& node) {
  const std::int64_t axis = node.attributes.integer("axis", 1);
  if (node.attributes.integer("block_size", 0) != 0) {
    node.refuse("onnx.unsupported-form", fmt::format("{} in blocks", node.op_type()),
                "quantise with one scale per tensor or per channel");
    return std::nullopt;
  }
  if (node.has_broken_input()) return std::nullopt;
  const Tensor scale = node.type(kScale).constant;
  const Tensor zero = node.has(kZeroPoint) ? node.type(kZeroPoint).constant : Tensor();
  if (!scale.defined() || (node.has(kZeroPoint) && !zero.defined())) {
    node.refuse("onnx.unsupported-form",
                fmt::format("the scale or zero point of {} is computed", node.op_type()),
                "quantise with constant scales and zero points");
    return std::nullopt;
  }
  for (std::int64_t i = 0; i < scale.size(); ++i) {
    if (scale.at(i) > 0) continue;
    node.refuse("onnx.quantization",
                fmt::format("scale {} of {} is {}, not positive", i, node.op_type(), scale.at(i)));
    return std::nullopt;
  }
  auto scales = along_axis(node, scale, axis);
  if (!scales) return std::nullopt;
  Quantizer result{.scale = *std::move(scales), .zero_point = {}};
  bool all_zero = true;
  for (std::int64_t i = 0; zero.defined() && i < zero.size(); ++i) {
    all_zero = all_zero && zero.at(i) == 0;
  }
  if (all_zero) return result;
  auto zeros = along_axis(node, zero, axis);
  if (!zeros) return std::nullopt;
  result.zero_point = *std::move(zeros);
  return result;
}

/// The type that QuantizeLinear makes.
std::optional<DType> quantized_type(Node& node) {
  const auto wanted = static_cast<int>(node.attributes.integer("output_dtype", 0));
  DType dtype = node.has(kZeroPoint) ? node.type(kZeroPoint).dtype : DType::kUint8;
  if (wanted != 0) dtype = dtype_of(wanted).value_or(DType::kFloat32);
  if (range_of(dtype)) return dtype;
  node.refuse("onnx.type", fmt::format("QuantizeLinear to {} is not supported", short_name(dtype)),
              "quantise to int8, uint8, int16 or uint16");
  return std::nullopt;
}

}  // namespace

void convert_quantize_linear(Node& node) {
  node.attributes.ignore({"saturate", "precision"});
  const auto quantizer = read_quantizer(node);
  const auto dtype = quantizer ? quantized_type(node) : std::nullopt;
  if (!dtype) return;
  const IntegerRange range = *range_of(*dtype);
  ValueId value = node.emit("scaled", Binary{BinaryKind::kDiv},
                            {node.input(0), node.constant("scale", quantizer->scale)});
  value = node.emit("rounded", Unary{UnaryKind::kRound}, {value});
  if (quantizer->zero_point.defined()) {
    value = node.emit("shifted", Binary{BinaryKind::kAdd},
                      {value, node.constant("zero_point", quantizer->zero_point)});
  }
  value = node.emit("clipped", Clip{},
                    {value, node.constant("least", Tensor::scalar(range.least)),
                     node.constant("most", Tensor::scalar(range.most))});
  if (value.valid()) node.finish(Cast{.to = *dtype}, {value});
}

void convert_dequantize_linear(Node& node) {
  node.attributes.ignore({"output_dtype"});
  const auto quantizer = read_quantizer(node);
  if (!quantizer) return;
  ValueId value = node.emit("stored", Cast{.to = DType::kFloat32}, {node.input(0)});
  if (quantizer->zero_point.defined()) {
    value = node.emit("centred", Binary{BinaryKind::kSub},
                      {value, node.constant("zero_point", quantizer->zero_point)});
  }
  if (!value.valid()) return;
  node.finish(Binary{BinaryKind::kMul}, {value, node.constant("scale", quantizer->scale)});
}

void convert_layer_normalization(Node& node) {
  node.attributes.ignore({"stash_type"});
  const std::int64_t axis = node.attributes.integer("axis", -1);
  const float epsilon = node.attributes.real("epsilon", 1e-5f);
  const auto rank = node.rank(0);
  if (!rank) {
    if (node.has_broken_input()) return;
    node.refuse("onnx.unsupported-form", "LayerNormalization of an input of unknown rank",
                "export the model with a shape for each input");
    return;
  }
  const auto first = normal_axis(axis, *rank, "axis");
  if (!first) {
    node.refuse("onnx.shape", fmt::format("LayerNormalization: {}", first.error().message));
    return;
  }
  std::vector<std::int64_t> axes;
  for (std::size_t i = *first; i < *rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  const ValueId over = node.constant("axes", std::move(axes));
  const ReduceMean mean{.keep_dims = true};
  const ValueId centre = node.emit("mean", mean, {node.input(0), over});
  const ValueId away = node.emit("centred", Binary{BinaryKind::kSub}, {node.input(0), centre});
  const ValueId square = node.emit("squared", Binary{BinaryKind::kMul}, {away, away});
  const ValueId variance = node.emit("variance", mean, {square, over});
  const ValueId padded = node.emit("padded", Binary{BinaryKind::kAdd},
                                   {variance, node.constant("epsilon", Tensor::scalar(epsilon))});
  const ValueId deviation = node.emit("deviation", Unary{UnaryKind::kSqrt}, {padded});
  const ValueId normal = node.emit("normal", Binary{BinaryKind::kDiv}, {away, deviation});
  if (!normal.valid()) return;
  if (!node.has(2)) {
    node.finish(Binary{BinaryKind::kMul}, {normal, node.input(1)});
    return;
  }
  const ValueId scaled = node.emit("scaled", Binary{BinaryKind::kMul}, {normal, node.input(1)});
  if (scaled.valid()) node.finish(Binary{BinaryKind::kAdd}, {scaled, node.input(2)});
}

}  // namespace neurotool::from_onnx
