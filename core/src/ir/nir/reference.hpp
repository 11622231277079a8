// What the nir package says of a graph: its constructors' checks, its type inference and its type
// check, with their peculiarities. A graph that it refuses may well have a meaning.
#pragma once

#include "ir/nir/nir.hpp"

namespace neurotool::nir {

/// The verdict of nir 1.0.7 with the type check on; the error names the node. nir 1.0.8 says the
/// same but for duplicate edges, which it refuses. Peculiarities: a convolution's output is
/// computed with the kernel's height on both axes and without groups; "same" ignores the stride.
/// Codes: nir.reference.
Result<> reference_verdict(const Graph& graph);

}  // namespace neurotool::nir
