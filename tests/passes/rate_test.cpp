// What the lowered network computes: the counting law of one neuron, and rates that tend to the
// activations of the network it came from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/parallel.hpp"
#include "eval/spike_eval.hpp"
#include "eval/tensor_eval.hpp"
#include "ir/builder.hpp"
#include "passes/random_network.hpp"

namespace neurotool {
namespace {

using test::run_passes;

/// input[n] -> one_to_one -> if[n], theta, v(0) = theta/2.
template <class Number>
SpikeGraph neurons_with_theta(std::int64_t count, Number theta) {
  SpikeGraph graph;
  const PopulationId input = graph.add(build::input_population("input", {count}));
  const PopulationId neurons =
      graph.add(build::if_population("neurons", {count}, theta, static_cast<Number>(theta / 2)));
  graph.connect(input, neurons, OneToOne{Tensor::scalar(Number{1})});
  return graph;
}

/// n(T) = clip(floor((zT + theta/2) / theta), 0, T), in exact arithmetic.
std::int64_t expected_count(std::int64_t z, std::int64_t theta, std::int64_t steps) {
  const std::int64_t numerator = 2 * z * steps + theta;
  const std::int64_t floor = numerator >= 0 ? numerator / (2 * theta) : -1;
  return std::clamp<std::int64_t>(floor, 0, steps);
}

template <class Number>
void check_counting_law(Number theta, Arithmetic arithmetic) {
  std::vector<Number> currents;
  for (auto z = static_cast<Number>(-2 * theta); z <= 3 * theta; z += 1) currents.push_back(z);
  const auto count = static_cast<std::int64_t>(currents.size());
  SpikeGraph graph = neurons_with_theta(count, theta);
  graph.arithmetic = arithmetic;
  const SpikeEvaluator evaluator(graph);
  SpikeState state = evaluator.initial_state();
  const Stimulus stimulus{graph.find("input"), Tensor::from<Number>({count}, currents)};
  for (std::int64_t steps = 1; steps <= 20; ++steps) {
    ASSERT_TRUE(evaluator.run(state, {&stimulus, 1}, 1).has_value());
    const auto& emitted = state.emitted.at(graph.find("neurons").index);
    for (std::size_t i = 0; i < currents.size(); ++i) {
      const auto z = static_cast<std::int64_t>(currents[i]);
      ASSERT_EQ(emitted[i], expected_count(z, static_cast<std::int64_t>(theta), steps))
          << "z=" << z << " theta=" << theta << " T=" << steps;
    }
  }
}

TEST(CountingLaw, HoldsForEveryConstantCurrentInFloats) {
  for (const float theta : {2.0f, 6.0f, 10.0f}) check_counting_law(theta, Arithmetic::kFloat32);
}

TEST(CountingLaw, HoldsForEveryConstantCurrentInIntegers) {
  for (const std::int32_t theta : {2, 6, 10}) check_counting_law(theta, Arithmetic::kInteger);
}

/// Activations of the network at the rectifiers, by node name, and its output.
struct Activations {
  std::vector<std::pair<std::string, std::vector<float>>> rectified;
  std::vector<float> logits;
};

Activations run_network(const TensorGraph& graph, const Tensor& sample) {
  Activations result;
  std::vector<ValueId> watched;
  for (const OpId id : graph.live_ops()) {
    const auto* unary = std::get_if<Unary>(&graph[id].op);
    const bool clips = std::holds_alternative<Clip>(graph[id].op);
    if (clips || (unary != nullptr && unary->kind == UnaryKind::kRelu))
      watched.push_back(graph[id].outputs[0]);
  }
  const auto keep = [&](ValueId id, const Tensor& value) {
    const auto data = value.as<float>();
    result.rectified.emplace_back(graph[id].name, std::vector<float>(data.begin(), data.end()));
  };
  const auto outputs = TensorEvaluator(graph).run({&sample, 1}, watched, keep);
  EXPECT_TRUE(outputs.has_value());
  const auto logits = outputs->at(0).as<float>();
  result.logits.assign(logits.begin(), logits.end());
  return result;
}

/// Relu and Clip make activations; both count.
struct Difference {
  double mean = 0, worst = 0;  ///< of |rate - activation|, in thresholds
};

Difference compare(const SpikeGraph& graph, const SpikeState& state, const Activations& wanted,
                   double steps) {
  Difference found;
  std::size_t neurons = 0;
  for (const auto& [node, activations] : wanted.rectified) {
    const auto holder = std::ranges::find_if(graph.populations, [&](const Population& population) {
      return std::ranges::find(population.origins, node) != population.origins.end() &&
             firing_of(population.neuron) != nullptr;
    });
    EXPECT_NE(holder, graph.populations.end()) << node;
    if (holder == graph.populations.end()) continue;
    const auto& emitted =
        state.emitted.at(static_cast<std::size_t>(holder - graph.populations.begin()));
    const Tensor& theta = holder->payload_value;
    const std::size_t inner = emitted.size() / static_cast<std::size_t>(theta.size());
    for (std::size_t i = 0; i < emitted.size(); ++i) {
      const double value = theta.at(static_cast<std::int64_t>(i / inner));
      const double rate = static_cast<double>(emitted[i]) * value / steps;
      const double difference = std::abs(rate - double{activations[i]}) / value;
      found.worst = std::max(found.worst, difference);
      found.mean += difference;
      ++neurons;
    }
  }
  found.mean /= static_cast<double>(std::max<std::size_t>(neurons, 1));
  return found;
}

class RandomNetworks : public testing::TestWithParam<std::uint64_t> {};

/// Runs the lowered network on a sample, some steps and then more of them, beside the float one.
struct Approach {
  Difference early, late;
};

Approach approach(const Model& network, const SpikeGraph& graph, const Tensor& sample,
                  std::uint32_t few, std::uint32_t many) {
  const Activations wanted = run_network(network.tensor(), sample);
  const SpikeEvaluator evaluator(graph);
  const PopulationId input = graph.find("input");
  const Stimulus stimulus{input, sample.reshaped({graph[input].size()})};
  SpikeState state = evaluator.initial_state();
  Approach result;
  EXPECT_TRUE(evaluator.run(state, {&stimulus, 1}, few).has_value());
  result.early = compare(graph, state, wanted, few);
  EXPECT_TRUE(evaluator.run(state, {&stimulus, 1}, many - few).has_value());
  result.late = compare(graph, state, wanted, many);
  return result;
}

// One count more or less at each neuron is 1/T; the bounds below leave room for what errors add up
// to over a few layers.
TEST_P(RandomNetworks, TendToTheActivationsOfTheNetwork) {
  const test::RandomNetwork network = test::random_network(GetParam());
  const auto samples = test::random_samples(network.sample, 40, -1, 1, GetParam());
  Model model = network.model;
  const auto run = run_passes(model, "qcfs{steps=512,method=max}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (std::int64_t i = 0; i < 2; ++i) {
    const Approach found = approach(network.model, model.spike(), *samples.batch(i, 1), 32, 512);
    EXPECT_LT(found.late.mean, 6.0 / 512);
    EXPECT_LT(found.late.worst, 40.0 / 512);
    EXPECT_LT(found.late.mean, found.early.mean);
  }
}

// A unit of a burst is a quarter of the largest rate, so that one count is 1/T thresholds here too.
TEST_P(RandomNetworks, TendToTheActivationsWithEveryNeuronAndCorrectedBiases) {
  const test::RandomNetwork network = test::random_network(GetParam());
  const auto samples = test::random_samples(network.sample, 16, -1, 1, GetParam());
  for (const std::string neuron : {"binary", "signed", "burst", "signed_burst"}) {
    Model model = network.model;
    const auto run =
        run_passes(model, "rate{steps=128,method=max,neuron=" + neuron + "}", &samples);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    const Approach found = approach(network.model, model.spike(), *samples.batch(0, 1), 16, 128);
    EXPECT_LT(found.late.mean, 6.0 / 128) << neuron;
    EXPECT_LT(found.late.worst, 40.0 / 128) << neuron;
    EXPECT_LT(found.late.mean, found.early.mean) << neuron;
  }
}

/// Everything but numbers.
std::vector<std::string> structure(const SpikeGraph& graph) {
  std::vector<std::string> lines;
  for (const Population& population : graph.populations) {
    std::string line = population.name + " " + std::string(model_name(population.neuron)) +
                       to_string(population.shape) + " bias" + to_string(population.bias.shape());
    if (const Firing* firing = firing_of(population.neuron)) {
      line += " threshold" + to_string(firing->threshold.shape());
    }
    line += " value" + to_string(population.payload_value.shape());
    lines.push_back(std::move(line));
  }
  for (const Projection& projection : graph.projections) {
    const Tensor* const weight = weight_of(projection.connectivity);
    std::string line = projection.name + " " + std::string(kind_name(projection.connectivity));
    line += weight != nullptr && weight->defined() ? to_string(weight->shape()) : " absent";
    lines.push_back(std::move(line));
  }
  return lines;
}

TEST_P(RandomNetworks, HaveTheSameStructureWithAndWithoutData) {
  const test::RandomNetwork network = test::random_network(GetParam());
  const auto samples = test::random_samples(network.sample, 8, -1, 1, GetParam());
  for (const std::string pass : {"qcfs{steps=8}", "rate{steps=8}", "rate{steps=8,initial=fitted}",
                                 "rate{steps=8,granularity=layer,initial=fitted}",
                                 "rate{steps=8,method=ltb,bias_iterations=0}"}) {
    Model planned = network.model, calibrated = network.model;
    ASSERT_TRUE(run_passes(planned, pass).result.has_value());
    ASSERT_TRUE(run_passes(calibrated, pass, &samples).result.has_value());
    EXPECT_EQ(structure(planned.spike()), structure(calibrated.spike())) << pass;
    for (const Population& population : planned.spike().populations) {
      EXPECT_EQ(population.provisional, firing_of(population.neuron) != nullptr) << population.name;
    }
  }
}

/// The neurons that show the activations of a node.
std::size_t population_of(const SpikeGraph& graph, const std::string& node) {
  const auto holder = std::ranges::find_if(graph.populations, [&](const Population& population) {
    return std::ranges::find(population.origins, node) != population.origins.end() &&
           firing_of(population.neuron) != nullptr;
  });
  EXPECT_NE(holder, graph.populations.end()) << node;
  return static_cast<std::size_t>(holder - graph.populations.begin());
}

/// How far the mean rate of each channel is from its mean activation, in thresholds: the mean over
/// channels.
double mean_difference(const Model& network, const SpikeGraph& graph, const SampleSource& samples) {
  const SpikeEvaluator evaluator(graph);
  const PopulationId input = graph.find("input");
  std::map<std::pair<std::size_t, std::size_t>, double> sums;
  for (std::int64_t i = 0; i < samples.size(); ++i) {
    const Tensor sample = *samples.batch(i, 1);
    const Stimulus stimulus{input, sample.reshaped({graph[input].size()})};
    SpikeState state = evaluator.initial_state();
    EXPECT_TRUE(evaluator.run(state, {&stimulus, 1}, graph.steps).has_value());
    for (const auto& [node, activations] : run_network(network.tensor(), sample).rectified) {
      const std::size_t p = population_of(graph, node);
      const Tensor& theta = graph.populations[p].payload_value;
      const std::size_t inner = activations.size() / static_cast<std::size_t>(theta.size());
      for (std::size_t n = 0; n < activations.size(); ++n) {
        const double value = theta.at(static_cast<std::int64_t>(n / inner));
        const double rate = static_cast<double>(state.emitted[p][n]) / graph.steps;
        sums[{p, n / inner}] +=
            (rate - double{activations[n]} / value) / static_cast<double>(inner);
      }
    }
  }
  double total = 0;
  for (const auto& [channel, sum] : sums) total += std::abs(sum);
  return total / static_cast<double>(sums.size()) / static_cast<double>(samples.size());
}

// What the corrections promise, measured by the oracle.
TEST(InLoop, BringsMeanRatesToMeanActivations) {
  double plain = 0, corrected = 0, fitted = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const test::RandomNetwork network = test::random_network(seed);
    const auto samples = test::random_samples(network.sample, 48, -1, 1, seed);
    const auto difference = [&](const std::string& pass) {
      Model model = network.model;
      const auto run = run_passes(model, pass, &samples);
      EXPECT_TRUE(run.result.has_value()) << to_string(run.result.error());
      return mean_difference(network.model, model.spike(), samples);
    };
    plain += difference("rate{steps=4,bias_iterations=0}");
    corrected += difference("rate{steps=4}");
    fitted += difference("rate{steps=4,initial=fitted}");
  }
  EXPECT_LT(corrected, 0.3 * plain);
  EXPECT_LT(fitted, 0.5 * plain);
}

TEST(InLoop, GivesTheSameNetworkForAnyNumberOfThreads) {
  const test::RandomNetwork network = test::random_network(3);
  const auto samples = test::random_samples(network.sample, 40, -1, 1, 3);
  std::vector<Model> models;
  for (const std::size_t threads : {1u, 2u, 5u}) {
    set_thread_count(threads);
    Model& model = models.emplace_back(network.model);
    ASSERT_TRUE(run_passes(model, "rate{steps=8,initial=fitted}", &samples).result.has_value());
  }
  set_thread_count(0);
  for (const Model& model : models) {
    for (std::size_t i = 0; i < model.spike().populations.size(); ++i) {
      const Population &one = models[0].spike().populations[i],
                       &other = model.spike().populations[i];
      EXPECT_EQ(one.bias.defined(), other.bias.defined());
      if (one.bias.defined()) {
        EXPECT_TRUE(one.bias == other.bias) << one.name;
      }
      const Firing *a = firing_of(one.neuron), *b = firing_of(other.neuron);
      if (a != nullptr) {
        EXPECT_TRUE(a->initial_membrane == b->initial_membrane) << one.name;
      }
    }
  }
}

TEST(InLoop, ReportsHowManyAnswersAreThoseOfTheFloatNetwork) {
  const test::RandomNetwork network = test::random_network(5);
  const auto samples = test::random_samples(network.sample, 40, -1, 1, 5);
  Model many = network.model, few = network.model;
  const auto good = run_passes(many, "rate{steps=256}", &samples);
  EXPECT_GT(good.fact("network", "agreement").value_or(0), 0.9);
  EXPECT_EQ(good.fact("network", "loop_samples"), 40);
  const auto bad = run_passes(few, "rate{steps=1,bias_iterations=1}", &samples);
  EXPECT_LT(bad.fact("network", "agreement").value_or(1), 0.9);
  EXPECT_THAT(bad.codes(), testing::Contains("rate.few-steps"));
}

/// x[2] -> fc1 with unit weights -> levels 0 … 4 of 0.25 and 0.5 -> fc2.
Model rounding_network(QuantizedActivation op) {
  test::Network net({2});
  Gemm gemm;
  gemm.trans_b = true;
  net.add("fc1", gemm, {net.constant({2, 2}, {1, 0, 0, 1}), net.constant({2}, {0, 0})});
  net.add("round", op, {net.constant({2}, {0.25f, 0.5f})}).gemm("fc2", 2, 2, 1);
  return net.finish("rounding");
}

TEST(Rate, TakesThresholdsFromANetworkThatRoundsByItself) {
  for (const bool with_data : {false, true}) {
    Model model = rounding_network({.low = 0, .high = 4, .offset = 0.75f});
    const auto samples = test::random_samples({2}, 32, -1, 3);
    const auto run =
        run_passes(model, "rate{steps=8,bias_iterations=0}", with_data ? &samples : nullptr);
    ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
    const Population& fc1 = model.spike()[model.spike().find("fc1")];
    EXPECT_FALSE(fc1.provisional);
    EXPECT_THAT(firing_of(fc1.neuron)->threshold.as<float>(), testing::ElementsAre(1, 2));
    EXPECT_THAT(firing_of(fc1.neuron)->initial_membrane.as<float>(),
                testing::ElementsAre(0.75f, 1.5f));
  }
  Model burst = rounding_network({.low = 0, .high = 4});
  ASSERT_TRUE(run_passes(burst, "rate{steps=8,neuron=burst,burst=4}").result.has_value());
  const Population& fc1 = burst.spike()[burst.spike().find("fc1")];
  EXPECT_THAT(firing_of(fc1.neuron)->threshold.as<float>(), testing::ElementsAre(0.25f, 0.5f));
  EXPECT_THAT(firing_of(fc1.neuron)->initial_membrane.as<float>(),
              testing::ElementsAre(0.125f, 0.25f));
}

TEST(Rate, RefusesLevelsBelowZero) {
  Model model = rounding_network({.low = -4, .high = 4});
  const auto run = run_passes(model, "rate{steps=8}");
  ASSERT_FALSE(run.result.has_value());
  EXPECT_EQ(run.result.error().code, "lowering.unsupported-op");
  EXPECT_THAT(run.result.error().message, testing::HasSubstr("levels from -4 to 4"));
}

/// x[2] -> to 256 levels -> fc1 -> to 256 levels up to 2.55 -> fc2 -> to 255 levels around 0.
Model finely_rounding_network() {
  test::Network net({2}, 3);
  const QuantizedActivation unsigned8{.low = 0, .high = 255}, signed8{.low = -127, .high = 127};
  net.add("round_input", unsigned8, {net.constant({}, {0.01f})}).gemm("fc1", 2, 8, 1);
  net.add("round", unsigned8, {net.constant({}, {0.01f})}).gemm("fc2", 8, 2, 1);
  return net.add("round_output", signed8, {net.constant({}, {0.1f})}).finish("fine");
}

TEST(Rate, ChoosesItsOwnThresholdsWhereTheNetworkRoundsFinely) {
  Model model = finely_rounding_network(), plain = finely_rounding_network();
  const auto samples = test::random_samples({2}, 64, 0, 2);
  const auto run = run_passes(model, "rate{steps=8}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  // Neurons at the rectifier alone: the input and the output are as they were.
  ASSERT_EQ(model.spike().live_populations().size(), 3u);
  EXPECT_EQ(std::ranges::count(run.codes(), "rate.rounding-dropped"), 2);
  const Population& fc1 = model.spike()[model.spike().find("fc1")];
  ASSERT_EQ(firing_of(fc1.neuron)->threshold.size(), 8);  // by channel, from data
  for (const float threshold : firing_of(fc1.neuron)->threshold.as<float>()) {
    EXPECT_LE(threshold, 2.55f);
  }
}

TEST(Rate, WarnsWhereTheBoundsOfFineLevelsMayBeAnActivation) {
  test::Network net({2}, 3);
  const QuantizedActivation signed8{.low = -127, .high = 127};
  net.gemm("fc1", 2, 8, 1).add("hard_tanh", signed8, {net.constant({}, {1.0f / 127})});
  Model model = net.gemm("fc2", 8, 2, 1).finish("tanh");
  const auto samples = test::random_samples({2}, 64, 0, 2);
  const auto run = run_passes(model, "rate{steps=8}", &samples);
  ASSERT_TRUE(run.result.has_value()) << to_string(run.result.error());
  const auto found = std::ranges::find(run.diagnostics, "rate.rounding-dropped", &Diagnostic::code);
  ASSERT_NE(found, run.diagnostics.end());
  EXPECT_EQ(found->severity, Severity::kWarning);
  EXPECT_THAT(found->message, testing::HasSubstr("'hard_tanh' rounds to 255 levels from -1 to 1"));
  EXPECT_THAT(found->help, testing::HasSubstr("'exact'"));
}

/// The firing part of a population after the passes.
Emission emission_after(const std::string& passes, Model& model, const SampleSource& samples) {
  const auto run = run_passes(model, passes, &samples);
  EXPECT_TRUE(run.result.has_value()) << to_string(run.result.error());
  for (const Population& population : model.spike().populations) {
    if (const Firing* firing = firing_of(population.neuron)) return firing->emission;
  }
  return {};
}

TEST(Rate, EveryNeuronSurvivesQuantisationWithItsPayloads) {
  const test::RandomNetwork network = test::random_network(4);
  const auto samples = test::random_samples(network.sample, 24, -1, 1, 4);
  const std::map<std::string, Emission> kinds{
      {"binary", {}},
      {"signed", {.min_per_step = -1}},
      {"burst", {.max_per_step = 3}},
      {"signed_burst", {.max_per_step = 3, .min_per_step = -3}}};
  for (const auto& [neuron, wanted] : kinds) {
    Model real = network.model, whole = network.model;
    const std::string pass = "rate{steps=12,burst=3,neuron=" + neuron + "}";
    EXPECT_EQ(emission_after(pass, real, samples), wanted) << neuron;
    EXPECT_EQ(emission_after(pass + ",quantize{weight_bits=8}", whole, samples), wanted) << neuron;
    EXPECT_EQ(whole.spike().arithmetic, Arithmetic::kInteger);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace neurotool
