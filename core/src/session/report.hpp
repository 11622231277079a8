// The report: one data structure, three writers. Every number has a name, a unit and an origin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "config/schema.hpp"
#include "passes/instruments/instruments.hpp"
#include "passes/pass.hpp"
#include "target/target.hpp"

namespace neurotool {

inline constexpr int kReportSchema = 1;

struct PopulationReport {
  std::string name, model, shape;
  std::int64_t neurons = 0;
  std::int64_t synapses_in = 0;
  std::vector<std::string> origins;
  std::optional<double> events_per_neuron_step;   ///< simulated; absent when not run
  std::optional<double> synaptic_operations;      ///< per sample
};

/// Accuracy over labelled samples; counts, so that nothing is lost to rounding.
struct Accuracy {
  std::int64_t correct = 0, samples = 0;
  double share() const { return samples ? static_cast<double>(correct) / static_cast<double>(samples) : 0; }
};

struct ExpectationResult {
  std::string text;        ///< "accuracy >= 0.97"
  double found = 0;
  bool met = false;
};

struct Report {
  std::string title, tool_version;
  std::string model_path, model_sha256, target, target_version;
  std::vector<std::string> passes;               ///< in order
  std::string data_name;
  std::optional<Accuracy> float_accuracy, spiking_accuracy;
  std::int64_t agreement = 0;                    ///< samples where both give the same class
  std::uint64_t steps = 0, samples = 0, seed = 0;
  std::int64_t neurons = 0, synapses = 0;
  std::vector<Metric> metrics;                   ///< pushed by the target, and the derived ones
  std::vector<PopulationReport> populations;
  std::vector<PassFact> facts;
  std::vector<PassTiming> pass_times;
  std::vector<std::pair<std::string, double>> stage_seconds;   ///< wall time; left out of equality
  std::vector<ExpectationResult> expectations;
  std::vector<std::string> artifacts;
  std::vector<Diagnostic> diagnostics;           ///< warnings and notes of the run
};

/// The short table of the terminal.
std::string report_text(const Report& report);
/// Stable key order; everything that depends on the clock is under "timing" and nowhere else.
Json report_json(const Report& report);
std::string report_markdown(const Report& report);

}  // namespace neurotool
