// quantize_activations: rectifiers get levels whose largest is the threshold, bounds of clips stay,
// and channel means are those of the float network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "eval/tensor_eval.hpp"
#include "passes/pass_tools.hpp"

namespace neurotool::test {
namespace {

Model small_network() {
  Network net({2, 6, 6}, 4);
  net.conv("c1", 2, 5, 1, 0.4).relu("r1").conv("c2", 5, 4, 1, 0.4).relu("r2");
  return net.add("flat", Flatten{}).gemm("g1", 144, 6, 0.2).finish("net");
}

const QuantizedActivation& levels_of(const Model& model, std::string_view name) {
  for (const OpNode& node : model.tensor().ops) {
    if (node.name == name) return std::get<QuantizedActivation>(node.op);
  }
  throw std::out_of_range(std::string(name));
}

/// The mean of the first output's columns.
std::vector<double> output_means(const Model& model, const MemorySamples& samples) {
  const Tensor in[] = {samples.batch(0, samples.size()).value()};
  const auto outputs = TensorEvaluator(model.tensor()).run(in).value();
  const std::int64_t rows = outputs[0].shape()[0], columns = outputs[0].shape()[1];
  std::vector<double> means(static_cast<std::size_t>(columns), 0);
  for (std::int64_t i = 0; i < outputs[0].size(); ++i) {
    means[static_cast<std::size_t>(i % columns)] += outputs[0].at(i) / static_cast<double>(rows);
  }
  return means;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

TEST(QuantizeActivations, GivesEveryRectifierItsLevels) {
  Model model = small_network();
  const MemorySamples samples = random_samples({2, 6, 6}, 32, 0, 1);
  const PassRun run = run_passes(model, "infer_shapes,quantize_activations{bits=3}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (const char* name : {"r1", "r2"}) {
    const QuantizedActivation& op = levels_of(model, name);
    EXPECT_EQ(op.low, 0);
    EXPECT_EQ(op.high, 7);
    EXPECT_EQ(op.offset, 0.5f);
    EXPECT_TRUE(run.fact(name, "threshold_median").value_or(0) > 0);
  }
}

TEST(QuantizeActivations, ABoundOfAClipIsTheLargestLevelAtMost) {
  Network net({2, 6, 6}, 4);
  net.conv("c1", 2, 5, 1, 2.0);
  net.add("clip", Clip{}, {net.constant({}, {0}), net.constant({}, {0.25f})});
  Model model = net.add("flat", Flatten{}).gemm("g1", 180, 3, 0.2).finish("net");
  const MemorySamples samples = random_samples({2, 6, 6}, 32, 0, 1);
  const PassRun run = run_passes(model, "infer_shapes,quantize_activations{bits=2}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (const OpNode& node : model.tensor().ops) {
    if (node.name != "clip") continue;
    const Tensor& scale = model.tensor()[node.inputs.at(1)].constant;
    for (std::int64_t c = 0; c < scale.size(); ++c) EXPECT_LE(scale.at(c) * 3, 0.25 + 1e-6);
  }
}

TEST(QuantizeActivations, LeavesARectifierOfOneNumberForAllSamplesAlone) {
  // As the range of a dynamic quantiser is found.
  Network net({4});
  const ValueId x = net.value();
  net.add("largest", Reduce{.kind = ReduceKind::kMax, .keep_dims = false}).relu("above");
  const ValueId scale = net.value();
  net.at(x).add("div", Binary{BinaryKind::kDiv}, {scale}).relu("relu").gemm("fc", 4, 2, 1);
  Model model = net.finish("dynamic");
  const MemorySamples samples = random_samples({4}, 12, 0.1, 1, 3);
  const PassRun run = run_passes(model, "infer_shapes,quantize_activations{bits=4}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_EQ(levels_of(model, "relu").high, 15);
  EXPECT_THROW(levels_of(model, "above"), std::bad_variant_access);
}

TEST(QuantizeActivations, BiasCorrectionKeepsTheMeansOfTheFloatNetwork) {
  const MemorySamples samples = random_samples({2, 6, 6}, 64, 0, 1);
  const auto means = [&](const std::string& list) {
    Model model = small_network();
    const PassRun run = run_passes(model, list, &samples);
    EXPECT_TRUE(run.result.has_value());
    return output_means(model, samples);
  };
  const auto wanted = means("infer_shapes");
  const double without =
      largest_difference(wanted, means("infer_shapes,quantize_activations{bits=2}"));
  const double with = largest_difference(
      wanted, means("infer_shapes,quantize_activations{bits=2, bias_correction=true}"));
  EXPECT_GT(without, 0.02);
  EXPECT_LT(with, 0.25 * without);
}

TEST(QuantizeActivations, BiasCorrectionStaysInFrontOfTheSoftmaxThatEndsANetwork) {
  const MemorySamples samples = random_samples({2, 6, 6}, 64, 0, 1);
  Network net({2, 6, 6}, 4);
  net.conv("c1", 2, 5, 1, 0.4).relu("r1").conv("c2", 5, 4, 6, 0.4);
  Model model = net.add("shares", Softmax{.axis = 1}).add("flat", Flatten{}).finish("net");
  const PassRun run = run_passes(
      model, "infer_shapes,quantize_activations{bits=2, bias_correction=true},exact", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_EQ(model.level(), Level::kSpike);
}

/// A linear bottleneck with a residual and a block that normalises before it rectifies.
Model bottleneck_network() {
  Network net({2, 8, 8}, 6);
  net.conv("expand", 2, 6, 1, 0.4).relu("r1").conv("narrow", 6, 3, 1, 0.4);
  const ValueId narrow = net.value();
  net.conv("expand2", 3, 6, 1, 0.4).relu("r2").conv("narrow2", 6, 3, 1, 0.4);
  net.add("residual", Binary{BinaryKind::kAdd}, {narrow});
  net.pool("pool").conv("last", 3, 4, 1, 0.4).relu("r3").add("flat", Flatten{});
  return net.gemm("g1", 64, 5, 0.3).finish("bottleneck");
}

TEST(QuantizeActivations, GivesSumsBetweenLinearLayersLevelsOnBothSidesOfZero) {
  const MemorySamples samples = random_samples({2, 8, 8}, 48, -1, 1);
  Model model = bottleneck_network();
  const PassRun run = run_passes(model, "infer_shapes,quantize_activations{bits=8}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  std::vector<std::string> linear;
  for (const OpNode& node : model.tensor().ops) {
    const auto* levels = std::get_if<QuantizedActivation>(&node.op);
    if (levels != nullptr && levels->low == -127 && levels->high == 127)
      linear.push_back(node.name);
  }
  EXPECT_THAT(linear, testing::ElementsAre("narrow/levels", "residual/levels"));
  // They are levels of the sums: the more there are, the nearer the network is to the float one.
  const auto outputs = [&](const std::string& passes) {
    Model other = bottleneck_network();
    EXPECT_TRUE(run_passes(other, passes, &samples).result.has_value());
    return output_means(other, samples);
  };
  const auto wanted = outputs("infer_shapes");
  const auto error = [&](const std::string& bits) {
    const auto found =
        outputs("infer_shapes,quantize_activations{bits=8, method=max, linear_bits=" + bits + "}");
    return largest_difference(wanted, found);
  };
  EXPECT_LT(error("8"), 0.3 * error("4"));
}

TEST(QuantizeActivations, LinearBottlenecksAreExactInEveryRealisation) {
  const MemorySamples samples = random_samples({2, 8, 8}, 24, -1, 1);
  for (const char* mode : {"auto", "two_phase", "graded", "st_bif", "sigma_delta"}) {
    Model model = bottleneck_network();
    const PassRun run = run_passes(
        model,
        "infer_shapes,quantize_activations{linear_bits=5},exact{realisation=" + std::string(mode) +
            "},certify{samples=6}",
        &samples);
    ASSERT_TRUE(run.result.has_value()) << mode << ": " << to_string(run.result.error());
    EXPECT_EQ(run.fact("network", "mismatches"), 0) << mode;
  }
}

TEST(QuantizeActivations, ASumThatOnlyActivationsReadNeedsNoLevels) {
  Network net({2, 6, 6}, 4);
  net.conv("c1", 2, 4, 1, 0.4);
  const ValueId sum = net.value();
  net.relu("up");
  const ValueId up = net.value();
  Model model = net.add("sum", Binary{BinaryKind::kAdd}, {up}).finish("net");
  TensorGraph& graph = model.tensor();
  // up + relu(-c1): both read c1.
  const ValueId negated = graph.add_op("minus", Unary{UnaryKind::kNeg}, {sum});
  const ValueId down = graph.add_op("down", Unary{UnaryKind::kRelu}, {negated});
  const auto join = std::ranges::find(graph.ops, "sum", &OpNode::name);
  join->inputs = {up, down};
  const MemorySamples samples = random_samples({2, 6, 6}, 8, -1, 1);
  const PassRun run = run_passes(model, "infer_shapes,quantize_activations", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (const OpNode& node : model.tensor().ops) {
    const auto* levels = std::get_if<QuantizedActivation>(&node.op);
    EXPECT_TRUE(levels == nullptr || levels->low == 0) << node.name;
  }
}

}  // namespace
}  // namespace neurotool::test
