// Records the spikes of one sample and draws them, a path for each population.
#include "session/raster.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "session/report_rows.hpp"
#include "session/stimulus.hpp"
#include "session/svg.hpp"

namespace neurotool {
namespace {

constexpr int kLeft = 180, kTop = 36, kDotHeight = 3, kGap = 10, kMostDots = 32, kLeastHeight = 30;
constexpr int kWidth = 480, kWidest = 40, kRight = 24, kBottom = 28;
constexpr std::uint64_t kMostSteps = 480;

/// Neurons of a population that have a line: neuron i * neurons / lines has line i.
class Lines {
 public:
  explicit Lines(std::int64_t neurons)
      : neurons_(neurons), lines_(std::min<std::int64_t>(neurons, kMostDots)) {}

  int count() const { return static_cast<int>(lines_); }
  /// -1: this neuron has none.
  int line_of(std::int64_t neuron) const {
    const std::int64_t line =
        (neuron * lines_ + neurons_ - 1) / std::max<std::int64_t>(1, neurons_);
    return line < lines_ && line * neurons_ / lines_ == neuron ? static_cast<int>(line) : -1;
  }

 private:
  std::int64_t neurons_, lines_;
};

class Drawing {
 public:
  explicit Drawing(const SpikeRaster& raster)
      : raster_(raster),
        steps_(std::min(raster.steps, kMostSteps)),
        cell_(std::clamp(kWidth / std::max(1, static_cast<int>(steps_)), 1, kWidest)) {}

  std::string draw(std::string_view title) {
    int bottom = kTop;
    for (const RasterRow& row : raster_.rows) bottom += height_of(row) + kGap;
    const int field = cell_ * static_cast<int>(steps_);
    std::string text = svg::begin(kLeft + std::max(field, 220) + kRight, bottom + kBottom, title);
    text += svg::label(kLeft, 20, heading(), svg::Anchor::kStart, svg::Style::kBold);
    int y = kTop;
    for (const RasterRow& row : raster_.rows) {
      text += svg::box(kLeft, y, field, height_of(row), svg::kPale);
      text += population(row, y);
      y += height_of(row) + kGap;
    }
    return text + axis(y) + "</svg>\n";
  }

 private:
  static int height_of(const RasterRow& row) {
    return std::max(kLeastHeight, Lines(row.neurons).count() * kDotHeight);
  }

  std::string heading() const {
    std::string text = fmt::format("Spikes of sample {} (simulated)", raster_.sample);
    if (steps_ < raster_.steps) {
      text += fmt::format(", the first {} of {} steps", steps_, raster_.steps);
    }
    return text;
  }

  std::string population(const RasterRow& row, int y) const {
    const Lines lines(row.neurons);
    std::string text = svg::label(kLeft - 8, y + 12, row.population, svg::Anchor::kEnd);
    const std::string all = count_text(static_cast<double>(row.neurons));
    text +=
        svg::label(kLeft - 8, y + 25,
                   lines.count() < row.neurons ? fmt::format("{} of {} neurons", lines.count(), all)
                                               : fmt::format("{} neurons", all),
                   svg::Anchor::kEnd, svg::Style::kSmall);
    return text + dots(row, lines, y, false) + dots(row, lines, y, true);
  }

  std::string dots(const RasterRow& row, const Lines& lines, int y, bool negative) const {
    std::string path;
    const int width = std::max(1, cell_ - 2);
    for (const RasterEvent& event : row.events) {
      const int line = lines.line_of(event.neuron);
      if (line < 0 || event.negative != negative || event.step >= steps_) continue;
      path += fmt::format("M{} {}h{}v{}h-{}z",
                          kLeft + cell_ * static_cast<int>(event.step) + (cell_ > 2 ? 1 : 0),
                          y + line * kDotHeight, width, kDotHeight - 1, width);
    }
    if (path.empty()) return {};
    return fmt::format("  <path fill=\"{}\" d=\"{}\"/>\n", negative ? svg::kRed : svg::kBlue, path);
  }

  /// Numbers of steps, far enough from each other to be read.
  std::string axis(int y) const {
    const int every = std::max(1, (28 + cell_ - 1) / cell_);
    std::string text = svg::label(kLeft - 8, y + 8, "step", svg::Anchor::kEnd, svg::Style::kSmall);
    for (int step = 0; step < static_cast<int>(steps_); step += every) {
      text += svg::label(kLeft + step * cell_ + cell_ / 2 - 3, y + 8, std::to_string(step),
                         svg::Anchor::kStart, svg::Style::kSmall);
    }
    return text;
  }

  const SpikeRaster& raster_;
  const std::uint64_t steps_;
  const int cell_;
};

}  // namespace

Result<SpikeRaster> record_raster(const Program& program, const SpikeGraph& graph,
                                  const SampleSource& data, std::uint64_t steps, std::uint64_t seed,
                                  Progress& progress) {
  SpikeRaster raster{.sample = 0, .steps = steps, .rows = {}};
  SimulateRequest request{.samples = 1, .steps = steps, .seed = seed, .stimuli = {}, .probes = {}};
  std::vector<std::size_t> row_of(graph.populations.size(), 0);
  for (const PopulationId id : graph.live_populations()) {
    if (firing_of(graph[id].neuron) == nullptr) continue;
    row_of[id.index] = raster.rows.size();
    raster.rows.push_back({graph[id].name, graph[id].size(), {}});
    request.probes.push_back({id, "spikes"});
  }
  if (raster.rows.empty() || data.size() == 0) return SpikeRaster{};
  NT_TRY(const PopulationId input, only_input(graph));
  NT_TRY(const Tensor sample, data.batch(0, 1));
  NT_TRY(BatchStimulus stimulus, make_stimulus(graph, input, sample, 0, steps, seed));
  request.stimuli.push_back(std::move(stimulus));
  Diagnostics unheard;  // every finding about the sample has been reported by the run itself
  NT_TRY(const RunResult run, program.simulate(request, {unheard, progress, {}}));
  for (const SpikeRecord& record : run.spikes) {
    RasterRow& row = raster.rows[row_of[record.population.index]];
    for (std::size_t i = 0; i < record.neurons.size(); ++i) {
      row.events.push_back({record.step, static_cast<std::int64_t>(record.neurons[i]),
                            !record.payloads.empty() && record.payloads[i] < 0});
    }
  }
  return raster;
}

std::string raster_chart(const SpikeRaster& raster, std::string_view title) {
  if (raster.rows.empty() || raster.steps == 0) return {};
  return Drawing(raster).draw(title);
}

}  // namespace neurotool
