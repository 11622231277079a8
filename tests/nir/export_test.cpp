// Networks of ours as NIR files: each profile, run by the preset of its reader, sends the same
// spikes as the oracle, and comes back as the same network.
#include "frontend/nir/export.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "export_support.hpp"
#include "ir/nir/walk.hpp"
#include "semantics_support.hpp"
#include "support/nir_networks.hpp"

namespace neurotool {
namespace {

using test::converted;
using test::diagnosed;
using test::expect_same_spikes;
using test::kGrid;
using test::Numbers;
using test::reader_of;
using testing::HasSubstr;

constexpr std::uint64_t kSteps = test::kConvertedSteps;

TEST(NirExport, NativeProfileIsExactInTheEquationsOfNir) {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    expect_same_spikes(converted(seed), to_nir::Profile::kNative, seed);
  }
}

TEST(NirExport, NorseProfileIsExactInNorse) {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    expect_same_spikes(converted(seed), to_nir::Profile::kNorse, seed);
  }
}

TEST(NirExport, PlainSaysWhereSinabsIsLate) {
  Diagnostics diagnostics;
  ASSERT_TRUE(to_nir::export_graph(converted(1), {}, diagnostics));
  EXPECT_THAT(diagnosed(diagnostics), HasSubstr("warning[nir.order]: sinabs 2.0.3 runs 'second'"));
  SpikeGraph edge = converted(1);
  for (Projection& projection : edge.projections) {
    auto* one = std::get_if<OneToOne>(&projection.connectivity);
    if (one != nullptr) one->weight = Tensor::scalar(1.0F);
  }
  for (Population& population : edge.populations) {
    Firing* firing = firing_of(population.neuron);
    if (firing != nullptr) firing->threshold = Tensor::scalar(1.0F);
  }
  Diagnostics quiet;
  ASSERT_TRUE(to_nir::export_graph(edge, {}, quiet));
  EXPECT_THAT(diagnosed(quiet), testing::Not(HasSubstr("nir.order")));
}

TEST(NirExport, MaxPoolingIsRefusedByName) {
  SpikeGraph graph;
  graph.name = "max";
  const PopulationId in = graph.add(build::input_population("in", {1, 4, 4}));
  Population hidden = build::if_population("hidden", {1, 2, 2}, 1.0F);
  hidden.output = true;
  const PopulationId out = graph.add(std::move(hidden));
  graph.connect(in, out, MaxPool2d{.kernel = {2, 2}, .stride = {2, 2}, .weight = {}});
  Diagnostics diagnostics;
  const auto made = to_nir::export_graph(graph, {}, diagnostics);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().at, Location(ModelNode{"", "in_to_hidden"}));
  EXPECT_THAT(made.error().message, HasSubstr("'max_pool2d'"));
}

TEST(NirExport, PlainProfileIsExactInSpikingjellyAndSinabsWithTheirAdapters) {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    // Thresholds that are powers of two, so that dividing by them changes no weight.
    SpikeGraph graph = converted(seed);
    for (const char* name : {"first", "second", "third"}) {
      Firing& firing = *firing_of(graph[graph.find(name)].neuron);
      firing.threshold = Tensor::scalar(name[0] == 'f' ? 0.5F : 1.0F);
      firing.initial_membrane = Tensor::scalar(name[0] == 'f' ? 0.25F : 0.5F);
    }
    Diagnostics diagnostics;
    const auto made = to_nir::export_graph(graph, {}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    const Tensor sample = Numbers(seed + 500).tensor({72}, 0, 1, kGrid);
    const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
    for (const char* reader : {"spikingjelly", "sinabs"}) {
      nir::Discretization d = *nir::preset(reader);
      d.dt = 1;
      d.reset = nir::ResetRule::kSubtract;
      d.spikes = nir::SpikeCount::kSingle;
      d.clamp_low = nir::ClampLow::kNone;
      d.v_init = nir::InitialPotential::kByNode;
      for (const auto& [population, node, neurons] : made->layers) {
        d.v_init_by_node.emplace(node,
                                 firing_of(graph[graph.find(population)].neuron)->initial_membrane);
      }
      const test::Spikes found =
          test::preset_spikes(made->graph, d, test::repeated(sample, kSteps), kSteps);
      for (const auto& [population, node, neurons] : made->layers)
        ASSERT_EQ(found.at(node), wanted.at(population)) << reader << " " << population;
    }
  }
}

TEST(NirExport, EveryProfileComesBackAsTheSameSpikes) {
  for (const auto profile :
       {to_nir::Profile::kPlain, to_nir::Profile::kNative, to_nir::Profile::kNorse}) {
    SCOPED_TRACE(to_nir::profile_name(profile));
    const SpikeGraph graph = converted(3);
    Diagnostics diagnostics;
    const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    nir::Document document;
    document.version = "1.0.8";
    document.graph = made->graph;
    const auto back = from_nir::import_model(document, "back.nir", {}, diagnostics);
    ASSERT_TRUE(back) << to_string(back.error());
    const Tensor sample = Numbers(9).tensor({72}, 0, 1, kGrid);
    const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
    const test::Spikes found = test::oracle_spikes(back->spike(), sample, kSteps);
    for (const auto& [population, node, neurons] : made->layers)
      EXPECT_EQ(found.at(node), wanted.at(population)) << population;
    EXPECT_EQ(back->spike().steps, kSteps);
  }
}

TEST(NirExport, NeuronsThatFireOnlyAboveTheirThresholdStaySo) {
  for (const auto profile : {to_nir::Profile::kNative, to_nir::Profile::kNorse}) {
    SCOPED_TRACE(to_nir::profile_name(profile));
    SpikeGraph graph = converted(6), at_threshold;
    for (const char* name : {"first", "second", "third"}) {
      // On the grid of the weights: membranes do come to lie at it.
      Firing& firing = *firing_of(graph[graph.find(name)].neuron);
      firing.threshold = Tensor::scalar(0.5F);
      firing.initial_membrane = Tensor::scalar(0.25F);
    }
    at_threshold = graph;
    for (const char* name : {"first", "second", "third"}) {
      firing_of(graph[graph.find(name)].neuron)->comparison = Comparison::kAbove;
    }
    Diagnostics diagnostics;
    const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    const Tensor sample = Numbers(3).tensor({72}, 0, 1, 1.0 / 4);
    const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
    EXPECT_NE(test::oracle_spikes(at_threshold, sample, kSteps), wanted) << "there are ties";
    const test::Spikes found = test::preset_spikes(made->graph, reader_of(*made, profile),
                                                   test::repeated(sample, kSteps), kSteps);
    nir::Document document;
    document.graph = made->graph;
    const auto back = from_nir::import_model(document, "back.nir", {}, diagnostics);
    ASSERT_TRUE(back) << to_string(back.error());
    const test::Spikes again = test::oracle_spikes(back->spike(), sample, kSteps);
    for (const auto& [population, node, neurons] : made->layers) {
      EXPECT_EQ(found.at(node), wanted.at(population)) << population;
      EXPECT_EQ(again.at(node), wanted.at(population)) << population;
    }
  }
}

TEST(NirExport, HardResetsAreExactInReadersThatFireOnlyAbove) {
  for (const auto profile : {to_nir::Profile::kNorse, to_nir::Profile::kHard}) {
    SCOPED_TRACE(to_nir::profile_name(profile));
    SpikeGraph graph = converted(6);
    for (const char* name : {"first", "second", "third"}) {
      // On the grid of the weights: membranes do come to lie at the threshold.
      Firing& firing = *firing_of(graph[graph.find(name)].neuron);
      firing.threshold = Tensor::scalar(0.5F);
      firing.initial_membrane = {};
      firing.reset = Reset::kToValue;
    }
    Diagnostics diagnostics;
    const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    const bool is_norse = profile == to_nir::Profile::kNorse;
    nir::Discretization reader = *nir::preset(is_norse ? "norse" : "snntorch_1_0");
    reader.dt = made->dt_seconds;
    const Tensor sample = Numbers(3).tensor({72}, 0, 1, 1.0 / 4);
    const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
    const auto sent = [&](const nir::Graph& file) {
      return test::preset_spikes(file, reader, test::repeated(sample, kSteps), kSteps);
    };
    const test::Spikes found = sent(made->graph);
    nir::Graph at_threshold = made->graph;
    for (nir::Node& node : at_threshold.nodes) {
      if (auto* lif = std::get_if<nir::LIF>(&node.primitive))
        lif->v_threshold = nir::filled(lif->r.shape(), 0.5F);
      if (auto* cuba = std::get_if<nir::CubaLIF>(&node.primitive))
        cuba->v_threshold = nir::filled(cuba->r.shape(), 0.5F);
    }
    EXPECT_NE(sent(at_threshold), found) << "there are ties";
    for (const auto& [population, node, neurons] : made->layers)
      EXPECT_EQ(found.at(node), wanted.at(population)) << population;
  }
}

TEST(NirExport, AThresholdThatWasReadAsStrictIsWrittenBackAsItWas) {
  nir::Graph graph;
  const Shape shape{2};
  nir::add(graph, "input", nir::Input{nir::shape_tensor(shape)});
  nir::add(graph, "lif",
           nir::LIF{nir::filled(shape, 8e-4F),
                    nir::filled(shape, 8),
                    nir::filled(shape, 0),
                    nir::filled(shape, 1),
                    {}});
  nir::add(graph, "output", nir::Output{nir::shape_tensor(shape)});
  nir::connect(graph, std::vector<std::string>{"input", "lif", "output"});
  nir::Document document;
  document.graph = graph;
  NirReading reading;
  reading.preset = "snntorch";
  Diagnostics diagnostics;
  const auto model = from_nir::import_model(document, "net.nir", reading, diagnostics);
  ASSERT_TRUE(model) << to_string(model.error());
  const auto made =
      to_nir::export_graph(model->spike(), {.profile = to_nir::Profile::kHard}, diagnostics);
  ASSERT_TRUE(made) << to_string(made.error());
  const auto& lif = std::get<nir::LIF>(made->graph.find("lif")->primitive);
  EXPECT_EQ(lif.v_threshold.at(0), 1.0);
  EXPECT_TRUE(made->fires_above);
}

TEST(NirExport, PoolingsBecomeConvolutionsForTheVersionThatReadsNone) {
  const SpikeGraph graph = converted(5);
  Diagnostics diagnostics;
  const auto made = to_nir::export_graph(
      graph, {.profile = to_nir::Profile::kNorse, .without_pooling = true}, diagnostics);
  ASSERT_TRUE(made) << to_string(made.error());
  EXPECT_THAT(diagnosed(diagnostics), HasSubstr("nir 1.0.5 reads no graph with a pooling"));
  for (const nir::Node& node : made->graph.nodes)
    EXPECT_FALSE(std::holds_alternative<nir::SumPool2d>(node.primitive)) << node.name;
  const Tensor sample = Numbers(505).tensor({72}, 0, 1, kGrid);
  const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
  const test::Spikes found =
      test::preset_spikes(made->graph, reader_of(*made, to_nir::Profile::kNorse),
                          test::repeated(sample, kSteps), kSteps);
  for (const auto& [population, node, neurons] : made->layers)
    EXPECT_EQ(found.at(node), wanted.at(population)) << population;
}

TEST(NirExport, OneFileHasOneResetAndOneComparison) {
  for (const bool reset : {true, false}) {
    SpikeGraph graph = converted(1);
    Firing& odd = *firing_of(graph[graph.find("second")].neuron);
    if (reset) {
      odd.reset = Reset::kToValue;
    } else {
      odd.comparison = Comparison::kAbove;
    }
    for (const auto profile : {to_nir::Profile::kPlain, to_nir::Profile::kNorse}) {
      Diagnostics diagnostics;
      const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
      ASSERT_FALSE(made);
      EXPECT_EQ(made.error().code, "nir.cannot-express");
      EXPECT_EQ(made.error().at, Location(ModelNode{"", "second"}));
      EXPECT_THAT(made.error().message, HasSubstr(reset ? "one reset" : "one comparison"));
    }
  }
}

TEST(NirExport, RecurrenceKeepsItsDelay) {
  Numbers numbers(5);
  SpikeGraph graph;
  graph.name = "recurrent";
  graph.steps = kSteps;
  const PopulationId in = graph.add(build::input_population("in", {4}));
  Population hidden = test::converted_neurons(numbers, "hidden", {6});
  hidden.output = true;
  const PopulationId loop = graph.add(std::move(hidden));
  graph.connect(in, loop, Dense{numbers.tensor({6, 4}, -0.3, 0.8, kGrid)});
  graph.connect(loop, loop, Dense{numbers.tensor({6, 6}, -0.5, 0.5, kGrid)}, 1);
  for (const auto profile : {to_nir::Profile::kNative, to_nir::Profile::kNorse}) {
    Diagnostics diagnostics;
    const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    const Tensor sample = numbers.tensor({4}, 0, 1, kGrid);
    const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
    const test::Spikes found = test::preset_spikes(made->graph, reader_of(*made, profile),
                                                   test::repeated(sample, kSteps), kSteps);
    EXPECT_EQ(found.at(made->layers[0].node), wanted.at("hidden"));
  }
}

TEST(NirExport, WhatNirCannotHoldIsRefusedByName) {
  SpikeGraph graph = converted(1);
  firing_of(graph[graph.find("second")].neuron)->emission.max_per_step = 4;
  Diagnostics diagnostics;
  const auto made = to_nir::export_graph(graph, {}, diagnostics);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "nir.cannot-express");
  EXPECT_EQ(made.error().at, Location(ModelNode{"", "second"}));
  EXPECT_THAT(made.error().message, HasSubstr("sends 0 to 4 per step"));
}

TEST(NirExport, HardProfileSaysWhatItLoses) {
  Diagnostics diagnostics;
  const auto made =
      to_nir::export_graph(converted(1), {.profile = to_nir::Profile::kHard}, diagnostics);
  ASSERT_TRUE(made) << to_string(made.error());
  EXPECT_THAT(diagnosed(diagnostics), HasSubstr("nir.reset-lost"));
}

TEST(NirExport, WholeNumbersBeyondFloat32AreWarnedOf) {
  for (const std::int32_t threshold : {1 << 24, (1 << 24) + 1}) {
    SpikeGraph graph;
    graph.name = "large";
    graph.arithmetic = Arithmetic::kInteger;
    const auto in = graph.add(build::input_population("in", {2}));
    auto neurons = build::if_population("neurons", {2}, 1.0F);
    firing_of(neurons.neuron)->threshold = Tensor::scalar(threshold);
    neurons.output = true;
    const auto out = graph.add(std::move(neurons));
    graph.connect(in, out, Dense{Tensor::from<std::int8_t>({2, 2}, {1, 2, 3, 4})});
    Diagnostics diagnostics;
    const auto made =
        to_nir::export_graph(graph, {.profile = to_nir::Profile::kNorse}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_EQ(diagnosed(diagnostics).find("nir.float-range") != std::string::npos,
              threshold > 1 << 24);
  }
}

TEST(NirExport, ChipsAreMetadataOfTheNode) {
  SpikeGraph graph = converted(1);
  graph[graph.find("first")].chip = 2;
  Diagnostics diagnostics;
  const auto made = to_nir::export_graph(graph, {}, diagnostics);
  ASSERT_TRUE(made) << to_string(made.error());
  const nir::Node* node = made->graph.find("first");
  ASSERT_NE(node, nullptr);
  const nir::MetadataEntry* own = node->metadata.find("neurotool");
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(std::get<Tensor>(std::get<nir::Metadata>(own->value).find("chip")->value).at(0), 2);
}

}  // namespace
}  // namespace neurotool
