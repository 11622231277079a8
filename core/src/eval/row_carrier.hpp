// Numbers through one projection, many rows at once; a row is what one population sends in one step
// of one sample. For layer_eval.cpp: dense, and in the order of oneDNN's sums.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "eval/tensor_linear.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool {

class RowCarrier {
 public:
  /// All must outlive the carrier.
  RowCarrier(const Projection& projection, const Population& source, const Population& target,
             LinearCache& cache)
      : projection_(projection), source_(source), target_(target), cache_(cache) {}

  /// What `count` rows of the source bring to the target: float32 [count, …]. Not for max pools,
  /// which remember.
  Result<Tensor> carry(std::vector<float> rows, std::int64_t count) const;

 private:
  TensorType result(std::int64_t count) const;
  Result<Tensor> carry(const Conv2d& kind, std::vector<float> rows, std::int64_t count) const;
  Result<Tensor> carry(const Dense& kind, std::vector<float> rows, std::int64_t count) const;
  Result<Tensor> carry(const SumPool2d& kind, std::vector<float> rows, std::int64_t count) const;
  Result<Tensor> carry(const MaxPool2d& kind, std::vector<float> rows, std::int64_t count) const;
  Result<Tensor> carry(const OneToOne& kind, std::vector<float> rows, std::int64_t count) const;
  Result<Tensor> carry(const Sparse& kind, std::vector<float> rows, std::int64_t count) const;
  template <class Row>
  Result<Tensor> by_row(const std::vector<float>& rows, std::int64_t count, const Row& row) const;

  const Projection& projection_;
  const Population &source_, &target_;
  LinearCache& cache_;
};

/// The largest of each window of one row, without the pool's weight.
void largest_of_windows(const MaxPool2d& pool, const Shape& source, const Shape& target,
                        const std::vector<float>& from, std::vector<float>& to);

/// Element `neuron` of a parameter that has one value, one per channel, or one per neuron; `absent`
/// stands for an undefined one.
inline float spread_at(const Tensor& parameter, std::int64_t neuron, std::int64_t neurons,
                       float absent) {
  if (!parameter.defined()) return absent;
  const std::int64_t share = neurons / parameter.size();
  return parameter.as<float>()[static_cast<std::size_t>(neuron / share)];
}

}  // namespace neurotool
