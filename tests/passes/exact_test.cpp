// exact: every realisation of a network reaches the counts of its integer reference, and those are
// the counts of the tensor network; what has no exact form is refused by node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/integer_eval.hpp"
#include "eval/tensor_eval.hpp"
#include "ir/print.hpp"
#include "passes/pass_tools.hpp"
#include "passes/random_network.hpp"

namespace neurotool::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// Two convolutions, a residual block whose identity is older than its other branch, pools, and two
/// matrices: all that makes layers arrive at different depths.
Model residual_network(std::uint64_t seed) {
  Network net({2, 8, 8}, seed);
  net.conv("c1", 2, 4, 1, 0.3).relu("r1");
  const ValueId identity = net.value();
  net.conv("c2", 4, 4, 1, 0.3).relu("r2").conv("c3", 4, 4, 1, 0.3);
  net.add("sum", Binary{BinaryKind::kAdd}, {identity}).relu("r3");
  net.pool("p1").conv("c4", 4, 6, 2, 0.3).relu("r4").add("flat", Flatten{});
  return net.gemm("g1", 24, 12, 0.3).relu("r5").gemm("g2", 12, 5, 0.3).finish("net");
}

std::string passes(int bits, const std::string& exact, int samples = 6) {
  return "infer_shapes,quantize_activations{bits=" + std::to_string(bits) + "},exact{" + exact +
         "},certify{samples=" + std::to_string(samples) + "}";
}

struct Mode {
  std::string name, options;
};
void PrintTo(const Mode& mode, std::ostream* out) { *out << mode.name; }

class ExactMode : public testing::TestWithParam<Mode> {};

TEST_P(ExactMode, ReachesEveryCountOfTheReference) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    for (const int bits : {1, 2, 4}) {
      for (const double low : {0.0, -1.0}) {
        Model model = residual_network(seed);
        const MemorySamples samples = random_samples({2, 8, 8}, 24, low, 1, seed);
        const PassRun run = run_passes(model, passes(bits, GetParam().options), &samples);
        ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error()) << "\n"
                                            << print_text(model);
        EXPECT_EQ(run.fact("network", "mismatches"), 0);
        EXPECT_GT(run.fact("network", "counts_compared").value_or(0), 1000);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Realisations, ExactMode,
    testing::Values(Mode{"TwoPhase", "realisation=two_phase"}, Mode{"Radix", "realisation=radix"},
                    Mode{"StBif", "realisation=st_bif"}, Mode{"Graded", "realisation=graded"},
                    Mode{"SigmaDelta", "realisation=sigma_delta"},
                    Mode{"RadixOfBitplanes", "realisation=radix, input=bitplane"},
                    Mode{"TwoPhaseOfBitplanes", "realisation=two_phase, input=bitplane"},
                    Mode{"StBifOfBitplanes", "realisation=st_bif, input=bitplane"},
                    Mode{"NarrowWeights", "realisation=radix, weight_bits=3, input_bits=4"}),
    [](const auto& mode) { return mode.param.name; });

/// Every network of everything that is lowered is exact, or refused by a name of its own.
TEST_P(ExactMode, ReachesTheCountsOfRandomNetworks) {
  std::size_t exact = 0;
  constexpr std::size_t kNetworks = 40;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    SCOPED_TRACE(seed);
    RandomNetwork network = random_network(seed);
    const MemorySamples samples = random_samples(network.sample, 12, -1, 1, seed);
    const PassRun run = run_passes(network.model, passes(2, GetParam().options), &samples);
    if (!run.result) {
      EXPECT_TRUE(run.result.error().code.starts_with("exact.")) << to_string(run.result.error());
      continue;
    }
    EXPECT_EQ(run.fact("network", "mismatches"), 0);
    ++exact;
  }
  EXPECT_GT(exact, kNetworks / 2);
}

TEST(Exact, LevelsBehindAReshapeAreThoseOfItsChannels) {
  for (const bool flat : {false, true}) {
    Network net({1, 4, 4}, 3);
    net.conv("c1", 1, 2, 1, 0.4);
    net.add("reshape", Reshape{}, {flat ? net.integers({0, 32}) : net.integers({0, 8, 2, 2})});
    net.relu("r1");
    if (!flat) net.conv("c2", 8, 3, 1, 0.3).relu("r2").add("flatten", Flatten{});
    net.gemm("fc", flat ? 32 : 12, 4, 0.3);
    Model model = net.finish("reshaped");
    const MemorySamples samples = random_samples({1, 4, 4}, 12, -1, 1, 5);
    const PassRun run = run_passes(model, passes(2, "realisation=graded"), &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    EXPECT_EQ(run.fact("network", "mismatches"), 0);
  }
}

TEST(Exact, AConstantBetweenLinearLayersBecomesTheirBias) {
  // As an exported normalisation: (x - mean) / deviation, then a convolution with padding.
  Network net({2, 6, 6}, 7);
  net.add("mean", Binary{BinaryKind::kSub}, {net.constant({2, 1, 1}, {0.5f, 0.25f})});
  net.add("deviation", Binary{BinaryKind::kDiv}, {net.constant({2, 1, 1}, {0.25f, 0.5f})});
  net.conv("c1", 2, 3, 1, 0.3).relu("r1");
  net.add("shift", Binary{BinaryKind::kAdd}, {net.constant({3, 1, 1}, {0.5f, -0.25f, 1})});
  net.pool("pool").add("flatten", Flatten{}).gemm("fc", 27, 4, 0.3);
  Model model = net.finish("shifted");
  const MemorySamples samples = random_samples({2, 6, 6}, 16, 0, 1, 5);
  const PassRun run = run_passes(model, passes(2, "realisation=auto"), &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  EXPECT_EQ(run.fact("network", "mismatches"), 0);
}

TEST(Exact, AllRealisationsHaveOneReference) {
  const MemorySamples samples = random_samples({2, 8, 8}, 24, 0, 1);
  const Tensor batch = samples.batch(0, 4).value();
  std::vector<std::int64_t> wanted;
  for (const char* mode : {"two_phase", "radix", "st_bif", "graded", "sigma_delta"}) {
    Model model = residual_network(9);
    const PassRun run = run_passes(
        model, passes(4, "fraction_bits=6, realisation=" + std::string(mode), 0), &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    const SpikeGraph& graph = model.spike();
    const auto reference = IntegerReference::create(graph);
    ASSERT_TRUE(reference.has_value()) << to_string(reference.error());
    std::vector<std::int32_t> input;
    for (const float x : batch.as<float>()) input.push_back(static_cast<std::int32_t>(x * 255));
    const Stimulus stimulus{graph.find("input"), Tensor::from<std::int32_t>({4, 128}, input)};
    const auto counts = reference->run({&stimulus, 1}, 4);
    ASSERT_TRUE(counts.has_value()) << to_string(counts.error());
    // A radix readout takes its bias from a neuron of its own, so the sums are the same.
    const auto& logits = (*counts)[graph.find("output").index];
    if (wanted.empty()) wanted = logits;
    EXPECT_EQ(logits, wanted) << mode;
  }
}

/// A network whose activations, weights and biases are on grids: sums are exact in float32 too.
Model grid_network(LevelRounding rounding, float offset, float step) {
  Network net({1, 6, 6}, 7, 0.25);
  const auto quantize = [&](const std::string& name, std::int64_t high, float scale) {
    net.add(name,
            QuantizedActivation{.low = 0, .high = high, .rounding = rounding, .offset = offset},
            {net.constant({}, {scale})});
  };
  net.add(
      "in",
      QuantizedActivation{.low = 0, .high = 15, .rounding = LevelRounding::kHalfEven, .offset = 0},
      {net.constant({}, {0.125f})});
  net.conv("c1", 1, 3, 1, 1.0);
  quantize("q1", 15, step);
  net.pool("p1").add("flat", Flatten{}).gemm("g1", 27, 8, 1.0);
  // No power of two between the steps: all halves would be ties.
  quantize("q2", 7, step * 3.71f);
  return net.gemm("g2", 8, 4, 1.0).finish("net");
}

/// The network as `exact` makes it gives the logits of the tensor network; how many populations
/// share levels.
double keeps_logits(LevelRounding rounding, float offset, float step,
                    const std::string& mode = "two_phase") {
  Model model = grid_network(rounding, offset, step);
  const Model before = model;
  const MemorySamples samples = random_samples({1, 6, 6}, 32, 0, 1.8, 3, 0.125);
  const PassRun run = run_passes(
      model, "infer_shapes,exact{realisation=" + mode + "},certify{samples=8}", &samples);
  if (!run.result.has_value()) {
    ADD_FAILURE() << to_string(run.result.error());
    return -1;
  }
  double shared = 0;
  for (const PassFact& fact : run.facts) shared += fact.name == "parts" ? fact.value : 0;
  const SpikeGraph& graph = model.spike();
  const auto reference = IntegerReference::create(graph);
  const Tensor batch = samples.batch(0, 32).value();
  std::vector<std::int32_t> input;
  for (const float x : batch.as<float>()) {
    input.push_back(std::min(15, static_cast<std::int32_t>(x / 0.125f)));
  }
  const Stimulus stimulus{graph.find("input"), Tensor::from<std::int32_t>({32, 36}, input)};
  const auto counts = reference.value().run({&stimulus, 1}, 32);
  const Tensor in[] = {batch};
  const auto logits = TensorEvaluator(before.tensor()).run(in);
  const PopulationId output = graph.find("output");
  const auto& sums = counts.value()[output.index];
  const double unit = graph[output].membrane_value.at(0) / graph.steps;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(sums[i]) * unit,
                logits.value()[0].at(static_cast<std::int64_t>(i)), 1e-3)
        << "logit " << i << " at step " << step;
  }
  return shared;
}

TEST(Exact, LogitsAreThoseOfTheTensorNetwork) {
  // Steps of which no half is a sum of the grid: float32 could put that on either side.
  for (const float step : {0.617f, 0.371f, 0.833f}) {
    EXPECT_EQ(keeps_logits(LevelRounding::kFloor, 0.5f, step), 0) << step;
  }
}

TEST(Exact, HalfToEvenIsKept) {
  for (const float step : {0.371f, 0.373f, 0.379f, 0.617f, 0.619f, 0.833f, 0.839f, 1.013f}) {
    keeps_logits(LevelRounding::kHalfEven, 0.0f, step);
  }
}

TEST(Exact, PopulationsTakeTurnsWhereEveryHalfIsATie) {
  for (const char* mode : {"auto", "two_phase", "graded", "st_bif", "sigma_delta"}) {
    for (const float step : {0.5f, 0.25f, 1.0f}) {
      EXPECT_EQ(keeps_logits(LevelRounding::kHalfEven, 0.0f, step, mode), 2) << mode << step;
    }
  }
  Model model = grid_network(LevelRounding::kHalfEven, 0, 0.5f);
  const PassRun run = run_passes(model, "infer_shapes,exact{realisation=radix}");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_THAT(run.result.error().message, HasSubstr("which binary digits do not bound"));
}

/// Root mean square of what whole numbers make of the logits of a network with levels, as a share
/// of the logits' own.
double logit_error(Model model, const std::string& exact) {
  const MemorySamples samples = random_samples({2, 8, 8}, 32, 0, 1);
  const PassRun levels = run_passes(model, "infer_shapes,quantize_activations{bits=8}", &samples);
  EXPECT_TRUE(levels.result.has_value());
  const Tensor in[] = {samples.batch(0, 32).value()};
  const Tensor wanted = TensorEvaluator(model.tensor()).run(in).value()[0];
  const PassRun run = run_passes(model, exact, &samples);
  EXPECT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const SpikeGraph& graph = model.spike();
  const double step = graph[graph.find("input")].payload_value.at(0);
  std::vector<std::int32_t> input;
  for (const float x : in[0].as<float>()) {
    input.push_back(static_cast<std::int32_t>(std::lround(x / step)));
  }
  const Stimulus stimulus{graph.find("input"), Tensor::from<std::int32_t>({32, 128}, input)};
  const PopulationId output = graph.find("output");
  const auto sums = (*IntegerReference::create(graph)->run({&stimulus, 1}, 32))[output.index];
  const double unit = graph[output].membrane_value.at(0) / graph.steps;
  double square = 0, own = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double logit = wanted.at(static_cast<std::int64_t>(i));
    square += std::pow(static_cast<double>(sums[i]) * unit - logit, 2);
    own += logit * logit;
  }
  return std::sqrt(square / own);
}

TEST(Exact, AChannelOfTinyWeightsCostsTheOthersNothing) {
  // Its sums are counted in a tiny unit, which must not take the fraction bits of the layer.
  for (const float factor : {1.0f, 1e-3f, 1e-6f, 0.0f}) {
    Model model = residual_network(3);
    TensorGraph& graph = model.tensor();
    const auto c3 = std::ranges::find(graph.ops, "c3", &OpNode::name);
    Tensor& constant = graph[c3->inputs[1]].constant;
    const auto stored = constant.as<float>();
    std::vector<float> weights(stored.begin(), stored.end());
    for (std::size_t i = 0; i < weights.size() / 4; ++i) weights[i] *= factor;  // of 4 channels
    constant = Tensor::from<float>(constant.shape(), std::move(weights));
    for (const auto& [bits, limit] : {std::pair("8", 0.03), std::pair("12", 0.01)}) {
      const std::string options =
          std::string("exact{realisation=graded, weight_bits=") + bits + "}";
      EXPECT_LT(logit_error(model, options), limit) << factor << " with " << bits << " bits";
    }
  }
}

std::string refusal(Model model, std::string_view list) {
  const MemorySamples samples = random_samples({2, 8, 8}, 8, 0, 1);
  const PassRun run = run_passes(model, list, &samples);
  if (run.result.has_value()) return "accepted";
  return to_string(run.result.error());
}

TEST(Exact, RefusesARectifierWithoutLevels) {
  EXPECT_THAT(refusal(residual_network(1), "infer_shapes,exact"),
              testing::AllOf(HasSubstr("exact.not-quantised"), HasSubstr("'r1'")));
}

TEST(Exact, RefusesLevelsThatBinaryDigitsDoNotBound) {
  Network net({2, 8, 8});
  net.conv("c1", 2, 3, 1, 0.3);
  net.add("q1", QuantizedActivation{.low = 0, .high = 8}, {net.constant({}, {0.1f})});
  net.add("flat", Flatten{}).gemm("g1", 192, 4, 0.1);
  const Model model = net.finish("net");
  EXPECT_THAT(refusal(model, "infer_shapes,exact{realisation=radix}"),
              HasSubstr("counts from 0 to 8"));
  Model other = model;
  const MemorySamples samples = random_samples({2, 8, 8}, 8, 0, 1);
  const PassRun run = run_passes(other, "infer_shapes,exact,certify{samples=4}", &samples);
  EXPECT_TRUE(run.result.has_value()) << to_string(run.result.error());
}

TEST(Exact, SignedLevelsGoBothWays) {
  for (const char* mode : {"two_phase", "graded", "st_bif", "sigma_delta"}) {
    Network net({2, 8, 8}, 3);
    net.conv("c1", 2, 3, 1, 0.3);
    net.add("q1", QuantizedActivation{.low = -8, .high = 7}, {net.constant({}, {0.1f})});
    net.conv("c2", 3, 3, 1, 0.3);
    net.add("q2", QuantizedActivation{.low = 0, .high = 7}, {net.constant({}, {0.1f})});
    net.add("flat", Flatten{}).gemm("g1", 192, 4, 0.1);
    Model model = net.finish("net");
    const MemorySamples samples = random_samples({2, 8, 8}, 8, -1, 1);
    const PassRun run = run_passes(
        model, "infer_shapes,exact{realisation=" + std::string(mode) + "},certify{samples=8}",
        &samples);
    EXPECT_TRUE(run.result.has_value()) << mode << ": " << to_string(run.result.error());
  }
}

TEST(Exact, LevelsStoredAsIntegersAreTheNumbersThatTheyAre) {
  // As between two QLinear operators: x / s to levels in u8, reshaped, cast, times s.
  Network net({2, 8, 8}, 3);
  net.conv("c1", 2, 3, 1, 0.3);
  net.add("scaled", Binary{BinaryKind::kDiv}, {net.constant({}, {0.1f})});
  net.add("q1", QuantizedActivation{.low = 0, .high = 15}, {net.constant({}, {1})});
  const ValueId levels = net.value();
  net.add("flat", Flatten{});
  const ValueId flat = net.value();
  net.add("cast", Cast{DType::kFloat32});
  net.add("real", Binary{BinaryKind::kMul}, {net.constant({}, {0.1f})}).gemm("g1", 192, 4, 0.1);
  Model model = net.finish("net");
  const MemorySamples samples = random_samples({2, 8, 8}, 8, 0, 1);
  ASSERT_TRUE(run_passes(model, "infer_shapes", &samples).result.has_value());
  Model floats = model;
  for (const ValueId id : {levels, flat}) model.tensor()[id].dtype = DType::kUint8;
  // A cast from float32 to float32 changes nothing at all.
  for (Model* const one : {&model, &floats}) {
    const PassRun run = run_passes(*one, "exact{realisation=radix},certify{samples=8}", &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    EXPECT_EQ(run.fact("network", "mismatches"), 0);
  }
}

TEST(Exact, TooFewStepsAreAMismatchByName) {
  EXPECT_THAT(refusal(residual_network(2), passes(4, "realisation=st_bif, steps=6")),
              testing::AllOf(HasSubstr("certify.mismatch"), HasSubstr("sample")));
}

TEST(Exact, RefusesSumsBeyond32Bits) {
  Network net({2, 8, 8}, 3);
  net.conv("c1", 2, 3, 1, 0.3);
  net.add("q1", QuantizedActivation{.low = 0, .high = 255}, {net.constant({}, {0.01f})});
  net.add("flat", Flatten{}).gemm("g1", 192, 4, 0.1);
  EXPECT_THAT(refusal(net.finish("net"),
                      "infer_shapes,exact{weight_bits=16, input_bits=16, fraction_bits=8}"),
              testing::AllOf(HasSubstr("exact.overflow"), HasSubstr("there are 32")));
}

TEST(Exact, StructureDoesNotDependOnData) {
  const auto structure = [](const SampleSource* samples) {
    Model model = residual_network(5);
    const PassRun run = run_passes(model, passes(4, "realisation=radix", 0), samples);
    EXPECT_TRUE(run.result.has_value());
    std::vector<std::string> found;
    for (const Population& population : model.spike().populations) {
      found.push_back(population.name + std::string(model_name(population.neuron)));
    }
    for (const Projection& projection : model.spike().projections) {
      found.push_back(projection.name + std::string(kind_name(projection.connectivity)));
    }
    return found;
  };
  const MemorySamples samples = random_samples({2, 8, 8}, 8, 0, 1);
  EXPECT_EQ(structure(nullptr), structure(&samples));
}

}  // namespace
}  // namespace neurotool::test
