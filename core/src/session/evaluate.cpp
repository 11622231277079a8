// Batches are cut from the data set alone. When several fail, the error of the lowest batch is the
// one reported: batches below a failed one still run, those above it are skipped.
#include "session/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>

#include "base/parallel.hpp"
#include "base/text.hpp"
#include "eval/tensor_eval.hpp"
#include "session/findings.hpp"
#include "session/metrics.hpp"
#include "session/stimulus.hpp"

namespace neurotool {
namespace {

struct Batch {
  std::size_t index = 0;
  std::int64_t first = 0, count = 0;
};

/// Turns the progress of batches that run side by side into one fraction that never falls.
class BatchProgress {
 public:
  BatchProgress(Progress& progress, std::size_t batches) : progress_(progress), total_(batches) {}

  bool update(double inside) {
    const std::lock_guard lock(mutex_);
    const double done =
        (static_cast<double>(done_) + std::clamp(inside, 0.0, 1.0)) / static_cast<double>(total_);
    fraction_ = std::max(fraction_, std::min(done, 1.0));
    return progress_.update(fraction_, {});
  }
  bool finish_one() {
    {
      const std::lock_guard lock(mutex_);
      ++done_;
    }
    return update(0);
  }

 private:
  Progress& progress_;
  std::mutex mutex_;
  std::size_t total_, done_ = 0;
  double fraction_ = 0;
};

/// What one batch's plugin call sees.
class OneBatch final : public Progress {
 public:
  explicit OneBatch(BatchProgress& all) : all_(all) {}
  void stage(std::string_view) override {}
  bool update(double fraction, std::string_view) override { return all_.update(fraction); }

 private:
  BatchProgress& all_;
};

Error interrupted() { return error("run.interrupted", {}, "interrupted before the run was done"); }

using BatchBody = std::function<Result<>(const Batch&, BatchProgress&)>;

Result<> for_each_batch(std::int64_t samples, std::int64_t batch_size, Progress& progress,
                        const BatchBody& body) {
  const std::int64_t size = std::max<std::int64_t>(batch_size, 1);
  const auto batches = static_cast<std::size_t>((samples + size - 1) / size);
  BatchProgress all(progress, batches);
  std::vector<std::optional<Error>> errors(batches);
  std::atomic<std::size_t> lowest_failure{batches};
  const auto fail = [&](std::size_t index, Error reason) {
    errors[index] = std::move(reason);
    std::size_t lowest = lowest_failure.load();
    while (index < lowest && !lowest_failure.compare_exchange_weak(lowest, index)) {
    }
  };
  parallel_for(batches, [&](std::size_t first, std::size_t last) {
    for (std::size_t index = first; index < last && index < lowest_failure.load(); ++index) {
      const std::int64_t begin = static_cast<std::int64_t>(index) * size;
      const Batch batch{index, begin, std::min(size, samples - begin)};
      if (auto result = body(batch, all); !result) {
        fail(index, std::move(result).error());
      } else if (!all.finish_one()) {
        fail(index, interrupted());
      }
    }
  });
  if (const std::size_t index = lowest_failure.load(); index < batches) return *errors[index];
  return {};
}

template <class Value>
std::int32_t largest(std::int64_t count, Value value) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < count; ++i) {
    if (value(i) > value(best)) best = i;
  }
  return static_cast<std::int32_t>(best);
}

/// The value of one unit of the readout of class `index`, in units that compare between classes.
class ReadoutScale {
 public:
  explicit ReadoutScale(const Population& output)
      : scale_(firing_of(output.neuron) ? output.payload_value : output.membrane_value),
        per_channel_(scale_.defined() && scale_.size() > 1
                         ? std::max<std::int64_t>(output.size() / scale_.size(), 1)
                         : 0) {}
  double operator()(std::int64_t index) const {
    return per_channel_ > 0 ? scale_.at(index / per_channel_) : 1;
  }

 private:
  Tensor scale_;
  std::int64_t per_channel_;
};

Error no_readout(const std::string& name, std::ptrdiff_t sample) {
  return error(
      "target.misbehaved", {},
      fmt::format("the target sent no readout of '{}' for sample {} of a batch", name, sample),
      "neurotool plugin check FILE tests a plugin");
}

}  // namespace

Result<std::vector<std::int32_t>> read_classes(const RunResult& result, const SpikeGraph& graph,
                                               PopulationId id, std::int64_t count) {
  const Population& output = graph[id];
  const ReadoutScale scale(output);
  std::vector<bool> seen(static_cast<std::size_t>(count));
  std::vector<std::int32_t> classes(seen.size());
  for (const ValueRecord& record : result.values) {
    if (record.population != id || record.variable != "readout") continue;
    const auto sample = static_cast<std::size_t>(record.sample);
    if (sample >= seen.size() || record.value.size() != output.size()) {
      return error(
          "target.misbehaved", {},
          fmt::format("the target sent a readout of {} values for sample {} of a batch of "
                      "{}; '{}' has {} neurons",
                      record.value.size(), record.sample, count, output.name, output.size()),
          "neurotool plugin check FILE tests a plugin");
    }
    seen[sample] = true;
    classes[sample] =
        largest(output.size(), [&](std::int64_t i) { return record.value.at(i) * scale(i); });
  }
  const auto missing = std::ranges::find(seen, false);
  if (missing != seen.end()) return no_readout(output.name, missing - seen.begin());
  return classes;
}

std::vector<std::int32_t> largest_in_rows(const Tensor& rows, std::int64_t count) {
  const std::int64_t width = rows.size() / count;
  std::vector<std::int32_t> result;
  for (std::int64_t row = 0; row < count; ++row) {
    result.push_back(largest(width, [&](std::int64_t i) { return rows.at(row * width + i); }));
  }
  return result;
}

Result<> check_labels(const SampleSource& data, const Location& at) {
  if (data.size() == 0) {
    return error("run.no-samples", at, fmt::format("'{}' holds no samples", data.name()),
                 "check 'first' and 'count' of this entry");
  }
  const auto labels = static_cast<std::int64_t>(data.labels().size());
  if (labels == data.size()) return {};
  return error("run.no-labels", at,
               fmt::format("'{}' has {} samples but {} labels; accuracy needs one for each",
                           data.name(), data.size(), labels),
               "give 'labels' under data.test");
}

Result<Accuracy> judge(const Predictions& predictions, const SampleSource& data,
                       const Location& at) {
  const std::vector<std::int32_t>& labels = data.labels();
  Accuracy accuracy{.correct = 0, .samples = data.size()};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= predictions.class_count) {
      return error("run.label-range", at,
                   fmt::format("sample {} of '{}' has label {}; the network has {} outputs", i,
                               data.name(), labels[i], predictions.class_count),
                   "use the data set that the network was trained for");
    }
    accuracy.correct += labels[i] == predictions.classes[i] ? 1 : 0;
  }
  return accuracy;
}

std::int64_t count_agreement(const Predictions& a, const Predictions& b) {
  NT_CHECK(a.classes.size() == b.classes.size(), "predictions over different data");
  std::int64_t same = 0;
  for (std::size_t i = 0; i < a.classes.size(); ++i) same += a.classes[i] == b.classes[i] ? 1 : 0;
  return same;
}

Result<Predictions> float_predictions(const TensorGraph& graph, const SampleSource& data,
                                      std::int64_t batch_size, Progress& progress) {
  const TensorEvaluator evaluator(graph);
  Predictions result;
  result.classes.resize(static_cast<std::size_t>(data.size()));
  std::atomic<std::int64_t> class_count{0};
  NT_TRY_VOID(for_each_batch(
      data.size(), batch_size, progress, [&](const Batch& batch, BatchProgress&) -> Result<> {
        NT_TRY(const Tensor samples, data.batch(batch.first, batch.count));
        NT_TRY(const std::vector<Tensor> outputs, evaluator.run(std::span(&samples, 1)));
        const Tensor& logits = outputs.front();
        if (outputs.size() != 1 || logits.rank() == 0 || logits.shape().front() != batch.count) {
          return error("run.outputs", {},
                       fmt::format("the network gives {} outputs, the first of shape {}, for {} "
                                   "samples; a classifier gives one, with one row per sample",
                                   outputs.size(), to_string(logits.shape()), batch.count),
                       "neurotool inspect MODEL shows its outputs");
        }
        class_count.store(logits.size() / batch.count);
        std::ranges::copy(largest_in_rows(logits, batch.count),
                          result.classes.begin() + batch.first);
        return {};
      }));
  result.class_count = class_count.load();
  return result;
}

Result<SpikingRun> spiking_predictions(const Program& program, const SpikeGraph& graph,
                                       const SampleSource& data, const SpikingRequest& request,
                                       Diagnostics& diagnostics, Progress& progress) {
  NT_TRY(const PopulationId input, only_input(graph));
  NT_TRY(const PopulationId output, only_output(graph));
  SpikingRun run;
  run.predictions.class_count = graph[output].size();
  run.predictions.classes.resize(static_cast<std::size_t>(data.size()));
  const auto size = std::max<std::int64_t>(request.batch, 1);
  const auto batches = static_cast<std::size_t>((data.size() + size - 1) / size);
  std::vector<std::vector<Metric>> metrics(batches);
  std::vector<Diagnostics> findings(batches);

  const Result<> done = for_each_batch(
      data.size(), size, progress, [&](const Batch& batch, BatchProgress& all) -> Result<> {
        NT_TRY(const Tensor samples, data.batch(batch.first, batch.count));
        NT_TRY(BatchStimulus stimulus,
               make_stimulus(graph, input, samples, batch.first, request.steps, request.seed));
        SimulateRequest call{.samples = static_cast<std::uint64_t>(batch.count),
                             .steps = request.steps,
                             .seed = request.seed,
                             .stimuli = {},
                             .probes = {{output, "readout"}}};
        call.stimuli.push_back(std::move(stimulus));
        OneBatch one(all);
        NT_TRY(RunResult result, program.simulate(call, {findings[batch.index], one, {}}));
        metrics[batch.index] = std::move(result.metrics);
        NT_TRY(const auto classes, read_classes(result, graph, output, batch.count));
        std::ranges::copy(classes, run.predictions.classes.begin() + batch.first);
        return {};
      });
  for (const Diagnostics& batch : findings) {
    for (Diagnostic& item : batch.all()) report_once(diagnostics, std::move(item));
  }
  if (!done) return done.error();
  for (const std::vector<Metric>& batch : metrics) add_metrics(run.totals, batch);
  return run;
}

}  // namespace neurotool
