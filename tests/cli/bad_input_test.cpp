// One golden text for each class of bad input: place, what was found, what was expected, the way
// out, and the exit code of the class. Nothing may be left behind.
#include <gtest/gtest.h>

#include "transcript.hpp"

namespace neurotool::test {
namespace {

namespace fs = std::filesystem;

struct BadPipeline {
  const char* name;
  std::string text;
  int exit;
};

class BadInput : public ::testing::TestWithParam<BadPipeline> {};

TEST_P(BadInput, IsNamedWithItsPlaceAndLeavesNothing) {
  const Workplace place;
  place.write("p.yaml", GetParam().text);
  const ToolResult result = place.run({"--config", "p.yaml"});
  EXPECT_EQ(result.exit, GetParam().exit);
  EXPECT_EQ(result.out, "");
  EXPECT_FALSE(fs::exists(place / "out"));
  expect_golden("cli", std::string("bad_") + GetParam().name, transcript(result));
}

std::string with_report(std::string_view more = "") {
  return mnist_pipeline("report: { directory: out }\n" + std::string(more));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == text.npos) throw std::logic_error("not in the pipeline: " + std::string(from));
  return text.replace(at, from.size(), to);
}

INSTANTIATE_TEST_SUITE_P(
    Pipeline, BadInput,
    ::testing::Values(
        BadPipeline{"unknown_key", replaced(with_report(), "steps: 8", "stepz: 8"), 2},
        BadPipeline{"unknown_section", with_report("reprot: { directory: out }\n"), 2},
        BadPipeline{"wrong_type", replaced(with_report(), "count: 100", "count: many"), 2},
        BadPipeline{"out_of_range", with_report("run: { batch: 0 }\n"), 2},
        BadPipeline{"duplicate_key", with_report("target: cpu\n"), 2},
        BadPipeline{"no_yaml", "version: 1\nmodel: { path: net.onnx\n", 2},
        BadPipeline{"missing_model", replaced(with_report(), "net.onnx", "nat.onnx"), 2},
        BadPipeline{"missing_data",
                    replaced(with_report(), "images: images.gz", "images: image.gz"), 2},
        BadPipeline{"unknown_pass", replaced(with_report(), "fold_batch_norm", "fold_batchnorm"),
                    2},
        BadPipeline{
            "level_order",
            replaced(with_report(), "infer_shapes, fold_constants", "quantize, infer_shapes"), 2},
        BadPipeline{"no_lowering", replaced(with_report(), ", qcfs: { steps: 8 }", ""), 2},
        BadPipeline{"missing_target", replaced(with_report(), "target: cpu", "target: spu"), 4},
        BadPipeline{
            "target_option",
            replaced(with_report(), "target: cpu", "target: { name: cpu, options: { speed: 11 } }"),
            2},
        BadPipeline{"no_labels", replaced(with_report(), ", labels: labels.gz", ""), 3},
        BadPipeline{"data_shape", replaced(with_report(), "images: images.gz", "images: labels.gz"),
                    3},
        BadPipeline{"data_format", replaced(with_report(), "images: images.gz", "images: p.yaml"),
                    3},
        BadPipeline{"beyond_the_data", replaced(with_report(), "count: 100", "first: 99999"), 3},
        BadPipeline{"unreadable_model", replaced(with_report(), "net.onnx", "labels.gz"), 3},
        BadPipeline{
            "no_calibration",
            replaced(with_report(), "  calibration: { images: calibration.gz, count: 64 }\n", ""),
            2},
        BadPipeline{"no_target", replaced(with_report(), "target: cpu\n", ""), 2},
        BadPipeline{"expect_too_much",
                    mnist_pipeline("report: { expect: { accuracy: \">= 2\" } }\n"), 2}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(BadInput, MissingPipeline) {
  const Workplace place;
  expect_golden("cli", "bad_missing_pipeline", transcript(place.run({"--config", "no.yaml"})));
}

TEST(BadInput, UnsupportedModel) {
  const fs::path data = std::getenv("NEUROTOOL_TEST_DATA") != nullptr
                            ? fs::path(std::getenv("NEUROTOOL_TEST_DATA"))
                            : fs::path(NEUROTOOL_TESTS_DIR) / ".." / ".." / "shared";
  const fs::path model = data / "bad-onnx/unknown_op.onnx";
  if (!fs::exists(model)) GTEST_SKIP() << "no corpus of bad models (set NEUROTOOL_TEST_DATA)";
  const Workplace place;
  fs::copy(model, place / "bad.onnx");
  place.write("p.yaml", replaced(with_report(), "net.onnx", "bad.onnx"));
  const ToolResult result = place.run({"--config", "p.yaml"});
  EXPECT_EQ(result.exit, 3);
  expect_golden("cli", "bad_unsupported_model", transcript(result));
}

TEST(BadInput, IncompatiblePlugin) {
  const Workplace place;
  place.write("plugins/neurotool_acme.so", "this is no shared library");
  place.write("p.yaml", replaced(with_report(), "target: cpu", "target: acme"));
  const ToolResult result = place.run({"--config", "p.yaml", "--plugin-path", "plugins"});
  EXPECT_EQ(result.exit, 4);
  EXPECT_NE(result.err.find("error[target."), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("neurotool_acme.so"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(place / "out"));
}

TEST(BadInput, OverrideIsNamedByItsNumber) {
  const Workplace place;
  place.write("p.yaml", with_report());
  expect_golden("cli", "bad_override",
                transcript(place.run({"--config", "p.yaml", "--set", "run.seed=2", "--set",
                                      "passes.qcfs.steps=zero"})));
  expect_golden("cli", "bad_override_syntax",
                transcript(place.run({"--config", "p.yaml", "--set", "run.seed"})));
}

TEST(BadInput, ExpectationThatIsNotMetStillLeavesTheReport) {
  const Workplace place;
  place.write("p.yaml",
              mnist_pipeline("report: { directory: out, expect: { accuracy: \"> 1\" } }\n"));
  const ToolResult result = place.run({"--config", "p.yaml"});
  EXPECT_EQ(result.exit, 1);
  EXPECT_NE(result.out.find("spiking accuracy"), std::string::npos);
  EXPECT_NE(result.err.find("error[run.expect]"), std::string::npos) << result.err;
  EXPECT_TRUE(fs::exists(place / "out/report.json"));
}

}  // namespace
}  // namespace neurotool::test
