// Both sides run freely from the first step: nothing is forced back to the other's spikes, so one
// early difference shows in every layer behind it.
#include "session/nir_export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "base/text.hpp"
#include "eval/nir/simulate.hpp"
#include "eval/spike_eval.hpp"
#include "session/stimulus.hpp"

namespace neurotool {
namespace {

/// What one run of one sample sent, by population or node: [step, neuron] in one row.
using Trains = std::map<std::string, std::vector<float>, std::less<>>;

std::string word_or_none(const Located<std::string>& word) {
  return word.value == "auto" ? std::string() : word.value;
}

/// The sample as the file's input gets it: one row per step.
Tensor per_step(const Tensor& stimulus, bool held, std::uint64_t steps) {
  const Tensor real = stimulus.converted(DType::kFloat32);
  if (!held) return real;
  const auto row = real.as<float>();
  std::vector<float> all;
  all.reserve(row.size() * steps);
  for (std::uint64_t t = 0; t < steps; ++t) all.insert(all.end(), row.begin(), row.end());
  return Tensor::from<float>({static_cast<std::int64_t>(steps), real.size()}, std::move(all));
}

class Comparison {
 public:
  Comparison(const SpikeGraph& graph, const to_nir::Exported& exported,
             const nir::Simulator& simulator, std::uint64_t steps)
      : graph_(graph), exported_(exported), simulator_(simulator), oracle_(graph), steps_(steps) {
    for (const to_nir::ExportedLayer& layer : exported.layers)
      layers_.push_back({layer.population, layer.node});
  }

  Result<> add(const Tensor& samples, std::int64_t first) {
    NT_TRY(const PopulationId input, only_input(graph_));
    NT_TRY(const BatchStimulus stimulus, make_stimulus(graph_, input, samples, first, steps_));
    const bool held = std::get<Input>(graph_[input].neuron).held;
    const Shape shape(stimulus.value.shape().begin() + 1, stimulus.value.shape().end());
    const Tensor value = stimulus.value.reshaped(shape);
    NT_TRY(const Trains wanted, oracle_trains({input, value}));
    NT_TRY(const Trains found, reader_trains(per_step(value, held, steps_)));
    for (FidelityLayer& layer : layers_)
      count(wanted.at(layer.population), found.at(layer.node), layer);
    compare_outputs();
    return {};
  }

  std::vector<FidelityLayer> layers() const { return layers_; }
  double output_difference() const { return output_difference_; }

 private:
  Result<Trains> oracle_trains(const Stimulus& stimulus) {
    Trains trains;
    SpikeState state = oracle_.initial_state();
    const auto keep = [&](const StepRecord& record) {
      const Population& population = graph_[record.population];
      if (firing_of(population.neuron) == nullptr) return;
      std::vector<float>& row = trains[population.name];
      row.insert(row.end(), record.payload_f.begin(), record.payload_f.end());
      for (const std::int64_t value : record.payload_i) row.push_back(static_cast<float>(value));
    };
    NT_TRY_VOID(oracle_.run(state, std::span(&stimulus, 1), steps_, keep));
    readout_.clear();
    for (const PopulationId id : graph_.live_populations()) {
      if (!graph_[id].output || firing_of(graph_[id].neuron) != nullptr) continue;
      const auto& real = state.membrane_f;
      if (real.empty()) {
        for (const std::int64_t v : state.membrane_i[id.index])
          readout_.push_back(static_cast<double>(v));
      } else {
        readout_.assign(real[id.index].begin(), real[id.index].end());
      }
      break;
    }
    return trains;
  }

  Result<Trains> reader_trains(const Tensor& input) {
    Trains trains;
    output_.clear();
    NT_TRY_VOID(simulator_.run(std::span(&input, 1), steps_, [&](const nir::NodeStep& step) {
      if (step.name == exported_.output) {
        if (!exported_.sums_output || output_.empty()) output_.assign(step.output.size(), 0.0);
        for (std::size_t i = 0; i < output_.size(); ++i) output_[i] += step.output[i];
      }
      const bool wanted = std::ranges::any_of(
          layers_, [&](const FidelityLayer& layer) { return layer.node == step.name; });
      if (!wanted) return;
      std::vector<float>& row = trains[std::string(step.name)];
      for (const double value : step.output) row.push_back(static_cast<float>(value));
    }));
    return trains;
  }

  static void count(const std::vector<float>& wanted, const std::vector<float>& found,
                    FidelityLayer& layer) {
    NT_CHECK(wanted.size() == found.size(), "a layer and its node have as many neurons");
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      layer.spikes += wanted[i] != 0 ? 1 : 0;
      layer.mismatches += wanted[i] != found[i] ? 1 : 0;
    }
  }

  void compare_outputs() {
    if (readout_.size() != output_.size()) return;
    for (std::size_t i = 0; i < readout_.size(); ++i)
      output_difference_ = std::max(output_difference_, std::abs(readout_[i] - output_[i]));
  }

  const SpikeGraph& graph_;
  const to_nir::Exported& exported_;
  const nir::Simulator& simulator_;
  const SpikeEvaluator oracle_;
  const std::uint64_t steps_;
  std::vector<FidelityLayer> layers_;
  std::vector<double> readout_, output_;
  double output_difference_ = 0;
};

/// Rows of equal length as [samples, steps, neurons].
template <class T>
nir::TimeGridded gridded(const std::vector<float>& all, std::int64_t samples, std::uint64_t steps,
                         double dt) {
  std::vector<T> values(all.size());
  std::ranges::transform(all, values.begin(), [](float value) { return static_cast<T>(value); });
  const auto neurons =
      static_cast<std::int64_t>(all.size()) / samples / static_cast<std::int64_t>(steps);
  return {Tensor::from<T>({samples, static_cast<std::int64_t>(steps), neurons}, std::move(values)),
          dt};
}

}  // namespace

NirReading nir_reading(const PipelineConfig& config) {
  const NirModelConfig& nir = config.model_nir;
  return {.preset = word_or_none(nir.preset),
          .time_unit = word_or_none(nir.time_unit),
          .integrator = word_or_none(nir.integrator),
          .compare = word_or_none(nir.compare),
          .reset = word_or_none(nir.reset),
          .v_init = word_or_none(nir.v_init),
          .input = word_or_none(nir.input),
          .dt_seconds = nir.dt.value,
          .at = config.model.at};
}

std::int64_t Fidelity::spikes() const {
  return std::accumulate(layers.begin(), layers.end(), std::int64_t{0},
                         [](std::int64_t sum, const FidelityLayer& l) { return sum + l.spikes; });
}
std::int64_t Fidelity::mismatches() const {
  return std::accumulate(
      layers.begin(), layers.end(), std::int64_t{0},
      [](std::int64_t sum, const FidelityLayer& l) { return sum + l.mismatches; });
}
double Fidelity::percent() const {
  if (mismatches() == 0) return 0;
  return 100.0 * static_cast<double>(mismatches()) /
         static_cast<double>(std::max<std::int64_t>(spikes(), 1));
}

nir::Discretization reader_of(const to_nir::Exported& exported, const NirExportConfig& config) {
  const auto profile =
      to_nir::profile_named(config.profile.value).value_or(to_nir::Profile::kPlain);
  std::string name = config.check.value;
  if (name == "auto") {
    name = profile == to_nir::Profile::kNorse    ? "norse"
           : profile == to_nir::Profile::kNative ? "nir_ode"
           : profile == to_nir::Profile::kHard   ? "snntorch"
                                                 : "spikingjelly";
  }
  nir::Discretization reader = *nir::preset(name);
  reader.dt = exported.dt_seconds;
  if (name == "norse" && exported.resets_by_subtraction) reader.reset = nir::ResetRule::kSubtract;
  const bool adapted = profile == to_nir::Profile::kPlain &&
                       (name == "spikingjelly" || name == "sinabs" || name == "neurotool");
  if (!adapted) return reader;
  // What tools/nir_adapters sets after loading. r = 1 is 1 / dt there.
  if (name == "spikingjelly") reader.dt = 1;
  reader.name += " with its adapter";
  reader.reset =
      exported.resets_by_subtraction ? nir::ResetRule::kSubtract : nir::ResetRule::kValue;
  reader.spikes = nir::SpikeCount::kSingle;
  reader.clamp_low = nir::ClampLow::kNone;
  reader.v_init = nir::InitialPotential::kByNode;
  const auto* own = exported.graph.metadata.find("neurotool");
  const auto* tree = own ? std::get_if<nir::Metadata>(&own->value) : nullptr;
  const auto* starts = tree ? tree->find("v_init") : nullptr;
  if (starts == nullptr) return reader;
  for (const nir::MetadataEntry& entry : std::get<nir::Metadata>(starts->value).entries)
    reader.v_init_by_node.emplace(entry.key, std::get<Tensor>(entry.value));
  return reader;
}

Result<Fidelity> measure_fidelity(const SpikeGraph& graph, const to_nir::Exported& exported,
                                  const nir::Discretization& reader, const SampleSource& data,
                                  std::int64_t samples, std::uint64_t steps, Progress& progress) {
  Diagnostics ignored;
  NT_TRY(const nir::Simulator simulator, nir::Simulator::make(exported.graph, "", reader, ignored));
  Fidelity result{.reader = nir::describe(reader),
                  .samples = std::min(samples, data.size()),
                  .steps = steps,
                  .layers = {}};
  Comparison comparison(graph, exported, simulator, steps);
  for (std::int64_t i = 0; i < result.samples; ++i) {
    NT_TRY(const Tensor sample, data.batch(i, 1));
    NT_TRY_VOID(comparison.add(sample, i));
    if (!progress.update(static_cast<double>(i + 1) / static_cast<double>(result.samples), {}))
      return error("run.interrupted", {}, "interrupted while the file was checked");
  }
  result.layers = comparison.layers();
  result.largest_output_difference = comparison.output_difference();
  return result;
}

Result<nir::GraphData> recorded_data(const SpikeGraph& graph, const to_nir::Exported& exported,
                                     const SampleSource& data, std::int64_t samples,
                                     std::uint64_t steps) {
  NT_TRY(const PopulationId input, only_input(graph));
  const bool held = std::get<Input>(graph[input].neuron).held;
  const SpikeEvaluator oracle(graph);
  samples = std::min(samples, data.size());
  std::vector<float> shown;
  Trains trains;
  for (std::int64_t i = 0; i < samples; ++i) {
    NT_TRY(const Tensor sample, data.batch(i, 1));
    NT_TRY(const BatchStimulus stimulus, make_stimulus(graph, input, sample, i, steps));
    const Shape shape(stimulus.value.shape().begin() + 1, stimulus.value.shape().end());
    const Stimulus one{input, stimulus.value.reshaped(shape)};
    const Tensor frames = per_step(one.value, held, steps);
    shown.insert(shown.end(), frames.as<float>().begin(), frames.as<float>().end());
    SpikeState state = oracle.initial_state();
    NT_TRY_VOID(oracle.run(state, std::span(&one, 1), steps, [&](const StepRecord& record) {
      std::vector<float>& row = trains[graph[record.population].name];
      row.insert(row.end(), record.payload_f.begin(), record.payload_f.end());
      for (const std::int64_t value : record.payload_i) row.push_back(static_cast<float>(value));
    }));
  }
  nir::GraphData made;
  const double dt = exported.dt_seconds;
  made.nodes[exported.input].observables["input"] = gridded<float>(shown, samples, steps, dt);
  for (const to_nir::ExportedLayer& layer : exported.layers) {
    made.nodes[layer.node].observables["spikes"] =
        gridded<float>(trains.at(layer.population), samples, steps, dt);
  }
  return made;
}

std::vector<Diagnostic> fidelity_findings(const Fidelity& f, const NirExportConfig& limit) {
  const std::string counts =
      fmt::format("{} of {} spikes differ ({} samples of {} steps)", with_thousands(f.mismatches()),
                  with_thousands(f.spikes()), f.samples, f.steps);
  const bool fails = f.percent() > limit.max_mismatches.value;
  Diagnostic found =
      fails ? error("nir.fidelity", limit.profile.at,
                    fmt::format("{}: {} %, more than {} %", counts, number_text(f.percent()),
                                number_text(limit.max_mismatches.value)),
                    "choose another profile or reader; a membrane at the threshold is the usual "
                    "cause")
            : note("nir.fidelity", limit.profile.at, counts);
  found.notes.push_back({{}, "the file was run with " + f.reader});
  for (const FidelityLayer& layer : f.layers) {
    found.notes.push_back(
        {{},
         fmt::format("'{}': {} of {} spikes differ", layer.population,
                     with_thousands(layer.mismatches), with_thousands(layer.spikes))});
  }
  found.notes.push_back({{},
                         fmt::format("largest difference of a readout: {}",
                                     number_text(f.largest_output_difference))});
  return {found};
}

std::vector<PassFact> fidelity_facts(const Fidelity& f) {
  std::vector<PassFact> facts;
  for (const FidelityLayer& layer : f.layers) {
    facts.push_back({"export.nir", layer.population, "spikes", static_cast<double>(layer.spikes)});
    facts.push_back(
        {"export.nir", layer.population, "mismatches", static_cast<double>(layer.mismatches)});
  }
  facts.push_back({"export.nir", "", "mismatch_percent", f.percent()});
  facts.push_back({"export.nir", "", "output_difference", f.largest_output_difference});
  return facts;
}

}  // namespace neurotool
