// Presets against what the simulators themselves wrote: every run of the manifest, spike for spike,
// and every refusal; and the membrane traces of the NIR paper.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "support/nir_golden.hpp"
#include "support/test_data.hpp"

namespace neurotool {
namespace {

std::filesystem::path examples() { return test::test_data() / "nir-examples"; }

TEST(NirGolden, EveryTraceIsReproducedWithoutAMismatch) {
  NT_NEEDS_DATA(examples() / "golden" / "manifest.json");
  int compared = 0;
  for (const test::GoldenRun& run : test::golden_runs(examples())) {
    if (run.output.empty()) continue;
    SCOPED_TRACE(run.network + " in " + run.simulator);
    const auto wanted = read_npy(run.output);
    ASSERT_TRUE(wanted) << to_string(wanted.error());
    const auto found = test::replay(run);
    if (!found) {
      ADD_FAILURE() << to_string(found.error());
      continue;
    }
    EXPECT_EQ(test::mismatches(*found, *wanted), 0) << "of " << wanted->size();
    ++compared;
  }
  EXPECT_EQ(compared, 32);
}

TEST(NirGolden, WhatASimulatorRefusedItsPresetRefuses) {
  NT_NEEDS_DATA(examples() / "golden" / "manifest.json");
  int refused = 0;
  for (const test::GoldenRun& run : test::golden_runs(examples())) {
    if (!run.output.empty()) continue;
    SCOPED_TRACE(run.network + " in " + run.simulator + ": " + run.refusal);
    const auto found = test::replay(run);
    if (test::is_outdated(run)) {
      EXPECT_TRUE(found) << to_string(found.error());
      continue;
    }
    ASSERT_FALSE(found);
    EXPECT_TRUE(found.error().code == "nir.preset" || found.error().code == "nir.unsupported-node")
        << to_string(found.error());
    ++refused;
  }
  EXPECT_EQ(refused, 8);
}

/// One simulator's trace of the paper's LIF task: input spikes, membrane, output spikes.
struct PaperTrace {
  std::vector<float> input;
  std::vector<double> membrane, spikes;
};

PaperTrace read_trace(const std::string& name) {
  PaperTrace trace;
  std::ifstream stream(examples() / "nir-paper" / "01_lif" / name);
  for (std::string line; std::getline(stream, line);) {
    std::stringstream cells(line);
    std::string cell;
    std::getline(cells, cell, ',');
    trace.input.push_back(std::stof(cell) != 0 ? 1.0F : 0.0F);
    std::getline(cells, cell, ',');
    trace.membrane.push_back(std::stod(cell));
    std::getline(cells, cell, ',');
    trace.spikes.push_back(std::stod(cell));
  }
  return trace;
}

struct PaperCase {
  std::string file;
  nir::Discretization discretization;
  double membrane_unit = 1;  ///< of the trace
  double input_unit = 1;     ///< what a spike of the input is worth
  std::size_t later = 0;     ///< steps by which the trace lags
  double tolerance = 1e-6;   ///< of the largest membrane
};

std::vector<PaperCase> paper_cases() {
  using namespace nir;
  Discretization norse = *preset("norse"), snntorch = *preset("snntorch_1_0"),
                 ode = *preset("nir_ode"), euler = *preset("lava"), late = *preset("spyx");
  norse.dt = late.dt = 1e-4;
  ode.width = FloatWidth::kFloat64;
  ode.reset = ResetRule::kZero;
  Discretization subtract = *preset("nir_ode");
  subtract.integrator = Integrator::kNormFree;
  subtract.reset = ResetRule::kSubtract;
  return {{"lif_norse.csv", norse},
          {"lif_snntorch.csv", snntorch, 25},
          {"lif_lava_cpu_float.csv", euler, 1, 1, 1},
          {"lif_nengo.csv", ode, 10},
          {"lif_spyx.csv", late, 1, 0.04},
          {"lif_rockpool.csv", subtract, 1, 0.04},
          {"lif_sinabs.csv", subtract, 1, 0.04},
          // Its decay is a fixed-point number with 4 digits.
          {"lif_spinnaker2.csv", snntorch, 25, 1, 0, 3e-4}};
}

TEST(NirGolden, MembranesOfThePaperAreWithinAMillionth) {
  const auto file = examples() / "nir-paper" / "01_lif" / "lif_norse.nir";
  NT_NEEDS_DATA(file);
  Diagnostics diagnostics;
  const auto document = nir::read(file, diagnostics);
  ASSERT_TRUE(document) << to_string(document.error());
  for (const PaperCase& item : paper_cases()) {
    SCOPED_TRACE(item.file);
    PaperTrace trace = read_trace(item.file);
    ASSERT_EQ(trace.input.size(), 1000U);
    for (float& value : trace.input) value *= static_cast<float>(item.input_unit);
    // The trace of snnTorch is of the membrane that compares with a threshold 25 times as high.
    const double unit =
        item.discretization.dialect == nir::Dialect::kSnntorch ? 1 : item.membrane_unit;
    const auto simulator =
        nir::Simulator::make(document->graph, file.string(), item.discretization, diagnostics);
    ASSERT_TRUE(simulator) << to_string(simulator.error());
    std::vector<double> membrane, spikes;
    const std::vector<Tensor> inputs{Tensor::from<float>({1000, 1}, trace.input)};
    const auto done = simulator->run(inputs, 1000, [&](const nir::NodeStep& step) {
      if (step.type != "LIF") return;
      membrane.push_back(step.membrane[0] * unit);
      spikes.push_back(step.output[0]);
    });
    ASSERT_TRUE(done) << to_string(done.error());
    double largest = 0, worst = 0;
    std::size_t wrong = 0;
    for (std::size_t t = item.later; t < membrane.size(); ++t) {
      largest = std::max(largest, std::abs(trace.membrane[t]));
      worst = std::max(worst, std::abs(membrane[t - item.later] - trace.membrane[t]));
      wrong += spikes[t - item.later] != trace.spikes[t];
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_LE(worst, item.tolerance * largest) << worst << " of " << largest;
  }
}

}  // namespace
}  // namespace neurotool
