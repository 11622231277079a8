// SparseTensorProto to a dense Tensor.
#pragma once

#include "base/result.hpp"
#include "frontend/onnx/external_data.hpp"
#include "ir/tensor.hpp"

namespace onnx {
class SparseTensorProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// Errors without a place: onnx.tensor, onnx.type, onnx.external-data. A tensor with next to
/// nothing in it is refused (onnx.tensor): a few bytes would become as much memory as they please.
Result<Tensor> read_sparse(const ::onnx::SparseTensorProto& proto, const ExternalFolder& folder);

}  // namespace neurotool::from_onnx
