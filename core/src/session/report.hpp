// The report: one data structure, three writers (terminal, JSON, Markdown) and a chart. Every
// number has a name, a unit and an origin. What depends on the clock or the machine is kept apart
// (Timing), so that two runs of one pipeline can be compared byte by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "config/schema.hpp"
#include "passes/instruments/instruments.hpp"
#include "passes/pass.hpp"
#include "session/accuracy.hpp"
#include "session/doctor/diagnosis.hpp"
#include "session/neurobench/metrics.hpp"
#include "session/nir_export.hpp"
#include "target/target.hpp"

namespace neurotool {

inline constexpr int kReportSchema = 1;

struct PopulationReport {
  std::string name, model, shape;
  std::int64_t neurons = 0;
  std::int64_t synapses_in = 0;
  std::vector<std::string> origins;              ///< nodes of the model file it came from
  std::optional<double> events_per_neuron = {};  ///< per sample; simulated; absent when not run
  std::optional<double> events_per_neuron_step = {};
  std::optional<double> synaptic_operations = {};  ///< arriving here, per sample
};

/// One pass as it ran: its options, every default filled in, and what it changed.
struct PassReport {
  std::string name, summary;
  std::vector<std::pair<std::string, OptionValue>> options;
  bool ran = false, changed = false;
  std::int64_t nodes_before = 0, nodes_after = 0;
  std::int64_t neurons_after = 0, synapses_after = 0;
};

/// A file that went into the run, by its name without folders: reports do not name machines.
struct InputFileReport {
  std::string role;  ///< "model", "test images", "plugin", …
  std::string name, sha256;
};

struct ExpectationResult {
  std::string metric, comparison;  ///< "accuracy", ">="
  double wanted = 0, found = 0;
  bool met = false;
};

/// A drawing in the report's folder that the report shows.
struct Figure {
  std::string file, caption, content;
};

/// Everything that two equal runs may differ in.
struct Timing {
  std::vector<std::pair<std::string, double>> stages;  ///< wall seconds, in order
  std::vector<PassTiming> passes;
  double total_seconds = 0;
  std::uint64_t threads = 0;
};

struct Report {
  std::string title;  ///< the model's name
  std::string tool_version;
  std::string target, target_version;  ///< empty: no target
  std::vector<InputFileReport> files;
  std::vector<PassReport> passes;
  std::string data_name;
  std::optional<Accuracy> float_accuracy, spiking_accuracy;
  /// The float network as it was lowered, where passes made another network of the imported one.
  std::optional<Accuracy> tensor_accuracy;
  std::optional<std::int64_t> agreement;  ///< samples where both give the same class
  std::uint64_t steps = 0, samples = 0, seed = 0;
  std::int64_t neurons = 0, spiking_neurons = 0, synapses = 0;
  bool provisional = false;                   ///< thresholds wait for data: a plan
  std::vector<Metric> metrics;                ///< derived here, then those the target pushed
  std::vector<PopulationReport> populations;  ///< in graph order; empty before lowering
  std::vector<PassFact> facts;
  std::vector<ExpectationResult> expectations;
  std::optional<neurobench::Metrics> neurobench_float, neurobench_spiking;
  std::optional<Diagnosis> diagnosis;  ///< when the doctor was asked
  std::optional<NirExportReport> nir_export;
  std::vector<std::string> artifacts;   ///< relative to the report folder
  std::vector<Figure> figures;          ///< beside report.md
  std::vector<Diagnostic> diagnostics;  ///< warnings and notes of the run
  Timing timing;
};

/// The metric with this name, or nullptr.
const Metric* find_metric(const Report& report, std::string_view name);
/// Float minus spiking accuracy in percentage points; nothing unless both are known.
std::optional<double> accuracy_gap(const Report& report);

/// The short table of the terminal.
std::string report_text(const Report& report);
/// Stable key order; everything that depends on the clock is under "timing" and nowhere else.
Json report_json(const Report& report);
/// For people; the last section, "Time", is the only one that depends on the clock.
std::string report_markdown(const Report& report);
/// Events per neuron of each population as an SVG bar chart; empty when nothing was simulated.
std::string report_chart(const Report& report);

}  // namespace neurotool
