// Runs a float network with some of its values given from outside instead of computed.
#pragma once

#include <span>
#include <vector>

#include "eval/tensor_eval.hpp"
#include "ir/tensor_graph.hpp"

namespace neurotool::doctor {

/// Owns a copy of the network (tensors are shared) in which each of `given` is an input, and only
/// what `wanted` and the outputs need is computed.
class SubstitutedNetwork {
 public:
  SubstitutedNetwork(const TensorGraph& network, std::span<const ValueId> given,
                     std::span<const ValueId> wanted = {});

  /// `sample` as the network takes it, then one tensor for each of `given`, of any shape with the
  /// right number of elements. Ids that `observer` sees are those of the original network.
  Result<std::vector<Tensor>> run(const Tensor& sample, std::span<const Tensor> values,
                                  const ValueObserver& observer = {}) const;

 private:
  TensorGraph graph_;
  std::vector<ValueId> wanted_;
  TensorEvaluator evaluator_;
};

}  // namespace neurotool::doctor
