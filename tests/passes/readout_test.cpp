// Where the answer is read: membranes by default, spikes on request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/spike_eval.hpp"
#include "ir/print.hpp"
#include "passes/networks.hpp"
#include "support/graphs.hpp"

namespace neurotool {
namespace {

using test::run_passes;
using testing::ElementsAre;

test::MemorySamples three_samples() {
  return {{1, 2, 2}, {{1, 0, 0, 0}, {0, 1, 0.5f, 0}, {0.5f, 1, 1, 0}}};
}

TEST(Readout, LeavesMembranesAlone) {
  Model model = test::hand_mlp();
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8}").result.has_value());
  const std::string before = print_text(model);
  ASSERT_TRUE(run_passes(model, "readout").result.has_value());
  EXPECT_EQ(print_text(model), before);
}

TEST(Readout, FiresAtTheLargestLogitOfTheCalibrationSet) {
  Model model = test::hand_mlp();
  const auto samples = three_samples();
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8,method=max}", &samples).result.has_value());

  // The largest membrane per step, found here by hand.
  const SpikeGraph graph = model.spike();
  const SpikeEvaluator evaluator(graph);
  float largest = 0;
  for (std::int64_t i = 0; i < samples.size(); ++i) {
    const Stimulus stimulus{graph.find("input"), samples.batch(i, 1)->reshaped({4})};
    SpikeState state = evaluator.initial_state();
    ASSERT_TRUE(evaluator.run(state, {&stimulus, 1}, 8).has_value());
    for (const float v : state.membrane_f[graph.find("output").index])
      largest = std::max(largest, v);
  }
  const auto run = run_passes(model, "readout{method=spikes}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const Population& output = model.spike()[model.spike().find("output")];
  ASSERT_EQ(model_name(output.neuron), "if");
  EXPECT_TRUE(output.output);
  EXPECT_FALSE(output.provisional);
  const Firing& firing = *firing_of(output.neuron);
  EXPECT_THAT(firing.threshold.as<float>(), ElementsAre(largest / 8));
  EXPECT_THAT(firing.initial_membrane.as<float>(), ElementsAre(largest / 16));
  EXPECT_EQ(run.fact("output", "threshold"), double{largest / 8});
}

/// Membranes of the output after each step of one sample.
std::vector<std::vector<float>> membranes(const SpikeGraph& graph, const Tensor& sample) {
  const SpikeEvaluator evaluator(graph);
  const Stimulus stimulus{graph.find("input"), sample.reshaped({4})};
  SpikeState state = evaluator.initial_state();
  std::vector<std::vector<float>> found;
  for (std::uint32_t t = 0; t < graph.steps; ++t) {
    EXPECT_TRUE(evaluator.run(state, {&stimulus, 1}, 1).has_value());
    found.push_back(state.membrane_f[graph.find("output").index]);
  }
  return found;
}

TEST(Readout, LeavesOutTheStepsBeforeFrom) {
  Model model = test::hand_mlp();
  const auto samples = three_samples();
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8,method=max}", &samples).result.has_value());
  const SpikeGraph whole = model.spike();
  ASSERT_TRUE(run_passes(model, "readout{from=3}").result.has_value());
  const SpikeGraph& late = model.spike();
  const Population& output = late[late.find("output")];
  EXPECT_DOUBLE_EQ(output.membrane_value.at(0), 8.0 / 5);
  for (std::int64_t i = 0; i < samples.size(); ++i) {
    const auto all = membranes(whole, *samples.batch(i, 1));
    const auto some = membranes(late, *samples.batch(i, 1));
    for (std::size_t k = 0; k < all[7].size(); ++k) {
      EXPECT_NEAR(some[7][k], all[7][k] - all[2][k], 1e-5) << "sample " << i << " class " << k;
    }
  }
  const std::string once = print_text(model);
  ASSERT_TRUE(run_passes(model, "readout{from=3}").result.has_value());
  EXPECT_EQ(print_text(model), once) << "a second time";
}

TEST(Readout, RefusesToBeginAfterTheEndOrWithSpikes) {
  Model model = test::hand_mlp();
  EXPECT_THAT(run_passes(model, "qcfs{steps=8},readout{from=8}").codes(),
              ElementsAre("readout.from"));
  Model firing = test::hand_mlp();
  EXPECT_THAT(run_passes(firing, "qcfs{steps=8},readout{from=2,method=spikes}").codes(),
              ElementsAre("readout.from"));
}

TEST(Readout, IsProvisionalWithoutData) {
  Model model = test::hand_mlp();
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8},readout{method=spikes}").result.has_value());
  const Population& output = model.spike()[model.spike().find("output")];
  EXPECT_EQ(model_name(output.neuron), "if");
  EXPECT_TRUE(output.provisional);
}

TEST(Readout, RefusesIntegerGraphsLeaksAndUnknownSteps) {
  Model whole = test::spike_model(test::small_integer_mlp());
  EXPECT_THAT(run_passes(whole, "readout{method=spikes}").codes(), ElementsAre("readout.integer"));
  SpikeGraph graph = test::small_mlp();
  graph.steps = 0;
  Model unknown = test::spike_model(graph);
  EXPECT_THAT(run_passes(unknown, "readout{method=spikes}").codes(), ElementsAre("readout.steps"));
  std::get<Li>(graph[graph.find("readout")].neuron).decay = Tensor::scalar(0.5f);
  Model leaky = test::spike_model(graph);
  EXPECT_THAT(run_passes(leaky, "readout{method=spikes}").codes(), ElementsAre("readout.leaky"));
}

TEST(Readout, RefusesSamplesThatDoNotFitAndLogitsBelowZero) {
  Model model = test::hand_mlp();
  ASSERT_TRUE(run_passes(model, "qcfs{steps=8}").result.has_value());
  const auto wrong = test::random_samples({3}, 2, 0, 1);
  EXPECT_THAT(run_passes(model, "readout{method=spikes}", &wrong).codes(),
              ElementsAre("readout.input"));
  SpikeGraph& graph = model.spike();
  graph[graph.find("output")].bias = Tensor::from<float>({2}, {-100, -100});
  const auto samples = three_samples();
  EXPECT_THAT(run_passes(model, "readout{method=spikes}", &samples).codes(),
              ElementsAre("readout.no-positive-logit"));
}

}  // namespace
}  // namespace neurotool
