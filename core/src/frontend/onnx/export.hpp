// A TensorGraph as an ONNX model: the way back from import.hpp.
#pragma once

#include <string>

#include "base/result.hpp"
#include "ir/model.hpp"

namespace neurotool {

/// The bytes of an ONNX file (opset 17) that computes what the tensor graph computes, with the
/// graph's own names for values. Error: onnx.export, for an operation that opset 17 cannot say, by
/// name.
Result<std::string> write_onnx(const Model& model);

}  // namespace neurotool
