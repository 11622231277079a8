// Rewrites of a NIR graph that keep what it computes and make more readers load it. An exporter
// calls those that its profile needs; `neurotool nir lint --fix` calls all. Each says what it
// changed.
//
// Exact means: the same numbers, bit for bit, in any reader that reads both forms rightly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/nir/shapes.hpp"

namespace neurotool::nir {

struct Change {
  std::string node;  ///< with the names of the graphs around it: "block/fc"; "" for a graph's edges
  std::string_view rule;
  std::string what;
};
using Changes = std::vector<Change>;

/// Names of the form [A-Za-z][A-Za-z0-9_]*, unique without regard to case, no word of Python, none
/// that readers keep for themselves; a single Input is `input`, a single Output `output`.
Changes rename_portable(Graph& graph);
bool is_portable_name(std::string_view name);

Changes drop_duplicate_edges(Graph& graph);

/// Linear becomes Affine with a bias of zeros: sinabs has no Linear.
Changes linear_to_affine(Graph& graph);

/// "same" and "valid" become numbers; a "same" that is not symmetric stays.
Changes padding_to_numbers(Graph& graph);

/// Window, stride and padding of poolings as pairs: readers on PyTorch take no numbers.
Changes pools_to_pairs(Graph& graph);

/// Weights of groups among zeros, groups 1: the nir package infers the wrong channels otherwise.
Changes groups_to_dense(Graph& graph);

/// Kernels of unequal sides padded with zeros to squares, and the padding of the input grown to
/// match, where that is possible: the nir package takes the height for both sides.
Changes square_kernels(Graph& graph);

/// Neuron parameters of one element, or one for each channel, as arrays of the node's shape.
Changes broadcast_parameters(Graph& graph, const GraphShapes& shapes);

/// `input_shape` of convolutions and `input_type` of Flatten from the shapes; the shape of an
/// Output that says another with as many elements.
Changes fill_shapes(Graph& graph, const GraphShapes& shapes);

/// AvgPool2d becomes SumPool2d, and the area divides the weights that follow, where it is a power
/// of two, nothing else feeds those weights, and no weight loses a bit. sinabs drops AvgPool2d
/// without a word, lava, SpiNNaker2 and spyx have none.
Changes average_to_sum(Graph& graph);

/// All of the above and order_edges() of walk.hpp, in an order in which each finds what it needs.
/// Errors: nir.shape,
/// nir.parameter.
Result<Changes> make_portable(Graph& graph, Diagnostics& diagnostics, std::string_view path = {});

}  // namespace neurotool::nir
