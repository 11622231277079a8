// A tensor graph as the trainer takes it: which constants are trained, and where neurons will be.
#pragma once

#include <string>
#include <vector>

#include "passes/lower/lowering.hpp"
#include "passes/pass.hpp"
#include "train/network.hpp"

namespace neurotool::training {

/// A rectifier, or a quantised activation, that is trained as neurons.
struct TrainedSite {
  OpId op;
  std::size_t parameter = 0;  ///< of its thresholds in the network; no values yet
  lower::Site site;           ///< for calibration
  std::vector<float> given;   ///< the thresholds that the graph already states; empty: none
};

/// Where a parameter that is a constant of the graph is read.
struct ParameterUse {
  std::size_t parameter = 0;
  OpId op;
  std::size_t input = 0;
};

struct TrainingPlan {
  train::NetworkPlan network;
  std::vector<ValueId> constants;  ///< by parameter; invalid for thresholds
  std::vector<ParameterUse> uses;
  std::vector<TrainedSite> sites;
};

/// The graph's shapes must be inferred. Every operation that cannot be trained is reported to `out`
/// by name (train.unsupported-op); the returned error is the first. Other errors: train.network.
Result<TrainingPlan> plan_training(const Model& model, Diagnostics& out);

}  // namespace neurotool::training
