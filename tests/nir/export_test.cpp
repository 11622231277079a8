// Networks of ours as NIR files: each profile, run by the preset of its reader, sends the same
// spikes as the oracle, and comes back as the same network.
#include "frontend/nir/export.hpp"

#include <gmock/gmock.h>

#include "semantics_support.hpp"
#include "support/nir_networks.hpp"

namespace neurotool {
namespace {

using test::converted;
using test::kGrid;
using test::Numbers;
using testing::HasSubstr;

constexpr std::uint64_t kSteps = test::kConvertedSteps;
nir::Discretization reader_of(const to_nir::Exported& made, to_nir::Profile profile) {
  nir::Discretization d = *nir::preset(profile == to_nir::Profile::kNorse ? "norse" : "nir_ode");
  d.dt = made.dt_seconds;
  if (profile == to_nir::Profile::kNorse) d.reset = nir::ResetRule::kSubtract;
  return d;
}

std::string diagnosed(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& item : diagnostics.all()) text += to_string(item);
  return text;
}

void expect_same_spikes(const SpikeGraph& graph, to_nir::Profile profile, std::uint32_t seed) {
  Diagnostics diagnostics;
  const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
  ASSERT_TRUE(made) << to_string(made.error());
  const Tensor sample = Numbers(seed + 500).tensor({72}, 0, 1, kGrid);
  const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
  const test::Spikes found = test::preset_spikes(made->graph, reader_of(*made, profile),
                                                 test::repeated(sample, kSteps), kSteps);
  std::size_t spikes = 0;
  ASSERT_EQ(made->layers.size(), 3U);
  for (const auto& [population, node] : made->layers) {
    ASSERT_EQ(found.at(node), wanted.at(population)) << population;
    for (const double value : found.at(node)) spikes += value != 0;
  }
  EXPECT_GT(spikes, 100U);
}

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
      for (const auto& [population, node] : made->layers) {
        d.v_init_by_node.emplace(node,
                                 firing_of(graph[graph.find(population)].neuron)->initial_membrane);
      }
      const test::Spikes found =
          test::preset_spikes(made->graph, d, test::repeated(sample, kSteps), kSteps);
      for (const auto& [population, node] : made->layers)
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
    for (const auto& [population, node] : made->layers)
      EXPECT_EQ(found.at(node), wanted.at(population)) << population;
    EXPECT_EQ(back->spike().steps, kSteps);
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
