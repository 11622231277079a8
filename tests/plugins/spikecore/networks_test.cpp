// Small networks through the ABI: what profile strict makes of one, and what is refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "config/yaml.hpp"
#include "eval/spike_eval.hpp"
#include "ir/builder.hpp"
#include "isa/object.hpp"
#include "support/temp_folder.hpp"
#include "target/target.hpp"

namespace neurotool {
namespace {

using testing::HasSubstr;

/// in[sources] -> hidden: if[6] -> out: li[3], with hard reset and weights that follow a formula.
SpikeGraph hard_reset_network(std::int64_t sources) {
  SpikeGraph graph;
  graph.name = "hard_reset";
  graph.arithmetic = Arithmetic::kInteger;
  graph.steps = 6;
  Population in = build::input_population("in", {sources}, false);
  std::get<Input>(in.neuron).bits = 1;
  const PopulationId input = graph.add(std::move(in));
  Population neurons = build::if_population("hidden", {6}, std::int32_t{90});
  std::get<If>(neurons.neuron).firing.reset = Reset::kToValue;
  const PopulationId hidden = graph.add(std::move(neurons));
  const PopulationId out = graph.add(build::readout_population("out", {3}));
  std::vector<std::int8_t> first, second;
  for (std::int64_t i = 0; i < 6 * sources; ++i) {
    first.push_back(static_cast<std::int8_t>((i * 37 + i / sources * 11) % 61 - 24));
  }
  for (std::int64_t i = 0; i < 18; ++i) {
    second.push_back(static_cast<std::int8_t>(i * 53 % 101 - 50));
  }
  graph.connect(input, hidden, build::dense(6, sources, std::move(first)));
  graph.connect(hidden, out, build::dense(3, 6, std::move(second)));
  return graph;
}

class SpikecoreNetwork : public testing::Test {
 protected:
  Result<Program> compile(SpikeGraph graph, const char* text) {
    graph_ = std::make_shared<const SpikeGraph>(std::move(graph));
    const auto options = yaml::parse(text, "options", findings_);
    auto target = registry_.open({.name = "spikecore"}, *options, "target.options", call());
    if (!target) return target.error();
    target_.emplace(*std::move(target));
    return target_->compile(graph_, call());
  }
  PluginCall call() { return {findings_, progress_, folder_.path()}; }

  std::vector<std::int64_t> simulated_readout(const Program& program, const Tensor& input) {
    const PopulationId in{0}, out{2};
    const auto run = program.simulate({.samples = 1,
                                       .steps = graph_->steps,
                                       .seed = 1,
                                       .stimuli = {{in, input}},
                                       .probes = {{out, "readout"}}},
                                      call());
    EXPECT_TRUE(run.has_value()) << to_string(run.error());
    if (!run || run->values.size() != 1) return {};
    const auto values = run->values.front().value.as<std::int32_t>();
    return {values.begin(), values.end()};
  }

  std::vector<std::int64_t> oracle_readout(const Tensor& input) {
    const SpikeEvaluator oracle(*graph_);
    SpikeState state = oracle.initial_state();
    const Stimulus stimulus{PopulationId{0}, input};
    std::vector<std::int64_t> last;
    const auto result =
        oracle.run(state, std::span(&stimulus, 1), graph_->steps, [&](const StepRecord& record) {
          if (record.population != PopulationId{2}) return;
          last.assign(record.membrane_i.begin(), record.membrane_i.end());
        });
    EXPECT_TRUE(result.has_value());
    return last;
  }

  std::string refusal_of(SpikeGraph graph) {
    const Result<Program> program = compile(std::move(graph), "{}");
    if (program) return "compiled";
    std::string all;
    for (const Diagnostic& item : findings_.all()) all += to_string(item) + "\n";
    return all;
  }

  test::TempFolder folder_;
  Diagnostics findings_;
  NoProgress progress_;
  TargetRegistry registry_{{.files = {}, .folders = {NEUROTOOL_PLUGIN_FOLDER}}};
  std::optional<Target> target_;
  std::shared_ptr<const SpikeGraph> graph_;
};

TEST_F(SpikecoreNetwork, StrictHasTheFiveInstructionsAloneAndEqualsTheOracle) {
  constexpr std::int64_t kSources = 300;
  Result<Program> program = compile(hard_reset_network(kSources), "{ profile: strict }");
  ASSERT_TRUE(program.has_value()) << to_string(program.error());
  ASSERT_TRUE(program->emit("sco", call()).has_value());
  std::ifstream stream(folder_ / "program.sco", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  const spikecore::Object object = spikecore::read_object(bytes);
  EXPECT_EQ(object.profile, spikecore::Profile::kStrict);
  std::size_t words = 0;
  for (const spikecore::CoreImage& core : object.cores) {
    for (const std::uint64_t word : core.code) {
      const auto instruction = spikecore::decode(word);
      ASSERT_TRUE(instruction && is_strict(*instruction)) << spikecore::disassemble(word);
      ++words;
    }
  }
  EXPECT_GT(words, 9u);
  EXPECT_EQ(object.cores.size(), 9u) << "one neuron per core";
  for (std::int32_t seed = 0; seed < 5; ++seed) {
    std::vector<std::int32_t> spikes;
    for (std::int32_t i = 0; i < 6 * kSources; ++i) spikes.push_back((i * 7 + seed * i) % 5 == 0);
    const std::int64_t steps = 6;
    const Tensor input = Tensor::from<std::int32_t>({steps, kSources}, spikes);
    const Tensor batch = Tensor::from<std::int32_t>({1, steps, kSources}, spikes);
    EXPECT_EQ(simulated_readout(*program, batch), oracle_readout(input));
  }
}

TEST_F(SpikecoreNetwork, WhatTheChipHasNoFormForIsRefusedByName) {
  SpikeGraph burst = hard_reset_network(4);
  std::get<If>(burst[PopulationId{1}].neuron).firing.emission.max_per_step = 3;
  EXPECT_THAT(refusal_of(std::move(burst)),
              testing::AllOf(HasSubstr("spikecore.parameter"), HasSubstr("'hidden'")));
  SpikeGraph window = hard_reset_network(4);
  std::get<If>(window[PopulationId{1}].neuron).firing.window.fire_begin = 2;
  EXPECT_THAT(refusal_of(std::move(window)),
              testing::AllOf(HasSubstr("spikecore.parameter"), HasSubstr("'hidden'")));
  SpikeGraph reset = hard_reset_network(4);
  std::get<If>(reset[PopulationId{1}].neuron).firing.reset_value = Tensor::scalar(std::int32_t{5});
  EXPECT_THAT(refusal_of(std::move(reset)),
              testing::AllOf(HasSubstr("spikecore.parameter"), HasSubstr("'reset_value'")));
  SpikeGraph above = hard_reset_network(4);
  std::get<If>(above[PopulationId{1}].neuron).firing.comparison = Comparison::kAbove;
  EXPECT_THAT(refusal_of(std::move(above)),
              testing::AllOf(HasSubstr("spikecore.parameter"), HasSubstr("'comparison'")));
  SpikeGraph wide = hard_reset_network(4);
  std::get<Input>(wide[PopulationId{0}].neuron).bits = 12;
  EXPECT_THAT(refusal_of(std::move(wide)), HasSubstr("spikecore.input-bits"));
}

}  // namespace
}  // namespace neurotool
