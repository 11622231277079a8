// What a test of this layer needs around a plugin: a registry that looks into the fixtures' folder,
// a sink, a progress, and options as YAML.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "support/temp_folder.hpp"
#include "target/target.hpp"

namespace neurotool::test {

inline std::filesystem::path fixtures() { return NEUROTOOL_FIXTURES_DIR; }

/// Stops at the n-th update; 0: never.
class CountingProgress final : public Progress {
 public:
  explicit CountingProgress(int stop_at = 0) : stop_at_(stop_at) {}
  void stage(std::string_view) override {}
  bool update(double fraction, std::string_view) override {
    last_fraction = fraction;
    return ++updates != stop_at_;
  }
  std::atomic<int> updates{0};
  std::atomic<double> last_fraction{0};

 private:
  int stop_at_;
};

struct Bench {
  Diagnostics diagnostics;
  CountingProgress progress;
  std::filesystem::path artifacts;
  TargetRegistry registry;

  explicit Bench(std::filesystem::path artifacts_folder = {}, int stop_at = 0)
      : progress(stop_at),
        artifacts(std::move(artifacts_folder)),
        registry({.files = {}, .folders = {fixtures()}}) {}

  PluginCall call() { return {diagnostics, progress, artifacts}; }

  Result<Target> open(const std::string& name, const std::string& options = "") {
    yaml::Node node;
    if (!options.empty()) {
      auto parsed = yaml::parse(options, "options.yaml", diagnostics);
      if (!parsed) return std::move(parsed).error();
      node = *std::move(parsed);
    }
    return registry.open({.name = name, .at = {}, .version = {}, .sha256 = {}}, node,
                         "target.options", call());
  }

  /// All findings, one per line: "error[code] message".
  std::string findings() const {
    std::string text;
    for (const Diagnostic& item : diagnostics.all()) text += to_string(item);
    return text;
  }
};

/// The value, or a failed test that prints the error.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error("unexpected: " + to_string(result.error()));
  return *std::move(result);
}

}  // namespace neurotool::test
