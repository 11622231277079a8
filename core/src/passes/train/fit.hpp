// The training loop: epochs, learning rate, what is kept, and when it ends. Knows nothing of how a
// step is computed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "passes/train/feeder.hpp"
#include "train/engine.hpp"

namespace neurotool::training {

struct FitOptions {
  std::int64_t epochs = 1;
  double learning_rate = 0.01;  ///< falls to 0 along half a cosine, batch by batch
  std::int64_t patience = 0;    ///< epochs without a better one before it stops; 0: never
  double max_minutes = 0;       ///< stops after the batch in which it is over; 0: never
  Augment augment = Augment::kNone;
};

struct Score {
  double loss = 0, accuracy = 0;
};

enum class FitEnd { kAllEpochs, kPatience, kTime };

struct FitResult {
  FitEnd end = FitEnd::kAllEpochs;
  std::int64_t epochs = 0, best_epoch = 0;  ///< complete ones; 0 is the network as it came
  std::int64_t batches = 0;
  Score before, best;                      ///< on what is held out
  double train_loss = 0;                   ///< mean over the last epoch that was run
  std::vector<std::vector<float>> values;  ///< of all parameters, of the best epoch
};

/// Keeps the epoch with the most hits among the held-out samples (of equal ones the smaller loss);
/// without held-out samples, the last. `activity` begins each line of progress. Errors:
/// pass.cancelled, those of the engine and of the samples.
Result<FitResult> fit(train::Engine& engine, Feeder& feeder, const FitOptions& options,
                      Progress& progress, const std::string& activity);

}  // namespace neurotool::training
