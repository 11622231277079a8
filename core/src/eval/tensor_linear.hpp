// Convolutions and matrix products of one op through oneDNN, prepared once per shape.
//
// oneDNN never starts threads here: the work is cut into pieces that depend on the shapes alone
// (one image of a convolution, kRows rows of a product) and given to the thread pool, each piece
// computed by one thread. So the result depends neither on the number of threads nor on how many
// samples a batch has, and callers may be inside a parallel_for themselves.
#pragma once

#include <memory>

#include "eval/kernels.hpp"

namespace neurotool {

/// For one op. Safe to use from several threads.
class LinearCache {
 public:
  LinearCache();
  ~LinearCache();

  /// `weight_is_constant`: input 1 is the same tensor in every call, and is packed once.
  Result<Tensor> run(const Conv& op, kernels::Inputs in, const TensorType& out,
                     bool weight_is_constant);
  Result<Tensor> run(const Gemm& op, kernels::Inputs in, const TensorType& out,
                     bool weight_is_constant);
  Result<Tensor> run(const MatMul& op, kernels::Inputs in, const TensorType& out,
                     bool weight_is_constant);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurotool
