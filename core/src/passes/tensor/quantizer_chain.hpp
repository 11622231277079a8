// A chain of element-wise operations around one rounding, read as a quantiser: whatever order an
// exporter has written scaling, offset and clipping in, the chain computes
//   scale * clip(round(x / scale + offset), low, high)
// or it is none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/op_types.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool::tensor_passes {

/// What one operation does to one value: clip(slope * x + offset, low, high), slope > 0; one number
/// each, or one for each channel of axis 1.
struct ChainStep {
  OpId op;
  ValueId input;
  std::vector<double> slope{1}, offset{0};
  double low, high;  ///< applied after the line; infinite where nothing is clipped
};

/// The step that an operation is, or nothing. `rank` is that of its output.
std::optional<ChainStep> chain_step(const TensorGraph& graph, const ValueTypes& types, OpId id);

struct FoundQuantizer {
  QuantizedActivation op;
  std::vector<double> scale;  ///< one, or one for each channel
};

/// `before` leads to the rounding, `after` away from it, both in the order of computation. Nothing
/// when they are no quantiser; `reason` then says why.
std::optional<FoundQuantizer> read_chain(const std::vector<ChainStep>& before,
                                         LevelRounding rounding,
                                         const std::vector<ChainStep>& after, std::string& reason);

}  // namespace neurotool::tensor_passes
