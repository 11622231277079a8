// Projections beside each other and in patterns of their own: shortcuts, crops and lists of
// synapses become nodes that readers know, or are refused.
#include "frontend/nir/export.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "export_support.hpp"
#include "ir/nir/walk.hpp"
#include "semantics_support.hpp"
#include "support/nir_networks.hpp"

namespace neurotool {
namespace {

using test::diagnosed;
using test::expect_same_spikes;
using test::kGrid;
using test::Numbers;
using test::reader_of;
using testing::HasSubstr;

constexpr std::uint64_t kSteps = test::kConvertedSteps;

TEST(NirExport, ShortcutsOfEveryKindAreExact) {
  std::size_t spikes = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    for (const auto profile : {to_nir::Profile::kNative, to_nir::Profile::kNorse}) {
      SCOPED_TRACE(fmt::format("seed {} {}", seed, to_nir::profile_name(profile)));
      const SpikeGraph graph = test::residual(seed);
      Diagnostics diagnostics;
      const auto made = to_nir::export_graph(graph, {.profile = profile}, diagnostics);
      ASSERT_TRUE(made) << to_string(made.error());
      const std::int64_t pixels = *element_count(graph[graph.find("image")].shape);
      const Tensor sample = Numbers(seed + 900).tensor({pixels}, 0, 1, kGrid);
      const test::Spikes wanted = test::oracle_spikes(graph, sample, kSteps);
      const test::Spikes found = test::preset_spikes(made->graph, reader_of(*made, profile),
                                                     test::repeated(sample, kSteps), kSteps);
      for (const to_nir::ExportedLayer& layer : made->layers) {
        const std::vector<double> sent = test::sent_by(found, layer, kSteps);
        ASSERT_EQ(sent, wanted.at(layer.population)) << layer.population;
        for (const double value : sent) spikes += value != 0;
      }
    }
  }
  EXPECT_GT(spikes, 100000U);
}

TEST(NirExport, NorseGetsResidualBlocksAsOneBranch) {
  std::size_t carried = 0, warned = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Diagnostics diagnostics;
    const auto made = to_nir::export_graph(test::residual(seed),
                                           {.profile = to_nir::Profile::kNorse}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    const std::string said = diagnosed(diagnostics);
    carried += said.find("is led through") != std::string::npos ? 1 : 0;
    const bool late = said.find("nir.order") != std::string::npos;
    warned += late ? 1 : 0;
    // Two branches with neurons in both, as in a concatenation, have no other form.
    EXPECT_EQ(late, !nir::runs_rightly(made->graph));
  }
  EXPECT_GT(carried, 10U);
  EXPECT_GT(warned, 3U);
  EXPECT_LT(warned, 40U);
}

TEST(NirExport, AConvolutionBesideAnotherBecomesPartOfItsKernel) {
  for (const bool relayed : {false, true}) {
    SCOPED_TRACE(relayed);
    Numbers numbers(7);
    const auto weight = [&](Shape shape) {
      return numbers.tensor(std::move(shape), -0.4, 0.5, kGrid);
    };
    SpikeGraph graph;
    graph.name = "twins";
    graph.steps = kSteps;
    const auto image = graph.add(build::input_population("image", {2, 6, 6}));
    const auto first = graph.add(test::converted_neurons(numbers, "first", {4, 6, 6}));
    const auto sum = graph.add(test::converted_neurons(numbers, "sum", {3, 3, 3}));
    auto last = test::converted_neurons(numbers, "last", {5});
    last.output = true;
    const auto out = graph.add(std::move(last));
    graph.connect(image, first, Conv2d{.weight = weight({4, 2, 3, 3}), .padding = {1, 1, 1, 1}});
    PopulationId met = sum;
    if (relayed) {
      met = graph.add(build::relay_population("met", {3, 3, 3}));
      graph[met].bias = numbers.tensor({3}, -0.2, 0.2, kGrid);
      graph.connect(met, sum, OneToOne{Tensor::scalar(1.0F)});
    }
    graph.connect(
        first, met,
        Conv2d{.weight = weight({3, 4, 3, 3}), .stride = {2, 2}, .padding = {1, 1, 1, 1}});
    graph.connect(first, sum, Conv2d{.weight = weight({3, 4, 1, 1}), .stride = {2, 2}});
    graph.connect(sum, out, Dense{weight({5, 27})});
    Diagnostics diagnostics;
    const auto made =
        to_nir::export_graph(graph, {.profile = to_nir::Profile::kNorse}, diagnostics);
    ASSERT_TRUE(made) << to_string(made.error());
    EXPECT_THAT(diagnosed(diagnostics), HasSubstr("becomes part of the kernel"));
    EXPECT_TRUE(nir::runs_rightly(made->graph));
    expect_same_spikes(graph, to_nir::Profile::kNorse, 7);
  }
}

TEST(NirExport, AStridedShortcutIsAConvolutionWithOneTap) {
  Numbers numbers(2);
  SpikeGraph graph;
  graph.name = "shortcut";
  graph.steps = kSteps;
  const PopulationId in = graph.add(build::input_population("in", {2, 5, 4}));
  Population hidden = test::converted_neurons(numbers, "hidden", {4, 3, 2});
  hidden.output = true;
  const PopulationId out = graph.add(std::move(hidden));
  graph.connect(in, out, test::shortcut({2, 5, 4}, {4, 3, 2}, 1, 2, 0.75F));
  Diagnostics diagnostics;
  const auto made = to_nir::export_graph(graph, {.profile = to_nir::Profile::kNative}, diagnostics);
  ASSERT_TRUE(made) << to_string(made.error());
  const nir::Node* node = made->graph.find("in_to_hidden");
  ASSERT_NE(node, nullptr);
  const auto* conv = std::get_if<nir::Conv2d>(&node->primitive);
  ASSERT_NE(conv, nullptr);
  EXPECT_EQ(conv->weight.shape(), (Shape{4, 2, 1, 1}));
  for (std::int64_t i = 0; i < 8; ++i)
    EXPECT_EQ(conv->weight.at(i), i == 2 || i == 5 ? 0.75 : 0) << i;
  EXPECT_EQ(conv->stride.at(0), 2);
  EXPECT_EQ(std::get<Tensor>(conv->padding).at(0), 0);
  EXPECT_THAT(diagnosed(diagnostics), HasSubstr("the 12 synapses of 'in_to_hidden'"));
}

TEST(NirExport, SynapsesWithoutAPatternAreDenseOrRefused) {
  // Three synapses, of which two go to the same place one row apart.
  const auto network = [](Shape shape, Shape target) {
    const std::int64_t sources = *element_count(shape);
    std::vector<std::int64_t> begin(static_cast<std::size_t>(sources) + 1, 3);
    std::fill_n(begin.begin(), 4, 0);
    begin[1] = 1, begin[2] = 2, begin[3] = 2;
    SpikeGraph graph;
    graph.name = "irregular";
    const PopulationId in = graph.add(build::input_population("in", shape));
    Population hidden = build::if_population("hidden", std::move(target), 1.0F);
    hidden.output = true;
    const PopulationId out = graph.add(std::move(hidden));
    graph.connect(in, out,
                  Sparse{Tensor::from<std::int64_t>({sources + 1}, begin),
                         Tensor::from<std::int32_t>({3}, {2, 0, 1}),
                         Tensor::from<float>({3}, {0.5F, 0.25F, 1.0F})});
    return graph;
  };
  Diagnostics diagnostics;
  const auto flat = to_nir::export_graph(network({1, 2, 2}, {4}), {}, diagnostics);
  ASSERT_TRUE(flat) << to_string(flat.error());
  const auto& affine = std::get<nir::Affine>(flat->graph.find("in_to_hidden")->primitive);
  EXPECT_EQ(affine.weight.at(2 * 4 + 0), 0.5);
  EXPECT_EQ(affine.weight.at(0 * 4 + 1), 0.25);
  EXPECT_EQ(affine.weight.at(1 * 4 + 3), 1.0);
  const auto large = to_nir::export_graph(network({4, 64, 64}, {4, 64, 64}), {}, diagnostics);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().at, Location(ModelNode{"", "in_to_hidden"}));
  EXPECT_THAT(large.error().message, HasSubstr("its 3 synapses from [4,64,64] onto [4,64,64]"));
  const auto wide = to_nir::export_graph(network({8192}, {8192}), {}, diagnostics);
  ASSERT_FALSE(wide);
  EXPECT_THAT(wide.error().message, HasSubstr("67108864 weights, more than 16777216"));
}

}  // namespace
}  // namespace neurotool
