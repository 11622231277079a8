// An ONNX model to a TensorGraph.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "frontend/load_options.hpp"
#include "ir/model.hpp"

namespace onnx {
class ModelProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// Every finding goes to `diagnostics`; the returned error is the first. Weights are moved out of
/// `proto`. `path` is the model's file; external data is looked for beside it.
Result<Model> import_model(::onnx::ModelProto& proto, const std::string& path,
                           const LoadOptions& options, Diagnostics& diagnostics);

}  // namespace neurotool::from_onnx
