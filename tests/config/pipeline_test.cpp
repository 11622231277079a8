#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/hash.hpp"
#include "config/pipeline.hpp"
#include "config/support.hpp"
#include "support/golden.hpp"
#include "support/temp_folder.hpp"

namespace neurotool {
namespace {

namespace fs = std::filesystem;

fs::path example(const char* name) {
  return test::config_tests() / "cases" / "pipeline" / (std::string(name) + ".yaml");
}

PipelineConfig read(const fs::path& file, const std::vector<Override>& overrides = {}) {
  Diagnostics findings;
  auto config = read_pipeline(file, overrides, findings);
  EXPECT_TRUE(config.has_value()) << test::all_text(findings);
  return config ? *std::move(config) : PipelineConfig{};
}

Error refusal(const fs::path& file, const std::vector<Override>& overrides = {}) {
  Diagnostics findings;
  auto config = read_pipeline(file, overrides, findings);
  EXPECT_FALSE(config.has_value());
  EXPECT_TRUE(findings.has_errors()) << "the error must be in the sink too";
  return config ? Error{} : config.error();
}

TEST(Pipeline, ReadsEverySection) {
  const PipelineConfig config = read(example("ok_everything"));
  const fs::path files = example("ok_everything").parent_path() / "files";
  EXPECT_EQ(config.model.value, files / "model.onnx");
  EXPECT_TRUE(config.test.given);
  EXPECT_EQ(config.test.images.value, files / "images.gz");
  EXPECT_EQ(config.test.labels.value, files / "labels.gz");
  EXPECT_EQ(config.test.format.value, "idx");
  EXPECT_EQ(config.test.first.value, 10);
  EXPECT_EQ(config.test.count.value, 90);
  EXPECT_TRUE(config.calibration.given);
  EXPECT_EQ(config.calibration.array.value, "inputs");
  EXPECT_EQ(config.calibration.label_array.value, "classes");
  EXPECT_EQ(config.preprocess.divide.value, 255);
  EXPECT_EQ(config.preprocess.mean.value, (std::vector<double>{0.485, 0.456, 0.406}));
  EXPECT_EQ(config.preprocess.std.value, (std::vector<double>{0.229, 0.224, 0.225}));
  ASSERT_EQ(config.passes.size(), 3u);
  EXPECT_EQ(config.passes[0].name, "fold_batch_norm");
  EXPECT_EQ(config.passes[0].options.kind, yaml::Kind::kNull);
  EXPECT_EQ(config.passes[1].options.find("steps")->scalar, "32");
  EXPECT_EQ(config.passes[2].name, "readout");
  EXPECT_EQ(config.target.value, "cpu");
  EXPECT_EQ(config.target_version.value, ">=1.2");
  EXPECT_EQ(config.target_sha256.value.size(), 64u);
  EXPECT_EQ(config.model_nir.preset.value, "norse");
  EXPECT_EQ(config.model_nir.dt.value, 0.001);
  EXPECT_EQ(config.model_nir.reset.value, "auto");
  EXPECT_EQ(config.export_nir.profile.value, "norse");
  EXPECT_EQ(config.export_nir.file.value, "net.nir");
  EXPECT_EQ(config.export_nir.max_nir_version.value, "1.0.5");
  EXPECT_EQ(config.export_nir.samples.value, 16);
  EXPECT_EQ(config.export_nir.max_mismatches.value, 0.1);
  EXPECT_EQ(config.target_options.find("threads")->scalar, "0");
  EXPECT_EQ(config.mode.value, RunMode::kSimulate);
  EXPECT_EQ(config.steps.value, 32);
  EXPECT_EQ(config.batch.value, 64);
  EXPECT_EQ(config.seed.value, 1u);
  EXPECT_EQ(config.report_directory.value, files.parent_path() / "out/mnist");
  ASSERT_EQ(config.expect.size(), 3u);
  EXPECT_EQ(config.expect[0].metric, "accuracy");
  EXPECT_EQ(config.expect[0].comparison, ">=");
  EXPECT_EQ(config.expect[0].value, 0.97);
  EXPECT_EQ(config.expect[1].comparison, ">");
  EXPECT_EQ(config.expect[2].comparison, "<=");
  EXPECT_EQ(config.expect[2].value, 0.5);
}

TEST(Pipeline, FillsDefaultsAndMarksThemAsSuch) {
  const PipelineConfig config = read(example("ok_minimal"));
  EXPECT_EQ(config.mode.value, RunMode::kPlan);
  EXPECT_EQ(config.steps.value, 0);
  EXPECT_EQ(config.batch.value, 64);
  EXPECT_EQ(config.seed.value, 1u);
  EXPECT_EQ(config.test.format.value, "auto");
  EXPECT_EQ(config.test.array.value, "x");
  EXPECT_EQ(config.preprocess.divide.value, 1.0);
  EXPECT_FALSE(config.test.given);
  EXPECT_TRUE(config.target.value.empty());
  EXPECT_TRUE(config.report_directory.value.empty());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(config.batch.at));
}

TEST(Pipeline, RemembersWhereEachValueStands) {
  const fs::path file = example("ok_everything");
  const PipelineConfig config = read(file, {{1, "run.seed", "7"}});
  EXPECT_EQ(to_string(config.batch.at), file.string() + ":17:44");
  EXPECT_EQ(to_string(config.passes[1].at), file.string() + ":10:5");
  EXPECT_EQ(to_string(config.expect[0].at), file.string() + ":20:23");
  EXPECT_EQ(to_string(config.target.at), file.string() + ":13:9");
  EXPECT_EQ(config.seed.value, 7u);
  EXPECT_EQ(to_string(config.seed.at), "--set #1 (run.seed=7)");
}

TEST(Pipeline, HashesTheFileAsItStands) {
  test::TempFolder folder;
  const std::string text = "version: 1\nmodel: { path: m }\nrun: { mode: plan }\n";
  std::ofstream(folder.path() / "m") << "x";
  std::ofstream(folder.path() / "p.yaml") << text;
  EXPECT_EQ(read(folder.path() / "p.yaml", {{1, "run.steps", "3"}}).file_sha256, sha256_hex(text));
}

TEST(Pipeline, TakesPathsFromTheFoldersOfTheFileAlsoInOverrides) {
  const fs::path file = example("ok_minimal");
  const PipelineConfig config = read(file, {{1, "report.directory", "../out/./x"},
                                            {2, "model.path", "files/../files/model.onnx"}});
  EXPECT_EQ(config.report_directory.value, file.parent_path().parent_path() / "out/x");
  EXPECT_EQ(config.model.value, file.parent_path() / "files/model.onnx");
}

TEST(Pipeline, ChecksOverridesLikeTheFile) {
  const fs::path file = example("ok_minimal");
  const Error range = refusal(file, {{1, "run.steps", "8"}, {2, "run.batch", "0"}});
  EXPECT_EQ(to_string(range.at), "--set #2 (run.batch=0)");
  EXPECT_EQ(range.message, "run.batch = 0 is outside 1 to 65536");
  const Error unknown = refusal(file, {{1, "run.stesp", "8"}});
  EXPECT_EQ(unknown.code, "config.unknown-key");
  EXPECT_EQ(to_string(unknown.at), "--set #1 (run.stesp=8)");
  const Error type = refusal(file, {{1, "run.steps", "\"8\""}});
  EXPECT_EQ(type.code, "config.type");
  const Error mode = refusal(file, {{1, "run.mode", "compile"}});
  EXPECT_EQ(to_string(mode.at), "--set #1 (run.mode=compile)");
  EXPECT_EQ(refusal(file, {{1, "passes.qcfs.steps", "8"}}).code, "config.set-path");
}

TEST(Pipeline, SaysThatItsFileIsMissing) {
  test::TempFolder folder;
  const Error missing = refusal(folder.path() / "none.yaml");
  EXPECT_EQ(missing.code, "config.missing-file");
  EXPECT_EQ(test::position(missing.at).path, (folder.path() / "none.yaml").string());
  EXPECT_EQ(refusal(folder.path()).code, "config.missing-file");
}

TEST(Pipeline, NamesMissingFilesInFull) {
  test::TempFolder folder;
  const std::string name = std::string(200, 'm') + ".onnx";
  std::ofstream(folder.path() / "p.yaml") << "version: 1\nmodel: {path: " << name << "}\n";
  EXPECT_NE(refusal(folder.path() / "p.yaml").message.find("/" + name + "'"), std::string::npos);
}

TEST(Pipeline, RefusesAFileThatIsTooLargeToBeOne) {
  test::TempFolder folder;
  std::ofstream(folder.path() / "p.yaml") << std::string(2 << 20, 'a');
  EXPECT_EQ(refusal(folder.path() / "p.yaml").code, "config.too-large");
}

TEST(Pipeline, ReturnsTheFirstOfManyErrors) {
  Diagnostics findings;
  findings.report(error("other", {}, "reported before"));
  const auto config = read_pipeline(example("run_values"), {}, findings);
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, findings.all()[1].code);
  EXPECT_GT(findings.error_count(), 4u);
}

TEST(PipelineToYaml, ReadsBackAsTheSamePipeline) {
  const fs::path file = example("ok_everything");
  const PipelineConfig config = read(file);
  test::TempFolder folder;
  std::ofstream(folder.path() / "lock.yaml") << yaml::dump(to_yaml(config, folder.path()));
  const PipelineConfig again = read(folder.path() / "lock.yaml");
  EXPECT_EQ(yaml::dump(to_yaml(again, folder.path())), yaml::dump(to_yaml(config, folder.path())));
  EXPECT_EQ(fs::weakly_canonical(again.model.value), fs::weakly_canonical(config.model.value));
  EXPECT_EQ(again.expect.size(), config.expect.size());
  EXPECT_EQ(again.target_sha256.value, config.target_sha256.value);
}

TEST(PipelineToYaml, WritesEveryDefault) {
  const fs::path file = example("ok_everything");
  test::expect_golden("config", "everything_as_yaml",
                      yaml::dump(to_yaml(read(file), file.parent_path())));
  test::expect_golden("config", "minimal_as_yaml",
                      yaml::dump(to_yaml(read(example("ok_minimal")), file.parent_path())));
}

TEST(PipelineToYaml, QuotesTextThatLooksLikeANumber) {
  PipelineConfig config;
  config.target.value = "5";
  config.target_version.value = "1.2";
  const yaml::Node document = to_yaml(config, {});
  EXPECT_EQ(yaml::dump(*document.find("target")), "name: \"5\"\nversion: \"1.2\"\n");
}

TEST(PipelineSections, DocumentEachKeyOnce) {
  std::set<std::string> paths;
  for (const SectionInfo& section : pipeline_sections()) {
    EXPECT_FALSE(section.summary.empty()) << section.path;
    EXPECT_TRUE(paths.insert(section.path).second) << section.path;
    const auto dot = section.path.rfind('.');
    const std::string parent = dot == std::string::npos ? "" : section.path.substr(0, dot);
    EXPECT_TRUE(paths.contains(parent)) << section.path;
    for (const OptionInfo& row : section.rows) {
      EXPECT_TRUE(row.summary.ends_with('.')) << section.path << '.' << row.key;
    }
  }
}

TEST(PipelineSections, HoldDefaultsInsideTheirRanges) {
  for (const SectionInfo& section : pipeline_sections()) {
    if (section.shape != SectionShape::kOptions) continue;
    for (const OptionInfo& row : section.rows) {
      if (row.required) continue;
      Diagnostics findings;
      yaml::Node mapping;
      mapping.kind = yaml::Kind::kMapping;
      mapping.entries.push_back(
          {.key = row.key, .key_at = {}, .value = test::node(value_text(row.fallback))});
      const auto checked = check_options(mapping, {&row, 1}, section.path, "", findings);
      EXPECT_FALSE(findings.has_errors()) << test::all_text(findings);
      EXPECT_EQ(checked[0].value, row.fallback) << section.path << '.' << row.key;
    }
  }
}

}  // namespace
}  // namespace neurotool
