// Which shape every node of a NIR graph takes and gives: one sample at one step, without batch and
// time.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "ir/nir/nir.hpp"

namespace neurotool::nir {

struct NodeShape {
  std::optional<Shape> in, out;  ///< nothing where no path from an Input tells
  bool operator==(const NodeShape&) const = default;
};

struct GraphShapes {
  std::map<std::string, NodeShape, std::less<>> nodes;
  std::map<std::string, GraphShapes, std::less<>> inner;  ///< of nested graphs
};

/// Follows the edges from the Inputs with the true formulas (groups, kernels of unequal sides,
/// strides under "same"); where no Input leads, a node's own parameters tell. Neuron parameters of
/// rank 0, [1], [C] and [C,1,1] stand for all of a channel. Contradictions are errors at the node,
/// but an Output of another shape with as many elements is a warning. Codes: nir.shape,
/// nir.parameter. `path` names the file in messages.
Result<GraphShapes> infer_shapes(const Graph& graph, Diagnostics& diagnostics,
                                 std::string_view path = {});

/// The same for a node of which the input's shape is known: what it gives.
Result<Shape> output_shape(const Primitive& primitive, const Shape& in);

/// A neuron parameter with one element for each of `shape`; nothing when it does not broadcast.
std::optional<Tensor> broadcast(const Tensor& parameter, const Shape& shape);

/// Stride, padding and so on of a window, for two axes; `padding` and `pad_after` differ only for
/// "same" with an even window. Nothing where a number is missing, negative or not whole.
struct WindowNumbers {
  std::vector<std::int64_t> kernel, stride, pad_before, pad_after, dilation;
  std::int64_t groups = 1;
};
std::optional<WindowNumbers> window_numbers(const Primitive& primitive);

/// Extents that a window leaves of `in`, or nothing when it does not fit.
std::optional<std::vector<std::int64_t>> windowed(const WindowNumbers& window,
                                                  std::span<const std::int64_t> in);

}  // namespace neurotool::nir
