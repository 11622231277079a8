// What the two tuning passes share: from a model and labelled samples to the tuned model.
#pragma once

#include <string>
#include <string_view>

#include "passes/pass.hpp"
#include "passes/train/plan.hpp"
#include "passes/train/tune_options.hpp"
#include "train/trainer_api.hpp"

namespace neurotool::training {

struct TuneSetup {
  std::string_view pass;    ///< its name, for facts and progress
  train::Recipe recipe;     ///< threads and weight decay are filled in
  std::int64_t levels = 4;  ///< of the activations that are written
  TuneOptions options;
};

/// Without training samples (a plan) the structure alone: every site is a quantised activation with
/// threshold 1, and train.provisional says so. Errors: those of plan_training(), calibrate(), fit()
/// and make_engine().
Result<Changed> tune(Model& model, Context& context, const TuneSetup& setup);

/// Writes the parameters' values into the graph, and each site as a quantised activation of
/// `levels` levels up to its thresholds. `values` are by parameter; empty: only the activations
/// change.
void write_back(TensorGraph& graph, const TrainingPlan& plan,
                const std::vector<std::vector<float>>& values, std::int64_t levels);

}  // namespace neurotool::training
