// The network that is handed to the trainer, owned; trainer_api.hpp says what its parts mean.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/trainer_api.hpp"

namespace neurotool::train {

struct NetworkNode {
  std::string name;  ///< of the model's node, for messages
  NodeKind kind = NodeKind::kReshape;
  std::vector<std::int32_t> values, parameters;
  std::vector<std::int64_t> ints;
  std::vector<double> reals;
};

struct NetworkParameter {
  ParameterRole role = ParameterRole::kWeight;
  std::vector<std::int64_t> shape;
  std::vector<float> data;
};

struct NetworkPlan {
  std::vector<NetworkNode> nodes;
  std::vector<NetworkParameter> parameters;
  std::vector<std::int64_t> sample_shape;
  std::int32_t output = 0;   ///< the value with the logits
  std::int64_t classes = 0;  ///< logits of one sample
};

}  // namespace neurotool::train
