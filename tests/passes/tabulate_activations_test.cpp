// tabulate_activations: functions are recognised whoever wrote them, what has no table is refused
// by name, and what comes out are rectifiers that rate and exact conversion know.
#include <gmock/gmock.h>

#include <functional>

#include "passes/tensor_tools.hpp"

namespace neurotool::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Layers of an activation function, written as an exporter would.
using Layers = std::function<void(Network&)>;

void binary(Network& net, const std::string& name, BinaryKind kind, ValueId a, ValueId b) {
  net.at(a).add(name, Binary{kind}, {b});
}

void silu(Network& net) {
  const ValueId z = net.value();
  net.add("sigmoid", Unary{UnaryKind::kSigmoid});
  binary(net, "mul", BinaryKind::kMul, z, net.value());
}

/// As PyTorch writes it below opset 20.
void composed_gelu(Network& net) {
  const ValueId z = net.value();
  net.add("div", Binary{BinaryKind::kDiv}, {net.constant({}, {std::sqrt(2.0f)})});
  net.add("erf", Unary{UnaryKind::kErf});
  net.add("add", Binary{BinaryKind::kAdd}, {net.constant({}, {1})});
  binary(net, "mul", BinaryKind::kMul, z, net.value());
  net.add("half", Binary{BinaryKind::kMul}, {net.constant({}, {0.5f})});
}

/// ELU by a choice.
void chosen_elu(Network& net) {
  const ValueId z = net.value(), zero = net.constant({}, {0});
  net.add("exp", Unary{UnaryKind::kExp});
  net.add("sub", Binary{BinaryKind::kSub}, {net.constant({}, {1})});
  const ValueId below = net.value();
  binary(net, "less", BinaryKind::kLess, zero, z);
  const ValueId above = net.value();
  net.at(above).add("where", Where{}, {z, below});
}

Model one_layer(const Layers& layers, std::uint64_t seed = 1) {
  Network net({2, 6, 6}, seed);
  net.conv("c1", 2, 3, 1, 0.4);
  layers(net);
  return net.add("flat", Flatten{}).gemm("g1", 108, 4, 0.1).finish("net");
}

TEST(TabulateActivations, RecognisesAFunctionByWhatItDoes) {
  struct Case {
    Layers layers;
    const char* named;
  };
  for (const auto& [layers, named] :
       {Case{silu, "sigmoid"}, Case{composed_gelu, "erf"}, Case{chosen_elu, "exp"},
        Case{[](Network& net) { net.add("tanh", Unary{UnaryKind::kTanh}); }, "tanh"}}) {
    const Model before = one_layer(layers);
    Model after = before;
    const MemorySamples samples = random_samples({2, 6, 6}, 32, -1, 1);
    const PassRun run =
        run_passes(after, "infer_shapes,tabulate_activations{error=0.02}", &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    ASSERT_TRUE(run.fact(named, "ramps").has_value()) << named;
    EXPECT_EQ(count_ops<Clip>(after) + count_ops<Unary>(after) -
                  std::ranges::count_if(after.tensor().ops,
                                        [](const OpNode& node) {
                                          const auto* op = std::get_if<Unary>(&node.op);
                                          return op != nullptr && op->kind == UnaryKind::kNeg;
                                        }),
              *run.fact(named, "ramps"));
    EXPECT_EQ(count_ops<Where>(after), 0);
    // Each output is a sum of 108 activations with weights of 0.1.
    const Tensor in[] = {samples.batch(0, 32).value()};
    const double bound = 108 * 0.4 * *run.fact(named, "max_error");
    const Tensor wanted = TensorEvaluator(before.tensor()).run(in).value()[0];
    const Tensor got = TensorEvaluator(after.tensor()).run(in).value()[0];
    double largest = 0;
    for (std::int64_t i = 0; i < wanted.size(); ++i) {
      largest = std::max(largest, std::abs(wanted.at(i) - got.at(i)));
    }
    EXPECT_LT(largest, bound);
    EXPECT_GT(largest, 0);
  }
}

/// As LeakyRelu and PRelu are imported: one slope, or one for each channel.
Layers leaky(std::vector<float> slopes) {
  return [slopes](Network& net) {
    const ValueId z = net.value();
    const auto channels = static_cast<std::int64_t>(slopes.size());
    const Shape shape = channels == 1 ? Shape{} : Shape{channels, 1, 1};
    net.add("above", Unary{UnaryKind::kRelu});
    const ValueId above = net.value();
    net.at(z).add("neg", Unary{UnaryKind::kNeg}).relu("below");
    net.add("slope", Binary{BinaryKind::kMul}, {net.constant(shape, slopes)});
    binary(net, "leaky", BinaryKind::kSub, above, net.value());
  };
}

TEST(TabulateActivations, LeavesRectifiersAndTheirLeaksAlone) {
  for (const auto& slopes : {std::vector<float>{0.1f}, std::vector<float>{0.1f, 0.25f, -0.5f}}) {
    Model model = one_layer(leaky(slopes));
    const auto before = ops_of(model);
    EXPECT_FALSE(run_pass(model, "tabulate_activations").did_change());
    EXPECT_EQ(ops_of(model), before);
  }
}

TEST(TabulateActivations, LeaksOfLayersWithBiasesAreExactWithoutIt) {
  for (const auto& slopes : {std::vector<float>{0.1f}, std::vector<float>{0.1f, 0.25f, -0.5f}}) {
    for (const char* mode : {"two_phase", "radix", "st_bif", "graded", "sigma_delta"}) {
      Network net({2, 6, 6}, 5);
      net.conv("c1", 2, 3, 1, 0.5);
      leaky(slopes)(net);
      net.conv("c2", 3, 4, 2, 0.5).relu("r2");
      Model model = net.add("flat", Flatten{}).gemm("g1", 36, 4, 0.3).finish("net");
      const MemorySamples samples = random_samples({2, 6, 6}, 24, -1, 1);
      const PassRun run = run_passes(
          model,
          "infer_shapes,quantize_activations{bits=3},exact{realisation=" + std::string(mode) +
              "},certify{samples=6}",
          &samples);
      ASSERT_TRUE(run.result.has_value()) << mode << ": " << to_string(run.result.error());
      EXPECT_EQ(run.fact("network", "mismatches"), 0) << mode;
    }
  }
}

TEST(TabulateActivations, ProductsOfTwoValuesStay) {
  Model model = one_layer([](Network& net) {
    const ValueId z = net.value();
    net.conv("gate", 3, 3, 1, 0.3).add("sigmoid", Unary{UnaryKind::kSigmoid});
    binary(net, "gated", BinaryKind::kMul, z, net.value());
  });
  EXPECT_TRUE(run_pass(model, "tabulate_activations").did_change());
  EXPECT_EQ(std::get<Binary>(op_named(model, "gated").op).kind, BinaryKind::kMul);
  EXPECT_EQ(std::ranges::count(ops_of(model), "sigmoid:sigmoid"), 0);
}

TEST(TabulateActivations, TheStructureDoesNotDependOnData) {
  Model planned = one_layer(silu), calibrated = one_layer(silu);
  const MemorySamples samples = random_samples({2, 6, 6}, 32, 0.5, 3);
  const std::string passes = "infer_shapes,tabulate_activations,rate{steps=8}";
  ASSERT_TRUE(run_passes(planned, passes).result.has_value());
  ASSERT_TRUE(run_passes(calibrated, passes, &samples).result.has_value());
  std::vector<std::string> shapes[2];
  for (const auto& [model, list] : {std::pair{&planned, &shapes[0]}, {&calibrated, &shapes[1]}}) {
    for (const Population& population : model->spike().populations) {
      list->push_back(population.name + to_string(population.shape));
    }
    list->push_back(std::to_string(model->spike().projections.size()));
  }
  EXPECT_EQ(shapes[0], shapes[1]);
}

TEST(TabulateActivations, TooFewSamplesForAFixedBatchAreNone) {
  Model few = one_layer(silu), none = one_layer(silu);
  for (Model* const model : {&few, &none}) {
    model->tensor()[model->tensor().inputs[0]].shape->front() = 32;
  }
  const MemorySamples samples = random_samples({2, 6, 6}, 8, 0.5, 3);
  const PassRun run = run_passes(few, "infer_shapes,tabulate_activations", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  ASSERT_TRUE(run_passes(none, "infer_shapes,tabulate_activations").result.has_value());
  EXPECT_EQ(print_text(few), print_text(none));
}

TEST(TabulateActivations, RampsShareTheirSumAndKeepTheirConstantsAsBiases) {
  Model model = one_layer(silu);
  const MemorySamples samples = random_samples({2, 6, 6}, 32, -1, 1);
  const PassRun run =
      run_passes(model, "infer_shapes,tabulate_activations,rate{steps=8}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const SpikeGraph& graph = model.spike();
  int convolutions = 0, neurons = 0, relays = 0;
  for (const ProjectionId id : graph.live_projections()) {
    convolutions += std::holds_alternative<Conv2d>(graph[id].connectivity) ? 1 : 0;
  }
  for (const PopulationId id : graph.live_populations()) {
    neurons += firing_of(graph[id].neuron) != nullptr ? 1 : 0;
    if (!std::holds_alternative<Relay>(graph[id].neuron)) continue;
    ++relays;
    EXPECT_FALSE(graph[id].bias.defined()) << graph[id].name;
  }
  EXPECT_EQ(convolutions, 1);
  EXPECT_EQ(neurons, *run.fact("sigmoid", "ramps"));
  EXPECT_EQ(relays, 1);
}

/// Of all findings with that code.
std::vector<Diagnostic> with_code(const PassRun& run, std::string_view code) {
  std::vector<Diagnostic> found = run.diagnostics;
  std::erase_if(found, [&](const Diagnostic& one) { return one.code != code; });
  return found;
}

TEST(TabulateActivations, ChannelsThatStaySilentAreSaidOnceForAllRampsOfALayer) {
  struct Case {
    const char *pass, *code;
  };
  for (const auto& [pass, code] :
       {Case{"rate{steps=8,bias_iterations=0}", "lowering.dead-channel"},
        Case{"quantize_activations{bits=3}", "quantize_activations.dead-channel"}}) {
    Network net({2, 6, 6}, 5);
    net.conv("c1", 2, 3, 1, 0.05);
    silu(net);
    net.conv("c2", 3, 4, 2, 0.5).add("tanh", Unary{UnaryKind::kTanh});
    Model model = net.add("flat", Flatten{}).gemm("g1", 36, 4, 0.3).finish("net");
    const MemorySamples samples = random_samples({2, 6, 6}, 24, -0.1, 0.1);
    const PassRun run = run_passes(
        model, "infer_shapes,tabulate_activations{error=0.02}," + std::string(pass), &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    double dead = 0;
    for (const PassFact& fact : run.facts) dead += fact.name == "dead_channels" ? fact.value : 0;
    const auto found = with_code(run, code);
    ASSERT_EQ(found.size(), 2u) << pass;
    EXPECT_EQ(std::get<ModelNode>(found[0].at).node, "sigmoid");
    EXPECT_EQ(std::get<ModelNode>(found[1].at).node, "tanh");
    EXPECT_EQ(found[0].message,
              "6 of 27 channels of the 9 rectifiers of 'sigmoid' are never above 0 on 24 "
              "calibration samples");
    EXPECT_EQ(found[1].message,
              "13 of 32 channels of the 8 rectifiers of 'tanh' are never above 0 on 24 "
              "calibration samples");
    EXPECT_EQ(dead, 6 + 13);
  }
}

TEST(TabulateActivations, ExactConversionKeepsEveryCountOfEveryRamp) {
  for (const Layers& layers : {Layers(silu), Layers(composed_gelu)}) {
    for (const char* mode : {"two_phase", "radix", "st_bif", "graded", "sigma_delta"}) {
      Network net({2, 6, 6}, 5);
      net.conv("c1", 2, 3, 1, 0.5);
      layers(net);
      net.conv("c2", 3, 4, 2, 0.5);
      layers(net);
      Model model = net.add("flat", Flatten{}).gemm("g1", 36, 4, 0.3).finish("net");
      const MemorySamples samples = random_samples({2, 6, 6}, 24, -1, 1);
      const PassRun run =
          run_passes(model,
                     "infer_shapes,tabulate_activations,quantize_activations{bits=3},exact{"
                     "realisation=" +
                         std::string(mode) + "},certify{samples=6}",
                     &samples);
      ASSERT_TRUE(run.result.has_value()) << mode << ": " << to_string(run.result.error());
      EXPECT_EQ(run.fact("network", "mismatches"), 0);
      EXPECT_GT(run.fact("network", "counts_compared").value_or(0), 1000);
    }
  }
}

TEST(TabulateActivations, ExactMaximaOfTablesKeepEveryCount) {
  for (const char* mode : {"two_phase", "radix", "st_bif", "graded"}) {
    Network net({2, 8, 8}, 6);
    net.conv("c1", 2, 3, 1, 0.5);
    silu(net);
    MaxPool pool;
    pool.kernel = pool.strides = {2, 2};
    pool.dilations = {1, 1};
    pool.pads = {0, 0, 0, 0};
    net.add("max", pool).conv("c2", 3, 4, 1, 0.5).add("sigmoid2", Unary{UnaryKind::kSigmoid});
    Model model = net.add("flat", Flatten{}).gemm("g1", 64, 4, 0.3).finish("net");
    const MemorySamples samples = random_samples({2, 8, 8}, 24, -1, 1);
    const PassRun run =
        run_passes(model,
                   "infer_shapes,tabulate_activations,quantize_activations{bits=3},exact{"
                   "realisation=" +
                       std::string(mode) + "},certify{samples=6}",
                   &samples);
    ASSERT_TRUE(run.result.has_value()) << mode << ": " << to_string(run.result.error());
    EXPECT_EQ(run.fact("network", "mismatches"), 0) << mode;
  }
}

TEST(TabulateActivations, RatesApproachTheFunction) {
  const Model before = one_layer(silu);
  Model model = before;
  const MemorySamples samples = random_samples({2, 6, 6}, 64, -1, 1);
  const PassRun run =
      run_passes(model, "infer_shapes,tabulate_activations{error=0.02},rate{steps=256}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (const PopulationId id : model.spike().live_populations()) {
    const auto error = run.fact(model.spike()[id].name, "rate_error");
    EXPECT_LT(error.value_or(0), 0.08) << model.spike()[id].name;
  }
  EXPECT_GE(run.fact("network", "agreement").value_or(0), 0.95);
}

TEST(TabulateActivations, NamesWhatHasNoTableAndLeavesItToTheLowering) {
  struct Case {
    UnaryKind kind;
    const char *name, *reason;
  };
  for (const auto& [kind, name, reason] :
       {Case{UnaryKind::kSign, "sign", "away from every sum of 16 ramps"},
        Case{UnaryKind::kLog, "log", "has no finite value"}}) {
    Model model = one_layer([&](Network& net) { net.add(name, Unary{kind}); });
    const PassRun run = run_passes(model, "infer_shapes,tabulate_activations,rate{steps=8}");
    ASSERT_FALSE(run.result.has_value());
    ASSERT_GE(run.diagnostics.size(), 2U);
    EXPECT_EQ(run.diagnostics[0].code, "tabulate_activations.unfit");
    EXPECT_THAT(run.diagnostics[0].message, HasSubstr("begins at '" + std::string(name) + "'"));
    EXPECT_THAT(run.diagnostics[0].message, HasSubstr(reason));
    EXPECT_THAT(run.result.error().message, HasSubstr("'" + std::string(name) + "'"));
    EXPECT_THAT(run.result.error().help, Not(HasSubstr("tabulate_activations")));
  }
}

TEST(TabulateActivations, IsTheWayOutThatEveryLoweringNamesInItsOwnWords) {
  for (const std::string pass : {"rate", "qcfs", "exact"}) {
    Model model = one_layer(composed_gelu);
    const PassRun run =
        run_passes(model, "infer_shapes," + pass + (pass == "exact" ? "" : "{steps=8}"));
    ASSERT_FALSE(run.result.has_value());
    EXPECT_EQ(run.result.error().code, "lowering.unsupported-op");
    EXPECT_THAT(run.result.error().message, HasSubstr("'erf'"));
    EXPECT_THAT(run.result.error().message, HasSubstr("'tabulate_activations' has a table for it"));
    EXPECT_THAT(run.result.error().help,
                HasSubstr("put 'tabulate_activations' before '" + pass + "'"));
  }
}

TEST(TabulateActivations, AnOutputKeepsItsName) {
  Network net({4}, 1);
  net.gemm("g1", 4, 3, 1).add("squashed", Unary{UnaryKind::kSigmoid});
  Model model = net.finish("net");
  const Model before = model;
  EXPECT_TRUE(run_pass(model, "tabulate_activations", "error: 0.01").did_change());
  EXPECT_EQ(output_names(model), output_names(before));
  expect_same_function(before, model, 0.011);
}

}  // namespace
}  // namespace neurotool::test
