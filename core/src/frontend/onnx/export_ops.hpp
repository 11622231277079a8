// One operation of the graph as one node of ONNX. Shared by export.cpp and export_ops.cpp alone.
#pragma once

#include <string>

#include "ir/tensor_graph.hpp"

namespace onnx {
class GraphProto;
class NodeProto;
class TensorProto;
}  // namespace onnx

namespace neurotool::to_onnx {

void write_tensor(const Tensor& tensor, ::onnx::TensorProto& out);
int onnx_type(DType dtype);

/// Fills in the type and the attributes of `node`, whose inputs and outputs are set; may change its
/// inputs. Returns why opset 17 cannot say the operation, or an empty text.
std::string write_op(const TensorGraph& graph, const OpNode& op, ::onnx::NodeProto& node);

}  // namespace neurotool::to_onnx
