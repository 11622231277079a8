// The tensor graph while it is being imported: unique names in constant time, and the type of every
// value as soon as it is made.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/op_types.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool::from_onnx {

/// Names that are taken, and the number to try next behind each.
using Names = std::unordered_map<std::string, std::size_t>;

class GraphBuilder {
 public:
  GraphBuilder() : types_(graph_) {}

  TensorGraph& graph() { return graph_; }
  const ValueTypes& types() const { return types_; }

  ValueId add_input(std::string_view name, DType dtype, Shape shape);
  /// Floating-point tensors of other widths become float32; see rounded().
  ValueId add_constant(std::string_view name, Tensor tensor);
  /// An op whose output is called `value_name`. The error (ir.shape, ir.type) says what does not
  /// fit; the op is in the graph all the same, its output of unknown type.
  Result<ValueId> add_op(std::string_view name, std::string_view value_name, Op op,
                         std::vector<ValueId> inputs, const std::string& origin);
  /// A value that stands for the output of a node that could not be converted. What is computed
  /// from it is not checked, so that one mistake is one error.
  ValueId add_broken(std::string_view value_name);
  bool is_broken(ValueId id) const { return id.index < broken_.size() && broken_[id.index]; }

  /// How many constants lost digits on the way to float32, and the first of them.
  std::size_t rounded() const { return rounded_; }
  const std::string& first_rounded() const { return first_rounded_; }

 private:
  ValueId add_value(std::string_view name, TensorType type, bool is_broken);

  TensorGraph graph_;
  ValueTypes types_;
  std::vector<bool> broken_;
  Names value_names_, op_names_;
  std::size_t rounded_ = 0;
  std::string first_rounded_;
};

}  // namespace neurotool::from_onnx
