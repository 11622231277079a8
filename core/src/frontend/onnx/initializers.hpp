// The stored tensors of a graph as constants in a scope.
#pragma once

#include "frontend/onnx/builder.hpp"
#include "frontend/onnx/external_data.hpp"
#include "frontend/onnx/report.hpp"
#include "frontend/onnx/scope.hpp"

namespace onnx {
class GraphProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// Binds every initializer of the graph, sparse ones too. One that cannot be read is reported
/// (onnx.tensor, onnx.type, onnx.external-data) and bound to a broken value.
void add_initializers(const ::onnx::GraphProto& graph, Scope& scope, const ExternalFolder& folder,
                      GraphBuilder& builder, Report& report);
/// The same, moving the bytes out of the message.
void take_initializers(::onnx::GraphProto& graph, Scope& scope, const ExternalFolder& folder,
                       GraphBuilder& builder, Report& report);

}  // namespace neurotool::from_onnx
