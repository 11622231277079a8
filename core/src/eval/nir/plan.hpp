// A NIR graph made ready to be walked once per step: nested graphs inlined, shapes known, nodes in
// the order in which they run. The simulator and the importer start from it, so that both mean the
// same edges when they say "one step later".
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "ir/nir/nir.hpp"

namespace neurotool::nir {

struct PlannedEdge {
  std::size_t source = 0;
  /// The source runs later in the step, so what it sent in the step before arrives; nothing at t =
  /// 0.
  bool delayed = false;
};

struct PlannedNode {
  std::string name;     ///< with the names of the graphs around it: "block.conv"
  Primitive primitive;  ///< never a Graph; inner Inputs and Outputs pass their input on
  std::vector<PlannedEdge> incoming;
  Shape in_shape, shape;  ///< of one sample at one step
  /// The shapes whose order of summation holds for what comes in and goes out: that of the source
  /// where a Flatten is between.
  Shape layout_in, layout;
  bool is_input = false, is_output = false;  ///< of the outermost graph
};

struct GraphPlan {
  std::vector<PlannedNode> nodes;
  std::vector<std::size_t> order;            ///< every node once
  std::vector<std::size_t> inputs, outputs;  ///< by name
};

/// Every finding goes to `diagnostics`; the returned error is the first. `path` is the file, for
/// messages. Errors: nir.edge (an edge names no node), nir.shape (shapes disagree, or cannot be
/// known), nir.no-input, nir.parameter. Warnings: nir.duplicate-edge.
Result<GraphPlan> plan_graph(const Graph& graph, const std::string& path, Diagnostics& diagnostics);

}  // namespace neurotool::nir
