// A NetworkView as tensors: what it computes, and its parameters.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "train/trainer_api.hpp"

namespace neurotool::train {

class Network {
 public:
  Network(const NetworkView& view, const Recipe& recipe);

  /// The logits [count, classes]; of a spiking network, their mean over the steps. `follow`:
  /// normalise by the batch and move the statistics towards it, where the recipe says so.
  at::Tensor run(const at::Tensor& samples, bool follow);

  /// [count, sample shape…] around the caller's floats.
  at::Tensor samples_of(const BatchView& batch) const;

  struct Parameter {
    ParameterRole role;
    at::Tensor stored;  ///< of a threshold: what softplus or exp makes the threshold of
  };
  std::vector<Parameter>& parameters() { return parameters_; }
  /// The values in their own unit; of a threshold with the way to `stored` for gradients.
  at::Tensor value_of(std::size_t parameter) const;
  void set(std::size_t parameter, const at::Tensor& values);

 private:
  struct Node {
    NodeKind kind;
    std::vector<std::int32_t> values, parameters;
    std::vector<std::int64_t> ints;
    std::vector<double> reals;
    bool held = false;  ///< depends on the input alone: computed once for all steps
  };

  at::Tensor compute(std::size_t index, const std::vector<at::Tensor>& values, bool follow);
  at::Tensor linear(const Node& node, const at::Tensor& in) const;
  at::Tensor activation(std::size_t index, const at::Tensor& in);
  at::Tensor parameter_of(const Node& node, std::size_t place) const;

  Recipe recipe_;
  std::vector<std::int64_t> sample_shape_;
  std::int32_t output_ = 0;
  std::vector<Node> nodes_;
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> membranes_;  ///< by node; of the samples at hand
};

}  // namespace neurotool::train
