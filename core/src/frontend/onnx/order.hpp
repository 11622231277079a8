// The names of an ONNX graph: who makes them, who reads them, and an order in which every node
// comes after what it reads.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "frontend/onnx/report.hpp"

namespace onnx {
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// The node's name, or one made of its operator and place in the file.
std::string name_of(const ::onnx::NodeProto& node, int index);

struct NodeOrder {
  std::vector<int> nodes;                ///< indices into the graph's nodes
  std::unordered_set<std::string> read;  ///< names that a node or a graph output reads
};

/// Checks every name of the graph: made once, not empty, read only if made. Reports
/// onnx.duplicate-name, onnx.name, onnx.input, onnx.output, onnx.cycle, and the warning
/// onnx.node-order. The order lacks the nodes of a cycle.
NodeOrder order_nodes(const ::onnx::GraphProto& graph, Report& report);

}  // namespace neurotool::from_onnx
