// The options that the tuning passes have in common. Each pass adds its own before them.
#pragma once

#include <concepts>
#include <cstdint>
#include <utility>

#include "config/schema.hpp"
#include "passes/train/feeder.hpp"

namespace neurotool::training {

struct TuneOptions {
  std::int64_t epochs = 8;
  double learning_rate = 0.01, weight_decay = 5e-4;
  std::int64_t batch = 64;
  double held_out = 0.05;
  std::int64_t patience = 0;
  double max_minutes = 0;
  Augment augment = Augment::kNone;
  std::int64_t samples = 512;  ///< that first thresholds are calibrated on
  std::uint64_t seed = 0;      ///< 0: the context's
};

/// The rows of a pass's own options, then those of the common ones.
template <std::derived_from<TuneOptions> S, class... Own>
OptionTable<S> tune_table(Own... own) {
  const auto of = []<class T>(T TuneOptions::*member) -> T S::* { return member; };
  return {
      std::move(own)...,
      option("epochs", of(&TuneOptions::epochs), "How often every training sample is seen.")
          .range(1, 10000),
      option("learning_rate", of(&TuneOptions::learning_rate),
             "Of the first batch; falls to 0 along half a cosine.")
          .range(1e-7, 10),
      option("batch", of(&TuneOptions::batch), "Samples of one step of gradient descent.")
          .range(1, 65536),
      option("weight_decay", of(&TuneOptions::weight_decay),
             "How strongly weights and thresholds are pulled towards 0.")
          .range(0, 1),
      option("held_out", of(&TuneOptions::held_out),
             "Share of data.train that is not trained on and decides which epoch is kept.")
          .range(0, 0.5),
      option("patience", of(&TuneOptions::patience),
             "Epochs without a better one before training stops; 0: never.")
          .range(0, 10000),
      option("max_minutes", of(&TuneOptions::max_minutes),
             "Training stops after so long; 0: never.")
          .range(0, 1e6),
      choice("augment", of(&TuneOptions::augment), "What is done to training images.",
             {{"none", Augment::kNone}, {"shift_flip", Augment::kShiftFlip}}),
      option("samples", of(&TuneOptions::samples),
             "Samples that the first thresholds are calibrated on, at most.")
          .range(1, 1e9),
      option("seed", of(&TuneOptions::seed), "Of the order of samples; 0: run.seed."),
  };
}

}  // namespace neurotool::training
