// What an operation makes of its inputs: element type and shape, and whether the inputs fit at all.
// The one place for these rules; the importer, the passes and the evaluator all ask here.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool {

/// What is known of a tensor before it is computed.
struct TensorType {
  DType dtype = DType::kFloat32;
  std::optional<Shape> shape;  ///< absent: nothing known; an extent may be kFreeDim
  Tensor constant;             ///< defined: every element is known
  /// The elements of a small int64 tensor of rank 0 or 1, as far as they are known: shape
  /// arithmetic on a free batch stays precise in its other axes. kFree is a free extent (a graph
  /// has one: the batch), kUnknown could be anything.
  std::optional<std::vector<std::int64_t>> elements;

  /// No file means these numbers: its largest and smallest are "to the end" in a slice.
  static constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::min() + 0x5EED0001;
  static constexpr std::int64_t kFree = kUnknown + 1;
};

/// The type of a tensor whose value is at hand.
TensorType type_of(const Tensor& tensor);
/// What the graph says of a value.
TensorType type_of(const Value& value);

/// The type of the op's one output. inputs[i] is nullptr for an absent optional input. Errors
/// (ir.shape, ir.type) say what does not fit; the caller adds the place.
Result<TensorType> infer_type(const Op& op, std::span<const TensorType* const> inputs);

/// The types of all values of a graph, filled op by op in topological order.
class ValueTypes {
 public:
  explicit ValueTypes(const TensorGraph& graph);

  const TensorType& operator[](ValueId id) const { return types_[id.index]; }
  void set(ValueId id, TensorType type);
  /// The type of the node's output from what is known of its inputs; does not store it.
  Result<TensorType> infer(const OpNode& node) const;

 private:
  /// What it hands out stays where it is while more are set.
  std::deque<TensorType> types_;
};

}  // namespace neurotool
