// Histograms of weights: a small panel for each projection, three in a row, around zero.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "session/raster.hpp"
#include "session/report_rows.hpp"
#include "session/svg.hpp"

namespace neurotool {
namespace {

constexpr int kBins = 33, kBinWidth = 6, kPlot = 60, kPanelWidth = 234, kPanelHeight = 124;
constexpr int kColumns = 3, kTop = 36, kLeft = 16;

struct Histogram {
  std::string from, to;
  std::int64_t count = 0, zeros = 0;
  double most = 0;  ///< largest magnitude; the bins span twice of it
  std::array<std::int64_t, kBins> bins{};
};

Histogram histogram_of(const SpikeGraph& graph, const Projection& projection,
                       const Tensor& weights) {
  Histogram made{.from = graph[projection.source].name, .to = graph[projection.target].name};
  made.count = weights.size();
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    made.most = std::max(made.most, std::abs(weights.at(i)));
  }
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    const double w = weights.at(i);
    if (w == 0) ++made.zeros;
    const double place = made.most > 0 ? (w / made.most + 1) / 2 * kBins : kBins / 2.0;
    ++made.bins[static_cast<std::size_t>(std::clamp(static_cast<int>(place), 0, kBins - 1))];
  }
  return made;
}

std::string panel(const Histogram& h, int x, int y) {
  const std::int64_t largest = std::max<std::int64_t>(1, *std::ranges::max_element(h.bins));
  std::string text = svg::label(x, y + 12, h.from + " \xe2\x86\x92 " + h.to);
  text += svg::box(x, y + 18, kBins * kBinWidth, kPlot, svg::kPale);
  for (int bin = 0; bin < kBins; ++bin) {
    const std::int64_t count = h.bins[static_cast<std::size_t>(bin)];
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(largest);
    const int height = std::max(1, static_cast<int>(std::lround(share * kPlot)));
    text +=
        svg::box(x + bin * kBinWidth, y + 18 + kPlot - height, kBinWidth - 1, height, svg::kBlue);
  }
  const int axis = y + 18 + kPlot + 12;
  text +=
      svg::label(x, axis, fmt::format("-{:.4g}", h.most), svg::Anchor::kStart, svg::Style::kSmall);
  text +=
      svg::label(x + kBins * kBinWidth / 2 - 3, axis, "0", svg::Anchor::kStart, svg::Style::kSmall);
  text += svg::label(x + kBins * kBinWidth, axis, fmt::format("{:.4g}", h.most), svg::Anchor::kEnd,
                     svg::Style::kSmall);
  return text + svg::label(x, axis + 13,
                           fmt::format("{} weights, {} of them 0",
                                       count_text(static_cast<double>(h.count)),
                                       count_text(static_cast<double>(h.zeros))),
                           svg::Anchor::kStart, svg::Style::kSmall);
}

}  // namespace

std::string weights_chart(const SpikeGraph& graph, std::string_view title) {
  std::vector<Histogram> histograms;
  for (const ProjectionId id : graph.live_projections()) {
    const Tensor* weights = weight_of(graph[id].connectivity);
    if (weights == nullptr || !weights->defined() || weights->size() == 0) continue;
    histograms.push_back(histogram_of(graph, graph[id], *weights));
  }
  if (histograms.empty()) return {};
  const int count = static_cast<int>(histograms.size());
  const int rows = (count + kColumns - 1) / kColumns, columns = std::min(count, kColumns);
  std::string text =
      svg::begin(kLeft + std::max(columns * kPanelWidth, 300), kTop + rows * kPanelHeight, title);
  text += svg::label(kLeft, 20, "Weights of each projection, as stored", svg::Anchor::kStart,
                     svg::Style::kBold);
  for (int i = 0; i < count; ++i) {
    text += panel(histograms[static_cast<std::size_t>(i)], kLeft + i % kColumns * kPanelWidth,
                  kTop + i / kColumns * kPanelHeight);
  }
  return text + "</svg>\n";
}

}  // namespace neurotool
