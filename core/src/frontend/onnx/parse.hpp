// Bytes to ModelProto, with a sentence about where the bytes stop making sense.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace onnx {
class ModelProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// Whether the first field is one that an ONNX model may start with. Says nothing about the rest.
bool looks_like_onnx(std::string_view bytes);

/// Errors: onnx.syntax.
Result<std::shared_ptr<::onnx::ModelProto>> parse_model(std::string_view bytes,
                                                        const std::string& path);

}  // namespace neurotool::from_onnx
