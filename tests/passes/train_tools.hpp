// What the tests of training share: a problem that can be learnt, and an engine that is no
// libtorch.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "passes/pass_tools.hpp"
#include "train/engine.hpp"

namespace neurotool::test {

/// Points of [2,4,4] in three classes, by which of three regions is brightest.
inline MemorySamples labelled_images(std::int64_t count, std::uint64_t seed = 1) {
  RandomStream random(seed, "test", "labelled");
  std::vector<std::vector<float>> samples;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(random.below(3));
    std::vector<float> sample;
    for (int e = 0; e < 32; ++e) {
      const bool bright = e % 16 / 5 == label;
      sample.push_back(static_cast<float>((bright ? 0.9 : 0.4) + 0.5 * random.uniform()));
    }
    samples.push_back(std::move(sample));
    labels.push_back(label);
  }
  return {{2, 4, 4}, std::move(samples), std::move(labels)};
}

/// Counts its steps; what it holds is the number of steps so far, and its accuracy is a script.
class ScriptedEngine final : public train::Engine {
 public:
  explicit ScriptedEngine(std::vector<std::int64_t> correct_by_epoch)
      : correct_(std::move(correct_by_epoch)) {}

  Result<train::StepResult> step(const train::Batch& batch, double learning_rate) override {
    rates.push_back(learning_rate);
    seen.insert(seen.end(), batch.samples.begin(), batch.samples.end());
    return train::StepResult{.loss = 1, .correct = 0};
  }
  Result<train::StepResult> evaluate(const train::Batch&) override {
    const std::size_t epoch = std::min(evaluated_++, correct_.size() - 1);
    return train::StepResult{.loss = 1, .correct = correct_[epoch]};
  }
  Result<std::vector<std::vector<float>>> read() override {
    return std::vector<std::vector<float>>{{static_cast<float>(rates.size())}};
  }
  Result<> write(const std::vector<std::vector<float>>&) override { return {}; }

  std::vector<double> rates;
  std::vector<float> seen;

 private:
  std::vector<std::int64_t> correct_;
  std::size_t evaluated_ = 0;
};

/// Stops after so many updates.
class StopAfter final : public Progress {
 public:
  explicit StopAfter(int updates) : left_(updates) {}
  void stage(std::string_view) override {}
  bool update(double, std::string_view) override { return left_-- > 0; }

 private:
  int left_;
};

}  // namespace neurotool::test
