// One epoch after the other; after each, the held-out samples decide whether it is the best so far.
#include "passes/train/fit.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <numbers>
#include <utility>

namespace neurotool::training {
namespace {

using Clock = std::chrono::steady_clock;

class Fitting {
 public:
  Fitting(train::Engine& engine, Feeder& feeder, const FitOptions& options, Progress& progress,
          const std::string& activity)
      : engine_(engine),
        feeder_(feeder),
        options_(options),
        progress_(progress),
        activity_(activity),
        start_(Clock::now()) {}

  Result<FitResult> run();

 private:
  enum class Epoch { kWhole, kTimeIsUp };
  Result<Epoch> epoch(std::int64_t number);
  Result<Score> held_out(std::int64_t epoch);
  Result<> tell(std::int64_t done, const std::string& what);
  bool time_is_up() const;
  bool is_better(const Score& score) const;

  train::Engine& engine_;
  Feeder& feeder_;
  const FitOptions& options_;
  Progress& progress_;
  const std::string& activity_;
  const Clock::time_point start_;
  FitResult result_;
};

bool Fitting::time_is_up() const {
  const std::chrono::duration<double, std::ratio<60>> minutes = Clock::now() - start_;
  return options_.max_minutes > 0 && minutes.count() >= options_.max_minutes;
}

bool Fitting::is_better(const Score& score) const {
  if (score.accuracy != result_.best.accuracy) return score.accuracy > result_.best.accuracy;
  return score.loss < result_.best.loss;
}

Result<> Fitting::tell(std::int64_t done, const std::string& what) {
  const auto all = static_cast<double>(options_.epochs * feeder_.batches());
  if (progress_.update(static_cast<double>(done) / all, activity_ + ", " + what)) return {};
  return error("pass.cancelled", {}, fmt::format("cancelled while {}", activity_));
}

Result<Score> Fitting::held_out(std::int64_t epoch) {
  Score score;
  for (std::int64_t i = 0; i < feeder_.held_out_batches(); ++i) {
    NT_TRY_VOID(tell(epoch * feeder_.batches(), "measuring what is held out"));
    NT_TRY(const train::Batch batch, feeder_.held_out_batch(i));
    NT_TRY(const train::StepResult result, engine_.evaluate(batch));
    score.loss += result.loss * static_cast<double>(batch.labels.size());
    score.accuracy += static_cast<double>(result.correct);
  }
  const auto count = static_cast<double>(feeder_.held_out_count());
  if (count == 0) return score;
  return Score{score.loss / count, score.accuracy / count};
}

Result<Fitting::Epoch> Fitting::epoch(std::int64_t number) {
  const std::int64_t batches = feeder_.batches();
  feeder_.shuffle();
  double loss = 0;
  std::int64_t correct = 0, seen = 0;
  for (std::int64_t i = 0; i < batches; ++i) {
    const std::int64_t done = number * batches + i;
    const double share = static_cast<double>(done) / static_cast<double>(options_.epochs * batches);
    const double rate = options_.learning_rate / 2 * (1 + std::cos(std::numbers::pi * share));
    NT_TRY(const train::Batch batch, feeder_.batch(i, options_.augment));
    NT_TRY(const train::StepResult step, engine_.step(batch, rate));
    ++result_.batches;
    loss += step.loss;
    correct += step.correct;
    seen += static_cast<std::int64_t>(batch.labels.size());
    result_.train_loss = loss / static_cast<double>(i + 1);
    NT_TRY_VOID(tell(
        done + 1, fmt::format("epoch {} of {}, batch {} of {}, loss {:.4f}, accuracy "
                              "{:.2f} %",
                              number + 1, options_.epochs, i + 1, batches, result_.train_loss,
                              100.0 * static_cast<double>(correct) / static_cast<double>(seen))));
    if (time_is_up()) return i + 1 == batches ? Epoch::kWhole : Epoch::kTimeIsUp;
  }
  return Epoch::kWhole;
}

Result<FitResult> Fitting::run() {
  const bool judges = feeder_.held_out_count() > 0;
  NT_TRY(result_.before, held_out(0));
  result_.best = result_.before;
  NT_TRY(result_.values, engine_.read());
  std::int64_t without_better = 0;
  while (result_.epochs < options_.epochs) {
    NT_TRY(const Epoch how, epoch(result_.epochs));
    if (how == Epoch::kWhole) ++result_.epochs;
    NT_TRY(const Score score, held_out(result_.epochs));
    if (!judges || is_better(score)) {
      result_.best = score;
      result_.best_epoch = how == Epoch::kWhole ? result_.epochs : result_.epochs + 1;
      NT_TRY(result_.values, engine_.read());
      without_better = 0;
    } else {
      ++without_better;
    }
    if (result_.epochs == options_.epochs) break;
    if (time_is_up()) {
      result_.end = FitEnd::kTime;
      break;
    }
    if (options_.patience > 0 && without_better >= options_.patience) {
      result_.end = FitEnd::kPatience;
      break;
    }
  }
  return std::move(result_);
}

}  // namespace

Result<FitResult> fit(train::Engine& engine, Feeder& feeder, const FitOptions& options,
                      Progress& progress, const std::string& activity) {
  return Fitting(engine, feeder, options, progress, activity).run();
}

}  // namespace neurotool::training
