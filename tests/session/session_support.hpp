// Whole sessions on the shipped MNIST perceptron, on few samples.
#pragma once

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "session/session.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::test {

namespace fs = std::filesystem;

inline const fs::path kConfigs = fs::path(NEUROTOOL_TESTS_DIR) / ".." / "configs";

inline std::string model_line() {
  return "model: { path: " + (kConfigs / "models/mnist_mlp_784_128_10.onnx").string() + " }\n";
}

inline std::string data_section(std::string_view test_extra = "") {
  const std::string data = (kConfigs / "data").string();
  return "data:\n  test: { images: " + data + "/t10k-images-idx3-ubyte.gz, labels: " + data +
         "/t10k-labels-idx1-ubyte.gz, count: 200" + std::string(test_extra) +
         " }\n  calibration: { images: " + data +
         "/mnist_calibration-idx3-ubyte.gz, count: 64 }\n  preprocess: { divide: 255 }\n";
}

inline constexpr std::string_view kPasses =
    "passes: [infer_shapes, fold_constants, remove_identity, fold_batch_norm, "
    "qcfs: { steps: 8 }]\n";

inline std::string whole_pipeline(std::string_view more) {
  return "version: 1\n" + model_line() + data_section() + std::string(kPasses) + "target: cpu\n" +
         std::string(more);
}

inline PipelineConfig read(const fs::path& file, std::vector<std::string> sets = {}) {
  Diagnostics diagnostics;
  std::vector<Override> overrides;
  for (const std::string& text : sets) {
    overrides.push_back(*parse_override(text, static_cast<std::uint32_t>(overrides.size() + 1)));
  }
  auto config = read_pipeline(file, overrides, diagnostics);
  if (!config) throw std::runtime_error(to_string(config.error()));
  return *std::move(config);
}

inline SessionOptions options() {
  SessionOptions result;
  result.plugins.folders = {NEUROTOOL_BUILD_PLUGIN_DIR};
  result.tool_version = "0.0.0";
  return result;
}

struct Ended {
  SessionResult result;
  std::vector<Diagnostic> diagnostics;
  std::string code() const {
    for (const Diagnostic& item : diagnostics) {
      if (item.severity == Severity::kError) return item.code;
    }
    return "";
  }
  bool has(std::string_view code) const {
    return std::ranges::find(diagnostics, code, &Diagnostic::code) != diagnostics.end();
  }
  std::string text() const {
    std::string all;
    for (const Diagnostic& item : diagnostics) all += to_string(item);
    return all;
  }
};

inline Ended run(PipelineConfig config, SessionOptions with = options()) {
  Diagnostics diagnostics;
  NoProgress progress;
  Ended ended{.result = Session(std::move(config), std::move(with)).run(diagnostics, progress),
              .diagnostics = diagnostics.all()};
  return ended;
}

inline Ended plan(PipelineConfig config) {
  Diagnostics diagnostics;
  NoProgress progress;
  Ended ended{.result = Session(std::move(config), options()).plan(diagnostics, progress),
              .diagnostics = diagnostics.all()};
  return ended;
}

/// report.json without what depends on the clock.
inline Json timeless(const fs::path& folder) {
  Json report = *Json::parse(slurp(folder / "report.json"));
  report["timing"] = nullptr;
  return report;
}

}  // namespace neurotool::test
