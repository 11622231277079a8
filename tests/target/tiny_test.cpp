// The plugin of the ABI's own documentation, in C, against the real host.
#include <gmock/gmock.h>

#include "support/graphs.hpp"
#include "target/bench.hpp"

namespace neurotool {
namespace {

using test::Bench;

SpikeGraph dense_graph(std::int64_t neurons) {
  SpikeGraph graph;
  graph.name = "one";
  const PopulationId in = graph.add(build::input_population("in", {neurons}));
  const PopulationId out = graph.add(build::if_population("out", {46}, 1.0f));
  graph.connect(
      in, out,
      build::dense(46, neurons, std::vector<float>(46 * static_cast<std::size_t>(neurons))));
  return graph;
}

TEST(Tiny, RefusesWhatDoesNotFitAndSaysWhere) {
  Bench bench;
  Target target = test::must(bench.open("tiny"));
  EXPECT_FALSE(target.check(dense_graph(784), bench.call()));
  EXPECT_EQ(bench.findings(),
            "node 'in': error[tiny.core-full]: 'in' has 784 neurons; a core holds 128\n"
            "  help: split it, or raise core_size\n");
}

TEST(Tiny, ReportsHowFullItIs) {
  Bench bench;
  Target target = test::must(bench.open("tiny", "core_size: 256"));
  const Program program = test::must(
      target.compile(std::make_shared<const SpikeGraph>(dense_graph(128)), bench.call()));
  ASSERT_EQ(program.compiled().metrics.size(), 1u);
  const Metric& metric = program.compiled().metrics[0];
  EXPECT_EQ(metric.name, "core.0.neurons");
  EXPECT_EQ(metric.value, 174);
  EXPECT_EQ(metric.limit, 256);
  EXPECT_EQ(metric.origin, Origin::kModelled);
}

TEST(Tiny, StopsWhenProgressSaysSo) {
  Bench bench({}, 1);
  Target target = test::must(bench.open("tiny"));
  const auto result = target.check(dense_graph(8), bench.call());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "target.cancelled");
  EXPECT_EQ(result.error().message, "'tiny' was stopped while checking the graph");
}

TEST(Tiny, IsNotAskedAboutWordsThatItDidNotDeclare) {
  Bench bench;
  Target target = test::must(bench.open("tiny"));
  const auto result = target.check(test::small_cnn(), bench.call());
  ASSERT_FALSE(result);
  EXPECT_EQ(bench.progress.updates, 0);
  EXPECT_EQ(result.error().code, "target.model");
  EXPECT_EQ(bench.findings(),
            "node 'pool': error[target.model]: the neuron model of 'pool' is 'relay', which target "
            "'tiny' does not take\n"
            "  help: it takes input, if, lif; other passes, or another target, may help\n"
            "node 'readout': error[target.model]: the neuron model of 'readout' is 'li', which "
            "target 'tiny' does not take\n"
            "  help: it takes input, if, lif; other passes, or another target, may help\n"
            "node 'image_to_conv': error[target.kind]: the kind of projection 'image_to_conv' is "
            "'conv2d', which target 'tiny' does not take\n"
            "  help: it takes dense; other passes, or another target, may help\n"
            "node 'conv_to_pool': error[target.kind]: the kind of projection 'conv_to_pool' is "
            "'sum_pool2d', which target 'tiny' does not take\n"
            "  help: it takes dense; other passes, or another target, may help\n"
            "node 'conv_to_conv': error[target.kind]: the kind of projection 'conv_to_conv' is "
            "'one_to_one', which target 'tiny' does not take\n"
            "  help: it takes dense; other passes, or another target, may help\n");
}

TEST(Tiny, NeitherSimulatesNorWritesCode) {
  Bench bench;
  Target target = test::must(bench.open("tiny"));
  Program program =
      test::must(target.compile(std::make_shared<const SpikeGraph>(dense_graph(8)), bench.call()));
  EXPECT_EQ(program.simulate({}, bench.call()).error().code, "target.no-simulate");
  EXPECT_EQ(program.emit("asm", bench.call()).error().code, "target.no-format");
  EXPECT_EQ(target.limits(bench.call()).chips, 0u);
}

}  // namespace
}  // namespace neurotool
