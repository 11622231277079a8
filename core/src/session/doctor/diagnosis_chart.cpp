// One row per layer: the four errors side by side as a stacked bar, the accuracy up to the layer as
// a dot. Coordinates are whole numbers, so the file is the same on every machine.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "session/doctor/diagnosis.hpp"
#include "session/svg.hpp"

namespace neurotool {
namespace {

constexpr int kLabel = 180, kBars = 360, kGap = 40, kDots = 220, kRow = 22, kTop = 64;

struct Part {
  std::string_view name, colour;
  double LayerDiagnosis::*error;
};
constexpr std::array kParts{
    Part{"inherited", svg::kGrey, &LayerDiagnosis::inherited},
    Part{"clipping", svg::kRed, &LayerDiagnosis::clipping},
    Part{"quantisation", svg::kBlue, &LayerDiagnosis::quantization},
    Part{"unevenness", svg::kYellow, &LayerDiagnosis::unevenness},
};

double total_error(const LayerDiagnosis& layer) {
  double sum = 0;
  for (const Part& part : kParts) sum += layer.*part.error;
  return sum;
}

std::string legend() {
  std::string text;
  int x = kLabel;
  for (const Part& part : kParts) {
    text += svg::box(x, 32, 12, 12, part.colour);
    text += svg::label(x + 17, 43, part.name);
    x += 90;
  }
  return text;
}

std::string error_bar(const LayerDiagnosis& layer, int y, double largest) {
  std::string text;
  double before = 0;
  for (const Part& part : kParts) {
    const double here = before + layer.*part.error;
    const auto place = [&](double value) {
      return largest > 0 ? static_cast<int>(std::lround(kBars * value / largest)) : 0;
    };
    text +=
        svg::box(kLabel + place(before), y + 3, place(here) - place(before), kRow - 8, part.colour);
    before = here;
  }
  return text;
}

int accuracy_place(const Accuracy& accuracy) {
  return kLabel + kBars + kGap + static_cast<int>(std::lround(kDots * accuracy.share()));
}

}  // namespace

std::string diagnosis_chart(const Diagnosis& diagnosis) {
  if (diagnosis.layers.empty()) return {};
  double largest = 0;
  for (const LayerDiagnosis& layer : diagnosis.layers) {
    largest = std::max(largest, total_error(layer));
  }
  const int rows = static_cast<int>(diagnosis.layers.size());
  const int bottom = kTop + rows * kRow;
  const int right = kLabel + kBars + kGap;
  std::string text = svg::begin(right + kDots + 60, bottom + 16, "Errors of each layer");
  text += svg::label(kLabel, 20, fmt::format("Errors, longest bar {:.0f} %", 100 * largest),
                     svg::Anchor::kStart, svg::Style::kBold);
  text += svg::label(right, 20, "Accuracy up to here", svg::Anchor::kStart, svg::Style::kBold);
  text += legend();
  const int goal = accuracy_place(diagnosis.float_accuracy);
  text += svg::line(goal, kTop, goal, bottom, svg::kGreen);
  text += svg::label(right, 43,
                     fmt::format("line: float, {:.1f} %", 100 * diagnosis.float_accuracy.share()));
  for (int i = 0; i < rows; ++i) {
    const LayerDiagnosis& layer = diagnosis.layers[static_cast<std::size_t>(i)];
    const int y = kTop + i * kRow;
    text += svg::label(kLabel - 8, y + 15, layer.population, svg::Anchor::kEnd);
    text += error_bar(layer, y, largest);
    text += svg::line(right, y + 10, right + kDots, y + 10, svg::kPale);
    text += svg::dot(accuracy_place(layer.up_to_here), y + 10, 4, svg::kGreen);
    text += svg::label(right + kDots + 8, y + 15,
                       fmt::format("{:.1f}", 100 * layer.up_to_here.share()));
  }
  return text + "</svg>\n";
}

}  // namespace neurotool
