// The lines that open every report, and the words its writers share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session/report.hpp"

namespace neurotool {

/// One line of the short table: "events per neuron", "3.21", "per sample", simulated.
struct ReportRow {
  std::string label, value, unit;
  std::optional<Origin> origin;  ///< nothing for settings and sizes, which are exact
};

/// Accuracy, cost and size, in the order in which people ask; rows that are not known are left out.
/// Holds no times.
std::vector<ReportRow> headline(const Report& report);

/// "1,234" for whole numbers, at most two decimals below 1000, none above.
std::string count_text(double value);
/// "2.31 s"
std::string seconds_text(double seconds);
/// "mnist_mlp on cpu 0.1.0"
std::string report_title(const Report& report);
std::string_view severity_word(Severity severity);

}  // namespace neurotool
