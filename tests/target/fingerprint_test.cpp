#include "target/fingerprint.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "support/graphs.hpp"

namespace neurotool {
namespace {

TEST(Fingerprint, OfEqualGraphsIsEqual) {
  EXPECT_EQ(fingerprint(test::small_cnn()), fingerprint(test::small_cnn()));
  EXPECT_EQ(fingerprint(test::small_cnn()).size(), 64u);
}

TEST(Fingerprint, ChangesWithAnythingThatAPluginSees) {
  const std::function<void(SpikeGraph&)> changes[] = {
      [](SpikeGraph& g) { g.name = "other"; },
      [](SpikeGraph& g) { g.steps = 5; },
      [](SpikeGraph& g) { g.dt_seconds = 0.001; },
      [](SpikeGraph& g) { g.populations[1].name = "other"; },
      [](SpikeGraph& g) { g.populations[1].chip = 1; },
      [](SpikeGraph& g) { g.populations[1].output = true; },
      [](SpikeGraph& g) { firing_of(g.populations[1].neuron)->threshold = Tensor::scalar(2.0f); },
      [](SpikeGraph& g) { firing_of(g.populations[1].neuron)->emission.max_per_step = 2; },
      [](SpikeGraph& g) { g.projections[0].delay_steps = 1; },
      [](SpikeGraph& g) { std::swap(g.projections[0], g.projections[1]); },
      [](SpikeGraph& g) {
        g.projections[0].connectivity =
            build::dense(3, 2, std::vector<float>{0.5f, 0.25f, -0.5f, 1, 0.75f, 0.001f});
      },
  };
  const std::string before = fingerprint(test::small_mlp());
  for (const auto& change : changes) {
    SpikeGraph graph = test::small_mlp();
    change(graph);
    EXPECT_NE(fingerprint(graph), before) << "change " << (&change - changes);
  }
}

TEST(Fingerprint, DoesNotSeeWhereAGraphCameFrom) {
  SpikeGraph graph = test::small_mlp();
  graph.populations[1].origins = {"/fc1/Gemm"};
  EXPECT_EQ(fingerprint(graph), fingerprint(test::small_mlp()));
}

}  // namespace
}  // namespace neurotool
