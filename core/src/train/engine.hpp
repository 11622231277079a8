// A network under training, whoever computes it: passes see this class, and tests put a fake in its
// place.
#pragma once

#include <memory>
#include <vector>

#include "base/result.hpp"
#include "train/network.hpp"

namespace neurotool::train {

/// Samples one after the other, and a class for each.
struct Batch {
  std::vector<float> samples;
  std::vector<std::int32_t> labels;
};

class Engine {
 public:
  virtual ~Engine() = default;
  /// One step of gradient descent; the result is of before it. Error: train.step.
  virtual Result<StepResult> step(const Batch& batch, double learning_rate) = 0;
  /// Loss and hits without a change. Error: train.step.
  virtual Result<StepResult> evaluate(const Batch& batch) = 0;
  /// The values of all parameters in their own unit, in the order of the plan; and back.
  virtual Result<std::vector<std::vector<float>>> read() = 0;
  virtual Result<> write(const std::vector<std::vector<float>>& values) = 0;
};

/// The trainer of this installation: a shared library in lib/neurotool beside the tool's bin, or
/// the file that NEUROTOOL_TRAINER names. Whether it is there; loads nothing, which would take a
/// second.
bool has_trainer();
/// The library's table; it is loaded at the first call. Errors: train.no-trainer, train.load.
Result<const TrainerApi*> trainer_api();
/// Errors: train.no-trainer, train.load, train.step.
Result<std::unique_ptr<Engine>> make_engine(const NetworkPlan& plan, const Recipe& recipe);

/// What trainer_api.hpp's functions read; points into the plan, which must stay as it is.
class PlanView {
 public:
  explicit PlanView(const NetworkPlan& plan);
  const NetworkView& get() const { return view_; }

 private:
  std::vector<NodeView> nodes_;
  std::vector<ParameterView> parameters_;
  NetworkView view_;
};

}  // namespace neurotool::train
