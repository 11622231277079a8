// Converted networks beside what the presets make of their files. The counts of mismatches are
// made a second time here, from the traces of both sides.
#include "session/nir_fidelity.hpp"

#include <gmock/gmock.h>

#include <fmt/format.h>

#include "eval/nir/simulate.hpp"
#include "eval/spike_eval.hpp"
#include "session/nir_export.hpp"
#include "support/memory_samples.hpp"
#include "support/nir_networks.hpp"

namespace neurotool {
namespace {

/// Samples on the grid of the weights.
test::MemorySamples samples(std::int64_t count) {
  return {test::Numbers(500).tensor({count, 2, 6, 6}, 0, 1, test::kGrid), {}};
}

struct Case {
  SpikeGraph graph;
  NirExportConfig config;
  to_nir::Exported exported;

  Case(SpikeGraph network, const char* profile, const char* check, bool adapter = true)
      : graph(std::move(network)) {
    config.profile.value = profile;
    config.check.value = check;
    config.adapter.value = adapter;
    Diagnostics diagnostics;
    auto made =
        to_nir::export_graph(graph, {.profile = *to_nir::profile_named(profile)}, diagnostics);
    EXPECT_TRUE(made) << to_string(made.error());
    if (made) exported = *std::move(made);
  }

  nir::Discretization reader() const { return reader_of(exported.graph, exported, config); }
  FidelityRun run(const SampleSource& data) const {
    return {.graph = graph,
            .exported = exported,
            .data = data,
            .samples = data.size(),
            .steps = test::kConvertedSteps};
  }
  Fidelity measured(const SampleSource& data) const {
    Diagnostics diagnostics;
    NoProgress progress;
    auto found = measure_fidelity(run(data), exported.graph, reader(), diagnostics, progress);
    EXPECT_TRUE(found) << to_string(found.error());
    return found ? *std::move(found) : Fidelity{};
  }
};

/// Neurons and steps of `layer` at which the two sides differ for one sample.
std::int64_t differences(const Case& c, const to_nir::ExportedLayer& layer, const Tensor& sample) {
  std::vector<float> ours, theirs, frames;
  const SpikeEvaluator oracle(c.graph);
  SpikeState state = oracle.initial_state();
  const Stimulus stimulus{c.graph.find("image"), sample.reshaped({72})};
  EXPECT_TRUE(oracle.run(
      state, std::span(&stimulus, 1), test::kConvertedSteps, [&](const StepRecord& record) {
        if (c.graph[record.population].name != layer.population) return;
        ours.insert(ours.end(), record.payload_f.begin(), record.payload_f.end());
      }));
  for (std::uint64_t t = 0; t < test::kConvertedSteps; ++t) {
    frames.insert(frames.end(), sample.as<float>().begin(), sample.as<float>().end());
  }
  Diagnostics diagnostics;
  const auto reader = nir::Simulator::make(c.exported.graph, "", c.reader(), diagnostics);
  const Tensor input = Tensor::from<float>({test::kConvertedSteps, 72}, frames);
  EXPECT_TRUE(reader->run(std::span(&input, 1), test::kConvertedSteps, [&](const auto& step) {
    if (step.name != layer.node) return;
    for (const double value : step.output) theirs.push_back(static_cast<float>(value));
  }));
  EXPECT_EQ(ours.size(), theirs.size());
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) wrong += ours[i] != theirs[i];
  return wrong;
}

TEST(NirFidelity, FaithfulProfilesHaveNoMismatch) {
  const auto data = samples(3);
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    for (const auto& [profile, check] :
         {std::pair{"norse", "auto"}, {"norse", "norse"}, {"native", "auto"}}) {
      SCOPED_TRACE(fmt::format("{} {} {}", seed, profile, check));
      const Fidelity found = Case(test::converted(seed), profile, check).measured(data);
      EXPECT_EQ(found.samples, 3);
      ASSERT_EQ(found.layers.size(), 3U);
      for (const FidelityLayer& layer : found.layers) {
        EXPECT_EQ(layer.mismatches, 0) << layer.population;
        EXPECT_EQ(layer.spikes, layer.reader_spikes);
        EXPECT_EQ(layer.either, layer.spikes);
      }
      EXPECT_GT(found.total().spikes, 300);
      EXPECT_EQ(found.other_classes, 0);
      EXPECT_LT(found.readout_difference, 1e-4);
      EXPECT_EQ(found.mismatch_percent(), 0);
    }
  }
}

TEST(NirFidelity, CountsWhatAHardResetMakesOfASoftOne) {
  const auto data = samples(2);
  const Case hard(test::converted(3), "plain", "spikingjelly", false);
  const Fidelity found = hard.measured(data);
  ASSERT_EQ(found.layers.size(), 3U);
  for (std::size_t k = 0; k < found.layers.size(); ++k) {
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < 2; ++i) {
      wrong += differences(hard, hard.exported.layers[k], data.batch(i, 1).value());
    }
    EXPECT_EQ(found.layers[k].mismatches, wrong) << found.layers[k].population;
  }
  EXPECT_GT(found.mismatch_percent(), 10);
  EXPECT_LE(found.mismatch_percent(), 100);
  EXPECT_THAT(found.reader, testing::HasSubstr("preset spikingjelly,"));
}

TEST(NirFidelity, AdaptersPutSoftResetAndInitialPotentialBack) {
  const auto data = samples(2);
  for (const char* reader : {"spikingjelly", "sinabs"}) {
    SCOPED_TRACE(reader);
    const Fidelity without = Case(test::converted(1), "plain", reader, false).measured(data);
    const Fidelity with = Case(test::converted(1), "plain", reader, true).measured(data);
    EXPECT_GT(without.mismatch_percent(), 1);
    // Thresholds that are no powers of two are divided into the weights, which rounds.
    EXPECT_LT(with.mismatch_percent(), without.mismatch_percent() / 10);
    EXPECT_THAT(with.reader, testing::HasSubstr("with its adapter"));
  }
}

TEST(NirFidelity, SpikingOutputsAreReadAsCounts) {
  const auto data = samples(2);
  const Fidelity found = Case(test::converted(2, true), "norse", "auto").measured(data);
  EXPECT_EQ(found.layers.size(), 4U);
  EXPECT_EQ(found.total().mismatches, 0);
  EXPECT_EQ(found.readout_difference, 0);
}

TEST(NirFidelity, ALostReadoutIsAnotherClass) {
  const auto data = samples(8);
  const Case c(test::converted(4), "native", "auto");
  nir::Graph file = c.exported.graph;
  for (nir::Node& node : file.nodes) {
    auto* affine = std::get_if<nir::Affine>(&node.primitive);
    if (affine == nullptr || affine->weight.shape()[0] != 3) continue;
    affine->weight = nir::filled(affine->weight.shape(), 0);  // the bias alone is left
  }
  Diagnostics diagnostics;
  NoProgress progress;
  const auto found = measure_fidelity(c.run(data), file, c.reader(), diagnostics, progress);
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_EQ(found->total().mismatches, 0);
  EXPECT_GT(found->other_classes, 0);
  const NirExportReport report{.limit_percent = 1, .check = *found};
  EXPECT_FALSE(report.faithful());
}

TEST(NirFidelity, SaysWhatItsReaderDrops) {
  Diagnostics diagnostics;
  NoProgress progress;
  const auto data = samples(1);
  const Case c(test::converted(4), "norse", "sinabs");
  const auto found =
      measure_fidelity(c.run(data), c.exported.graph, c.reader(), diagnostics, progress);
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_GT(found->mismatch_percent(), 0);
  EXPECT_TRUE(std::ranges::any_of(diagnostics.all(), [](const Diagnostic& item) {
    return item.code == "nir.dropped" && item.severity == Severity::kWarning;
  }));
}

TEST(NirFidelity, RecordedDataAreWhatTheReaderSends) {
  const auto data = samples(2);
  const Case c(test::converted(5), "norse", "auto");
  const auto recorded = recorded_data(c.run(data));
  ASSERT_TRUE(recorded) << to_string(recorded.error());
  const auto& input =
      std::get<nir::TimeGridded>(recorded->nodes.at("input").observables.at("input"));
  EXPECT_EQ(input.data.shape(), (Shape{2, test::kConvertedSteps, 72}));
  EXPECT_EQ(input.dt, c.exported.dt_seconds);
  std::map<std::string, std::vector<double>> sent;
  Diagnostics diagnostics;
  const auto reader = nir::Simulator::make(c.exported.graph, "", c.reader(), diagnostics);
  const auto frames = input.data.as<float>().subspan(test::kConvertedSteps * 72);
  const Tensor second = Tensor::from<float>({test::kConvertedSteps, 72},
                                            std::vector<float>(frames.begin(), frames.end()));
  ASSERT_TRUE(reader->run(std::span(&second, 1), test::kConvertedSteps, [&](const auto& step) {
    auto& row = sent[std::string(step.name)];
    row.insert(row.end(), step.output.begin(), step.output.end());
  }));
  for (const to_nir::ExportedLayer& layer : c.exported.layers) {
    const auto& spikes =
        std::get<nir::TimeGridded>(recorded->nodes.at(layer.node).observables.at("spikes"));
    EXPECT_EQ(spikes.data.dtype(), DType::kBool);
    const std::vector<double>& row = sent.at(layer.node);
    ASSERT_EQ(static_cast<std::size_t>(spikes.data.size()), 2 * row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      ASSERT_EQ(spikes.data.at(static_cast<std::int64_t>(row.size() + i)), row[i]) << layer.node;
    }
  }
  EXPECT_EQ(std::get<nir::TimeGridded>(recorded->nodes.at("output").observables.at("readout"))
                .data.shape(),
            (Shape{2, test::kConvertedSteps, 3}));
}

}  // namespace
}  // namespace neurotool
