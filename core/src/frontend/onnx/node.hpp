// One ONNX node on its way into the graph: what a converter reads from and writes to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/onnx/attributes.hpp"
#include "frontend/onnx/builder.hpp"
#include "frontend/onnx/report.hpp"

namespace neurotool::from_onnx {

class Node {
 public:
  struct Place {
    std::string name;     ///< the node's, made up if the file has none
    std::string op_type;  ///< "Conv"
    int opset = 0;
    std::string output;  ///< ONNX name of the first output, or the node's where it has none
    /// ONNX names of all outputs; empty for one without a name and for a later one nobody reads.
    std::vector<std::string> outputs = {};
  };

  Node(Place place, std::vector<ValueId> inputs, Attributes attributes, GraphBuilder& builder,
       Report& report);

  Attributes attributes;

  int opset() const { return place_.opset; }
  const std::string& op_type() const { return place_.op_type; }
  std::size_t input_count() const { return inputs_.size(); }
  /// The value of input `index`; an invalid id when it is absent.
  ValueId input(std::size_t index) const;
  bool has(std::size_t index) const { return input(index).valid(); }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  /// What is known of a present input.
  const TensorType& type(std::size_t index) const { return builder_.types()[input(index)]; }
  const TensorType& type(ValueId id) const { return builder_.types()[id]; }
  /// The rank of a present input, if known.
  std::optional<std::size_t> rank(std::size_t index) const;
  /// True when an input comes from a node that could not be converted.
  bool has_broken_input() const;

  /// A constant of this node: called after the node and `what`.
  ValueId constant(std::string_view what, Tensor tensor);
  ValueId constant(std::string_view what, std::vector<std::int64_t> list);
  /// An op in between, called after the node and `what`.
  ValueId emit(std::string_view what, Op op, std::vector<ValueId> inputs);
  /// The op that makes the node's first output. Call once, or use one of the two below.
  void finish(Op op, std::vector<ValueId> inputs);
  void finish_constant(Tensor tensor);
  /// Whether output `index` has a name and, behind the first, a reader.
  bool wants(std::size_t index) const;
  std::size_t output_count() const { return place_.outputs.size(); }
  /// The op that makes a wanted output, the first included. At most once each.
  void finish_output(std::size_t index, Op op, std::vector<ValueId> inputs);
  /// Makes the values of `value` the output `index`, as finish_output() with an Identity.
  void finish_output(std::size_t index, ValueId value);
  /// Reports an error at this node.
  void refuse(std::string_view code, std::string message, std::string help = {});

  /// The value that finish() made; invalid if the converter refused.
  ValueId output() const { return output_; }
  /// The value that finish() or finish_output() made, or an invalid id.
  ValueId output(std::size_t index) const;

 private:
  ValueId add(std::string_view name, std::string_view value_name, Op op,
              std::vector<ValueId> inputs);

  Place place_;
  std::vector<ValueId> inputs_;
  GraphBuilder& builder_;
  Report& report_;
  ValueId output_;
  std::vector<ValueId> later_outputs_;
};

}  // namespace neurotool::from_onnx
