// The loop of training and what feeds it, without a trainer.
#include "passes/train/fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "passes/train/plan.hpp"
#include "passes/train_tools.hpp"

namespace neurotool {
namespace {

using test::MemorySamples;
using test::ScriptedEngine;
using testing::ElementsAre;
using testing::HasSubstr;
using training::Feeder;
using training::FitEnd;
using training::FitOptions;

/// Sample i holds the number i.
MemorySamples numbered(std::int64_t count) {
  std::vector<std::vector<float>> samples;
  for (std::int64_t i = 0; i < count; ++i) samples.push_back({static_cast<float>(i)});
  return {{1}, std::move(samples), std::vector<std::int32_t>(static_cast<std::size_t>(count), 0)};
}

Feeder feeder_of(const MemorySamples& samples, double held_out, std::int64_t batch,
                 std::uint64_t seed = 1) {
  auto feeder = Feeder::make(samples, 2, held_out, batch, seed);
  EXPECT_TRUE(feeder.has_value()) << to_string(feeder.error());
  return *std::move(feeder);
}

TEST(Feeder, HoldsOutAShareAndTrainsOnTheRest) {
  const MemorySamples samples = numbered(20);
  Feeder feeder = feeder_of(samples, 0.2, 4);
  EXPECT_EQ(feeder.held_out_count(), 4);
  EXPECT_EQ(feeder.batches(), 4);
  std::set<float> held, trained;
  const auto first = feeder.held_out_batch(0);
  ASSERT_TRUE(first.has_value());
  held.insert(first->samples.begin(), first->samples.end());
  feeder.shuffle();
  for (std::int64_t i = 0; i < feeder.batches(); ++i) {
    const auto batch = feeder.batch(i, training::Augment::kNone);
    ASSERT_TRUE(batch.has_value());
    trained.insert(batch->samples.begin(), batch->samples.end());
  }
  EXPECT_EQ(held.size(), 4u);
  EXPECT_EQ(trained.size(), 16u) << "every other sample once";
  for (const float sample : held) EXPECT_FALSE(trained.contains(sample)) << sample;
}

TEST(Feeder, TheSeedDecidesTheOrder) {
  const MemorySamples samples = numbered(32);
  const auto order = [&](std::uint64_t seed) {
    Feeder feeder = feeder_of(samples, 0, 32, seed);
    feeder.shuffle();
    return feeder.batch(0, training::Augment::kNone).value().samples;
  };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
}

TEST(Feeder, ShiftsByWholePixelsWithZerosFromOutside) {
  std::vector<float> image(14 * 14, 0);
  image[7 * 14 + 7] = 1;
  const MemorySamples samples({1, 14, 14}, std::vector<std::vector<float>>(64, image),
                              std::vector<std::int32_t>(64, 0));
  Feeder feeder = feeder_of(samples, 0, 64);
  const auto batch = feeder.batch(0, training::Augment::kShiftFlip);
  ASSERT_TRUE(batch.has_value());
  std::set<std::size_t> places;
  for (std::size_t i = 0; i < batch->samples.size(); ++i) {
    if (batch->samples[i] == 1) places.insert(i % 196);
  }
  for (const std::size_t place : places) {
    const auto row = place / 14, column = place % 14;
    EXPECT_TRUE(row >= 6 && row <= 8 && column >= 5 && column <= 8) << row << ' ' << column;
  }
  EXPECT_GT(places.size(), 6u) << "three rows, and columns 7 ± 1 and their mirrors";
}

TEST(Feeder, RefusesMissingAndForeignLabels) {
  const MemorySamples bare({1}, {{1}, {2}});
  const MemorySamples foreign({1}, {{1}, {2}}, {0, 7});
  const MemorySamples few = numbered(3);
  const auto code = [](const MemorySamples& samples) {
    const auto made = Feeder::make(samples, 2, 0, 2, 1);
    return made ? std::string() : made.error().code;
  };
  EXPECT_EQ(code(bare), "train.labels");
  EXPECT_EQ(code(foreign), "train.labels");
  EXPECT_EQ(Feeder::make(few, 2, 0, 4, 1).error().code, "train.samples");
}

TEST(Fit, KeepsTheBestEpoch) {
  const MemorySamples samples = numbered(10);
  Feeder feeder = feeder_of(samples, 0.2, 2);
  ScriptedEngine engine({0, 1, 2, 1});
  NoProgress progress;
  const auto result = fit(engine, feeder, {.epochs = 3, .learning_rate = 1}, progress, "training");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->best_epoch, 2);
  EXPECT_EQ(result->epochs, 3);
  EXPECT_EQ(result->best.accuracy, 1.0);
  EXPECT_THAT(result->values[0], ElementsAre(8)) << "as it was after two epochs of four batches";
}

TEST(Fit, KeepsTheStartWhenNothingIsBetter) {
  const MemorySamples samples = numbered(10);
  Feeder feeder = feeder_of(samples, 0.2, 2);
  ScriptedEngine engine({2, 1, 1, 1, 1});
  NoProgress progress;
  const auto result =
      fit(engine, feeder, {.epochs = 9, .learning_rate = 1, .patience = 2}, progress, "training");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->best_epoch, 0);
  EXPECT_EQ(result->end, FitEnd::kPatience);
  EXPECT_EQ(result->epochs, 2);
  EXPECT_THAT(result->values[0], ElementsAre(0));
}

TEST(Fit, TheRateFallsAlongHalfACosine) {
  const MemorySamples samples = numbered(8);
  Feeder feeder = feeder_of(samples, 0, 2);
  ScriptedEngine engine({0});
  NoProgress progress;
  ASSERT_TRUE(fit(engine, feeder, {.epochs = 2, .learning_rate = 0.5}, progress, "training"));
  ASSERT_EQ(engine.rates.size(), 8u);
  EXPECT_DOUBLE_EQ(engine.rates[0], 0.5);
  EXPECT_NEAR(engine.rates[4], 0.25, 1e-12);
  EXPECT_LT(engine.rates[7], 0.02);
}

TEST(Fit, StopsWhenToldTo) {
  const MemorySamples samples = numbered(40);
  Feeder feeder = feeder_of(samples, 0, 2);
  ScriptedEngine engine({0});
  test::StopAfter progress(5);
  const auto result = fit(engine, feeder, {.epochs = 2, .learning_rate = 1}, progress, "training");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "pass.cancelled");
  EXPECT_EQ(engine.rates.size(), 6u);
}

TEST(PlanTraining, NamesEveryOperationThatCannotBeTrained) {
  test::Network net({2, 4, 4});
  net.conv("conv1", 2, 3, 1, 0.3).add("tanh1", Unary{UnaryKind::kTanh}).relu("relu1");
  net.add("floor", Unary{UnaryKind::kFloor}).add("flatten", Flatten{}).gemm("fc", 48, 3, 0.2);
  const Model model = net.finish("strange");
  Diagnostics found;
  const auto plan = training::plan_training(model, found);
  ASSERT_FALSE(plan.has_value());
  ASSERT_EQ(found.error_count(), 2u);
  EXPECT_THAT(found.all()[0].message, HasSubstr("'tanh1'"));
  EXPECT_THAT(found.all()[1].message, HasSubstr("'floor'"));
  EXPECT_EQ(found.all()[0].code, "train.unsupported-op");
}

TEST(PlanTraining, APlanLeavesWeightsAndWritesProvisionalThresholds) {
  test::Network net({2, 4, 4});
  net.conv("conv1", 2, 3, 1, 0.3).relu("relu1").add("flatten", Flatten{}).gemm("fc", 48, 3, 0.2);
  Model model = net.finish("plain");
  const auto run = test::run_passes(model, "infer_shapes,tune_qcfs{levels=4},infer_shapes");
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_THAT(run.codes(), ElementsAre("train.provisional"));
}

}  // namespace
}  // namespace neurotool
