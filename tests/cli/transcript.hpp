// What a command said, as one text for golden files; and a folder with a model and data to say it
// in.
#pragma once

#include <filesystem>
#include <regex>
#include <string>

#include "support/golden.hpp"
#include "support/run_tool.hpp"
#include "support/temp_folder.hpp"

namespace neurotool::test {

/// Without the times of stages, which only a run that takes long prints.
inline std::string without_stage_times(const std::string& text) {
  static const std::regex stage("[a-z][a-z _]{19} +[0-9]+\\.[0-9]{2} s\n");
  return std::regex_replace(text, stage, "");
}

inline std::string transcript(const ToolResult& result) {
  std::string text = "exit " + std::to_string(result.exit) + "\n--- stdout\n" + result.out +
                     "--- stderr\n" + without_stage_times(result.err);
  const std::string built = NEUROTOOL_BUILD_PLUGIN_DIR;  // differs between machines
  for (std::size_t at = text.find(built); at != text.npos; at = text.find(built)) {
    text.replace(at, built.size(), "<plugins>");
  }
  return text;
}

/// net.onnx, cnn.onnx, images.gz, labels.gz and calibration.gz in a folder of their own, so that
/// messages hold no paths of this machine.
class Workplace {
 public:
  Workplace() {
    const std::filesystem::path configs =
        std::filesystem::path(NEUROTOOL_TESTS_DIR) / ".." / "configs";
    link(configs / "models/mnist_mlp_784_128_10.onnx", "net.onnx");
    link(configs / "models/mnist_cnn_avg_bn.onnx", "cnn.onnx");
    link(configs / "data/t10k-images-idx3-ubyte.gz", "images.gz");
    link(configs / "data/t10k-labels-idx1-ubyte.gz", "labels.gz");
    link(configs / "data/mnist_calibration-idx3-ubyte.gz", "calibration.gz");
  }

  const std::filesystem::path& path() const { return temp_.path(); }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path() / name; }
  void write(const std::filesystem::path& name, std::string_view content) const {
    temp_.write(name, content);
  }
  /// Runs the tool here, with the plugins of this build.
  ToolResult run(std::vector<std::string> arguments) const {
    return run_tool(call(std::move(arguments)));
  }
  ToolCall call(std::vector<std::string> arguments) const {
    return {.arguments = std::move(arguments),
            .folder = path(),
            .environment = {{"HOME", "/nowhere"}, {"XDG_DATA_HOME", ""}}};
  }

 private:
  void link(const std::filesystem::path& from, const char* name) const {
    std::filesystem::create_symlink(std::filesystem::canonical(from), temp_ / name);
  }
  TempFolder temp_;
};

/// A pipeline that classifies `count` images; `more` is appended.
inline std::string mnist_pipeline(std::string_view more = "", int count = 100) {
  return "version: 1\n"
         "model: { path: net.onnx }\n"
         "data:\n"
         "  test:        { images: images.gz, labels: labels.gz, count: " +
         std::to_string(count) +
         " }\n"
         "  calibration: { images: calibration.gz, count: 64 }\n"
         "  preprocess:  { divide: 255 }\n"
         "passes: [infer_shapes, fold_constants, remove_identity, fold_batch_norm, qcfs: { steps: "
         "8 }]\n"
         "target: cpu\n" +
         std::string(more);
}

}  // namespace neurotool::test
