// A shipped network as a NIR file: ResNet-20 with its strided, padded shortcuts, trained weights
// and all, sends the same spikes in the preset of the reader as in the oracle.
#include <gtest/gtest.h>

#include <filesystem>

#include "config/pipeline.hpp"
#include "frontend/frontend.hpp"
#include "ir/nir/lint.hpp"
#include "passes/manager.hpp"
#include "semantics_support.hpp"
#include "session/inputs.hpp"
#include "session/stimulus.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kImages = 2;

struct Prepared {
  Model model;
  std::vector<Tensor> samples;  ///< payloads of the input, [neurons] each
};

/// The network of a shipped pipeline after its passes, and the first images of its test set.
Result<Prepared> prepared(const char* pipeline, Diagnostics& findings) {
  const fs::path configs = fs::path(NEUROTOOL_TESTS_DIR).parent_path() / "configs";
  NT_TRY(const PipelineConfig config,
         read_pipeline(configs / pipeline, {{1, "data.calibration.count", "64"}}, findings));
  Prepared made;
  NT_TRY(made.model, load_model(config.model.value, findings));
  NT_TRY(const Shape shape, sample_shape(made.model, 0));
  NT_TRY(const auto calibration, open_samples(config.calibration, config.preprocess, shape));
  NT_TRY(const auto test, open_samples(config.test, config.preprocess, shape));
  NT_TRY(auto passes, plan_passes(config.passes, Level::kTensor, findings));
  NoProgress progress;
  Context context{.diagnostics = findings, .progress = progress, .calibration = calibration.get()};
  PassManager manager;
  NT_TRY_VOID(manager.run(passes, made.model, context));
  const SpikeGraph& graph = made.model.spike();
  NT_TRY(const PopulationId input, only_input(graph));
  for (std::int64_t i = 0; i < kImages; ++i) {
    NT_TRY(const Tensor image, test->batch(i, 1));
    NT_TRY(const BatchStimulus stimulus, make_stimulus(graph, input, image, i));
    made.samples.push_back(stimulus.value.reshaped({stimulus.value.size()}));
  }
  return made;
}

class ResNet20 : public testing::TestWithParam<to_nir::Profile> {};

TEST_P(ResNet20, SendsTheSameSpikesAsAFile) {
  Diagnostics findings;
  const auto network = prepared("cifar_spikecore.yaml", findings);
  ASSERT_TRUE(network) << to_string(network.error());
  const SpikeGraph& graph = network->model.spike();
  const auto made = to_nir::export_graph(graph, {.profile = GetParam()}, findings);
  ASSERT_TRUE(made) << to_string(made.error());
  EXPECT_EQ(made->layers.size(), 19U);
  if (GetParam() == to_nir::Profile::kNorse) {
    for (const nir::Finding& finding : nir::lint(made->graph, "norse"))
      EXPECT_NE(finding.rule, "walk-order") << finding.node << ": " << finding.message;
  }
  const bool norse = GetParam() == to_nir::Profile::kNorse;
  nir::Discretization d = *nir::preset(norse ? "norse" : "nir_ode");
  d.dt = made->dt_seconds;
  if (norse) d.reset = nir::ResetRule::kSubtract;
  std::size_t spikes = 0, different = 0;
  for (const Tensor& sample : network->samples) {
    const test::Spikes wanted = test::oracle_spikes(graph, sample, graph.steps);
    const test::Spikes found =
        test::preset_spikes(made->graph, d, test::repeated(sample, graph.steps), graph.steps);
    for (const to_nir::ExportedLayer& layer : made->layers) {
      const auto& ours = wanted.at(layer.population);
      const auto theirs = test::sent_by(found, layer, graph.steps);
      ASSERT_EQ(ours.size(), theirs.size()) << layer.population;
      for (std::size_t i = 0; i < ours.size(); ++i) {
        different += ours[i] != theirs[i] ? 1 : 0;
        spikes += ours[i] != 0 ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(different, 0U) << "of " << spikes << " spikes";
  EXPECT_GT(spikes, 10000U);
  std::cout << to_nir::profile_name(GetParam()) << ": " << kImages << " images, " << spikes
            << " spikes, " << different << " differ\n";
}

INSTANTIATE_TEST_SUITE_P(Profiles, ResNet20,
                         testing::Values(to_nir::Profile::kNative, to_nir::Profile::kNorse),
                         [](const auto& profile) {
                           return std::string(to_nir::profile_name(profile.param));
                         });

}  // namespace
}  // namespace neurotool
