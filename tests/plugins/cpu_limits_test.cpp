// Where numbers get wide, runs get stopped, and requests make no sense.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "cpu_support.hpp"
#include "ir/builder.hpp"
#include "support/random_graphs.hpp"

namespace neurotool::test {
namespace {

/// One input neuron drives `model` with `weight` at every step.
SpikeGraph driven(std::int32_t weight, Neuron neuron) {
  SpikeGraph graph;
  graph.arithmetic = Arithmetic::kInteger;
  Population input = build::input_population("input", {2});
  input.neuron = Input{.held = true, .bits = 31, .is_signed = false};
  const PopulationId source = graph.add(std::move(input));
  Population target = build::readout_population("target", {3});
  target.neuron = std::move(neuron);
  const PopulationId id = graph.add(std::move(target));
  graph.connect(source, id,
                Dense{Tensor::from<std::int32_t>({3, 2}, {0, 1, weight, 0, -weight, 1})});
  return graph;
}

Samples held(std::int32_t a, std::int32_t b) {
  return {{{PopulationId{0}, Tensor::from<std::int32_t>({2}, {a, b})}}};
}

void expect_like_the_oracle(const SpikeGraph& graph, const Samples& samples, std::uint32_t steps) {
  const Shown wanted = run_oracle(graph, samples, steps);
  EXPECT_EQ(first_difference(graph, wanted, run_engine(graph, samples, steps, {})), "");
}

std::string overflow_of(const SpikeGraph& graph, const Samples& samples, std::uint32_t steps,
                        const EngineSetup& setup) {
  try {
    run_engine(graph, samples, steps, setup);
  } catch (const cpu::RunError& error) {
    EXPECT_EQ(error.code, "cpu.overflow");
    return error.what();
  }
  return "nothing";
}

TEST(CpuLimits, CurrentsThatNeed64BitsOnTheWayAreExact) {
  // 2^40 - 2^40 + 7 fits; its parts do not.
  SpikeGraph graph = driven(1 << 20, Li{});
  const PopulationId second = graph.find("target");
  graph.connect(PopulationId{0}, second,
                Dense{Tensor::from<std::int32_t>({3, 2}, {0, 0, -(1 << 20), 0, 1 << 20, 0})});
  expect_like_the_oracle(graph, held(1 << 20, 7), 5);
}

TEST(CpuLimits, MembranesUpToTheLastValueOf32BitsAreExact) {
  // 2^31 - 1 = 1073741823 * 2 + 1: reached in the last step, from both sides of the proof.
  SpikeGraph graph = driven(1, Li{.initial_membrane = Tensor::scalar(std::int32_t{1})});
  graph.projections[0].connectivity = Dense{Tensor::from<std::int32_t>({3, 2}, {1, 0, 1, 0, 0, 0})};
  expect_like_the_oracle(graph, held(1073741823, 0), 2);
  EXPECT_NE(overflow_of(graph, held(1073741823, 0), 3, {}), "nothing");
}

TEST(CpuLimits, NeuronsThatFireKeepMembranesInRangeThatNoBoundProves) {
  If neuron;
  neuron.firing.threshold = Tensor::scalar(std::int32_t{1000000000});
  SpikeGraph graph = driven(1, neuron);
  graph.projections[0].connectivity = Dense{Tensor::from<std::int32_t>({3, 2}, {1, 0, 0, 1, 0, 0})};
  expect_like_the_oracle(graph, held(1000000000, 3), 200);
  expect_like_the_oracle(graph, held(1000000000, 1100000000), 11);
  // 1.1e9 comes in and 1e9 goes out, so that 1e8 more stays at every step.
  EXPECT_EQ(overflow_of(graph, held(1000000000, 1100000000), 40, {}),
            "the membrane potential of neuron 1 of 'target' leaves 32 bits at step 11 of sample 0: "
            "2.2e+09");
}

TEST(CpuLimits, AnOverflowIsReportedAlikeForAnyWindowAndThreads) {
  const SpikeGraph graph = driven(1000, Li{});
  const Samples samples{held(1, 1)[0], held(100000, 1)[0], held(200000, 1)[0]};
  const std::string wanted =
      "the membrane potential of neuron 1 of 'target' leaves 32 bits at step 21 of sample 1: "
      "2.2e+09";
  for (const std::uint32_t window : {1U, 8U, 64U}) {
    for (const std::size_t threads : {1U, 3U}) {
      EngineSetup setup{{}, threads, 0};
      setup.options.window = window;
      EXPECT_EQ(overflow_of(graph, samples, 40, setup), wanted);
    }
  }
}

TEST(CpuLimits, AFloatThatBecomesInfiniteIsAnOverflow) {
  SpikeGraph graph;
  const PopulationId source = graph.add(build::input_population("input", {1}));
  const PopulationId target = graph.add(build::readout_population("target", {1}));
  graph.connect(source, target, build::dense(1, 1, std::vector<float>{3e38F}));
  const Samples samples{{{source, Tensor::from<float>({1}, {1})}}};
  EXPECT_EQ(overflow_of(graph, samples, 4, {}),
            "the membrane potential of neuron 0 of 'target' leaves the finite numbers at step 1 of "
            "sample 0: inf");
}

TEST(CpuLimits, SumsThatMayLeave64BitsAreRefused) {
  SpikeGraph graph = driven(1 << 30, Li{});
  graph.projections[0].shift = 30;
  const auto engine = cpu::Engine::make(network_of(graph), {});
  const auto problems = engine->find_range_problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].code, "cpu.range");
  EXPECT_EQ(problems[0].index, 1U);
}

struct Stop {};

TEST(CpuLimits, ARunEndsWhenProgressThrows) {
  RandomGraphOptions options;
  options.seed = 11;
  const SpikeGraph graph = random_graph(options);
  const Samples samples = random_samples(graph, 1, 1, 8);
  const auto engine = cpu::Engine::make(network_of(graph), {});
  cpu::RunRequest request{1, 8, {}, {}};
  for (const Stimulus& stimulus : samples[0]) {
    request.inputs.push_back({stimulus.population.index, stimulus.value.data()});
  }
  cpu::Environment environment = threads_of(2);
  environment.progress = [](double) { throw Stop{}; };
  EXPECT_THROW(engine->run(request, environment), Stop);
}

cpu::RunError refusal_of(const SpikeGraph& graph, const cpu::RunRequest& request) {
  const auto engine = cpu::Engine::make(network_of(graph), {});
  try {
    engine->run(request, threads_of(1));
  } catch (const cpu::RunError& error) {
    return error;
  }
  return {cpu::RunError::Cause::kRequest, 0, "", "nothing was refused"};
}

TEST(CpuLimits, RequestsThatMakeNoSenseAreRefusedWithTheirReason) {
  const SpikeGraph graph = driven(1, Li{});
  const std::int32_t values[2] = {1, 2};
  EXPECT_STREQ(refusal_of(graph, {1, 4, {}, {}}).what(), "input 'input' has no stimulus");
  EXPECT_STREQ(refusal_of(graph, {1, 4, {{1, values}}, {}}).what(),
               "a stimulus names population 1, which is no input");
  EXPECT_STREQ(refusal_of(graph, {1, 4, {{0, values}}, {{7, cpu::Variable::kSpikes}}}).what(),
               "a probe names population 7, but there are 2");
  EXPECT_STREQ(refusal_of(graph, {1, 4, {{0, values}}, {{1, cpu::Variable::kSpikes}}}).what(),
               "'target' never fires and has no spikes to record");
  EXPECT_STREQ(refusal_of(graph, {1, 4, {{0, values}}, {{0, cpu::Variable::kMembrane}}}).what(),
               "'input' has no membrane to record");
}

TEST(CpuLimits, NoSamplesAndNoStepsAreRunsToo) {
  const SpikeGraph graph = driven(1, Li{.initial_membrane = Tensor::scalar(std::int32_t{5})});
  const auto engine = cpu::Engine::make(network_of(graph), {});
  const std::int32_t values[2] = {1, 2};
  EXPECT_TRUE(engine->run({0, 4, {{0, values}}, {}}, threads_of(1)).records.empty());
  const cpu::RunResult result =
      engine->run({1, 0, {{0, values}}, {{1, cpu::Variable::kReadout}}}, threads_of(1));
  EXPECT_EQ(result.records[0][0].whole, (std::vector<std::int32_t>{5, 5, 5}));
}

std::vector<std::string> codes_of(const cpu::Network& network) {
  std::vector<std::string> codes;
  for (const cpu::Problem& problem : cpu::find_problems(network)) codes.push_back(problem.code);
  return codes;
}

TEST(CpuLimits, NetworksThatDoNotFitTogetherAreFound) {
  const cpu::Network good = network_of(driven(1, Li{}));
  EXPECT_TRUE(codes_of(good).empty());

  cpu::Network network = good;
  network.projections[0].weight.whole.pop_back();
  EXPECT_EQ(codes_of(network), std::vector<std::string>{"cpu.shape"});

  network = good;
  network.projections[0].target = 9;
  EXPECT_EQ(codes_of(network), std::vector<std::string>{"cpu.shape"});

  network = good;
  network.projections[0].weight.real = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(codes_of(network), std::vector<std::string>{"cpu.type"});

  network = good;
  network.projections[0].shift = 31;
  EXPECT_EQ(codes_of(network), std::vector<std::string>{"cpu.range"});

  network = good;
  network.populations[1].model = cpu::Model::kIf;
  EXPECT_EQ(codes_of(network), std::vector<std::string>{"cpu.shape"});

  network = good;
  network.populations[1].model = cpu::Model::kRelay;
  cpu::Projection loop = network.projections[0];
  loop.kind = cpu::Kind::kOneToOne;
  loop.source = loop.target = 1;
  loop.weight.whole = {1};
  network.projections.push_back(loop);
  EXPECT_EQ(codes_of(network), std::vector<std::string>{"cpu.cycle"});
  network.projections.back().delay_steps = 1;
  EXPECT_TRUE(codes_of(network).empty());
}

}  // namespace
}  // namespace neurotool::test
