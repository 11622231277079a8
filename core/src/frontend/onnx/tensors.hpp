// TensorProto to Tensor. The number of elements is checked against the bytes that are there before
// anything is allocated.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "frontend/onnx/external_data.hpp"
#include "ir/tensor.hpp"

namespace onnx {
class TensorProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// The element type for ONNX's number, or nothing when it has no counterpart here.
std::optional<DType> dtype_of(int onnx_type);
/// "type string", "type number 99": for messages.
std::string onnx_type_name(int onnx_type);

/// The tensor in its own element type. Errors without a place: onnx.tensor, onnx.type,
/// onnx.external-data. Takes raw bytes out of the message where it can, instead of copying them.
Result<Tensor> take_tensor(::onnx::TensorProto& proto, const ExternalFolder& folder);
Result<Tensor> read_tensor(const ::onnx::TensorProto& proto, const ExternalFolder& folder);

}  // namespace neurotool::from_onnx
