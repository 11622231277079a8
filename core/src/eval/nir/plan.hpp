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

/// A window of a convolution or a pooling, both axes; of a Conv1d the first axis is 1 wide.
struct WindowGeometry {
  std::int64_t kernel[2]{1, 1}, stride[2]{1, 1}, dilation[2]{1, 1};
  std::int64_t before[2]{0, 0}, after[2]{0, 0};  ///< padding
  std::int64_t groups = 1;
};
/// Of a Conv1d, Conv2d, SumPool2d or AvgPool2d. Error: nir.parameter,
/// without a place.
Result<WindowGeometry> window_geometry(const Primitive& primitive);

/// A parameter spread over a node's neurons: rank 0, [1], [C], [C,1,1] or the full shape. `absent`
/// stands for an undefined tensor. Error: nir.parameter, without a place.
Result<std::vector<double>> spread(const Tensor& parameter, const Shape& shape, double absent);

}  // namespace neurotool::nir
