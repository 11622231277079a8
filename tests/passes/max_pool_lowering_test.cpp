// MaxPool through the lowering: behind an activation, before one, over values below 0, over windows
// that reach into the padding or hang over the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "eval/spike_eval.hpp"
#include "eval/tensor_eval.hpp"
#include "ir/print.hpp"
#include "passes/pass_tools.hpp"

namespace neurotool {
namespace {

using test::Network;
using test::run_passes;
using testing::ElementsAre;
using testing::HasSubstr;

MaxPool windows(std::int64_t kernel, std::int64_t stride, std::int64_t pad = 0) {
  MaxPool pool;
  pool.kernel = {kernel, kernel};
  pool.strides = {stride, stride};
  pool.pads = {pad, pad, pad, pad};
  return pool;
}

/// The logits of the spiking network after `steps` steps, and those of the network, worst apart.
double worst_difference(const Model& network, const SpikeGraph& graph, const Tensor& sample,
                        std::uint64_t steps) {
  const auto wanted = TensorEvaluator(network.tensor()).run({&sample, 1});
  EXPECT_TRUE(wanted.has_value());
  const PopulationId input = graph.find("input"), output = graph.find("output");
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const Stimulus stimulus{input, sample.reshaped({graph[input].size()})};
  EXPECT_TRUE(evaluator.run(state, {&stimulus, 1}, steps).has_value());
  double worst = 0;
  for (std::size_t i = 0; i < state.membrane_f[output.index].size(); ++i) {
    const double got = double{state.membrane_f[output.index][i]} / static_cast<double>(steps);
    worst = std::max(worst, std::abs(got - wanted->at(0).at(static_cast<std::int64_t>(i))));
  }
  return worst;
}

/// Converts, and expects logits that come near those of the network as steps go by.
void expect_convergence(Network& net, const Shape& sample_shape) {
  const auto samples = test::random_samples(sample_shape, 40, -1, 1);
  const Model network = net.finish("net");
  Model model = network;
  const auto run = run_passes(model, "qcfs{steps=512,method=max}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor sample = *samples.batch(i, 1);
    const double early = worst_difference(network, model.spike(), sample, 16);
    const double late = worst_difference(network, model.spike(), sample, 512);
    EXPECT_LT(late, 0.03);
    EXPECT_LT(late, std::max(early, 0.01));
  }
}

TEST(MaxPoolLowering, BehindAnActivationPoolsItsSpikes) {
  Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5).relu("relu").add("pool", windows(2, 2));
  net.conv("conv2", 2, 2, 1, 0.5).relu("relu2").add("flatten", Flatten{}).gemm("fc", 8, 2, 1);
  Model model = net.finish("pooled");
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8}").result.has_value());
  const SpikeGraph& graph = model.spike();
  const PopulationId pool = graph.find("pool1");
  ASSERT_TRUE(pool.valid());
  EXPECT_EQ(model_name(graph[pool].neuron), "relay");
  // The relay's payloads are spikes, worth what those of the neurons are.
  EXPECT_THAT(graph[pool].payload_value.as<double>(), ElementsAre(1, 1));
  const Projection& into = graph[graph.incoming(pool).at(0)];
  EXPECT_EQ(graph[into.source].name, "conv1");
  EXPECT_FALSE(std::get<MaxPool2d>(into.connectivity).weight.defined());
  EXPECT_EQ(std::get<MaxPool2d>(into.connectivity).base, 1u);
  EXPECT_THAT(print_text(model), testing::ContainsRegex("max_pool2d +kernel=.2,2. stride=.2,2."));
}

TEST(MaxPoolLowering, BeforeAnActivationPoolsTheSummedCurrents) {
  Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5).add("pool", windows(2, 2)).relu("relu");
  net.add("flatten", Flatten{}).gemm("fc", 8, 2, 1);
  Model model = net.finish("pooled");
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8}").result.has_value());
  const SpikeGraph& graph = model.spike();
  const PopulationId sums = graph.find("conv1"), neurons = graph.find("pool1");
  ASSERT_TRUE(sums.valid() && neurons.valid());
  EXPECT_EQ(model_name(graph[sums].neuron), "relay");
  EXPECT_TRUE(graph[sums].bias.defined());
  EXPECT_EQ(model_name(graph[neurons].neuron), "if");
  EXPECT_EQ(graph[neurons].shape, (Shape{2, 2, 2}));
  const Projection& into = graph[graph.incoming(neurons).at(0)];
  EXPECT_EQ(kind_name(into.connectivity), "max_pool2d");
}

TEST(MaxPoolLowering, TendsToTheNetworkBehindAnActivation) {
  Network net({2, 6, 6});
  net.conv("conv1", 2, 3, 1, 0.3).relu("relu1").add("pool", windows(2, 2));
  net.conv("conv2", 3, 3, 1, 0.3).relu("relu2").add("pool2", windows(3, 2, 1));
  net.add("flatten", Flatten{}).gemm("fc", 12, 3, 0.3);
  expect_convergence(net, {2, 6, 6});
}

TEST(MaxPoolLowering, TendsToTheNetworkBeforeAnActivation) {
  Network net({2, 6, 6});
  net.conv("conv1", 2, 3, 1, 0.3).add("pool", windows(2, 2)).relu("relu1");
  net.conv("conv2", 3, 3, 1, 0.3).add("pool2", windows(3, 2, 1)).relu("relu2");
  net.add("flatten", Flatten{}).gemm("fc", 12, 3, 0.3);
  expect_convergence(net, {2, 6, 6});
}

TEST(MaxPoolLowering, ComparesValuesWhereTheyFallAsPayloadsRise) {
  // The largest of what is negated is the least: payloads alone would pick the wrong one.
  Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5).relu("relu").add("neg", Unary{UnaryKind::kNeg});
  net.add("pool", windows(2, 2)).add("flatten", Flatten{}).gemm("fc", 8, 2, 0.5);
  expect_convergence(net, {1, 4, 4});
}

TEST(MaxPoolLowering, ReadsPaddingWhereAWindowHangsOverTheEnd) {
  Network net({1, 5, 5});
  MaxPool pool = windows(2, 2);
  pool.ceil_mode = true;
  net.conv("conv1", 1, 2, 1, 0.5).add("pool", pool).relu("relu");
  net.add("flatten", Flatten{}).gemm("fc", 18, 2, 0.5);
  expect_convergence(net, {1, 5, 5});
}

TEST(MaxPoolLowering, OverOneAxis) {
  Network net({2, 7});
  MaxPool pool;
  pool.kernel = {3};
  pool.strides = {2};
  pool.pads = {1, 0};
  net.add("pool", pool).add("flatten", Flatten{}).gemm("fc", 6, 4, 0.5).relu("relu");
  net.gemm("out", 4, 2, 0.5);
  expect_convergence(net, {2, 7});
}

TEST(MaxPoolLowering, RefusesDilationByName) {
  Network net({1, 5, 5});
  MaxPool pool = windows(2, 1);
  pool.dilations = {2, 1};
  net.add("pool", pool).add("flatten", Flatten{}).gemm("fc", 12, 2, 0.5);
  Model model = net.finish("net");
  const auto run = run_passes(model, "qcfs{steps=8}");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_THAT(run.result.error().message, HasSubstr("'pool' (max_pool) has dilated windows"));
}

TEST(MaxPoolLowering, QuantizesToWholeNumbers) {
  Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5).add("pool", windows(2, 2)).relu("relu");
  net.add("pool2", windows(2, 1)).add("flatten", Flatten{}).gemm("fc", 2, 2, 1);
  const auto samples = test::random_samples({1, 4, 4}, 20, 0, 1);
  Model model = net.finish("pooled");
  const auto run = run_passes(model, "qcfs{steps=8},quantize", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_EQ(model.spike().arithmetic, Arithmetic::kInteger);
}

}  // namespace
}  // namespace neurotool
