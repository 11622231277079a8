// Runs a TensorGraph on data: calibration, constant folding, ANN accuracy. float32; convolutions
// and matrix products through oneDNN, the rest in plain loops.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool {

/// One op on concrete tensors, no graph: what constant folding calls. An undefined Tensor is an
/// absent optional input. Errors: eval.unsupported, eval.shape; the caller adds the place.
Result<std::vector<Tensor>> evaluate_op(const Op& op, std::span<const Tensor> inputs);

/// Called with each watched value as soon as it is computed.
using ValueObserver = std::function<void(ValueId, const Tensor&)>;

/// A graph prepared for running: order, last uses (so that memory is bounded by what is alive), and
/// oneDNN primitives by shape. run() may be called from several threads at once.
class TensorEvaluator {
 public:
  /// The graph must outlive the evaluator and must not change while it lives.
  explicit TensorEvaluator(const TensorGraph& graph);
  ~TensorEvaluator();

  /// inputs: one tensor for each graph input, first extent = batch. Returns the graph's outputs.
  /// Errors name the node (eval.shape, eval.unsupported).
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs,
                                  std::span<const ValueId> watch = {},
                                  const ValueObserver& observer = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurotool
