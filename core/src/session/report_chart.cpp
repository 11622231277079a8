// A bar chart as plain SVG: events per neuron of each population.
#include <algorithm>
#include <cmath>

#include "session/report_rows.hpp"
#include "session/svg.hpp"

namespace neurotool {
namespace {

constexpr int kLabelWidth = 180, kBarWidth = 360, kValueWidth = 100, kRowHeight = 24, kTop = 36;

std::string bar(const PopulationReport& row, int index, double largest) {
  const int y = kTop + index * kRowHeight;
  const double events = *row.events_per_neuron;
  const int length = largest > 0 ? static_cast<int>(std::lround(kBarWidth * events / largest)) : 0;
  std::string text = svg::label(kLabelWidth - 8, y + 15, row.name, svg::Anchor::kEnd);
  text += svg::box(kLabelWidth, y + 3, length, kRowHeight - 8, svg::kBlue);
  return text + svg::label(kLabelWidth + length + 6, y + 15, count_text(events));
}

}  // namespace

std::string report_chart(const Report& report) {
  std::vector<const PopulationReport*> rows;
  double largest = 0;
  for (const PopulationReport& row : report.populations) {
    if (!row.events_per_neuron) continue;
    rows.push_back(&row);
    largest = std::max(largest, *row.events_per_neuron);
  }
  if (rows.empty()) return {};
  const int width = kLabelWidth + kBarWidth + kValueWidth;
  const int height = kTop + static_cast<int>(rows.size()) * kRowHeight + 8;
  std::string text = svg::begin(width, height, report_title(report));
  text += svg::label(kLabelWidth, 20, "Events per neuron and sample (simulated)",
                     svg::Anchor::kStart, svg::Style::kBold);
  for (std::size_t i = 0; i < rows.size(); ++i) text += bar(*rows[i], static_cast<int>(i), largest);
  return text + "</svg>\n";
}

}  // namespace neurotool
