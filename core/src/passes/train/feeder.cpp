// Shuffles by Fisher and Yates; moves images by whole pixels, with zeros from outside.
#include "passes/train/feeder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace neurotool::training {
namespace {

void shuffled(std::vector<std::int64_t>& order, RandomStream& random) {
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.below(i)]);
  }
}

struct Move {
  std::int64_t down = 0, right = 0;
  bool mirrored = false;
};

/// One channel of height x width.
void moved(std::span<const float> from, std::span<float> to, std::int64_t height,
           std::int64_t width, const Move& move) {
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t source_y = y - move.down;
      const std::int64_t shifted = x - move.right;
      const std::int64_t source_x = move.mirrored ? width - 1 - shifted : shifted;
      const bool inside = source_y >= 0 && source_y < height && shifted >= 0 && shifted < width;
      to[static_cast<std::size_t>(y * width + x)] =
          inside ? from[static_cast<std::size_t>(source_y * width + source_x)] : 0.0f;
    }
  }
}

}  // namespace

Feeder::Feeder(const SampleSource& source, std::int64_t batch, std::uint64_t seed)
    : source_(&source), batch_(batch), random_(seed, "train", "order") {}

Result<Feeder> Feeder::make(const SampleSource& source, std::int64_t classes, double held_out,
                            std::int64_t batch, std::uint64_t seed) {
  const std::vector<std::int32_t>& labels = source.labels();
  if (labels.empty()) {
    return error("train.labels", {}, fmt::format("'{}' has no labels", source.name()),
                 "name the file of the labels: data: { train: { labels: FILE } }");
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= 0 && labels[i] < classes) continue;
    return error("train.labels", {},
                 fmt::format("sample {} of '{}' has label {}, the network has {} classes", i,
                             source.name(), labels[i], classes),
                 "give the labels that the network was trained with");
  }
  Feeder feeder(source, batch, seed);
  std::vector<std::int64_t> order(static_cast<std::size_t>(source.size()));
  std::iota(order.begin(), order.end(), 0);
  shuffled(order, feeder.random_);
  const auto kept = static_cast<std::ptrdiff_t>(held_out * static_cast<double>(order.size()));
  feeder.held_out_.assign(order.begin(), order.begin() + kept);
  std::ranges::sort(feeder.held_out_);
  feeder.train_.assign(order.begin() + kept, order.end());
  if (feeder.batches() > 0 && !(held_out > 0 && kept == 0)) return feeder;
  return error(
      "train.samples", {},
      fmt::format("{} samples of '{}', of which {} are held out, do not fill a batch of {}",
                  order.size(), source.name(), kept, batch),
      "give more samples under data.train, or choose a smaller 'batch'");
}

void Feeder::shuffle() { shuffled(train_, random_); }

Result<train::Batch> Feeder::gather(std::span<const std::int64_t> indices) const {
  train::Batch batch;
  for (const std::int64_t index : indices) {
    NT_TRY(const Tensor sample, source_->batch(index, 1));
    const auto values = sample.as<float>();
    batch.samples.insert(batch.samples.end(), values.begin(), values.end());
    batch.labels.push_back(source_->labels()[static_cast<std::size_t>(index)]);
  }
  return batch;
}

Result<train::Batch> Feeder::batch(std::int64_t number, Augment augment) {
  const std::span all(train_);
  NT_TRY(train::Batch batch, gather(all.subspan(static_cast<std::size_t>(number * batch_),
                                                static_cast<std::size_t>(batch_))));
  if (augment == Augment::kShiftFlip) vary(batch.samples, batch_);
  return batch;
}

Result<train::Batch> Feeder::held_out_batch(std::int64_t number) const {
  const std::int64_t first = number * batch_;
  const std::int64_t count = std::min(batch_, held_out_count() - first);
  return gather(std::span(held_out_).subspan(static_cast<std::size_t>(first),
                                             static_cast<std::size_t>(count)));
}

void Feeder::vary(std::vector<float>& samples, std::int64_t count) {
  const Shape& shape = source_->sample_shape();
  const std::int64_t height = shape[shape.size() - 2], width = shape.back();
  const auto plane = static_cast<std::size_t>(height * width);
  const std::size_t planes = samples.size() / static_cast<std::size_t>(count) / plane;
  const std::int64_t most_down = height / 14, most_right = width / 14;
  const auto between = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(2 * most + 1))) -
           most;
  };
  std::vector<float> original = samples;
  for (std::size_t sample = 0; sample < static_cast<std::size_t>(count); ++sample) {
    Move move{.down = between(most_down), .right = between(most_right)};
    move.mirrored = random_.below(2) == 1;
    for (std::size_t i = sample * planes; i < (sample + 1) * planes; ++i) {
      moved(std::span<const float>(original).subspan(i * plane, plane),
            std::span(samples).subspan(i * plane, plane), height, width, move);
    }
  }
}

}  // namespace neurotool::training
