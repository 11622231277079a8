// Nothing is forced back to the other side's spikes: one early difference shows in every layer
// behind it, as it would in the simulator. Samples run side by side and are added up in order.
#include "session/nir_fidelity.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "eval/nir/simulate.hpp"
#include "eval/spike_eval.hpp"
#include "session/stimulus.hpp"

namespace neurotool {
namespace {

/// What one side did with one sample: by layer, [step, neuron] in one row.
struct Trace {
  std::vector<std::vector<float>> trains;
  std::vector<double> readout;         ///< after the last step
  std::vector<float> readout_by_step;  ///< of the oracle
};

/// A sample as both sides take it.
struct Shown {
  Stimulus stimulus;  ///< of the oracle
  Tensor per_step;    ///< float32 [steps, neurons]
};

Result<Shown> shown(const FidelityRun& run, std::int64_t index) {
  NT_TRY(const PopulationId input, only_input(run.graph));
  NT_TRY(const Tensor sample, run.data.batch(index, 1));
  NT_TRY(const BatchStimulus one,
         make_stimulus(run.graph, input, sample, index, run.steps, run.seed));
  const auto steps = static_cast<std::int64_t>(run.steps);
  const std::int64_t neurons = run.graph[input].size();
  Shape shape(one.value.shape().begin() + 1, one.value.shape().end());
  const Tensor value = one.value.reshaped(std::move(shape));
  const Tensor real = value.converted(DType::kFloat32);
  const auto row = real.as<float>();
  const bool held = real.size() == neurons && std::get<Input>(run.graph[input].neuron).held;
  std::vector<float> all;
  all.reserve(static_cast<std::size_t>(steps * neurons));
  for (std::int64_t t = 0; held && t < steps; ++t) all.insert(all.end(), row.begin(), row.end());
  if (!held) all.assign(row.begin(), row.end());
  return Shown{{input, value}, Tensor::from<float>({steps, neurons}, std::move(all))};
}

/// The network's own run. Spiking outputs are read as counts, others as membranes.
class Oracle {
 public:
  explicit Oracle(const FidelityRun& run) : run_(run), evaluator_(run.graph) {
    for (const to_nir::ExportedLayer& layer : run.exported.layers) {
      rows_.emplace(run.graph.find(layer.population), rows_.size());
    }
    for (const PopulationId id : run.graph.live_populations()) {
      if (run.graph[id].output && !output_) output_ = id;
    }
  }

  bool output_spikes() const {
    return output_ && firing_of(run_.graph[*output_].neuron) != nullptr;
  }

  Result<Trace> trace(const Stimulus& stimulus) const {
    Trace made{.trains = std::vector<std::vector<float>>(rows_.size())};
    SpikeState state = evaluator_.initial_state();
    const auto keep = [&](const StepRecord& record) {
      if (const auto row = rows_.find(record.population); row != rows_.end()) {
        append(record.payload_f, record.payload_i, made.trains[row->second]);
      }
      if (record.population != output_) return;
      if (output_spikes()) {
        add_counts(record, made.readout);
        made.readout_by_step.insert(made.readout_by_step.end(), made.readout.begin(),
                                    made.readout.end());
      } else {
        made.readout.assign(record.membrane_f.begin(), record.membrane_f.end());
        made.readout.insert(made.readout.end(), record.membrane_i.begin(), record.membrane_i.end());
        append(record.membrane_f, record.membrane_i, made.readout_by_step);
      }
    };
    NT_TRY_VOID(evaluator_.run(state, std::span(&stimulus, 1), run_.steps, keep));
    return made;
  }

 private:
  static void append(std::span<const float> real, std::span<const std::int64_t> whole,
                     std::vector<float>& row) {
    row.insert(row.end(), real.begin(), real.end());
    for (const std::int64_t value : whole) row.push_back(static_cast<float>(value));
  }

  static void add_counts(const StepRecord& record, std::vector<double>& counts) {
    counts.resize(record.payload_f.size() + record.payload_i.size(), 0.0);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i] += record.payload_f.empty() ? static_cast<double>(record.payload_i[i])
                                            : static_cast<double>(record.payload_f[i]);
    }
  }

  const FidelityRun& run_;
  const SpikeEvaluator evaluator_;
  std::map<PopulationId, std::size_t> rows_;  ///< place among the exported layers
  std::optional<PopulationId> output_;
};

Result<Trace> reader_trace(const nir::Simulator& simulator, const FidelityRun& run,
                           const Tensor& input, bool adds_up) {
  Trace made{.trains = std::vector<std::vector<float>>(run.exported.layers.size())};
  const auto keep = [&](const nir::NodeStep& step) {
    if (step.name == run.exported.output) {
      if (!adds_up) made.readout.assign(step.output.size(), 0.0);
      made.readout.resize(step.output.size(), 0.0);
      for (std::size_t i = 0; i < made.readout.size(); ++i) made.readout[i] += step.output[i];
    }
    for (std::size_t i = 0; i < made.trains.size(); ++i) {
      const to_nir::ExportedLayer& layer = run.exported.layers[i];
      if (layer.node != step.name) continue;
      for (const double value : step.output.first(static_cast<std::size_t>(layer.neurons)))
        made.trains[i].push_back(static_cast<float>(value));
    }
  };
  NT_TRY_VOID(simulator.run(std::span(&input, 1), run.steps, keep));
  return made;
}

std::size_t largest(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

void add(const Trace& wanted, const Trace& found, Fidelity& sum) {
  for (std::size_t k = 0; k < sum.layers.size(); ++k) {
    const std::vector<float>&ours = wanted.trains[k], &theirs = found.trains[k];
    NT_CHECK(ours.size() == theirs.size(), "a layer and its node have as many neurons");
    for (std::size_t i = 0; i < ours.size(); ++i) {
      sum.layers[k].spikes += ours[i] != 0 ? 1 : 0;
      sum.layers[k].reader_spikes += theirs[i] != 0 ? 1 : 0;
      sum.layers[k].either += ours[i] != 0 || theirs[i] != 0 ? 1 : 0;
      sum.layers[k].mismatches += ours[i] != theirs[i] ? 1 : 0;
    }
  }
  NT_CHECK(wanted.readout.size() == found.readout.size(), "both sides have the same output");
  if (wanted.readout.empty()) return;
  sum.other_classes += largest(wanted.readout) != largest(found.readout) ? 1 : 0;
  for (std::size_t i = 0; i < wanted.readout.size(); ++i) {
    const double difference = std::abs(wanted.readout[i] - found.readout[i]);
    sum.readout_difference =
        std::max(sum.readout_difference,
                 std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
  }
}

/// Calls body(index) for every sample; the error of the lowest one is returned.
template <class Body>
Result<> for_each_sample(std::int64_t samples, Progress& progress, Body body) {
  const auto count = static_cast<std::size_t>(samples);
  std::vector<std::optional<Error>> errors(count);
  std::atomic<bool> stopped{false};
  std::mutex reporting;
  std::size_t done = 0;
  parallel_for(count, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last && !stopped; ++i) {
      if (Result<> one = body(i); !one) errors[i] = std::move(one).error();
      const std::lock_guard lock(reporting);
      const double share = static_cast<double>(++done) / static_cast<double>(count);
      if (!progress.update(share, {})) stopped = true;
    }
  });
  if (stopped) return error("run.interrupted", {}, "interrupted while the NIR file was checked");
  for (std::optional<Error>& found : errors) {
    if (found) return *std::move(found);
  }
  return {};
}

template <class T>
nir::TimeGridded gridded(const std::vector<float>& all, std::int64_t samples, std::int64_t steps,
                         double dt) {
  const auto neurons = static_cast<std::int64_t>(all.size()) / samples / steps;
  const Tensor values = Tensor::from<float>({samples, steps, neurons}, all);
  return {values.converted(kDTypeOf<T>), dt};
}

}  // namespace

FidelityLayer& FidelityLayer::operator+=(const FidelityLayer& other) {
  spikes += other.spikes;
  reader_spikes += other.reader_spikes;
  either += other.either;
  mismatches += other.mismatches;
  return *this;
}

FidelityLayer Fidelity::total() const {
  FidelityLayer sum{.population = "all", .node = {}};
  for (const FidelityLayer& layer : layers) sum += layer;
  return sum;
}

double Fidelity::mismatch_percent() const {
  const FidelityLayer sum = total();
  if (sum.mismatches == 0) return 0;
  return 100.0 * static_cast<double>(sum.mismatches) / static_cast<double>(sum.either);
}

double Fidelity::class_percent() const {
  if (samples == 0) return 0;
  return 100.0 * static_cast<double>(other_classes) / static_cast<double>(samples);
}

Result<Fidelity> measure_fidelity(const FidelityRun& run, const nir::Graph& file,
                                  const nir::Discretization& reader, Diagnostics& diagnostics,
                                  Progress& progress) {
  NT_TRY(const nir::Simulator simulator, nir::Simulator::make(file, "", reader, diagnostics));
  const Oracle oracle(run);
  const bool adds_up = run.exported.sums_output || oracle.output_spikes();
  Fidelity empty{.reader = nir::describe(reader), .samples = 0, .steps = run.steps, .layers = {}};
  for (const to_nir::ExportedLayer& layer : run.exported.layers) {
    empty.layers.push_back({.population = layer.population, .node = layer.node});
  }
  const std::int64_t samples = std::min(run.samples, run.data.size());
  std::vector<Fidelity> parts(static_cast<std::size_t>(samples), empty);
  NT_TRY_VOID(for_each_sample(samples, progress, [&](std::size_t i) -> Result<> {
    NT_TRY(const Shown sample, shown(run, static_cast<std::int64_t>(i)));
    NT_TRY(const Trace wanted, oracle.trace(sample.stimulus));
    NT_TRY(const Trace found, reader_trace(simulator, run, sample.per_step, adds_up));
    add(wanted, found, parts[i]);
    return {};
  }));
  Fidelity all = std::move(empty);
  all.samples = samples;
  for (const Fidelity& part : parts) {
    for (std::size_t k = 0; k < all.layers.size(); ++k) all.layers[k] += part.layers[k];
    all.other_classes += part.other_classes;
    all.readout_difference = std::max(all.readout_difference, part.readout_difference);
  }
  return all;
}

Result<nir::GraphData> recorded_data(const FidelityRun& run) {
  const Oracle oracle(run);
  const std::int64_t samples = std::min(run.samples, run.data.size());
  std::vector<float> input, readout;
  std::vector<std::vector<float>> trains(run.exported.layers.size());
  for (std::int64_t i = 0; i < samples; ++i) {
    NT_TRY(const Shown sample, shown(run, i));
    NT_TRY(const Trace trace, oracle.trace(sample.stimulus));
    const auto frames = sample.per_step.as<float>();
    input.insert(input.end(), frames.begin(), frames.end());
    readout.insert(readout.end(), trace.readout_by_step.begin(), trace.readout_by_step.end());
    for (std::size_t k = 0; k < trains.size(); ++k) {
      trains[k].insert(trains[k].end(), trace.trains[k].begin(), trace.trains[k].end());
    }
  }
  const auto steps = static_cast<std::int64_t>(run.steps);
  const double dt = run.exported.dt_seconds;
  nir::GraphData made;
  made.nodes[run.exported.input].observables["input"] = gridded<float>(input, samples, steps, dt);
  made.nodes[run.exported.output].observables["readout"] =
      gridded<float>(readout, samples, steps, dt);
  for (std::size_t k = 0; k < trains.size(); ++k) {
    made.nodes[run.exported.layers[k].node].observables["spikes"] =
        gridded<bool>(trains[k], samples, steps, dt);
  }
  return made;
}

}  // namespace neurotool
