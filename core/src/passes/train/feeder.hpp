// Labelled samples in a random order: which are held out, which come next, and how they are varied.
// The order depends on the seed and on nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "ir/samples.hpp"
#include "train/engine.hpp"

namespace neurotool::training {

/// What is done to a sample before the network sees it in training.
enum class Augment {
  kNone,
  kShiftFlip,  ///< an image moved by up to a fourteenth of its extent, and mirrored half of the
               ///< time
};

class Feeder {
 public:
  /// Errors: train.labels (none, or outside 0 … classes - 1), train.samples (too few).
  static Result<Feeder> make(const SampleSource& source, std::int64_t classes, double held_out,
                             std::int64_t batch, std::uint64_t seed);

  std::int64_t train_count() const { return static_cast<std::int64_t>(train_.size()); }
  std::int64_t held_out_count() const { return static_cast<std::int64_t>(held_out_.size()); }
  /// Batches of an epoch; samples that fill none are left for the next epoch's order.
  std::int64_t batches() const { return train_count() / batch_; }
  std::int64_t held_out_batches() const { return (held_out_count() + batch_ - 1) / batch_; }

  /// A new order; call it before the first batch of each epoch.
  void shuffle();
  Result<train::Batch> batch(std::int64_t number, Augment augment);
  /// As they are stored.
  Result<train::Batch> held_out_batch(std::int64_t number) const;

 private:
  Feeder(const SampleSource& source, std::int64_t batch, std::uint64_t seed);
  Result<train::Batch> gather(std::span<const std::int64_t> indices) const;
  void vary(std::vector<float>& samples, std::int64_t count);

  const SampleSource* source_;
  std::int64_t batch_;
  RandomStream random_;
  std::vector<std::int64_t> train_, held_out_;
};

}  // namespace neurotool::training
