// A file to a ModelProto, with a sentence about where the bytes stop making sense.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/input_file.hpp"
#include "base/result.hpp"

namespace onnx {
class ModelProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// Whether the first byte is one that an ONNX model may start with. Says nothing about the rest.
bool looks_like_onnx(std::string_view head);

/// The whole model, each of its bytes in memory once. Errors: onnx.syntax, file.unreadable.
Result<std::shared_ptr<::onnx::ModelProto>> parse_model(InputFile& file, const std::string& path);

}  // namespace neurotool::from_onnx
