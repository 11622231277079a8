// A bar chart as plain SVG: events per neuron of each population. Coordinates are whole numbers, so
// the file is the same on every machine.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "session/report_rows.hpp"

namespace neurotool {
namespace {

constexpr int kLabelWidth = 180, kBarWidth = 360, kValueWidth = 100, kRowHeight = 24, kTop = 36;

std::string xml(std::string_view text) {
  std::string result;
  for (const char c : escape_control(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string bar(const PopulationReport& row, int index, double largest) {
  const int y = kTop + index * kRowHeight;
  const double events = *row.events_per_neuron;
  const int length = largest > 0 ? static_cast<int>(std::lround(kBarWidth * events / largest)) : 0;
  std::string text = fmt::format("  <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                                 kLabelWidth - 8, y + 15, xml(row.name));
  text += fmt::format("  <rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#4477aa\"/>\n",
                      kLabelWidth, y + 3, length, kRowHeight - 8);
  return text + fmt::format("  <text x=\"{}\" y=\"{}\">{}</text>\n", kLabelWidth + length + 6,
                            y + 15, count_text(events));
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
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n",
      width, height);
  text += fmt::format("  <title>{}</title>\n", xml(report_title(report)));
  text += "  <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  text += fmt::format("  <text x=\"{}\" y=\"20\" font-weight=\"bold\">", kLabelWidth);
  text += "Events per neuron and sample (simulated)</text>\n";
  for (std::size_t i = 0; i < rows.size(); ++i) text += bar(*rows[i], static_cast<int>(i), largest);
  return text + "</svg>\n";
}

}  // namespace neurotool
