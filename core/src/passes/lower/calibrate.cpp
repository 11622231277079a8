// Statistics of pre-activations over the calibration set, and thresholds from them. Each channel is
// counted by one thread at a time and in the order of the samples, so threads change nothing.
#include "passes/lower/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "base/parallel.hpp"
#include "eval/tensor_eval.hpp"
#include "passes/lower/histogram.hpp"

namespace neurotool::lower {
namespace {

constexpr std::int64_t kBatch = 32;      // bounds the memory of the activations
constexpr double kFloorOfMedian = 1e-3;  // a threshold far below its neighbours only makes noise

/// The histograms of one site: one per channel, or one for the layer.
class SiteCounter {
 public:
  SiteCounter(const Site& site, Granularity granularity)
      : site_(site),
        histograms_(granularity == Granularity::kLayer ? 1
                                                       : static_cast<std::size_t>(site.channels)) {}

  /// Adds a batch of values [samples, …]; false when one is not finite.
  bool add(const Tensor& values) {
    const auto data = values.as<float>();
    const auto samples = static_cast<std::size_t>(values.shape().at(0));
    const std::size_t inner = data.size() / samples / histograms_.size();
    std::atomic<bool> finite = true;
    parallel_for(histograms_.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t group = first; group < last; ++group) {
        for (std::size_t sample = 0; sample < samples; ++sample) {
          const std::size_t begin = (sample * histograms_.size() + group) * inner;
          if (!add(histograms_[group], data.subspan(begin, inner))) finite = false;
        }
      }
    });
    return finite;
  }

  const Site& site() const { return site_; }
  const std::vector<Histogram>& histograms() const { return histograms_; }

 private:
  bool add(Histogram& histogram, std::span<const float> values) const {
    const float cap = static_cast<float>(site_.cap.value_or(HUGE_VAL));
    for (const float value : values) {
      if (!std::isfinite(value)) return false;
      histogram.add(std::min(value, cap));
    }
    return true;
  }

  const Site& site_;
  std::vector<Histogram> histograms_;
};

double threshold_of(const Histogram& histogram, const CalibrationOptions& options) {
  switch (options.method) {
    case ThresholdMethod::kMax:
      return histogram.max();
    case ThresholdMethod::kPercentile:
      return percentile(histogram, options.percentile);
    case ThresholdMethod::kMmse:
      return least_square_threshold(histogram, options.levels);
    case ThresholdMethod::kLloyd:
      return lloyd_threshold(histogram, options.levels);
  }
  check_failed(__FILE__, __LINE__, "method", "no such method");
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

SiteThresholds thresholds_of(const SiteCounter& counter, const CalibrationOptions& options) {
  const auto& histograms = counter.histograms();
  std::vector<double> found(histograms.size(), 0);
  parallel_for(found.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (histograms[i].max() > 0) found[i] = threshold_of(histograms[i], options);
    }
  });
  std::vector<double> alive;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (histograms[i].max() > 0) alive.push_back(found[i]);
  }
  const double middle = median(alive);
  // Where even the median is 0 (a percentile of very sparse activations) the maxima decide.
  double largest = 0;
  for (const Histogram& histogram : histograms) largest = std::max(largest, histogram.max());
  const double usual = middle > 0 ? middle : largest > 0 ? largest : 1.0;

  SiteThresholds result;
  double clipped = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool dead = histograms[i].max() <= 0;
    if (dead) ++result.dead_channels;
    // Nothing is known of a dead channel; if it wakes up on other data it is like its neighbours.
    double threshold = dead ? usual : std::max(found[i], kFloorOfMedian * usual);
    if (counter.site().cap) threshold = std::min(threshold, *counter.site().cap);
    result.threshold.push_back(std::max(static_cast<float>(threshold), 1e-30f));
    clipped += histograms[i].share_above(threshold);
  }
  result.clipped_share = clipped / static_cast<double>(found.size());
  return result;
}

Result<> count_batch(const TensorEvaluator& evaluator, const Tensor& batch,
                     std::vector<SiteCounter>& counters, const std::vector<ValueId>& watched) {
  const Site* broken = nullptr;
  const auto observe = [&](ValueId id, const Tensor& values) {
    for (SiteCounter& counter : counters) {
      if (counter.site().value == id && !counter.add(values) && broken == nullptr) {
        broken = &counter.site();
      }
    }
  };
  NT_TRY([[maybe_unused]] const auto outputs, evaluator.run({&batch, 1}, watched, observe));
  if (broken == nullptr) return {};
  return error("lowering.not-finite", ModelNode{{}, broken->node},
               fmt::format("the values that go into '{}' are not all finite", broken->node),
               "check the preprocessing and the network's weights");
}

/// A network exported for one batch size runs with that size and no other.
std::optional<std::int64_t> fixed_batch(const TensorGraph& graph) {
  const std::int64_t extent = graph[graph.inputs.at(0)].shape.value_or(Shape{kFreeDim}).at(0);
  return extent == kFreeDim ? std::nullopt : std::optional(extent);
}

}  // namespace

Result<Tensor> batch_for(const TensorGraph& graph, const SampleSource& source, std::int64_t first,
                         std::int64_t count) {
  const Value& input = graph[graph.inputs.at(0)];
  Shape shape = input.shape.value_or(Shape{kFreeDim});
  shape[0] = count;
  const Shape sample(shape.begin() + 1, shape.end());
  if (element_count(sample) != element_count(source.sample_shape())) {
    return error(
        "lowering.calibration-shape", {},
        fmt::format("samples of '{}' are {}, the network's input '{}' takes {}", source.name(),
                    to_string(source.sample_shape()), input.name, to_string(sample)),
        "give calibration data of the shape that the network was trained on");
  }
  NT_TRY(const Tensor batch, source.batch(first, count));
  return batch.reshaped(std::move(shape));
}

std::int64_t runnable_samples(const TensorGraph& graph, const SampleSource& source,
                              std::int64_t samples) {
  const std::int64_t wanted = std::min(samples, source.size());
  const std::int64_t step = fixed_batch(graph).value_or(1);
  return step == 0 ? 0 : wanted / step * step;
}

Result<> for_each_batch(const TensorGraph& graph, std::int64_t samples, std::string_view task,
                        Context& context, const std::function<Result<>(const Tensor&)>& body) {
  const SampleSource& source = *context.calibration;
  const std::int64_t step = fixed_batch(graph).value_or(kBatch);
  if (step == 0) {
    return error("lowering.calibration-shape", {},
                 fmt::format("the network's input '{}' takes batches of no samples",
                             graph[graph.inputs[0]].name),
                 "export the network with a batch that is free, or of 1 sample");
  }
  const std::int64_t all = runnable_samples(graph, source, samples);
  if (all == 0) {
    return error("lowering.calibration-empty", {},
                 fmt::format("{} samples of '{}' are too few to run the network once",
                             std::min(samples, source.size()), source.name()),
                 "give more samples under data.calibration, or raise the option 'samples'");
  }
  for (std::int64_t first = 0; first < all; first += step) {
    const double done = static_cast<double>(first) / static_cast<double>(all);
    if (!context.progress.update(done, std::string(task))) {
      return error("pass.cancelled", {}, fmt::format("cancelled while {}", task));
    }
    NT_TRY(const Tensor batch, batch_for(graph, source, first, std::min(step, all - first)));
    NT_TRY_VOID(body(batch));
  }
  return {};
}

Result<std::vector<SiteThresholds>> calibrate(const TensorGraph& graph, std::span<const Site> sites,
                                              const CalibrationOptions& options, Context& context) {
  std::vector<SiteCounter> counters;
  std::set<ValueId> values;
  for (const Site& site : sites) {
    counters.emplace_back(site, options.granularity);
    values.insert(site.value);
  }
  const std::vector<ValueId> watched(values.begin(), values.end());
  const TensorEvaluator evaluator(graph);
  NT_TRY_VOID(for_each_batch(
      graph, options.samples, "calibrating thresholds", context,
      [&](const Tensor& batch) { return count_batch(evaluator, batch, counters, watched); }));
  std::vector<SiteThresholds> result;
  for (const SiteCounter& counter : counters) result.push_back(thresholds_of(counter, options));
  return result;
}

}  // namespace neurotool::lower
