// The names of a list of nodes: who makes them, who reads them, and an order in which every node
// comes after what it reads.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "frontend/onnx/report.hpp"

namespace onnx {
class FunctionProto;
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace neurotool::from_onnx {

/// The node's name, or one made of its operator and place in the file.
std::string name_of(const ::onnx::NodeProto& node, int index);

/// Nodes and the names around them: a graph, a branch, or the body of a function. Points into the
/// message it was made of.
struct Body {
  std::vector<const ::onnx::NodeProto*> nodes;
  std::vector<const std::string*> initializers, inputs, outputs;
  std::string prefix;                                ///< before the names of nodes, in messages
  std::function<bool(const std::string&)> is_outer;  ///< names that come from outside; may be empty
};
Body body_of(const ::onnx::GraphProto& graph);
Body body_of(const ::onnx::FunctionProto& function);

struct NodeOrder {
  std::vector<int> nodes;                ///< indices into the body's nodes
  std::unordered_set<std::string> read;  ///< names that a node or an output reads
};

/// Checks every name of the body: made once, not empty, read only if made. Reports
/// onnx.duplicate-name, onnx.name, onnx.input, onnx.output, onnx.cycle, and the warning
/// onnx.node-order. The order lacks the nodes of a cycle. A node with subgraphs reads what they
/// take from outside.
NodeOrder order_nodes(const Body& body, Report& report);

}  // namespace neurotool::from_onnx
