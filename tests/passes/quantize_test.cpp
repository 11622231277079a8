// Whole numbers: scales, thresholds, bounds, and that an integer graph does what the float one did.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "eval/spike_eval.hpp"
#include "ir/builder.hpp"
#include "ir/print.hpp"
#include "passes/networks.hpp"
#include "passes/random_network.hpp"
#include "passes/spike/bounds.hpp"
#include "support/golden.hpp"
#include "support/graphs.hpp"

namespace neurotool {
namespace {

using test::run_passes;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(tensor.at(i));
  return values;
}

/// The stimulus of an integer input for real values: rounded as the session does it.
Tensor whole_stimulus(const Population& input, const Tensor& values) {
  std::vector<std::int32_t> whole;
  for (const float value : values.as<float>()) {
    const double unit = input.payload_value.defined() ? input.payload_value.at(0) : 1;
    whole.push_back(static_cast<std::int32_t>(integer::round_half_even(double{value} / unit)));
  }
  return Tensor::from<std::int32_t>({input.size()}, std::move(whole));
}

/// Logits after `steps` steps, in real units.
std::vector<double> logits(const SpikeGraph& graph, const Tensor& sample, std::uint64_t steps) {
  const SpikeEvaluator evaluator(graph);
  const PopulationId input = graph.find("input"), output = graph.find("output");
  const bool whole = graph.arithmetic == Arithmetic::kInteger;
  const Stimulus stimulus{
      input, whole ? whole_stimulus(graph[input], sample) : sample.reshaped({graph[input].size()})};
  SpikeState state = evaluator.initial_state();
  const auto done = evaluator.run(state, {&stimulus, 1}, steps);
  EXPECT_TRUE(done.has_value()) << to_string(done.error());
  std::vector<double> result;
  const Tensor& value = graph[output].membrane_value;
  const double unit = value.defined() ? value.at(0) : 1;
  for (std::int64_t i = 0; i < graph[output].size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double membrane = whole ? static_cast<double>(state.membrane_i[output.index][at])
                                  : double{state.membrane_f[output.index][at]};
    result.push_back(membrane * unit / static_cast<double>(steps));
  }
  return result;
}

TEST(RoundHalfEven, GoesToTheEvenNeighbour) {
  EXPECT_EQ(integer::round_half_even(0.5), 0);
  EXPECT_EQ(integer::round_half_even(1.5), 2);
  EXPECT_EQ(integer::round_half_even(-0.5), 0);
  EXPECT_EQ(integer::round_half_even(-1.5), -2);
  EXPECT_EQ(integer::round_half_even(2.4999), 2);
}

TEST(BitsFor, HoldsBothEnds) {
  EXPECT_EQ(integer::bits_for(0, 0), 1);
  EXPECT_EQ(integer::bits_for(-1, 0), 1);
  EXPECT_EQ(integer::bits_for(-128, 127), 8);
  EXPECT_EQ(integer::bits_for(-129, 0), 9);
  EXPECT_EQ(integer::bits_for(0, 2147483648.0), 33);
}

/// input[2] -> fc1 if[2] -> output li[2]: one weight per channel is the largest, 1.27 or 2.54.
SpikeGraph two_by_two() {
  SpikeGraph graph;
  graph.name = "two";
  graph.steps = 8;
  const PopulationId input = graph.add(build::input_population("input", {2}));
  Population hidden = build::if_population("fc1", {2}, 1.0f, 0.5f);
  firing_of(hidden.neuron)->threshold = Tensor::from<float>({2}, {1, 2});
  hidden.bias = Tensor::from<float>({2}, {0.125f, -0.25f});
  const PopulationId fc1 = graph.add(std::move(hidden));
  const PopulationId output = graph.add(build::readout_population("output", {2}));
  graph.connect(input, fc1, build::dense(2, 2, std::vector<float>{1.27f, -0.5f, 0.01f, 2.54f}));
  graph.connect(fc1, output, build::dense(2, 2, std::vector<float>{1.27f, 0, -0.635f, 0.3f}));
  return graph;
}

TEST(Quantize, PrintsAnIntegerGraph) {
  Model model = test::spike_model(two_by_two());
  const test::MemorySamples samples({2}, {{0, 1}, {0.5f, 0.25f}});
  const auto run = run_passes(model, "quantize{fraction_bits=8}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  test::expect_golden("passes", "quantize_two", print_text(model));
}

TEST(Quantize, WeightsThresholdsAndBiasesFollowTheScaleOfTheirChannel) {
  Model model = test::spike_model(two_by_two());
  const test::MemorySamples samples({2}, {{0, 255}, {3, 4}});
  const auto run = run_passes(model, "quantize{fraction_bits=8}", &samples);
  ASSERT_TRUE(run.result.has_value());
  const SpikeGraph& graph = model.spike();
  EXPECT_EQ(graph.arithmetic, Arithmetic::kInteger);
  // The input's unit is 255/255 = 1, so s is max|W|/127: 0.01 and 0.02.
  const Input& input = std::get<Input>(graph.populations[0].neuron);
  EXPECT_EQ(input.bits, 8u);
  EXPECT_FALSE(input.is_signed);
  const Tensor& weight = *weight_of(graph.projections[0].connectivity);
  EXPECT_THAT(numbers(weight), ElementsAre(127, -50, 0, 127));
  EXPECT_EQ(weight.dtype(), DType::kInt8);
  ASSERT_TRUE(weight.quantization().has_value());
  EXPECT_NEAR(weight.quantization()->scales.at(0), 0.01, 1e-9);
  EXPECT_NEAR(weight.quantization()->scales.at(1), 0.02, 1e-9);
  EXPECT_EQ(graph.projections[0].shift, 8u);
  // theta * 2^F / s = 1 * 256 / 0.01 and 2 * 256 / 0.02.
  const Firing& firing = *firing_of(graph.populations[1].neuron);
  EXPECT_THAT(numbers(firing.threshold), ElementsAre(25600, 25600));
  EXPECT_THAT(numbers(firing.initial_membrane), ElementsAre(12800, 6400));
  EXPECT_THAT(numbers(graph.populations[1].bias), ElementsAre(3200, -3200));
  EXPECT_NEAR(graph.populations[1].membrane_value.at(1), 0.02 / 256, 1e-9);
}

TEST(Quantize, ReadoutsShareOneScale) {
  Model model = test::spike_model(two_by_two());
  ASSERT_TRUE(run_passes(model, "quantize{fraction_bits=4}").result.has_value());
  const Tensor& weight = *weight_of(model.spike().projections[1].connectivity);
  EXPECT_THAT(numbers(weight), ElementsAre(127, 0, -64, 30));  // -63.5 to the even neighbour
  EXPECT_EQ(weight.quantization()->scales.size(), 1u);
  EXPECT_EQ(model.spike().populations[2].membrane_value.rank(), 0u);
}

TEST(Quantize, OneScalePerLayerWhereAskedFor) {
  Model model = test::spike_model(two_by_two());
  ASSERT_TRUE(run_passes(model, "quantize{per_channel=false}").result.has_value());
  EXPECT_EQ(weight_of(model.spike().projections[0].connectivity)->quantization()->scales.size(),
            1u);
}

TEST(Quantize, MoreThanEightBitsAreStoredInSixteen) {
  Model model = test::spike_model(two_by_two());
  ASSERT_TRUE(run_passes(model, "quantize{weight_bits=12}").result.has_value());
  const Tensor& weight = *weight_of(model.spike().projections[0].connectivity);
  EXPECT_EQ(weight.dtype(), DType::kInt16);
  EXPECT_EQ(weight.quantization()->bits, 12u);
  EXPECT_EQ(weight.at(0), 2047);
}

TEST(Quantize, NegativeInputsGetASign) {
  Model model = test::spike_model(two_by_two());
  const test::MemorySamples samples({2}, {{-12.7f, 1}, {0.5f, 0.25f}});
  ASSERT_TRUE(run_passes(model, "quantize", &samples).result.has_value());
  const Population& input = model.spike().populations[0];
  EXPECT_TRUE(std::get<Input>(input.neuron).is_signed);
  EXPECT_NEAR(input.payload_value.at(0), 0.1, 1e-6);
  EXPECT_FALSE(input.provisional);
}

TEST(Quantize, WithoutDataTheInputIsProvisional) {
  Model model = test::spike_model(two_by_two());
  ASSERT_TRUE(run_passes(model, "quantize").result.has_value());
  EXPECT_TRUE(model.spike().populations[0].provisional);
}

TEST(Quantize, ARelayOfSumsKeepsItsPayloads) {
  test::Network net({1, 4, 4});
  net.conv("conv1", 1, 2, 1, 0.5).relu("relu").pool("pool").add("flatten", Flatten{});
  net.gemm("fc", 8, 2, 1);
  Model model = net.finish("pooled");
  const auto samples = test::random_samples({1, 4, 4}, 20, 0, 1);
  const auto run = run_passes(model, "qcfs{steps=8},quantize", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const SpikeGraph& graph = model.spike();
  const PopulationId pool = graph.find("pool1");
  const Projection& into = graph[graph.incoming(pool).at(0)];
  EXPECT_FALSE(std::get<SumPool2d>(into.connectivity).weight.defined());
  EXPECT_EQ(into.shift, 0u);
  const Tensor& theta = graph[graph.find("conv1")].payload_value;
  EXPECT_NEAR(graph[pool].payload_value.at(0), theta.at(0) / 4, 1e-9);
}

TEST(Quantize, IdentityBranchesShareTheUnitOfTheirTarget) {
  Model model = test::residual_network();
  const auto samples = test::random_samples({2, 4, 4}, 40, -1, 1);
  const auto run = run_passes(model, "qcfs{steps=16},quantize", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const SpikeGraph& graph = model.spike();
  const PopulationId target = graph.find("conv3");
  const auto incoming = graph.incoming(target);
  ASSERT_EQ(incoming.size(), 2u);
  for (const ProjectionId id : incoming) {
    const Tensor& weight = *weight_of(graph[id].connectivity);
    for (std::int64_t c = 0; c < graph[target].shape[0]; ++c) {
      const double unit = graph[target].membrane_value.at(c);
      const double source_unit =
          std::holds_alternative<Input>(graph[graph[id].source].neuron) ? 0 : 1;
      EXPECT_NEAR(weight.quantization()->scales.at(static_cast<std::size_t>(c)) * source_unit,
                  std::ldexp(unit, static_cast<int>(graph[id].shift)), 1e-12);
    }
  }
  EXPECT_EQ(weight_of(graph[incoming[1]].connectivity)->dtype(), DType::kInt16);
  EXPECT_LT(run.fact("conv1_to_conv3", "weight_error").value_or(0), 1e-3);
  EXPECT_LT(run.fact("conv3", "threshold_error").value_or(1), 1e-3);
}

TEST(Quantize, TakesTheMostFractionBitsThatFit) {
  SpikeGraph graph = two_by_two();
  graph.steps = 1;
  Model few = test::spike_model(graph);
  graph.steps = 4000;
  Model many = test::spike_model(graph);
  const auto run_few = run_passes(few, "quantize"), run_many = run_passes(many, "quantize");
  ASSERT_TRUE(run_few.result.has_value());
  ASSERT_TRUE(run_many.result.has_value()) << to_string(run_many.result.error());
  EXPECT_GT(run_few.fact("output", "fraction_bits"), run_many.fact("output", "fraction_bits"));
  EXPECT_LE(run_many.fact("output", "membrane_bits"), 32);
  EXPECT_GT(run_many.fact("output", "membrane_bits"), 30);
}

TEST(Quantize, RefusesWhatNeedsMoreThan32BitsWithTheWidth) {
  SpikeGraph graph = two_by_two();
  graph.steps = 4000;
  Model model = test::spike_model(graph);
  const auto run = run_passes(model, "quantize{fraction_bits=16}");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_THAT(run.codes(), Each("quantize.overflow"));
  EXPECT_THAT(run.diagnostics[0].message,
              HasSubstr("over 4000 steps at 16 fraction bits, and there are 32"));
}

TEST(Quantize, TheBoundIsTightForAMembraneThatOnlyFalls) {
  // One neuron, current -1 in every step: after T steps v = v(0) - T.
  const integer::MembraneRule rule{.initial = {5, 5}, .current = {-1, 0}, .threshold = {10, 10}};
  const auto range = integer::membrane_range(rule, 100);
  EXPECT_EQ(range.low, 5 - 100);
  EXPECT_EQ(range.high, 5);
}

TEST(Quantize, TheBoundKnowsThatFiringTakesTheMembraneDown) {
  const integer::MembraneRule rule{.initial = {5, 5}, .current = {0, 8}, .threshold = {10, 10}};
  EXPECT_EQ(integer::membrane_range(rule, 1000).high, 18);
  integer::MembraneRule silent = rule;
  silent.threshold = {};
  EXPECT_EQ(integer::membrane_range(silent, 1000).high, 5 + 8000);
}

/// Every membrane and payload of `name`, in real units, step by step.
std::vector<double> course(const SpikeGraph& graph, std::string_view name, const Stimulus& stimulus,
                           std::uint32_t steps) {
  std::vector<double> seen;
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const PopulationId id = graph.find(name);
  const Tensor& value = graph[id].membrane_value;
  const auto done = evaluator.run(state, {&stimulus, 1}, steps, [&](const StepRecord& record) {
    if (record.population != id) return;
    for (const float v : record.membrane_f) seen.push_back(double{v});
    for (const std::int64_t v : record.membrane_i) {
      seen.push_back(static_cast<double>(v) * (value.defined() ? value.at(0) : 1));
    }
    for (const float payload : record.payload_f) seen.push_back(double{payload});
    for (const std::int64_t payload : record.payload_i) {
      seen.push_back(static_cast<double>(payload));
    }
  });
  EXPECT_TRUE(done.has_value()) << to_string(done.error());
  return seen;
}

TEST(Quantize, LeakyNeuronsDoWhatTheyDid) {
  for (const bool cuba : {false, true}) {
    SpikeGraph graph;
    graph.steps = 40;
    const PopulationId input = graph.add(build::input_population("input", {1}));
    Population leaky = build::lif_population("leaky", {1}, 1.0f, 0.9f);
    if (cuba) {
      const Lif lif = std::get<Lif>(leaky.neuron);
      leaky.neuron =
          CubaLif{.firing = lif.firing, .decay = lif.decay, .current_decay = Tensor::scalar(0.7f)};
    }
    const PopulationId id = graph.add(leaky);
    const PopulationId output = graph.add(build::readout_population("output", {1}));
    std::get<Li>(graph[output].neuron).decay = Tensor::scalar(0.75f);
    graph.connect(input, id, build::dense(1, 1, std::vector<float>{0.25f}));
    graph.connect(id, output, build::dense(1, 1, std::vector<float>{1}));
    Model model = test::spike_model(graph);
    const test::MemorySamples samples({1}, {{1.0f}});
    const auto run = run_passes(model, "quantize", &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    const SpikeGraph& whole = model.spike();
    const Tensor sample = Tensor::from<float>({1}, {1.0f});
    const auto wanted = course(graph, "leaky", {input, sample}, 40);
    const auto found =
        course(whole, "leaky",
               {whole.find("input"), whole_stimulus(whole[whole.find("input")], sample)}, 40);
    ASSERT_EQ(wanted.size(), found.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 5e-3) << i;
  }
}

TEST(Quantize, RefusesNeuronsThatGrowByThemselves) {
  SpikeGraph graph;
  graph.steps = 4;
  const PopulationId input = graph.add(build::input_population("input", {1}));
  const PopulationId lif = graph.add(build::lif_population("lif", {1}, 1.0f, 2.5f));
  const PopulationId output = graph.add(build::readout_population("output", {1}));
  graph.connect(input, lif, build::dense(1, 1, std::vector<float>{1}));
  graph.connect(lif, output, build::dense(1, 1, std::vector<float>{1}));
  Model model = test::spike_model(graph);
  const auto run = run_passes(model, "quantize");
  EXPECT_THAT(run.codes(), ElementsAre("quantize.unsupported-neuron"));
}

TEST(Quantize, RefusesAGraphWithoutSteps) {
  SpikeGraph graph = two_by_two();
  graph.steps = 0;
  Model model = test::spike_model(graph);
  EXPECT_THAT(run_passes(model, "quantize").codes(), ElementsAre("quantize.steps"));
}

TEST(Quantize, RefusesThresholdsThatRoundToNothing) {
  SpikeGraph graph = two_by_two();
  firing_of(graph.populations[1].neuron)->threshold = Tensor::scalar(1e-6f);
  Model model = test::spike_model(graph);
  const auto run = run_passes(model, "quantize{fraction_bits=0}");
  EXPECT_THAT(run.codes(), ElementsAre("quantize.threshold"));
}

/// Two rectified layers and a readout, wide enough for few bits to hurt.
Model wide_net(std::uint64_t seed) {
  test::Network net({2, 6, 6}, seed);
  net.conv("conv1", 2, 8, 1, 0.3).relu("relu1").conv("conv2", 8, 8, 1, 0.15).relu("relu2");
  net.pool("pool").add("flatten", Flatten{}).gemm("fc", 72, 4, 0.2);
  return net.finish("wide_net");
}

/// Root mean square distance of the logits from those of the float graph.
double logit_error(const SpikeGraph& real, const SpikeGraph& whole, const SampleSource& samples) {
  double sum = 0;
  for (std::int64_t i = 0; i < samples.size(); ++i) {
    const Tensor sample = *samples.batch(i, 1);
    const auto wanted = logits(real, sample, real.steps), found = logits(whole, sample, real.steps);
    for (std::size_t c = 0; c < wanted.size(); ++c) {
      sum += (wanted[c] - found[c]) * (wanted[c] - found[c]);
    }
  }
  return std::sqrt(sum);
}

TEST(Quantize, GptqKeepsLogitsBetterThanTheNearestNumbers) {
  double nearest = 0, gptq = 0;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto samples = test::random_samples({2, 6, 6}, 48, 0, 1, seed);
    const auto test_samples = test::random_samples({2, 6, 6}, 8, 0, 1, seed + 100);
    Model real = wide_net(seed);
    ASSERT_TRUE(run_passes(real, "qcfs{steps=32,method=max}", &samples).result.has_value());
    Model a = real, b = real;
    ASSERT_TRUE(run_passes(a, "quantize{weight_bits=3}", &samples).result.has_value());
    const auto run = run_passes(b, "quantize{weight_bits=3,method=gptq}", &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    nearest += logit_error(real.spike(), a.spike(), test_samples);
    gptq += logit_error(real.spike(), b.spike(), test_samples);
  }
  EXPECT_LT(gptq, 0.8 * nearest);
}

TEST(Quantize, OneBitIsASignAndIsStoredInTwo) {
  Model model = test::spike_model(two_by_two());
  ASSERT_TRUE(run_passes(model, "quantize{weight_bits=1}").result.has_value());
  const Tensor& weight = *weight_of(model.spike().projections[0].connectivity);
  EXPECT_EQ(weight.quantization()->bits, 2u);
  for (const double value : numbers(weight)) EXPECT_EQ(std::abs(value), 1);
}

TEST(Quantize, PowersOfTwoAreWhatOneUnitOfASumIsWorth) {
  Model model = wide_net(1);
  const auto samples = test::random_samples({2, 6, 6}, 16, 0, 1);
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8},quantize{weight_bits=4,power_of_two=true}", &samples)
                  .result.has_value());
  const SpikeGraph& graph = model.spike();
  const Tensor& unit = graph[graph.find("conv2")].membrane_value;
  for (const double value : numbers(unit)) {
    EXPECT_EQ(std::exp2(std::round(std::log2(value))), value);
  }
}

TEST(Quantize, RefusesGptqWithoutSamplesOrWithoutRates) {
  Model model = test::spike_model(two_by_two());
  EXPECT_THAT(run_passes(model, "quantize{method=gptq}").codes(),
              ElementsAre("quantize.no-calibration"));
  SpikeGraph graph = two_by_two();
  firing_of(graph.populations[1].neuron)->window.integrate_end = 2;
  model = test::spike_model(graph);
  const test::MemorySamples samples({2}, {{1, 1}});
  EXPECT_THAT(run_passes(model, "quantize{method=gptq}", &samples).codes(),
              ElementsAre("quantize.no-rates"));
}

TEST(Quantize, DoesNothingASecondTime) {
  Model model = test::spike_model(two_by_two());
  ASSERT_TRUE(run_passes(model, "quantize").result.has_value());
  const std::string once = print_text(model);
  ASSERT_TRUE(run_passes(model, "quantize{weight_bits=3}").result.has_value());
  EXPECT_EQ(print_text(model), once);
}

TEST(Quantize, TheBoundKnowsThatNegativePayloadsLiftTheMembrane) {
  integer::MembraneRule rule{.initial = {0, 0}, .current = {-3, -3}, .threshold = {10, 10}};
  EXPECT_EQ(integer::membrane_range(rule, 100).high, 0);
  rule.fires_down = true;
  EXPECT_EQ(integer::membrane_range(rule, 100).high, 10);
}

class QuantizedNetworks : public testing::TestWithParam<std::uint64_t> {};

TEST_P(QuantizedNetworks, KeepTheirStructureAndNearlyTheirWeights) {
  const test::RandomNetwork network = test::random_network(GetParam());
  const auto samples = test::random_samples(network.sample, 20, -1, 1, GetParam());
  Model model = network.model;
  ASSERT_TRUE(run_passes(model, "qcfs{steps=16}", &samples).result.has_value());
  const SpikeGraph real = model.spike();
  const auto run = run_passes(model, "quantize", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const SpikeGraph& whole = model.spike();
  ASSERT_EQ(whole.projections.size(), real.projections.size());
  for (std::size_t p = 0; p < whole.projections.size(); ++p) {
    const Projection& projection = whole.projections[p];
    EXPECT_EQ(projection.connectivity.index(), real.projections[p].connectivity.index());
    const Tensor* const weight = weight_of(projection.connectivity);
    if (weight == nullptr || !weight->defined()) continue;
    const Tensor& before = *weight_of(real.projections[p].connectivity);
    const auto& scales = weight->quantization()->scales;
    for (std::int64_t i = 0; i < before.size() && before.size() == weight->size(); ++i) {
      const auto channel =
          scales.size() == 1 ? 0 : i * std::int64_t(scales.size()) / weight->size();
      const double scale = scales[static_cast<std::size_t>(channel)];
      EXPECT_NEAR(weight->at(i) * scale, before.at(i), scale * 0.5001)
          << projection.name << " " << i;
    }
  }
}

TEST_P(QuantizedNetworks, ComputeNearlyTheSameLogits) {
  const test::RandomNetwork network = test::random_network(GetParam());
  const auto samples = test::random_samples(network.sample, 20, -1, 1, GetParam());
  Model model = network.model;
  ASSERT_TRUE(run_passes(model, "qcfs{steps=32,method=max}", &samples).result.has_value());
  const SpikeGraph real = model.spike();
  const auto run = run_passes(model, "quantize{weight_bits=8,input_bits=8}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const Tensor sample = *samples.batch(0, 1);
  const auto wanted = logits(real, sample, 32), found = logits(model.spike(), sample, 32);
  double size = 0;
  for (const double logit : wanted) size = std::max(size, std::abs(logit));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(found[i], wanted[i], 0.1 * std::max(size, 0.5)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, QuantizedNetworks, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace neurotool
