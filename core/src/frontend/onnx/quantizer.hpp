// Quantised values on their way to float and back, for the operators that store integers.
#pragma once

#include <cstdint>
#include <optional>

#include "frontend/onnx/compose.hpp"

namespace neurotool::from_onnx {

/// The range of the integers that a quantised value may have.
struct IntegerRange {
  float least, most;
};
std::optional<IntegerRange> integer_range(DType dtype);

/// Scale and zero point as values that broadcast over the data, in float32. The zero point is
/// invalid when it is absent or a constant 0.
struct Quantizer {
  ValueId scale, zero_point;
};

/// One parameter for all, one for each element of `axis`, or, where block_size is not 0, one for
/// each block of an axis. Refuses constants that cannot be right (onnx.quantization). Nothing when
/// it had to refuse.
std::optional<Quantizer> make_quantizer(Node& node, Compose& c, ValueId data, ValueId scale,
                                        ValueId zero_point, std::int64_t axis,
                                        std::int64_t block_size = 0);

/// (stored - zero point) * scale.
ValueId dequantized(Compose& c, ValueId stored, const Quantizer& quantizer);
/// round(value / scale) + zero point, held in the range; still float32.
ValueId quantized(Compose& c, ValueId value, const Quantizer& quantizer, IntegerRange range);

}  // namespace neurotool::from_onnx
