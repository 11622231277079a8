// The traces that other simulators wrote for NIR files (nir-examples/golden/manifest.json), and
// ours for the same files. Shared by the test and by bench/nir_interop.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "eval/nir/simulate.hpp"
#include "io/nir/nir_file.hpp"
#include "io/npy.hpp"

namespace neurotool::test {

struct GoldenRun {
  std::string network, simulator;  ///< as the manifest names them: "norse_subtract"
  std::filesystem::path file, input;
  std::filesystem::path output;  ///< empty: the simulator refused the file
  std::string refusal;           ///< what it said then
  nir::Discretization discretization;
};

/// The preset of a run, with what the run's notes say about it.
inline nir::Discretization golden_preset(const std::string& simulator, const std::string& network) {
  using nir::preset;
  if (simulator.starts_with("norse")) {
    nir::Discretization made = *preset("norse");
    made.dt = network == "qcfs_cnn" ? 1.0 / 8192 : 1e-4;
    if (simulator == "norse_subtract" || network == "qcfs_cnn")
      made.reset = nir::ResetRule::kSubtract;
    return made;
  }
  // The traces are of May 2026.
  return *preset(simulator == "snntorch" ? "snntorch_1_0" : simulator);
}

inline std::vector<GoldenRun> golden_runs(const std::filesystem::path& examples) {
  std::ifstream stream(examples / "golden" / "manifest.json");
  std::stringstream text;
  text << stream.rdbuf();
  const auto manifest = Json::parse(text.str());
  std::vector<GoldenRun> runs;
  if (!manifest) return runs;
  const auto string_of = [](const Json* value) {
    return value ? std::get<std::string>(value->value()) : std::string();
  };
  for (const Json& network : std::get<Json::Array>(manifest->find("cases")->value())) {
    const std::string name = string_of(network.find("name"));
    for (const auto& [simulator, run] : std::get<Json::Object>(network.find("runs")->value())) {
      GoldenRun made{.network = name,
                     .simulator = simulator,
                     .file = examples / string_of(network.find("nir")),
                     .input = examples / "golden" / string_of(network.find("input")),
                     .output = {},
                     .refusal = string_of(run.find("error")),
                     .discretization = golden_preset(simulator, name)};
      if (run.find("file")) made.output = examples / "golden" / string_of(run.find("file"));
      runs.push_back(std::move(made));
    }
  }
  return runs;
}

/// Refusals that newer releases took back: spikingjelly reads a CubaLIF since 2.0.
inline bool is_outdated(const GoldenRun& run) {
  return run.simulator == "spikingjelly" && run.refusal.find("CubaLIF") != std::string::npos;
}

/// What our presets make of the run's file and input. Errors: those of reading and of the preset.
inline Result<Tensor> replay(const GoldenRun& run) {
  Diagnostics diagnostics;
  NT_TRY(const nir::Document document, nir::read(run.file, diagnostics));
  NT_TRY(const Tensor input, read_npy(run.input));
  NT_TRY(const nir::Simulator simulator,
         nir::Simulator::make(document.graph, run.file.string(), run.discretization, diagnostics));
  const std::vector<Tensor> inputs{input.converted(DType::kFloat32)};
  NT_TRY(std::vector<Tensor> outputs,
         simulator.run(inputs, static_cast<std::uint64_t>(input.shape()[0])));
  return std::move(outputs.front());
}

/// Elements that differ; all of them where the counts do.
inline std::int64_t mismatches(const Tensor& found, const Tensor& wanted) {
  if (found.size() != wanted.size()) return wanted.size();
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < wanted.size(); ++i) count += found.at(i) != wanted.at(i);
  return count;
}

}  // namespace neurotool::test
