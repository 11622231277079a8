// The tensor level of the IR: operations and the values between them. Acyclic by construction rule,
// kept in topological order, checked by verify.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "ir/ops.hpp"

namespace neurotool {

using ValueId = Id<struct ValueTag>;
using OpId = Id<struct OpTag>;

/// A tensor that flows. Either an input of the graph, a constant, or made by exactly one op.
struct Value {
  std::string name;             ///< unique among live values
  DType dtype = DType::kFloat32;
  std::optional<Shape> shape;   ///< unknown until infer_shapes; extents may be kFreeDim
  Tensor constant;              ///< defined: the value is known and never changes
  OpId producer;                ///< invalid for inputs and constants
  bool removed = false;
};

struct OpNode {
  std::string name;                    ///< unique among live ops
  Op op;
  std::vector<ValueId> inputs;         ///< an invalid id is an absent optional input
  std::vector<ValueId> outputs;
  std::vector<std::string> origins;    ///< the nodes of the model file it came from
  bool removed = false;
};

/// Nodes are removed by tombstone, so ids stay good for the whole of a pass; compact() drops the
/// tombstones and restores topological order.
class TensorGraph {
 public:
  std::string name;
  std::vector<Value> values;
  std::vector<OpNode> ops;             ///< topological order after compact()
  std::vector<ValueId> inputs, outputs;

  Value& operator[](ValueId id) { return values[id.index]; }
  const Value& operator[](ValueId id) const { return values[id.index]; }
  OpNode& operator[](OpId id) { return ops[id.index]; }
  const OpNode& operator[](OpId id) const { return ops[id.index]; }

  ValueId add_input(std::string name, DType dtype, Shape shape);
  ValueId add_constant(std::string name, Tensor tensor);
  /// Adds an op with one output value of the same name; names are made unique.
  ValueId add_op(std::string name, Op op, std::vector<ValueId> inputs,
                 std::vector<std::string> origins = {});
  void remove(OpId id);                ///< tombstones the op and its outputs
  /// Every use of `from`, also as a graph output, becomes a use of `to`.
  void replace_uses(ValueId from, ValueId to);
  /// Live ops that read `id`, in order; one entry for each op.
  std::vector<OpId> users(ValueId id) const;
  bool is_output(ValueId id) const;

  std::vector<OpId> live_ops() const;
  /// Live ops so that each comes after its producers; stable. Empty if there is a cycle.
  std::vector<OpId> topological_order() const;
  /// Drops tombstones and unused constants, restores topological order.
  void compact();

  std::string unique_value_name(std::string_view wanted) const;
  std::string unique_op_name(std::string_view wanted) const;
};

}  // namespace neurotool
