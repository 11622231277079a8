// The plugin against the oracle on MNIST, through the ABI: every schedule on one and several chips
// sends the same spikes and ends with the same membranes.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>

#include "base/parallel.hpp"
#include "config/pipeline.hpp"
#include "config/yaml.hpp"
#include "eval/spike_eval.hpp"
#include "frontend/frontend.hpp"
#include "passes/manager.hpp"
#include "passes/pipeline.hpp"
#include "session/inputs.hpp"
#include "session/stimulus.hpp"
#include "support/test_data.hpp"
#include "target/target.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

/// (sample, step, population): neuron to payload; and final membranes by (sample, population).
struct Outcome {
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>,
           std::vector<std::pair<std::uint32_t, std::int64_t>>>
      spikes;
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>, std::vector<std::int64_t>>
      membranes;
  bool operator==(const Outcome&) const = default;
};

struct Case {
  const char* name;
  const char* config;  ///< whose data is used
  const char* model;
  const char* passes;
  std::int64_t samples;
  std::vector<std::string> options;  ///< one program each
  std::int64_t batch = 50;
};

class SpikecoreRun : public testing::TestWithParam<Case> {
 protected:
  Outcome run_oracle(const SpikeGraph& graph, const BatchStimulus& batch,
                     std::int64_t samples) const {
    Outcome outcome;
    const SpikeEvaluator oracle(graph);
    const std::int64_t size = graph[batch.population].size();
    const auto values = batch.value.as<std::int32_t>();
    for (std::int64_t sample = 0; sample < samples; ++sample) {
      const auto begin = values.begin() + sample * size;
      const Stimulus stimulus{
          batch.population,
          Tensor::from<std::int32_t>({size}, std::vector<std::int32_t>(begin, begin + size))};
      SpikeState state = oracle.initial_state();
      const Result<> result =
          oracle.run(state, std::span(&stimulus, 1), graph.steps, [&](const StepRecord& record) {
            note(graph, static_cast<std::uint64_t>(sample), record, outcome);
          });
      EXPECT_TRUE(result.has_value()) << to_string(result.error());
    }
    return outcome;
  }

  static void note(const SpikeGraph& graph, std::uint64_t sample, const StepRecord& record,
                   Outcome& outcome) {
    const auto place = std::tuple(sample, record.step, record.population.index);
    if (firing_of(graph[record.population].neuron) != nullptr) {
      std::vector<std::pair<std::uint32_t, std::int64_t>> list;
      for (std::size_t i = 0; i < record.payload_i.size(); ++i) {
        if (record.payload_i[i] != 0) {
          list.emplace_back(static_cast<std::uint32_t>(i), record.payload_i[i]);
        }
      }
      if (!list.empty()) outcome.spikes[place] = std::move(list);
    }
    const std::string_view model = model_name(graph[record.population].neuron);
    if (model != "input" && model != "relay") {
      outcome.membranes[place].assign(record.membrane_i.begin(), record.membrane_i.end());
    }
  }

  static Outcome outcome_of(const RunResult& run) {
    Outcome outcome;
    for (const SpikeRecord& record : run.spikes) {
      auto& list = outcome.spikes[{record.sample, record.step, record.population.index}];
      for (std::size_t i = 0; i < record.neurons.size(); ++i) {
        list.emplace_back(record.neurons[i], record.payloads.empty() ? 1 : record.payloads[i]);
      }
    }
    for (const ValueRecord& record : run.values) {
      const auto values = record.value.as<std::int32_t>();
      outcome.membranes[{record.sample, record.step, record.population.index}].assign(
          values.begin(), values.end());
    }
    return outcome;
  }
};

TEST_P(SpikecoreRun, EqualsTheOracle) {
  const Case& test = GetParam();
  const fs::path configs = fs::path(NEUROTOOL_TESTS_DIR).parent_path() / "configs";
  const fs::path model_path = std::string_view(test.model).starts_with("models/")
                                  ? configs / test.model
                                  : test::test_data() / "models" / test.model;
  NT_NEEDS_DATA(model_path);
  Diagnostics findings;
  NoProgress progress;
  const auto config =
      read_pipeline(configs / test.config, {{1, "model.path", model_path.string()}}, findings);
  ASSERT_TRUE(config.has_value()) << to_string(config.error());
  Result<Model> model = load_model(config->model.value, findings);
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  const auto shape = sample_shape(*model, 0);
  const auto calibration = open_samples(config->calibration, config->preprocess, *shape);
  const auto samples = open_samples(config->test, config->preprocess, *shape);
  ASSERT_TRUE(calibration.has_value() && samples.has_value());
  auto list = parse_pass_list(test.passes);
  ASSERT_TRUE(list.has_value()) << to_string(list.error());
  auto passes = plan_passes(*list, Level::kTensor, findings);
  ASSERT_TRUE(passes.has_value()) << to_string(passes.error());
  Context context{.diagnostics = findings, .progress = progress, .calibration = calibration->get()};
  PassManager manager;
  const Result<> lowered = manager.run(*passes, *model, context);
  ASSERT_TRUE(lowered.has_value()) << to_string(lowered.error());
  const auto graph = std::make_shared<const SpikeGraph>(model->spike());

  TargetRegistry registry({.files = {}, .folders = {NEUROTOOL_PLUGIN_FOLDER}});
  PluginCall call{.diagnostics = findings, .progress = progress, .artifacts = {}};
  std::vector<Probe> probes;
  for (const PopulationId id : graph->live_populations()) {
    if (firing_of((*graph)[id].neuron) != nullptr) probes.push_back({id, "spikes"});
    if (!model_name((*graph)[id].neuron).starts_with("input") &&
        model_name((*graph)[id].neuron) != "relay") {
      probes.push_back({id, "membrane"});
    }
  }
  std::vector<Target> targets;
  std::vector<Program> programs;
  for (const std::string& text : test.options) {
    const auto options = yaml::parse(text, "options", findings);
    ASSERT_TRUE(options.has_value()) << text;
    auto target = registry.open({.name = "spikecore"}, *options, "target.options", call);
    ASSERT_TRUE(target.has_value()) << to_string(target.error());
    auto program = target->compile(graph, call);
    ASSERT_TRUE(program.has_value()) << text << ": " << to_string(program.error());
    programs.push_back(*std::move(program));
    targets.push_back(*std::move(target));
  }
  std::atomic<std::int64_t> equal{0};
  std::atomic<std::size_t> spikes{0};
  parallel_for(static_cast<std::size_t>(test.samples / test.batch), [&](std::size_t first,
                                                                        std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const std::int64_t start = static_cast<std::int64_t>(i) * test.batch;
      const auto data = (*samples)->batch(start, test.batch);
      ASSERT_TRUE(data.has_value());
      const auto stimulus = make_stimulus(*graph, *only_input(*graph), *data, start);
      ASSERT_TRUE(stimulus.has_value());
      const Outcome wanted = run_oracle(*graph, *stimulus, test.batch);
      spikes += wanted.spikes.size();
      for (std::size_t p = 0; p < programs.size(); ++p) {
        const auto run = programs[p].simulate({.samples = static_cast<std::uint64_t>(test.batch),
                                               .steps = graph->steps,
                                               .seed = 1,
                                               .stimuli = {*stimulus},
                                               .probes = probes},
                                              call);
        ASSERT_TRUE(run.has_value()) << to_string(run.error());
        for (const Metric& metric : run->metrics) {
          if (metric.name == "machine.ovf" || metric.name == "machine.dup") {
            ASSERT_EQ(metric.value, 0) << metric.name;
          }
        }
        ASSERT_TRUE(outcome_of(*run) == wanted) << test.options[p] << " differs in samples "
                                                << start << " to " << start + test.batch - 1;
        ++equal;
      }
    }
  });
  EXPECT_EQ(equal, test.samples / test.batch * static_cast<std::int64_t>(programs.size()));
  EXPECT_GT(spikes, static_cast<std::size_t>(test.samples));
}

constexpr const char* kPasses =
    "infer_shapes,fold_constants,remove_identity,fold_batch_norm,qcfs{steps=4},quantize{weight_"
    "bits=8}";
const std::vector<std::string> kEverySchedule{"{ schedule: streamed }",
                                              "{ schedule: resident }",
                                              "{ schedule: direct }",
                                              "{ schedule: streamed, chips: 2 }",
                                              "{ schedule: resident, chips: 4 }",
                                              "{ schedule: direct, chips: 4, grid: 4 }"};
const std::vector<std::string> kCnnSchedules{"{ schedule: streamed }", "{ schedule: resident }",
                                             "{ schedule: direct }",
                                             "{ schedule: direct, chips: 8 }"};

constexpr const char* kMnist = "mnist_cpu_int8.yaml";
constexpr const char* kCifar = "cifar_spikecore.yaml";
constexpr const char* kMlp64 = "mnist_mlp_784_64_10.onnx";
constexpr const char* kMlp128 = "models/mnist_mlp_784_128_10.onnx";
constexpr const char* kCnn = "models/mnist_cnn_avg_bn.onnx";
constexpr const char* kResNet = "models/cifar_resnet20_opset17_fused.onnx";

INSTANTIATE_TEST_SUITE_P(
    Mnist, SpikecoreRun,
    testing::Values(Case{"mlp64_some", kMnist, kMlp64, kPasses, 200, kEverySchedule},
                    Case{"mlp128_some", kMnist, kMlp128, kPasses, 200, kEverySchedule},
                    Case{"cnn_some", kMnist, kCnn, kPasses, 50, kCnnSchedules},
                    Case{"mlp64_full", kMnist, kMlp64, kPasses, 10000, kEverySchedule},
                    Case{"mlp128_full", kMnist, kMlp128, kPasses, 10000, kEverySchedule},
                    Case{"cnn_full",
                         kMnist,
                         kCnn,
                         kPasses,
                         10000,
                         {"{ schedule: streamed }", "{ schedule: resident }",
                          "{ schedule: direct }"}}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Cifar, SpikecoreRun,
    testing::Values(Case{"resnet20_full", kCifar, kResNet, kPasses, 20, {"{ schedule: auto }"}, 1}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace neurotool
