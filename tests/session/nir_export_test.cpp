// Sessions that read NIR files and write them: what the file holds, what the report says of it, and
// that nothing is written where the reader does something else.
#include "session/nir_export.hpp"

#include <gmock/gmock.h>

#include "config/pipeline.hpp"
#include "io/nir/nir_file.hpp"
#include "session/lock.hpp"
#include "session_support.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;
using test::Ended, test::data_section, test::model_line, test::plan, test::read, test::run,
    test::whole_pipeline;
using testing::HasSubstr;

/// The perceptron on the cpu target, exported; `nir` are the keys of export.nir.
std::string exporting(const std::string& nir) {
  return whole_pipeline("report: { directory: out }\nexport: { nir: { " + nir + " } }\n");
}

nir::Document read_nir(const fs::path& file) {
  Diagnostics diagnostics;
  auto document = nir::read(file, diagnostics);
  if (!document) throw std::runtime_error(to_string(document.error()));
  return *std::move(document);
}

const nir::Metadata& own_metadata(const nir::Metadata& metadata) {
  return std::get<nir::Metadata>(metadata.find("neurotool")->value);
}

TEST(NirExportRun, WritesAFileThatItsReaderRunsExactly) {
  const test::TempFolder temp;
  const Ended ended = run(read(temp.write("p.yaml", exporting("profile: norse, samples: 20"))));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  const NirExportReport& made = ended.result.report.nir_export.value();
  EXPECT_EQ(made.file, "model.nir");
  EXPECT_TRUE(made.faithful());
  EXPECT_EQ(made.check->samples, 20);
  EXPECT_EQ(made.check->steps, 8U);
  ASSERT_EQ(made.check->layers.size(), 1U);
  EXPECT_EQ(made.check->total().mismatches, 0);
  EXPECT_GT(made.check->total().spikes, 1000);
  EXPECT_EQ(ended.result.report.artifacts, std::vector<std::string>{"model.nir"});
  EXPECT_EQ(read_nir(temp / "out/artifacts/model.nir").version, "1.0.8");
  EXPECT_FALSE(fs::exists(temp / "out/artifacts/model.data.nir"));
  const Json report = *Json::parse(test::slurp(temp / "out/report.json"));
  const Json& said = *report.find("nir_export");
  EXPECT_EQ(*said.find("file"), Json("artifacts/model.nir"));
  EXPECT_EQ(*said.find("faithful"), Json(true));
  EXPECT_EQ(*said.find("check")->find("mismatch_percent"), Json(0.0));
  EXPECT_THAT(test::slurp(temp / "out/report.md"), HasSubstr("## NIR file"));
  EXPECT_THAT(report_text(ended.result.report), HasSubstr("0 % of the spikes differ"));
}

TEST(NirExportRun, WritesNoFileThatItsReaderRunsOtherwise) {
  const test::TempFolder temp;
  const Ended ended =
      run(read(temp.write("p.yaml", exporting("profile: plain, adapter: false, with_data: true"))));
  EXPECT_EQ(ended.result.outcome, Outcome::kNo);
  ASSERT_EQ(ended.code(), "nir.fidelity") << ended.text();
  const NirExportReport& made = ended.result.report.nir_export.value();
  EXPECT_FALSE(made.faithful());
  EXPECT_EQ(made.file, "");
  EXPECT_GT(made.check->mismatch_percent(), 10);
  EXPECT_THAT(ended.text(), HasSubstr(short_number(made.check->mismatch_percent()) + " %, where"));
  EXPECT_FALSE(fs::exists(temp / "out/artifacts"));
  const Json report = *Json::parse(test::slurp(temp / "out/report.json"));
  EXPECT_EQ(*report.find("nir_export")->find("file"), Json(nullptr));
  EXPECT_EQ(*report.find("nir_export")->find("faithful"), Json(false));
  EXPECT_EQ(*report.find("nir_export")->find("check")->find("mismatch_percent"),
            Json(made.check->mismatch_percent()));
}

TEST(NirExportRun, TheLimitIsThePercentThatMayDiffer) {
  const test::TempFolder temp;
  const fs::path file = temp.write("p.yaml", exporting("profile: plain, adapter: false"));
  const double found = run(read(file)).result.report.nir_export->check->mismatch_percent();
  const auto with_limit = [&](double limit) {
    return run(read(file, {"export.nir.max_mismatches=" + std::to_string(limit)})).result.outcome;
  };
  EXPECT_EQ(with_limit(found - 0.01), Outcome::kNo);
  EXPECT_EQ(with_limit(found + 0.01), Outcome::kDone);
  EXPECT_TRUE(fs::exists(temp / "out/artifacts/model.nir"));
}

TEST(NirExportRun, SaysThatAFileWasNotChecked) {
  const test::TempFolder temp;
  const Ended ended = run(read(temp.write("p.yaml", exporting("profile: hard, check: none"))));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  EXPECT_TRUE(fs::exists(temp / "out/artifacts/model.nir"));
  EXPECT_THAT(report_text(ended.result.report), HasSubstr("not checked against a reader"));
  const Json report = *Json::parse(test::slurp(temp / "out/report.json"));
  EXPECT_EQ(*report.find("nir_export")->find("faithful"), Json(nullptr));
}

TEST(NirExportRun, NeedsNoTarget) {
  const test::TempFolder temp;
  const Ended ended = run(read(temp.write(
      "p.yaml", "version: 1\n" + model_line() + data_section() + std::string(test::kPasses) +
                    "run: { mode: plan }\nreport: { directory: out }\n"
                    "export: { nir: native }\n")));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  EXPECT_EQ(ended.result.report.nir_export->check->total().mismatches, 0);
  EXPECT_TRUE(fs::exists(temp / "out/artifacts/model.nir"));
}

TEST(NirExportRun, WritesInputsAndWhatShouldComeOfThem) {
  const test::TempFolder temp;
  const fs::path file =
      temp.write("p.yaml", exporting("profile: norse, file: net.nir, samples: 3, with_data: true"));
  const Ended ended = run(read(file));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  EXPECT_EQ(ended.result.report.artifacts, (std::vector<std::string>{"net.nir", "net.data.nir"}));
  const auto data = nir::read_data(temp / "out/artifacts/net.data.nir");
  ASSERT_TRUE(data) << to_string(data.error());
  const auto& spikes = std::get<nir::TimeGridded>(data->nodes.at("fc1").observables.at("spikes"));
  EXPECT_EQ(spikes.data.shape(), (Shape{3, 8, 128}));
  const std::string first = test::slurp(temp / "out/artifacts/net.data.nir");
  run(read(file, {"run.batch=7"}));
  EXPECT_EQ(test::slurp(temp / "out/artifacts/net.data.nir"), first);
}

TEST(NirExportRun, IsReadBackAndExportedAgain) {
  const test::TempFolder temp;
  const Ended first = run(read(temp.write("p.yaml", exporting("profile: norse"))));
  ASSERT_EQ(first.result.outcome, Outcome::kDone) << first.text();
  fs::copy_file(temp / "out/artifacts/model.nir", temp / "net.nir");
  const Ended second = run(read(temp.write(
      "q.yaml", "version: 1\nmodel: { path: net.nir }\n" + data_section() +
                    "target: cpu\nreport: { directory: again }\nexport: { nir: native }\n")));
  ASSERT_EQ(second.result.outcome, Outcome::kDone) << second.text();
  EXPECT_EQ(second.result.report.spiking_accuracy->correct,
            first.result.report.spiking_accuracy->correct);
  EXPECT_EQ(find_metric(second.result.report, "events_per_sample")->value,
            find_metric(first.result.report, "events_per_sample")->value);
  EXPECT_EQ(second.result.report.nir_export->check->total().mismatches, 0);
  EXPECT_TRUE(second.has("nir.discretization")) << "what the file decided is said";
}

TEST(NirExportRun, KeepsTheMappingOfAChip) {
  const test::TempFolder temp;
  const Ended ended = run(read(temp.write(
      "p.yaml", "version: 1\n" + model_line() + data_section() +
                    "passes: [infer_shapes, fold_constants, remove_identity, fold_batch_norm, "
                    "qcfs: { steps: 4 }, quantize: { weight_bits: 8 }]\n"
                    "target: spikecore\nreport: { directory: out }\n"
                    "export: { nir: { profile: norse, file: chip.nir } }\n")));
  ASSERT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
  EXPECT_EQ(ended.result.report.nir_export->check->total().mismatches, 0);
  const nir::Graph graph = read_nir(temp / "out/artifacts/chip.nir").graph;
  const nir::Metadata& whole = own_metadata(graph.metadata);
  EXPECT_EQ(std::get<std::string>(whole.find("target")->value), "spikecore");
  const nir::Metadata& node = own_metadata(graph.find("fc1")->metadata);
  const nir::MetadataEntry* rows = node.find("placement");
  if (rows == nullptr) {
    EXPECT_NE(node.find("chip"), nullptr);
    EXPECT_NE(node.find("core"), nullptr);
    return;
  }
  const Tensor& table = std::get<Tensor>(rows->value);
  std::int64_t placed = 0;
  for (std::int64_t i = 0; i < table.shape()[0]; ++i) {
    EXPECT_EQ(table.at(4 * i), static_cast<double>(placed)) << "ranges follow each other";
    placed += static_cast<std::int64_t>(table.at(4 * i + 1));
  }
  EXPECT_EQ(placed, 128);
}

TEST(NirExportRun, SaysWhatAWholeNumberOfTheInputIs) {
  const test::TempFolder temp;
  const Ended first = run(read(temp.write(
      "p.yaml", "version: 1\n" + model_line() + data_section() +
                    "passes: [infer_shapes, fold_constants, remove_identity, fold_batch_norm, "
                    "qcfs: { steps: 8 }, quantize: { weight_bits: 8 }]\n"
                    "target: cpu\nreport: { directory: out }\n"
                    "export: { nir: norse }\n")));
  ASSERT_EQ(first.result.outcome, Outcome::kDone) << first.text();
  EXPECT_THAT(first.text(), HasSubstr("a sample is divided by"));
  fs::copy_file(temp / "out/artifacts/model.nir", temp / "net.nir");
  std::string pixels = data_section();
  pixels.replace(pixels.find("divide: 255"), 11, "divide: 1");
  const Ended second = run(read(
      temp.write("q.yaml", "version: 1\nmodel: { path: net.nir }\n" + pixels + "target: cpu\n")));
  ASSERT_EQ(second.result.outcome, Outcome::kDone) << second.text();
  EXPECT_TRUE(second.has("nir.input-unit"));
  EXPECT_EQ(second.result.report.spiking_accuracy->correct,
            first.result.report.spiking_accuracy->correct);
}

TEST(NirMapping, IsOneCoreOrRangesOfNeurons) {
  SpikeGraph graph;
  to_nir::Exported exported;
  for (const char* name : {"one", "two"}) {
    nir::add(exported.graph, name, nir::IF{});
    exported.layers.push_back({name, name});
  }
  TargetDescription target;
  target.name = "chip";
  target.plugin_version = "2.0.0";
  const std::vector<Placement> placements{{"one", 0, 10, 1, 7},
                                          {"one", 10, 5, 1, 7},
                                          {"two", 0, 256, 0, 3},
                                          {"two", 256, 44, 2, 4},
                                          {"no node", 0, 3, 0, 0}};
  annotate_mapping(graph, target, placements, exported);
  const nir::Metadata& one = own_metadata(exported.graph.find("one")->metadata);
  EXPECT_EQ(std::get<Tensor>(one.find("chip")->value).at(0), 1);
  EXPECT_EQ(std::get<Tensor>(one.find("core")->value).at(0), 7);
  EXPECT_EQ(one.find("placement"), nullptr);
  const nir::Metadata& two = own_metadata(exported.graph.find("two")->metadata);
  EXPECT_EQ(two.find("core"), nullptr);
  EXPECT_EQ(std::get<Tensor>(two.find("placement")->value),
            Tensor::from<std::int64_t>({2, 4}, {0, 256, 0, 3, 256, 44, 2, 4}));
  EXPECT_EQ(std::get<std::string>(own_metadata(exported.graph.metadata).find("target")->value),
            "chip");
}

struct Refusal {
  const char* nir;
  const char* code;
  const char* message;
};

TEST(NirExportRun, RefusesBeforeAnythingRuns) {
  const test::TempFolder temp;
  for (const Refusal& c :
       {Refusal{"profile: norse, file: out/net.nir", "run.export-file", "'out/net.nir'"},
        Refusal{"profile: norse, file: ..", "run.export-file", "'..'"},
        Refusal{"profile: norse, file: \"\"", "run.export-file", "''"}}) {
    const Ended ended = run(read(temp.write("p.yaml", exporting(c.nir))));
    EXPECT_EQ(ended.code(), c.code) << c.nir;
    EXPECT_THAT(ended.text(), HasSubstr(c.message));
    EXPECT_EQ(ended.result.outcome, Outcome::kConfig);
    EXPECT_FALSE(fs::exists(temp / "out"));
  }
  const auto code_of = [&](const std::string& pipeline) {
    return run(read(temp.write("p.yaml", pipeline))).code();
  };
  EXPECT_EQ(code_of(whole_pipeline("export: { nir: norse }\n")), "run.no-report-folder");
  const std::string lowered = "version: 1\n" + model_line() + std::string(test::kPasses);
  const std::string planned = "run: { mode: plan }\nreport: { directory: out }\n";
  EXPECT_EQ(code_of(lowered + planned + "export: { nir: norse }\n"), "run.no-data");
  EXPECT_EQ(code_of(lowered + planned + "export: { nir: { profile: norse, check: none } }\n"),
            "run.calibration");
  EXPECT_EQ(code_of("version: 1\n" + model_line() + data_section() + planned +
                    "export: { nir: norse }\n"),
            "run.not-spiking");
  EXPECT_FALSE(fs::exists(temp / "out"));
}

TEST(NirExportRun, APlanSeesWhatTheFileCannotHold) {
  const test::TempFolder temp;
  const Ended ended =
      plan(read(temp.write("p.yaml", "version: 1\n" + model_line() + data_section() +
                                         "passes: [infer_shapes, fold_constants, remove_identity, "
                                         "fold_batch_norm, rate: { steps: 8, neuron: burst }]\n"
                                         "target: cpu\nreport: { directory: out }\n"
                                         "export: { nir: norse }\n")));
  EXPECT_EQ(ended.code(), "nir.cannot-express") << ended.text();
  EXPECT_EQ(ended.result.outcome, Outcome::kInput);
}

TEST(NirModel, SaysHowAFileIsRead) {
  const test::TempFolder temp;
  ASSERT_EQ(
      run(read(temp.write("p.yaml", exporting("profile: plain, check: sinabs")))).result.outcome,
      Outcome::kDone);
  fs::copy_file(temp / "out/artifacts/model.nir", temp / "net.nir");
  const auto accuracy = [&](const std::string& nir) {
    const Ended ended = run(
        read(temp.write("q.yaml", "version: 1\nmodel: { path: net.nir, nir: { " + nir + " } }\n" +
                                      data_section() + "target: cpu\nrun: { steps: 8 }\n")));
    EXPECT_EQ(ended.result.outcome, Outcome::kDone) << ended.text();
    return ended.result.report.spiking_accuracy ? ended.result.report.spiking_accuracy->correct : 0;
  };
  const std::int64_t own = accuracy("reset: subtract");
  EXPECT_GT(own, 180);
  // A hard reset throws charge away, so that other samples are right.
  EXPECT_NE(accuracy("preset: spikingjelly, dt: 1, input: held"), own);
}

TEST(NirModel, IsRefusedForOtherFiles) {
  const test::TempFolder temp;
  const std::string model =
      "model: { path: " + (test::kConfigs / "models/mnist_mlp_784_128_10.onnx").string() +
      ", nir: { reset: zero } }\n";
  const Ended ended = plan(read(temp.write(
      "p.yaml", "version: 1\n" + model + std::string(test::kPasses) + "run: { mode: plan }\n")));
  EXPECT_EQ(ended.code(), "run.model-nir");
  EXPECT_EQ(ended.result.outcome, Outcome::kConfig);
}

TEST(NirExportRun, ALockFileRepeatsIt) {
  const test::TempFolder temp;
  ASSERT_EQ(run(read(temp.write("p.yaml", exporting("profile: norse, samples: 2")))).result.outcome,
            Outcome::kDone);
  const std::string first = test::slurp(temp / "out/artifacts/model.nir");
  fs::rename(temp / "out", temp / "kept");
  const Ended again = run(read(temp / "kept/pipeline.lock.yaml", {"report.directory=../out"}));
  ASSERT_EQ(again.result.outcome, Outcome::kDone) << again.text();
  EXPECT_EQ(test::slurp(temp / "out/artifacts/model.nir"), first);
  EXPECT_EQ(again.result.report.nir_export->check->samples, 2);
}

TEST(NirOptions, OfferEveryPreset) {
  std::vector<std::string> known;
  for (const nir::Preset& preset : nir::presets()) known.emplace_back(preset.name);
  for (const SectionInfo& section : pipeline_sections()) {
    for (const OptionInfo& row : section.rows) {
      const bool reading = section.path == "model.nir" && row.key == "preset";
      if (!reading && !(section.path == "export.nir" && row.key == "check")) continue;
      std::vector<std::string> wanted{"auto"};
      if (!reading) wanted.emplace_back("none");
      wanted.insert(wanted.end(), known.begin(), known.end());
      EXPECT_THAT(row.choices, testing::UnorderedElementsAreArray(wanted)) << section.path;
    }
  }
}

}  // namespace
}  // namespace neurotool
