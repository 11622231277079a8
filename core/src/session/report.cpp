// The lines that open every report: one table for the terminal and for Markdown.
#include "session/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "session/report_rows.hpp"

namespace neurotool {
namespace {

/// Percent with as many decimals as so many samples can show, two at least.
std::string percent_text(const Accuracy& accuracy) {
  const int decimals = accuracy.samples > 10'000 ? 3 : 2;
  return fmt::format("{:.{}f}", 100 * accuracy.share(), decimals);
}

std::string samples_text(const Accuracy& accuracy) {
  return fmt::format("% ({} of {})", with_thousands(static_cast<std::uint64_t>(accuracy.correct)),
                     with_thousands(static_cast<std::uint64_t>(accuracy.samples)));
}

void add_accuracy(const Report& report, std::vector<ReportRow>& rows) {
  if (const auto& accuracy = report.float_accuracy) {
    rows.push_back(
        {"float accuracy", percent_text(*accuracy), samples_text(*accuracy), Origin::kMeasured});
  }
  if (const auto& accuracy = report.tensor_accuracy) {
    rows.push_back({"after tensor passes", percent_text(*accuracy), samples_text(*accuracy),
                    Origin::kMeasured});
  }
  if (const auto& accuracy = report.spiking_accuracy) {
    rows.push_back(
        {"spiking accuracy", percent_text(*accuracy), samples_text(*accuracy), Origin::kSimulated});
  }
  if (const auto gap = accuracy_gap(report)) {
    rows.push_back({"gap", fmt::format("{:.2f}", *gap), "percentage points", Origin::kSimulated});
  }
  if (report.agreement && report.samples > 0) {
    const double share =
        static_cast<double>(*report.agreement) / static_cast<double>(report.samples);
    rows.push_back({"agreement", fmt::format("{:.2f}", 100 * share), "% same class as float",
                    Origin::kSimulated});
  }
}

void add_metric(const Report& report, std::string_view name, std::string label, std::string unit,
                std::vector<ReportRow>& rows) {
  const Metric* metric = find_metric(report, name);
  if (metric == nullptr) return;
  rows.push_back({std::move(label), count_text(metric->value), std::move(unit), metric->origin});
}

}  // namespace

const Metric* find_metric(const Report& report, std::string_view name) {
  const auto found = std::ranges::find(report.metrics, name, &Metric::name);
  return found == report.metrics.end() ? nullptr : &*found;
}

std::optional<double> accuracy_gap(const Report& report) {
  if (!report.float_accuracy || !report.spiking_accuracy) return std::nullopt;
  const Accuracy &real = *report.float_accuracy, &spiking = *report.spiking_accuracy;
  // A difference of counts where it can be: that of the shares is not 0.5 but a little more.
  if (real.samples == spiking.samples) {
    return 100 * Accuracy{real.correct - spiking.correct, real.samples}.share();
  }
  return 100 * (real.share() - spiking.share());
}

std::string count_text(double value) {
  const double size = std::abs(value);
  if (size < 1e15 && (size >= 1000 || value == std::trunc(value))) {
    const std::string digits = with_thousands(static_cast<std::uint64_t>(std::llround(size)));
    return value < 0 ? "-" + digits : digits;
  }
  if (size >= 1e15 || size < 0.01) return fmt::format("{:.3g}", value);
  return fmt::format("{:.{}f}", value, size < 1 ? 4 : 2);
}

std::string seconds_text(double seconds) { return fmt::format("{:.2f} s", seconds); }

std::string report_title(const Report& report) {
  std::string title = report.title;
  if (!report.target.empty()) title += " on " + report.target;
  if (!report.target_version.empty()) title += " " + report.target_version;
  return escape_control(title);
}

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

std::vector<ReportRow> headline(const Report& report) {
  std::vector<ReportRow> rows;
  add_accuracy(report, rows);
  if (report.steps > 0) rows.push_back({"steps", with_thousands(report.steps), "per sample", {}});
  add_metric(report, "events_per_neuron", "events per neuron", "per sample", rows);
  add_metric(report, "synaptic_operations_per_sample", "synaptic operations", "per sample", rows);
  add_metric(report, "input_macs_per_sample", "input multiplications", "per sample", rows);
  if (const Metric* sparsity = find_metric(report, "activation_sparsity")) {
    rows.push_back({"sparsity", fmt::format("{:.2f}", 100 * sparsity->value),
                    "% of neuron steps silent", sparsity->origin});
  }
  if (report.populations.empty()) return rows;
  rows.push_back({"neurons", with_thousands(static_cast<std::uint64_t>(report.neurons)), "", {}});
  rows.push_back({"synapses", with_thousands(static_cast<std::uint64_t>(report.synapses)), "", {}});
  return rows;
}

}  // namespace neurotool
