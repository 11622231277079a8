// NIR graphs as our populations: what is read computes, spike for spike, what the chosen preset
// does; what is not, is refused by name.
#include "frontend/nir/import.hpp"

#include <fmt/format.h>

#include <gmock/gmock.h>

#include "frontend/nir/choose.hpp"
#include "ir/print.hpp"
#include "ir/verify.hpp"
#include "semantics_support.hpp"

namespace neurotool {
namespace {

using namespace nir;
using test::Numbers;
using testing::HasSubstr;

constexpr std::uint64_t kSteps = 24;

Result<Model> import_graph(Graph graph, const NirReading& reading, Diagnostics& diagnostics,
                           std::string version = "1.0.7") {
  Document document;
  document.version = std::move(version);
  document.graph = sorted(std::move(graph));
  return from_nir::import_model(document, "net.nir", reading, diagnostics);
}

Primitive random_neuron(Numbers& numbers, const Shape& shape) {
  const double dt = 1e-4;
  const auto taus = [&] { return numbers.tensor(shape, 5 * dt, 40 * dt); };
  const Tensor threshold = numbers.tensor(shape, 0.4, 1.2);
  switch (numbers.between(0, 2)) {
    case 0:
      return IF{.r = filled(shape, 1),
                .v_threshold = threshold,
                .v_reset = numbers.tensor(shape, -0.3, 0.1)};
    case 1:
      return LIF{.tau = taus(),
                 .r = filled(shape, 12),
                 .v_leak = filled(shape, 0),
                 .v_threshold = threshold,
                 .v_reset = numbers.tensor(shape, -0.3, 0.1)};
    default:
      return CubaLIF{.tau_syn = taus(),
                     .tau_mem = taus(),
                     .r = filled(shape, 12),
                     .v_leak = filled(shape, 0),
                     .v_threshold = threshold,
                     .w_in = filled(shape, 9),
                     .v_reset = {}};
  }
}

nir::Conv2d random_convolution(Numbers& numbers, const Shape& in, std::int64_t channels) {
  nir::Conv2d conv;
  conv.input_shape = pair_tensor(in[1], in[2]);
  conv.weight = numbers.tensor({channels, in[0], 3, 2}, -0.5, 0.7);
  conv.stride = pair_tensor(numbers.between(1, 2), 1);
  conv.padding = pair_tensor(1, numbers.between(0, 1));
  conv.dilation = int_tensor(1);
  conv.groups = int_tensor(1);
  conv.bias = numbers.tensor({channels}, -0.1, 0.2);
  return conv;
}

/// input -> conv -> n0 -> [pool] -> flatten -> fc1 (+ recurrence, + skip) -> n1 -> fc2 -> n2 ->
/// output
Graph random_network(std::uint32_t seed) {
  Numbers numbers(seed);
  Graph graph;
  const Shape image{2, 6, 5};
  add(graph, "input", nir::Input{shape_tensor(image)});
  const nir::Conv2d conv = random_convolution(numbers, image, 3);
  const std::int64_t stride = whole_numbers(conv.stride, 2)->front();
  const std::int64_t rows = (6 + 2 - 3) / stride + 1;
  const std::int64_t side = whole_numbers(std::get<Tensor>(conv.padding), 2)->back();
  const std::int64_t columns = 5 + 2 * side - 2 + 1;
  add(graph, "conv", conv);
  add(graph, "n0", random_neuron(numbers, {3, rows, columns}));
  std::vector<std::string> chain{"input", "conv", "n0"};
  std::int64_t flat = 3 * rows * columns;
  if (numbers.between(0, 1) == 1) {
    const auto pair = pair_tensor(2, 2);
    if (numbers.between(0, 1) == 1) {
      add(graph, "pool", nir::SumPool2d{pair, pair, pair_tensor(0, 0)});
    } else {
      add(graph, "pool", AvgPool2d{pair, pair, pair_tensor(0, 0)});
    }
    chain.push_back("pool");
    flat = 3 * (rows / 2) * (columns / 2);
  }
  add(graph, "flat", nir::Flatten{int_tensor(0), int_tensor(-1), {}});
  add(graph, "fc1", Affine{numbers.tensor({7, flat}, -0.4, 0.6), numbers.tensor({7}, -0.1, 0.2)});
  add(graph, "n1", random_neuron(numbers, {7}));
  add(graph, "fc2", Linear{numbers.tensor({4, 7}, -0.5, 0.9)});
  add(graph, "n2", random_neuron(numbers, {4}));
  add(graph, "output", Output{shape_tensor({4})});
  for (const char* name : {"flat", "fc1", "n1", "fc2", "n2", "output"}) chain.emplace_back(name);
  connect(graph, chain);
  if (numbers.between(0, 1) == 1) {
    add(graph, "w_rec", Affine{numbers.tensor({7, 7}, -0.5, 0.5), numbers.tensor({7}, -0.1, 0.1)});
    connect(graph, "n1", "w_rec");
    connect(graph, "w_rec", "n1");
  }
  if (numbers.between(0, 1) == 1) {
    add(graph, "skip",
        Affine{numbers.tensor({4, flat}, -0.3, 0.4), numbers.tensor({4}, -0.1, 0.1)});
    connect(graph, "flat", "skip");
    connect(graph, "skip", "n2");
  }
  if (numbers.between(0, 2) == 0) {
    add(graph, "late", nir::Delay{Tensor::from<float>({4}, {0, 1e-4F, 3e-4F, 1e-4F})});
    graph.edges.erase(std::ranges::find(graph.edges, Edge{"fc2", "n2"}));
    connect(graph, std::vector<std::string>{"fc2", "late", "n2"});
  }
  return graph;
}

TEST(NirImport, OracleEqualsThePresetOnRandomNetworks) {
  std::size_t spikes = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = random_network(seed);
    NirReading reading;
    reading.preset = "neurotool";
    reading.reset = seed % 3 == 0 ? "subtract" : seed % 3 == 1 ? "value" : "zero";
    reading.compare = seed % 2 == 0 ? "gt" : "ge";
    Diagnostics diagnostics;
    const auto model = import_graph(graph, reading, diagnostics);
    ASSERT_TRUE(model) << to_string(model.error());
    Discretization preset = *nir::preset("neurotool");
    preset.reset = seed % 3 == 0   ? ResetRule::kSubtract
                   : seed % 3 == 1 ? ResetRule::kValue
                                   : ResetRule::kZero;
    preset.compare = reading.compare == "gt" ? Compare::kAbove : Compare::kAtLeast;
    const Tensor input = Numbers(seed + 1000).tensor({kSteps, 60}, -0.2, 1.0);
    const test::Spikes wanted = test::preset_spikes(sorted(graph), preset, input, kSteps);
    const test::Spikes found = test::oracle_spikes(model->spike(), input, kSteps);
    for (const char* name : {"n0", "n1", "n2"}) {
      ASSERT_EQ(found.at(name), wanted.at(name)) << name;
      for (const double value : found.at(name)) spikes += value != 0;
    }
  }
  EXPECT_GT(spikes, 10000U);
}

Graph one_neuron(Primitive neuron) {
  Graph graph;
  add(graph, "input", nir::Input{shape_tensor({1})});
  add(graph, "nrn", std::move(neuron));
  add(graph, "output", Output{shape_tensor({1})});
  connect(graph, std::vector<std::string>{"input", "nrn", "output"});
  return graph;
}

std::string notes(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& item : diagnostics.all()) text += to_string(item);
  return text;
}

TEST(NirImport, VersionChoosesTheResetAndSaysSo) {
  const Graph graph = one_neuron(IF{filled({1}, 1), filled({1}, 1), {}});
  Diagnostics old_notes, new_notes;
  const auto older = import_graph(graph, {}, old_notes, "0.2.0");
  const auto newer = import_graph(graph, {}, new_notes, "1.0.6");
  ASSERT_TRUE(older && newer);
  EXPECT_EQ(firing_of(older->spike().populations[1].neuron)->reset, Reset::kSubtract);
  EXPECT_EQ(firing_of(newer->spike().populations[1].neuron)->reset, Reset::kToValue);
  EXPECT_THAT(notes(old_notes), HasSubstr("reset by subtraction, as NIR 0.2.0 defined"));
  EXPECT_THAT(notes(new_notes), HasSubstr("reset to v_reset, as NIR 1.0.6 defines"));
}

TEST(NirImport, LoopOfPrimitivesIsASoftReset) {
  Graph graph = one_neuron(I{filled({1}, 8192)});
  graph.edges.clear();
  add(graph, "spike", Threshold{filled({1}, 0.5F)});
  add(graph, "back", Scale{filled({1}, -0.75F)});
  connect(graph, std::vector<std::string>{"input", "nrn", "spike", "back", "nrn"});
  connect(graph, "spike", "output");
  Diagnostics diagnostics;
  const auto model = import_graph(graph, {}, diagnostics);
  ASSERT_TRUE(model) << to_string(model.error());
  ASSERT_EQ(model->spike().populations.size(), 2U);
  const Population& neuron = model->spike().populations[1];
  EXPECT_EQ(neuron.name, "spike");
  EXPECT_FLOAT_EQ(static_cast<float>(firing_of(neuron.neuron)->threshold.at(0)), 0.75F);
  EXPECT_NEAR(firing_of(neuron.neuron)->initial_membrane.at(0), 0.25, 1e-6);
  EXPECT_THAT(notes(diagnostics), HasSubstr("dt 0.0001220703125 s, because r is 1 / dt"));
}

TEST(NirImport, ComparisonDecidesAtTheThresholdWhateverTheReset) {
  const Graph graph = one_neuron(IF{filled({1}, 1), filled({1}, 1), {}});
  const Tensor input = Tensor::from<float>({6, 1}, {0.5F, 0.5F, 0.5F, 0.5F, 1.0F, 0.25F});
  for (const char* reset : {"subtract", "zero"}) {
    for (const char* compare : {"gt", "ge"}) {
      SCOPED_TRACE(fmt::format("{} {}", reset, compare));
      NirReading reading;
      reading.preset = "neurotool";
      reading.reset = reset;
      reading.compare = compare;
      Diagnostics diagnostics;
      const auto model = import_graph(graph, reading, diagnostics);
      ASSERT_TRUE(model) << to_string(model.error());
      const auto preset = from_nir::apply_reading(*nir::preset("neurotool"), reading);
      const test::Spikes wanted = test::preset_spikes(sorted(graph), *preset, input, 6);
      EXPECT_EQ(test::oracle_spikes(model->spike(), input, 6).at("nrn"), wanted.at("nrn"));
      EXPECT_EQ(wanted.at("nrn")[1], compare == std::string("ge") ? 1 : 0);
    }
  }
}

TEST(NirImport, WhatOurNeuronsCannotDoIsRefusedByName) {
  Diagnostics diagnostics;
  NirReading norse;
  norse.preset = "norse";
  const auto model = import_graph(
      one_neuron(LIF{filled({1}, 0.01F), filled({1}, 1), filled({1}, 0), filled({1}, 0.5F), {}}),
      norse, diagnostics);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, "nir.cannot-express");
  EXPECT_EQ(model.error().at, Location(ModelNode{"net.nir", "nrn"}));
  EXPECT_THAT(model.error().help, HasSubstr("neurotool nir diff"));
}

TEST(NirImport, AStepLongerThanATimeConstantIsRefused) {
  const auto read = [](float tau) {
    Diagnostics diagnostics;
    NirReading reading;
    reading.preset = "neurotool";
    return import_graph(
        one_neuron(LIF{filled({1}, tau), filled({1}, 1), filled({1}, 0), filled({1}, 0.5F), {}}),
        reading, diagnostics);
  };
  const auto model = read(5e-6F);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, "nir.cannot-express");
  EXPECT_EQ(model.error().at, Location(ModelNode{"net.nir", "nrn"}));
  EXPECT_THAT(model.error().message, HasSubstr("0.05 of a step"));
  EXPECT_THAT(model.error().help, HasSubstr("dt:"));
  EXPECT_TRUE(read(1e-4F)) << "a step, which 1 - dt / tau misses by a rounding";
}

/// What `neuron` sends to [steps, 1] in a preset.
std::vector<double> sent_in(const char* preset, Primitive neuron, std::vector<float> input) {
  const auto steps = static_cast<std::int64_t>(input.size());
  const Tensor held = Tensor::from<float>({steps, 1}, std::move(input));
  return test::preset_spikes(sorted(one_neuron(std::move(neuron))), *nir::preset(preset), held,
                             static_cast<std::uint64_t>(steps))
      .at("nrn");
}

TEST(NirPresets, SpikingjellyReadsCubaLif) {
  const float dt = 1e-4F;
  const CubaLIF cuba{.tau_syn = filled({1}, 2 * dt),
                     .tau_mem = filled({1}, 4 * dt),
                     .r = filled({1}, 4),
                     .v_leak = filled({1}, 0),
                     .v_threshold = filled({1}, 2),
                     .w_in = filled({1}, 2),
                     .v_reset = {}};
  // i: 1 1.5 1.75 .875; v: 1 2.25 -> 0, 1.75, 2.1875 -> 0
  EXPECT_THAT(sent_in("spikingjelly", cuba, {1, 1, 1, 0}), testing::ElementsAre(0, 1, 0, 1));
  CubaLIF other = cuba;
  other.w_in = filled({1}, 1);
  Diagnostics diagnostics;
  const auto refused =
      Simulator::make(sorted(one_neuron(other)), "", *nir::preset("spikingjelly"), diagnostics);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("w_in is not tau_syn / dt"));
}

TEST(NirPresets, SpyxTakesTheThresholdOffACubaLifBeforeItDecays) {
  const CubaLIF cuba{.tau_syn = filled({1}, 1),
                     .tau_mem = filled({1}, 2),
                     .r = filled({1}, 1),
                     .v_leak = filled({1}, 0),
                     .v_threshold = filled({1}, 1),
                     .w_in = filled({1}, 1),
                     .v_reset = {}};
  // v: 3, (3 - 1) / 2 = 1 and not 3 / 2 - 1, so that it does not fire again.
  EXPECT_THAT(sent_in("spyx", cuba, {3, 0, 0, 0}), testing::ElementsAre(0, 1, 0, 0));
  const LIF lif{filled({1}, 2), filled({1}, 1), filled({1}, 0), filled({1}, 0.4F), {}};
  // v: 1, 1 / 2 - 0.4: a LIF decays with what it then loses.
  EXPECT_THAT(sent_in("spyx", lif, {1, 0, 0, 0}), testing::ElementsAre(0, 1, 0, 0));
}

TEST(NirPresets, SpyxFlattensWithTheChannelsLast) {
  Graph graph;
  add(graph, "input", nir::Input{shape_tensor({2, 2, 1})});
  add(graph, "flat", nir::Flatten{int_tensor(0), int_tensor(-1), shape_tensor({2, 2, 1})});
  add(graph, "output", nir::Output{shape_tensor({4})});
  connect(graph, std::vector<std::string>{"input", "flat", "output"});
  const Tensor image = Tensor::from<float>({1, 2, 2, 1}, {1, 2, 3, 4});
  EXPECT_THAT(test::preset_spikes(sorted(graph), *nir::preset("spyx"), image, 1).at("flat"),
              testing::ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(test::preset_spikes(sorted(graph), *nir::preset("norse"), image, 1).at("flat"),
              testing::ElementsAre(1, 2, 3, 4));
}

TEST(NirImport, TimeConstantsThatAreHardlySecondsAreAskedFor) {
  const Graph graph =
      one_neuron(LIF{filled({1}, 20), filled({1}, 1), filled({1}, 0), filled({1}, 0.5F), {}});
  Diagnostics diagnostics;
  const auto unclear = import_graph(graph, {}, diagnostics);
  ASSERT_FALSE(unclear);
  EXPECT_EQ(unclear.error().code, "nir.time-unit");
  NirReading said;
  said.time_unit = "ms";
  said.dt_seconds = 1e-3;
  const auto model = import_graph(graph, said, diagnostics);
  ASSERT_TRUE(model) << to_string(model.error());
}

TEST(NirImport, ThresholdWithoutResetIsRefused) {
  Graph graph = one_neuron(I{filled({1}, 1e4F)});
  graph.edges.clear();
  add(graph, "spike", Threshold{filled({1}, 0.5F)});
  connect(graph, std::vector<std::string>{"input", "nrn", "spike", "output"});
  Diagnostics diagnostics;
  const auto model = import_graph(graph, {}, diagnostics);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, "nir.cannot-express");
  EXPECT_EQ(model.error().at, Location(ModelNode{"net.nir", "nrn"}));
}

}  // namespace
}  // namespace neurotool
