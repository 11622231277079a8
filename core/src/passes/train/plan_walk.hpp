// The walk of plan_training(): its state, and one function for each operation it can train. Shared
// by plan.cpp (the walk) and plan_ops.cpp (the operations), and by nobody else.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ir/op_types.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/train/plan.hpp"

namespace neurotool::training {

using train::NetworkNode;
using train::NodeKind;
using train::ParameterRole;

struct Refused {
  std::string reason, help;
};
using Planned = tl::expected<NetworkNode, Refused>;

inline Planned refuse(std::string reason, std::string help) {
  return tl::unexpected(Refused{std::move(reason), std::move(help)});
}

class Planner {
 public:
  explicit Planner(const Model& model)
      : model_(model), graph_(model.tensor()), types_(tensor_passes::types_of(graph_)) {}

  Result<TrainingPlan> run(Diagnostics& out);

  Planned operator()(const Conv& op);
  Planned operator()(const Gemm& op);
  Planned operator()(const MatMul&);
  Planned operator()(const BatchNorm& op);
  Planned operator()(const Unary& op);
  Planned operator()(const Clip&);
  Planned operator()(const QuantizedActivation& op);
  Planned operator()(const Binary& op);
  Planned operator()(const AveragePool& op);
  Planned operator()(const MaxPool& op);
  Planned operator()(const GlobalAveragePool&);
  Planned operator()(const Reduce& op);
  Planned operator()(const Concat& op);
  Planned operator()(const Transpose& op);
  Planned operator()(const Pad& op);
  Planned operator()(const Slice&);
  Planned operator()(const Softmax& op);
  Planned operator()(const Flatten&) { return reshaped(); }
  Planned operator()(const Reshape&) { return reshaped(); }
  Planned operator()(const Squeeze&) { return reshaped(); }
  Planned operator()(const Unsqueeze&) { return reshaped(); }
  Planned operator()(const Identity&) { return reshaped(); }
  template <class Other>
  Planned operator()(const Other& op) {
    return refuse(fmt::format("is a '{}', which is not trained", op_name(op)),
                  "training knows convolutions, matrices, batch normalisation, pools, additions, "
                  "rectifiers and changes of shape");
  }

 private:
  Result<> take_input();
  std::set<OpId> ops_that_matter() const;
  Error refusal(const OpNode& node, const Refused& refused) const;
  Result<> finish();

  const Tensor& constant(std::size_t input) const {
    return tensor_passes::constant_of(graph_, *node_, input);
  }
  Shape shape_of(ValueId id) const { return types_[id].shape.value_or(Shape{}); }
  Shape in_shape() const { return shape_of(node_->inputs.at(0)); }
  Shape out_shape() const { return shape_of(node_->outputs.at(0)); }
  std::int32_t parameter(std::size_t input, ParameterRole role = ParameterRole::kWeight);
  Planned reshaped();
  Planned rectifier(std::optional<double> cap);
  Planned with_constant(NodeKind kind, std::size_t dynamic);
  template <class Pool>
  Planned pool(const Pool& op, NodeKind kind);

  const Model& model_;
  const TensorGraph& graph_;
  ValueTypes types_;
  const OpNode* node_ = nullptr;
  OpId id_;
  TrainingPlan plan_;
  std::map<ValueId, std::int32_t> values_;  ///< dynamic values by their number in the network
  std::map<std::pair<ValueId, ParameterRole>, std::int32_t> parameters_;  ///< constants
};

}  // namespace neurotool::training
