// Passes that make a trained network smaller: what stays of its function, what leaves its tensors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

#include "ir/verify.hpp"
#include "passes/networks.hpp"
#include "passes/random_network.hpp"
#include "passes/tensor_tools.hpp"
#include "support/golden.hpp"

namespace neurotool {
namespace {

using test::run_passes;
using testing::ElementsAre;
using testing::HasSubstr;

/// Two convolutions and a matrix, wide enough to lose something.
Model small_net(std::uint64_t seed = 1) {
  test::Network net({2, 6, 6}, seed);
  net.conv("conv1", 2, 8, 1, 0.3).relu("relu1").conv("conv2", 8, 8, 1, 0.15).relu("relu2");
  net.pool("pool").add("flatten", Flatten{}).gemm("fc", 72, 4, 0.2);
  return net.finish("small_net");
}

test::MemorySamples samples_for(std::uint64_t seed = 1) {
  return test::random_samples({2, 6, 6}, 96, 0, 1, seed);
}

/// Root mean square of the differences of the outputs, relative to that of the outputs.
double difference(const Model& before, const Model& after, const SampleSource& samples) {
  const Tensor batch = *samples.batch(0, samples.size());
  const Tensor a = test::evaluate(before, {batch})[0], b = test::evaluate(after, {batch})[0];
  double wrong = 0, whole = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    wrong += (a.at(i) - b.at(i)) * (a.at(i) - b.at(i));
    whole += a.at(i) * a.at(i);
  }
  return std::sqrt(wrong / whole);
}

TEST(QuantizeWeights, LeavesFloatWeightsOnTheGridTheirAnnotationNames) {
  Model model = small_net();
  const auto samples = samples_for();
  const auto run = run_passes(model, "quantize_weights{bits=4,method=gptq}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (const char* name : {"conv1", "conv2", "fc"}) {
    const Tensor& weight = test::constant_at(model, name, 1);
    ASSERT_EQ(weight.dtype(), DType::kFloat32);
    ASSERT_TRUE(weight.quantization().has_value());
    EXPECT_EQ(weight.quantization()->bits, 4u);
    const auto& scales = weight.quantization()->scales;
    ASSERT_EQ(static_cast<std::int64_t>(scales.size()), weight.shape()[0]);
    const std::int64_t inner = weight.size() / weight.shape()[0];
    for (std::int64_t i = 0; i < weight.size(); ++i) {
      const double place = weight.at(i) / scales[static_cast<std::size_t>(i / inner)];
      EXPECT_NEAR(place, std::nearbyint(place), 1e-4) << name;
      EXPECT_LE(std::abs(place), 7.001) << name;
    }
  }
}

TEST(QuantizeWeights, GptqIsBetterThanRoundingToTheNearest) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const Model before = small_net(seed);
    const auto samples = samples_for(seed);
    Model nearest = before, gptq = before;
    ASSERT_TRUE(run_passes(nearest, "quantize_weights{bits=3}", &samples).result.has_value());
    ASSERT_TRUE(
        run_passes(gptq, "quantize_weights{bits=3,method=gptq}", &samples).result.has_value());
    EXPECT_LT(difference(before, gptq, samples), difference(before, nearest, samples)) << seed;
  }
}

TEST(QuantizeWeights, BiasCorrectionKeepsTheMeanOfEveryOutput) {
  const Model before = small_net();
  const auto samples = samples_for();
  Model model = before;
  ASSERT_TRUE(run_passes(model, "quantize_weights{bits=2}", &samples).result.has_value());
  const Tensor batch = *samples.batch(0, samples.size());
  const Tensor a = test::evaluate(before, {batch})[0], b = test::evaluate(model, {batch})[0];
  for (std::int64_t c = 0; c < 4; ++c) {
    double was = 0, is = 0;
    for (std::int64_t n = 0; n < samples.size(); ++n) {
      was += a.at(n * 4 + c);
      is += b.at(n * 4 + c);
    }
    EXPECT_NEAR(was, is, 1e-3 * static_cast<double>(samples.size())) << c;
  }
}

TEST(QuantizeWeights, OneBitLeavesTwoValuesPerChannel) {
  Model model = small_net();
  ASSERT_TRUE(run_passes(model, "quantize_weights{bits=1,bias_correction=false}").result);
  const Tensor& weight = test::constant_at(model, "conv2", 1);
  std::set<double> values;
  for (std::int64_t i = 0; i < 72; ++i) values.insert(std::abs(weight.at(i)));
  EXPECT_EQ(values.size(), 1u);
}

TEST(QuantizeWeights, IsTheSameForAnyNumberOfThreadsAndEveryRun) {
  Model a = small_net(), b = small_net();
  const auto samples = samples_for();
  ASSERT_TRUE(run_passes(a, "quantize_weights{bits=3,method=gptq}", &samples).result.has_value());
  ASSERT_TRUE(run_passes(b, "quantize_weights{bits=3,method=gptq}", &samples).result.has_value());
  for (const char* name : {"conv1", "conv2", "fc"}) {
    EXPECT_EQ(test::constant_at(a, name, 1), test::constant_at(b, name, 1));
    EXPECT_EQ(test::constant_at(a, name, 2), test::constant_at(b, name, 2));
  }
}

TEST(QuantizeWeights, RefusesGptqWithoutSamples) {
  Model model = small_net();
  const auto run = run_passes(model, "quantize_weights{bits=4,method=gptq}");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_THAT(run.codes(), ElementsAre("quantize_weights.no-calibration"));
  EXPECT_THAT(run.diagnostics[0].help, HasSubstr("data.calibration"));
}

TEST(QuantizeWeights, CanBeLoweredAfterwards) {
  Model model = small_net();
  const auto samples = samples_for();
  const auto run =
      run_passes(model, "quantize_weights{bits=4,method=gptq},qcfs{steps=8},quantize", &samples);
  EXPECT_TRUE(run.result.has_value()) << to_string(run.result.error());
}

TEST(EqualizeLayers, KeepsTheFunctionAndEvensOutTheWeights) {
  Model model = small_net();
  // One channel far larger than the others, and its reader far smaller.
  std::vector<float> weight, next;
  const Tensor conv1 = test::constant_at(model, "conv1", 1),
               conv2 = test::constant_at(model, "conv2", 1);
  for (std::int64_t i = 0; i < conv1.size(); ++i) {
    weight.push_back(static_cast<float>(conv1.at(i) * (i / 18 == 3 ? 64 : 1)));
  }
  for (std::int64_t i = 0; i < conv2.size(); ++i) {
    next.push_back(static_cast<float>(conv2.at(i) / (i / 9 % 8 == 3 ? 64 : 1)));
  }
  TensorGraph& graph = model.tensor();
  graph[test::op_named(model, "conv1").inputs[1]].constant =
      Tensor::from<float>(conv1.shape(), std::move(weight));
  graph[test::op_named(model, "conv2").inputs[1]].constant =
      Tensor::from<float>(conv2.shape(), std::move(next));
  const Model before = model;
  const auto run = run_passes(model, "equalize_layers");
  ASSERT_TRUE(run.result.has_value());
  EXPECT_EQ(run.fact("small_net", "pairs"), 2);
  test::expect_same_function(before, model, 1e-4);
  const Tensor& found = test::constant_at(model, "conv1", 1);
  double most = 0, all = 0;
  for (std::int64_t i = 0; i < found.size(); ++i) {
    (i / 18 == 3 ? most : all) = std::max(i / 18 == 3 ? most : all, std::abs(found.at(i)));
  }
  EXPECT_LT(most, 5 * all);
}

TEST(Prune, DropsTheShareThatIsAskedForButNotInTheLastLayer) {
  Model model = small_net();
  const auto samples = samples_for();
  const auto run = run_passes(model, "prune{sparsity=0.5}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  std::int64_t zeros = 0, all = 0;
  for (const char* name : {"conv1", "conv2"}) {
    const Tensor& weight = test::constant_at(model, name, 1);
    for (std::int64_t i = 0; i < weight.size(); ++i) zeros += weight.at(i) == 0 ? 1 : 0;
    all += weight.size();
  }
  EXPECT_EQ(zeros, all / 2);
  EXPECT_EQ(run.fact("fc", "sparsity"), 0);
  EXPECT_NEAR(*run.fact("small_net", "connection_sparsity"), double(zeros) / double(all + 288),
              1e-4);
}

TEST(Prune, WhatStaysTakesOver) {
  for (const char* options :
       {"sparsity=0.5", "sparsity=0.5,scope=layer", "method=nm", "sparsity=0.5,criterion=wanda"}) {
    const Model before = small_net();
    const auto samples = samples_for();
    Model plain = before, learned = before;
    const std::string list = std::string("prune{") + options;
    ASSERT_TRUE(run_passes(plain, list + ",reconstruct=false,bias_correction=false}", &samples)
                    .result.has_value());
    ASSERT_TRUE(run_passes(learned, list + "}", &samples).result.has_value());
    EXPECT_LT(difference(before, learned, samples), 0.8 * difference(before, plain, samples))
        << options;
  }
}

TEST(Prune, NOfMKeepsNInEveryGroup) {
  Model model = small_net();
  const auto samples = samples_for();
  ASSERT_TRUE(run_passes(model, "prune{method=nm,n=1,m=4}", &samples).result.has_value());
  const Tensor& weight = test::constant_at(model, "conv2", 1);
  for (std::int64_t row = 0; row < 8; ++row) {
    for (std::int64_t k = 0; k < 9; ++k) {
      for (std::int64_t group = 0; group < 2; ++group) {
        int left = 0;
        for (std::int64_t c = 4 * group; c < 4 * group + 4; ++c) {
          left += weight.at((row * 8 + c) * 9 + k) != 0 ? 1 : 0;
        }
        EXPECT_EQ(left, 1);
      }
    }
  }
}

TEST(Prune, ChannelsReallyLeave) {
  Model model = small_net();
  const auto samples = samples_for();
  const auto run =
      run_passes(model, "infer_shapes,prune{method=channel,sparsity=0.5,scope=layer}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_EQ(test::constant_at(model, "conv1", 1).shape(), (Shape{4, 2, 3, 3}));
  EXPECT_EQ(test::constant_at(model, "conv2", 1).shape(), (Shape{4, 4, 3, 3}));
  EXPECT_EQ(test::constant_at(model, "conv2", 2).shape(), (Shape{4}));
  EXPECT_EQ(test::constant_at(model, "fc", 1).shape(), (Shape{4, 36}));
  EXPECT_EQ(run.fact("conv1", "removed_channels"), 4);
  EXPECT_EQ(test::evaluate(model, {*samples.batch(0, 3)})[0].shape(), (Shape{3, 4}));
}

/// Channels that hardly do anything can go without a trace, wherever they are tied.
TEST(Prune, FollowsChannelsThroughAdditionsAndPads) {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    Model model = test::residual_network(seed);
    const auto samples = test::random_samples({2, 4, 4}, 64, -1, 1, seed);
    const auto run = run_passes(model, "infer_shapes,prune{method=channel,sparsity=0.5}", &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    const auto out = test::evaluate(model, {*samples.batch(0, 2)});
    EXPECT_EQ(out[0].shape()[0], 2);
    const auto lowered = run_passes(model, "qcfs{steps=4}", &samples);
    EXPECT_TRUE(lowered.result.has_value()) << to_string(lowered.result.error());
  }
}

TEST(Prune, ChannelsOfZeroWeightGoWithoutATrace) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    Model model = test::residual_network(seed);
    TensorGraph& graph = model.tensor();
    // One channel of every layer that the sums tie together, weights and bias: the pad in front of
    // the second sum moves it up by one.
    const std::map<std::string, std::int64_t> empty{{"conv1", 1}, {"conv3", 1}, {"conv5", 2}};
    for (const auto& [name, channel] : empty) {
      for (const std::size_t input : {1u, 2u}) {
        Value& value = graph[test::op_named(model, name).inputs[input]];
        const std::int64_t row = value.constant.size() / value.constant.shape()[0];
        std::vector<float> values;
        for (std::int64_t i = 0; i < value.constant.size(); ++i) {
          values.push_back(i / row == channel ? 0 : static_cast<float>(value.constant.at(i)));
        }
        value.constant = Tensor::from<float>(value.constant.shape(), std::move(values));
      }
    }
    const Model before = model;
    const auto run = run_passes(model,
                                "infer_shapes,prune{method=channel,sparsity=0.13,reconstruct=false,"
                                "bias_correction=false}");
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    EXPECT_EQ(run.fact("conv1", "removed_channels"), 1);
    EXPECT_EQ(run.fact("conv3", "removed_channels"), 1);
    test::expect_same_function(before, model, 1e-5);
  }
}

TEST(Prune, RefusesOptionsThatContradictThemselves) {
  Model model = small_net();
  const auto samples = samples_for();
  EXPECT_THAT(run_passes(model, "prune{method=nm,n=5,m=4}", &samples).codes(),
              ElementsAre("prune.n-of-m"));
  EXPECT_THAT(run_passes(model, "prune{sparsity=1}", &samples).codes(),
              ElementsAre("config.range"));
  EXPECT_THAT(run_passes(model, "prune{criterion=wanda}").codes(),
              ElementsAre("prune.no-calibration"));
  EXPECT_THAT(run_passes(model, "prune{method=channel,criterion=wanda}", &samples).codes(),
              ElementsAre("prune.criterion"));
}

TEST(Prune, NamesWhatKeepsEveryChannel) {
  test::Network net({2, 4, 4});
  net.conv("conv1", 2, 4, 1, 0.3).add("softmax", Softmax{.axis = 1}).conv("conv2", 4, 2, 1, 0.3);
  Model model = net.finish("locked");
  const auto samples = test::random_samples({2, 4, 4}, 8, 0, 1);
  const auto run = run_passes(model, "infer_shapes,prune{method=channel}", &samples);
  EXPECT_THAT(run.codes(), ElementsAre("prune.channels"));
  EXPECT_THAT(run.diagnostics[0].message, HasSubstr("run into 'softmax'"));
}

TEST(Prune, TheIrOfASmallNetwork) {
  test::Network net({1, 4, 4}, 1, 0.25);
  net.conv("conv1", 1, 4, 1, 1).relu("relu1").conv("conv2", 4, 2, 1, 1);
  net.add("flatten", Flatten{}).gemm("fc", 32, 2, 1);
  Model model = net.finish("tiny");
  ASSERT_TRUE(run_passes(model,
                         "infer_shapes,prune{method=channel,sparsity=0.5,scope=layer,"
                         "reconstruct=false,bias_correction=false}")
                  .result.has_value());
  test::expect_golden("passes", "prune_channels", print_text(model));
}

TEST(CleanOps, DeadAndEqualOperationsGo) {
  test::Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 1);
  const ValueId x = net.value();
  net.relu("a");
  const ValueId a = net.value();
  net.at(x).relu("b");
  net.add("sum", Binary{BinaryKind::kAdd}, {a});
  const ValueId sum = net.value();
  net.at(x).add("unused", Unary{UnaryKind::kTanh}).add("unused2", Unary{UnaryKind::kAbs}).at(sum);
  Model model = net.finish("ops");
  const Model before = model;
  EXPECT_TRUE(test::run_pass(model, "remove_dead_ops").did_change());
  EXPECT_THAT(test::ops_of(model), ElementsAre("conv1:conv", "a:relu", "b:relu", "sum:add"));
  EXPECT_TRUE(test::run_pass(model, "merge_equal_ops").did_change());
  EXPECT_THAT(test::ops_of(model), ElementsAre("conv1:conv", "a:relu", "sum:add"));
  test::expect_same_function(before, model, 0);
  EXPECT_FALSE(test::run_pass(model, "remove_dead_ops").did_change());
  EXPECT_FALSE(test::run_pass(model, "merge_equal_ops").did_change());
}

}  // namespace
}  // namespace neurotool
