#include "ir/spike_graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/graphs.hpp"

namespace neurotool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SpikeGraph, NamesAreMadeUnique) {
  SpikeGraph graph;
  const PopulationId a = graph.add(build::input_population("x", {1}));
  const PopulationId b = graph.add(build::relay_population("x", {1}));
  graph.connect(a, b, OneToOne{Tensor::scalar(1.0f)});
  graph.connect(a, b, OneToOne{Tensor::scalar(1.0f)});
  EXPECT_EQ(graph[b].name, "x_2");
  EXPECT_EQ(graph.projections[0].name, "x_to_x_2");
  EXPECT_EQ(graph.projections[1].name, "x_to_x_2_2");
}

TEST(SpikeGraph, FindsByName) {
  const SpikeGraph graph = test::small_mlp();
  EXPECT_EQ(graph.find("hidden"), PopulationId{1});
  EXPECT_FALSE(graph.find("nothing").valid());
}

TEST(SpikeGraph, RemovingAPopulationRemovesItsProjections) {
  SpikeGraph graph = test::small_mlp();
  graph.remove(graph.find("hidden"));
  EXPECT_THAT(graph.live_projections(), IsEmpty());
  EXPECT_EQ(graph.live_populations().size(), 2u);
  EXPECT_FALSE(graph.find("hidden").valid());
}

TEST(SpikeGraph, ListsWhatComesInAndGoesOut) {
  const SpikeGraph graph = test::small_cnn();
  const PopulationId conv = graph.find("conv");
  EXPECT_THAT(graph.incoming(conv), ElementsAre(ProjectionId{0}, ProjectionId{3}));
  EXPECT_THAT(graph.outgoing(conv), ElementsAre(ProjectionId{1}, ProjectionId{3}));
}

TEST(SpikeGraph, StepOrderFollowsProjectionsWithoutDelay) {
  SpikeGraph graph;
  const PopulationId last = graph.add(build::if_population("last", {1}, 1.0f));
  const PopulationId free = graph.add(build::if_population("free", {1}, 1.0f));
  const PopulationId first = graph.add(build::input_population("first", {1}));
  graph.connect(first, last, OneToOne{Tensor::scalar(1.0f)});
  graph.connect(last, free, OneToOne{Tensor::scalar(1.0f)}, 1);
  EXPECT_THAT(graph.step_order(), ElementsAre(free, first, last));
}

TEST(SpikeGraph, ACycleWithoutDelayHasNoStepOrder) {
  SpikeGraph graph = test::small_cnn();
  graph.projections[3].delay_steps = 0;
  EXPECT_THAT(graph.step_order(), IsEmpty());
}

TEST(SpikeGraphCompact, RenumbersAndKeepsTheOrder) {
  SpikeGraph graph = test::small_cnn();
  const PopulationId extra = graph.add(build::readout_population("extra", {2}));
  graph.connect(graph.find("pool"), extra, build::dense(2, 2, std::vector<float>(4, 1.0f)));
  graph.remove(graph.find("readout"));
  graph.compact();
  std::vector<std::string> names;
  for (const Population& population : graph.populations) names.push_back(population.name);
  EXPECT_THAT(names, ElementsAre("image", "conv", "pool", "extra"));
  EXPECT_EQ(graph.projections.back().target, PopulationId{3});
  EXPECT_THAT(test::violations(test::spike_model(graph)), IsEmpty());
}

TEST(SpikeGraphCompact, LeavesADanglingEndForVerifyToName) {
  SpikeGraph graph = test::small_mlp();
  graph.populations[1].removed = true;  // not through remove()
  graph.compact();
  EXPECT_THAT(test::violations(test::spike_model(graph)), ::testing::Contains("verify.references"));
}

TEST(SpikeGraph, CountsNeuronsWithoutInputsAndRelays) {
  const SpikeGraph graph = test::small_cnn();
  EXPECT_EQ(graph.neuron_count(), 8 + 3);
  EXPECT_EQ(graph.synapse_count(), 2 * 4 * 4 + 8 + 6 + 8);
}

}  // namespace
}  // namespace neurotool
