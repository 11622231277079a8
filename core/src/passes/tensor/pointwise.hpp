// Chains of operations that compute, element by element, a function of one value and of single
// numbers: what an activation function looks like in a graph, whoever exported it and in whichever
// of its forms.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ir/op_types.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool::tensor_passes {

/// For every value the one value that it is a function of, as far back as that goes.
class PointwiseMap {
 public:
  PointwiseMap(const TensorGraph& graph, const ValueTypes& types);

  /// The value itself where its op is not pointwise.
  ValueId root(ValueId value) const { return roots_[value.index]; }
  /// The operations from root(value) to `value`, in the order of computation.
  std::vector<OpId> steps(ValueId value) const;
  /// A reader that is no part of a function of the same root, or the outside, sees the value.
  bool is_exit(ValueId value) const;

 private:
  ValueId root_of(const OpNode& node, const ValueTypes& types) const;

  const TensorGraph& graph_;
  std::vector<ValueId> roots_;  ///< by value
};

/// What such a chain makes of a number, in double precision.
class ScalarFunction {
 public:
  ScalarFunction(const TensorGraph& graph, ValueId root, std::span<const OpId> steps);

  double operator()(double x) const;

 private:
  /// A result at hand (0: the argument), or a number.
  struct Operand {
    std::optional<std::size_t> place;
    double number = 0;
  };
  struct Step {
    Op op;
    std::vector<std::optional<Operand>> operands;  ///< nothing: an absent optional input
  };

  std::vector<Step> steps_;
};

}  // namespace neurotool::tensor_passes
