// A target written with sdk.hpp, from open to emit.
#include "target/target.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "base/parallel.hpp"
#include "support/graphs.hpp"
#include "target/bench.hpp"

namespace neurotool {
namespace {

using test::Bench;
using test::slurp;
using test::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const SpikeGraph> small_mlp() {
  return std::make_shared<const SpikeGraph>(test::small_mlp());
}

SimulateRequest request() {
  return {.samples = 5,
          .steps = 4,
          .seed = 1,
          .stimuli = {{{0}, Tensor::from<float>({5, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})}},
          .probes = {{{1}, "spikes"}, {{2}, "readout"}}};
}

struct TargetTest : ::testing::Test {
  TempFolder folder;
  Bench bench{folder / "artifacts"};
  Program compiled(const std::string& options = "") {
    Target target = test::must(bench.open("demo", options));
    return test::must(target.compile(small_mlp(), bench.call()));
  }
};

TEST_F(TargetTest, OptionsReachThePlugin) {
  compiled("{core: {size: 64}, gain: 0.125, strict: false, label: \"a b\", grid: [4, 5], bits: 3}");
  EXPECT_EQ(slurp(folder / "artifacts/map.txt"),
            "label a b gain 0.125 strict false bits 3 grid 4 5");
}

TEST_F(TargetTest, CompileTellsMetricsPlacementsAndArtifactsInOrder) {
  const Program program = compiled();
  const CompileResult& result = program.compiled();
  std::vector<std::string> names;
  for (const Metric& metric : result.metrics) names.push_back(metric.name);
  EXPECT_THAT(names, ElementsAre("core.10.neurons", "core.11.neurons", "core.12.neurons"));
  EXPECT_EQ(result.metrics[2].value, 2);
  EXPECT_EQ(result.metrics[2].limit, 128);
  ASSERT_EQ(result.placements.size(), 3u);
  EXPECT_EQ(result.placements[1].population, "hidden");
  EXPECT_EQ(result.placements[1].neuron_count, 3u);
  EXPECT_EQ(result.placements[1].core, 6u);
  EXPECT_THAT(result.artifacts, ElementsAre("map.txt"));
}

TEST_F(TargetTest, CheckReportsEverythingWithItsPlace) {
  Target target = test::must(bench.open("demo", "core: {size: 2}"));
  SpikeGraph graph = test::small_mlp();
  graph.populations[1].origins = {"/fc1/Gemm"};
  firing_of(graph.populations[1].neuron)->emission.max_per_step = 4;
  const auto result = target.check(graph, bench.call());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "demo.core-full");
  EXPECT_EQ(bench.findings(),
            "node 'hidden': error[demo.core-full]: 3 neurons; a core holds 2\n"
            "  note: node '/fc1/Gemm': 'hidden' was made from this node\n"
            "  help: split it, or raise core.size to 3\n"
            "node 'hidden': error[demo.parameter]: parameter 'max_per_step' is not supported here\n"
            "  note: node '/fc1/Gemm': 'hidden' was made from this node\n");
}

TEST_F(TargetTest, SimulationComesBackInOrder) {
  const Program program = compiled();
  const RunResult run = test::must(program.simulate(request(), bench.call()));
  ASSERT_EQ(run.spikes.size(), 20u);
  for (std::size_t i = 0; i < run.spikes.size(); ++i) {
    EXPECT_EQ(run.spikes[i].sample, i / 4);
    EXPECT_EQ(run.spikes[i].step, i % 4);
    EXPECT_THAT(run.spikes[i].neurons, ElementsAre((i / 4 + i % 4) % 3));
    EXPECT_THAT(run.spikes[i].payloads, ElementsAre(2));
  }
  ASSERT_EQ(run.values.size(), 5u);
  EXPECT_EQ(run.values[4].variable, "readout");
  EXPECT_EQ(run.values[4].population.index, 2u);
  EXPECT_THAT(run.values[4].value.as<float>(), ElementsAre(40, 41));
  ASSERT_EQ(run.metrics.size(), 2u);
  EXPECT_EQ(run.metrics[0].origin, Origin::kSimulated);
  EXPECT_EQ(run.metrics[1].name, "stimulus.sum");
  EXPECT_EQ(run.metrics[1].value, 55);
}

TEST_F(TargetTest, RunsOfOneProgramMayOverlap) {
  const Program program = compiled();
  std::vector<std::jthread> threads;
  std::atomic<int> complete{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto run = program.simulate(request(), bench.call());
      if (run && run->spikes.size() == 20) ++complete;
    });
  }
  threads.clear();
  EXPECT_EQ(complete, 4);
}

TEST_F(TargetTest, ASimulationCanBeStopped) {
  const Program program = compiled();
  test::CountingProgress stop(2);
  const auto run = program.simulate(request(), {bench.diagnostics, stop, {}});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, "target.cancelled");
}

TEST_F(TargetTest, EmitWritesTheFormatThatIsAsked) {
  Program program = compiled();
  EXPECT_THAT(test::must(program.emit("asm", bench.call())), ElementsAre("code/asm.txt"));
  EXPECT_EQ(slurp(folder / "artifacts/code/asm.txt"), "image 2\nhidden 3\nreadout 2\n");
  const auto unknown = program.emit("asn", bench.call());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, "target.no-format");
  EXPECT_THAT(unknown.error().help, HasSubstr("did you mean 'asm'?"));
}

TEST_F(TargetTest, WithoutAFolderThereAreNoArtifacts) {
  Target target = test::must(bench.open("demo"));
  const auto program = target.compile(small_mlp(), {bench.diagnostics, bench.progress, {}});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, "target.no-folder");
}

TEST_F(TargetTest, LimitsComeFromTheTargetsCapacities) {
  Target target = test::must(bench.open("demo", "core: {size: 77}"));
  const DeviceLimits limits = target.limits(bench.call());
  EXPECT_EQ(limits.target, "demo");
  EXPECT_EQ(limits.chips, 1u);
  EXPECT_EQ(limits.neurons_per_core, 77u);
  EXPECT_EQ(limits.weight_bits, 0u);
}

TEST_F(TargetTest, AProgramOutlivesItsTarget) {
  const Program program = compiled();
  EXPECT_TRUE(program.simulate(request(), bench.call()));
}

}  // namespace
}  // namespace neurotool
