// The table that a run leaves on the terminal: short enough to be read at once.
#include <fmt/format.h>

#include "base/text.hpp"
#include "session/report_rows.hpp"

namespace neurotool {
namespace {

std::string origin_text(const std::optional<Origin>& origin) {
  return origin ? std::string(origin_name(*origin)) : std::string();
}

/// A plan has no results to show; its structure is the answer.
std::string population_table(const Report& report) {
  std::vector<std::vector<std::string>> rows{
      {"population", "model", "shape", "neurons", "synapses in"}};
  for (const PopulationReport& row : report.populations) {
    rows.push_back({row.name, row.model, row.shape,
                    with_thousands(static_cast<std::uint64_t>(row.neurons)),
                    with_thousands(static_cast<std::uint64_t>(row.synapses_in))});
  }
  return align_columns(rows, {false, false, false, true, true});
}

std::string pass_line(const Report& report) {
  std::string line;
  for (const PassReport& pass : report.passes) {
    if (!line.empty()) line += ", ";
    line += pass.name;
    if (pass.ran && !pass.changed) line += " (no change)";
  }
  return line.empty() ? line : "passes: " + line + "\n";
}

}  // namespace

std::string report_text(const Report& report) {
  std::string text = report_title(report) + "\n\n";
  const bool is_plan = !report.spiking_accuracy;
  if (is_plan) {
    text += pass_line(report);
    if (!report.populations.empty()) text += population_table(report) + "\n";
  }
  std::vector<std::vector<std::string>> rows;
  for (const ReportRow& row : headline(report)) {
    rows.push_back({row.label, row.value, row.unit, origin_text(row.origin)});
  }
  if (!is_plan) {
    rows.push_back({"time", fmt::format("{:.2f}", report.timing.total_seconds),
                    "s on this computer", std::string(origin_name(Origin::kMeasured))});
  }
  if (!rows.empty()) text += align_columns(rows, {false, true, false, false});
  if (report.provisional) {
    text += "thresholds are provisional: a plan sees no calibration data\n";
  }
  for (const ExpectationResult& item : report.expectations) {
    text += fmt::format("expected {} {} {}: {}\n", item.metric, item.comparison,
                        number_text(item.wanted),
                        item.met ? "met" : "not met, found " + number_text(item.found));
  }
  if (report.nir_export) text += "\n" + nir_export_text(*report.nir_export);
  if (report.diagnosis) text += "\n" + diagnosis_text(*report.diagnosis);
  return text;
}

}  // namespace neurotool
