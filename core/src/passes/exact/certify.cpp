// Checks an exact network against its integer reference: shows what has been proved for each
// population, and runs calibration samples through the step rule and through the reference, which
// share no code. Every count must be equal; the first that is not is an error with its place.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "base/parallel.hpp"
#include "eval/integer_eval.hpp"
#include "eval/spike_eval.hpp"
#include "passes/exact/exact_passes.hpp"
#include "passes/spike/integer_weights.hpp"

namespace neurotool {
namespace {

struct CertifyOptions {
  std::int64_t samples = 4;
};

const OptionTable<CertifyOptions>& table() {
  static const OptionTable<CertifyOptions> rows{
      option("samples", &CertifyOptions::samples,
             "Calibration samples whose counts are compared; 0 compares none.")
          .range(0, 1e6),
  };
  return rows;
}

class CertifyPass final : public Pass {
 public:
  explicit CertifyPass(CertifyOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  CertifyOptions options_;
};

/// The one input that a sample is fed to.
Result<PopulationId> sample_input(const SpikeGraph& graph, const SampleSource& source) {
  std::vector<PopulationId> inputs = graph.live_populations();
  std::erase_if(inputs,
                [&](PopulationId id) { return !std::holds_alternative<Input>(graph[id].neuron); });
  const auto elements = element_count(source.sample_shape());
  const bool fits = inputs.size() == 1 && std::get<Input>(graph[inputs[0]].neuron).held &&
                    graph[inputs[0]].size() == elements;
  if (fits) return inputs[0];
  return error("certify.input", {},
               fmt::format("samples of '{}' ({}) do not fit the {} inputs of the graph",
                           source.name(), to_string(source.sample_shape()), inputs.size()),
               "certify a network with one held input of that size");
}

/// The sample as a run would feed it, held inside the range of the input's bits.
Result<Tensor> whole_sample(const Population& population, const SampleSource& source,
                            std::int64_t sample) {
  const Input& input = std::get<Input>(population.neuron);
  const auto bits = static_cast<int>(input.bits);
  const double low = input.is_signed ? -std::ldexp(1.0, bits - 1) : 0;
  const double high = std::ldexp(1.0, input.is_signed ? bits - 1 : bits) - 1;
  NT_TRY(const Tensor values, source.batch(sample, 1));
  std::vector<std::int32_t> whole;
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const double unit = integer::parameter_at(population.payload_value, population.shape, i, 1);
    const double rounded = integer::round_half_even(values.at(i) / unit);
    whole.push_back(static_cast<std::int32_t>(std::clamp(rounded, low, high)));
  }
  return Tensor::from<std::int32_t>({population.size()}, std::move(whole));
}

/// What each population has sent over a run of the step rule, in the terms of IntegerCounts.
class Counter {
 public:
  explicit Counter(const SpikeGraph& graph) : graph_(graph), counts_(graph.populations.size()) {
    for (std::uint32_t i = 0; i < counts_.size(); ++i) {
      counts_[i].assign(static_cast<std::size_t>(graph.populations[i].size()), 0);
    }
  }

  void see(const StepRecord& record) {
    const Neuron& neuron = graph_[record.population].neuron;
    const Firing* const firing = firing_of(neuron);
    std::vector<std::int64_t>& counts = counts_[record.population.index];
    if (std::holds_alternative<Li>(neuron)) {
      counts.assign(record.membrane_i.begin(), record.membrane_i.end());
    }
    if (firing == nullptr) return;
    std::int64_t weight = 1;
    if (firing->radix_bits > 0) {
      const std::uint64_t digit = record.step - firing->window.fire_begin;
      if (record.step < firing->window.fire_begin || digit >= firing->radix_bits) return;
      weight = std::int64_t{1} << (firing->radix_bits - 1 - digit);
    }
    for (std::size_t n = 0; n < counts.size(); ++n) counts[n] += record.payload_i[n] * weight;
  }

  /// The first neuron that differs; inputs and relays are what the sums say already.
  std::optional<Error> compare(const IntegerCounts& wanted, std::int64_t sample) const {
    for (std::uint32_t p = 0; p < counts_.size(); ++p) {
      const Population& population = graph_.populations[p];
      const bool counts =
          firing_of(population.neuron) != nullptr || std::holds_alternative<Li>(population.neuron);
      for (std::size_t n = 0; counts && n < counts_[p].size(); ++n) {
        if (counts_[p][n] == wanted[p][n]) continue;
        return error("certify.mismatch", ModelNode{"", population.name},
                     fmt::format("neuron {} of '{}' reaches {} on sample {}, and the integer "
                                 "reference says {}",
                                 n, population.name, counts_[p][n], sample, wanted[p][n]),
                     "the network has not settled: leave 'steps' of 'exact' at 0; otherwise this "
                     "is a bug, please report it");
      }
    }
    return {};
  }

 private:
  const SpikeGraph& graph_;
  IntegerCounts counts_;
};

Result<> compare_sample(const SpikeGraph& graph, const SpikeEvaluator& evaluator,
                        const IntegerReference& reference, const Stimulus& stimulus,
                        std::int64_t sample) {
  NT_TRY(const IntegerCounts wanted, reference.run({&stimulus, 1}, 1));
  Counter counter(graph);
  SpikeState state = evaluator.initial_state();
  NT_TRY_VOID(evaluator.run(state, {&stimulus, 1}, graph.steps,
                            [&](const StepRecord& record) { counter.see(record); }));
  if (auto different = counter.compare(wanted, sample)) return *std::move(different);
  return {};
}

/// What holds for every input, population by population.
void state_obligations(const SpikeGraph& graph, Context& context) {
  for (const PopulationId id : graph.live_populations()) {
    const Population& population = graph[id];
    const Firing* const firing = firing_of(population.neuron);
    if (firing == nullptr) continue;
    const auto fact = [&](const char* name, double value) {
      context.facts.push_back({"certify", population.name, name, value});
    };
    double least = std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < firing->threshold.size(); ++i) {
      least = std::min(least, firing->threshold.at(i));
    }
    fact("threshold_least", least);
    fact("channels", static_cast<double>(integer::channels_of(population.shape)));
  }
}

Result<Changed> CertifyPass::run(Model& model, Context& context) {
  const SpikeGraph& graph = model.spike();
  NT_TRY(const IntegerReference reference, IntegerReference::create(graph));
  state_obligations(graph, context);
  if (context.calibration == nullptr || options_.samples == 0) return Changed::kNo;
  const SampleSource& source = *context.calibration;
  NT_TRY(const PopulationId input, sample_input(graph, source));
  const SpikeEvaluator evaluator(graph);
  const auto samples = static_cast<std::size_t>(std::min(options_.samples, source.size()));
  std::vector<std::optional<Error>> failed(samples);
  const auto check = [&](std::size_t i) -> Result<> {
    const auto sample = static_cast<std::int64_t>(i);
    if (!context.progress.update(-1, "comparing counts")) {
      return error("pass.cancelled", {}, "cancelled while comparing counts");
    }
    NT_TRY(Tensor value, whole_sample(graph[input], source, sample));
    return compare_sample(graph, evaluator, reference, {input, std::move(value)}, sample);
  };
  parallel_for(samples, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (auto result = check(i); !result) failed[i] = std::move(result).error();
    }
  });
  for (std::optional<Error>& failure : failed) {
    if (!failure) continue;
    context.diagnostics.report(*failure);
    return *std::move(failure);
  }
  std::int64_t neurons = 0;
  for (const PopulationId id : graph.live_populations()) {
    if (firing_of(graph[id].neuron) != nullptr) neurons += graph[id].size();
  }
  context.facts.push_back({"certify", "network", "samples", static_cast<double>(samples)});
  context.facts.push_back({"certify", "network", "counts_compared",
                           static_cast<double>(neurons) * static_cast<double>(samples)});
  context.facts.push_back({"certify", "network", "mismatches", 0});
  return Changed::kNo;
}

}  // namespace

PassEntry certify_entry() {
  return {
      .info = {.name = "certify",
               .summary = "Compares every count of an exact network with its integer reference.",
               .from = Level::kSpike,
               .to = Level::kSpike},
      .options = table().infos(),
      .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_pass<CertifyPass>(table(), "certify", section, path, out);
      }};
}

}  // namespace neurotool
