// Thresholds from data: the methods, batches, threads, and what goes wrong.
#include "passes/lower/calibrate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/parallel.hpp"
#include "passes/networks.hpp"

namespace neurotool {
namespace {

using test::Network;
using test::run_passes;
using testing::ElementsAre;

/// x[2] -> fc1 with unit weights -> relu -> fc2: the pre-activations are the samples.
Model mirror(std::int64_t batch = kFreeDim) {
  Network net({2});
  net.graph().values[0].shape = Shape{batch, 2};
  Gemm gemm;
  gemm.trans_b = true;
  net.add("fc1", gemm, {net.constant({2, 2}, {1, 0, 0, 1}), net.constant({2}, {0, 0})});
  net.relu("relu").gemm("fc2", 2, 2, 1);
  return net.finish("mirror");
}

std::vector<float> thresholds(const test::PassRun& run, const Model& model) {
  EXPECT_TRUE(run.result.has_value()) << to_string(run.result.error());
  if (!run.result) return {};
  const auto found =
      firing_of(model.spike()[model.spike().find("fc1")].neuron)->threshold.as<float>();
  return {found.begin(), found.end()};
}

test::MemorySamples ramp(int count) {
  std::vector<std::vector<float>> samples;
  for (int i = 1; i <= count; ++i) {
    samples.push_back({static_cast<float>(i) / 4, static_cast<float>(-i)});
  }
  return {{2}, std::move(samples)};
}

TEST(Calibrate, MaxTakesTheLargestActivationOfEachChannel) {
  Model model = mirror();
  const test::MemorySamples samples({2}, {{1, 2}, {3, -1}, {-5, 0.5f}});
  EXPECT_THAT(thresholds(run_passes(model, "qcfs{steps=4,method=max}", &samples), model),
              ElementsAre(3, 2));
}

TEST(Calibrate, PercentileLeavesTheTailOut) {
  Model model = mirror();
  const auto samples = ramp(100);
  const auto run = run_passes(model, "qcfs{steps=4,method=percentile,percentile=0.9}", &samples);
  EXPECT_NEAR(thresholds(run, model).at(0), 22.5, 0.05);
  EXPECT_NEAR(run.fact("fc1", "clipped_share").value_or(0), 0.05, 0.001) << "10 % of one of two";
}

TEST(Calibrate, MmseFitsTheStepsOfARun) {
  // With one step, theta/2 and theta are the only borders: a lone large value is not worth it.
  std::vector<std::vector<float>> values(99, {1, 1});
  values.push_back({4, 1});
  const test::MemorySamples samples({2}, std::move(values));
  Model few = mirror(), many = mirror();
  EXPECT_LT(thresholds(run_passes(few, "qcfs{steps=1}", &samples), few).at(0), 1.5);
  EXPECT_NEAR(thresholds(run_passes(many, "qcfs{steps=64}", &samples), many).at(0), 4, 0.1);
}

TEST(Calibrate, LloydFindsTheErrorThatMmseFinds) {
  std::vector<std::vector<float>> values(990, {1, 1});
  for (int i = 0; i < 990; ++i)
    values[static_cast<std::size_t>(i)][0] = static_cast<float>(i) / 990;
  for (int i = 0; i < 10; ++i) values.push_back({4, 1});
  const test::MemorySamples samples({2}, std::move(values));
  Model lloyd = mirror(), mmse = mirror();
  const auto found = thresholds(run_passes(lloyd, "qcfs{steps=8,method=lloyd}", &samples), lloyd);
  const auto wanted = thresholds(run_passes(mmse, "qcfs{steps=8}", &samples), mmse);
  EXPECT_NEAR(found.at(0), wanted.at(0), 0.05 * wanted.at(0));
  EXPECT_NEAR(found.at(1), 1, 1e-3);
}

// theta grows by 2 * mean(max(z - theta, 0)) until hardly anything lies above it.
TEST(Calibrate, BalancingLeavesLittleAboveTheThreshold) {
  Model model = mirror();
  const auto samples = test::random_samples({2}, 256, 0, 25);
  const auto run = run_passes(model, "qcfs{steps=4,method=ltb}", &samples);
  const float found = thresholds(run, model).at(0);
  EXPECT_GT(found, 22);
  EXPECT_LT(found, 26);
}

TEST(Calibrate, LooksAtNoMoreSamplesThanAskedFor) {
  Model model = mirror();
  const auto samples = ramp(100);
  EXPECT_THAT(
      thresholds(run_passes(model, "qcfs{steps=4,method=max,samples=40}", &samples), model)[0], 10);
}

TEST(Calibrate, KeepsTinyThresholdsNearTheMedian) {
  Network net({3});
  Gemm gemm;
  gemm.trans_b = true;
  net.add("fc1", gemm,
          {net.constant({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1e-6f}), net.constant({3}, {0, 0, 0})});
  net.relu("relu").gemm("fc2", 3, 2, 1);
  Model model = net.finish("tiny");
  const test::MemorySamples samples({3}, {{1, 2, 1}});
  EXPECT_THAT(thresholds(run_passes(model, "qcfs{steps=4,method=max}", &samples), model),
              ElementsAre(1, 2, 1e-3f));
}

TEST(Calibrate, GivesTheSameThresholdsForAnyNumberOfThreads) {
  const auto samples = test::random_samples({2, 4, 4}, 70, -1, 1);
  std::vector<std::vector<float>> found;
  for (const std::size_t threads : {1u, 2u, 5u}) {
    set_thread_count(threads);
    Model model = test::residual_network();
    ASSERT_TRUE(run_passes(model, "qcfs{steps=8}", &samples).result.has_value());
    std::vector<float>& all = found.emplace_back();
    for (const Population& population : model.spike().populations) {
      const Firing* const firing = firing_of(population.neuron);
      if (firing == nullptr) continue;
      const auto values = firing->threshold.as<float>();
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  set_thread_count(0);
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

TEST(Calibrate, RunsANetworkOfAFixedBatchInThatBatch) {
  Model model = mirror(4);
  const auto samples = ramp(11);  // two batches of four; the last three samples are left out
  EXPECT_THAT(thresholds(run_passes(model, "qcfs{steps=4,method=max}", &samples), model)[0], 2);
  Model hungry = mirror(64);
  EXPECT_THAT(run_passes(hungry, "qcfs{steps=4}", &samples).codes(),
              ElementsAre("lowering.calibration-empty"));
}

TEST(Calibrate, BatchOfNoSamplesIsRefused) {
  const auto samples = ramp(11);
  Model lowered = mirror(0);
  EXPECT_THAT(run_passes(lowered, "qcfs{steps=4}", &samples).codes(),
              ElementsAre("lowering.inputs"));
  Model quantised = mirror(0);
  const auto found = run_passes(quantised, "quantize_activations{bits=4}", &samples);
  EXPECT_THAT(found.codes(), ElementsAre("lowering.calibration-shape"));
  EXPECT_EQ(found.result.error().message, "the network's input 'x' takes batches of no samples");
}

TEST(Calibrate, StopsWhenCancelled) {
  struct Stop final : Progress {
    void stage(std::string_view) override {}
    bool update(double, std::string_view activity) override {
      return activity != "calibrating thresholds";
    }
  } progress;
  Diagnostics diagnostics;
  const auto samples = ramp(10);
  Context context{.diagnostics = diagnostics,
                  .progress = progress,
                  .seed = 0,
                  .calibration = &samples,
                  .limits = {},
                  .facts = {}};
  const Model model = mirror();
  const lower::Site site{.value = model.tensor().ops[0].outputs[0],
                         .activation = {},
                         .population = "fc1",
                         .node = "relu",
                         .channels = 2,
                         .cap = {}};
  const auto result = lower::calibrate(model.tensor(), {&site, 1}, {}, context);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "pass.cancelled");
}

}  // namespace
}  // namespace neurotool
