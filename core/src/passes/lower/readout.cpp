// Says how the network's output is read.
//
// `membrane` leaves the integrating readout alone: a logit is its membrane divided by the steps.
// `spikes` makes the readout fire, for targets that can only send spikes: one threshold for all
// classes, the largest logit that the spiking network itself shows on the calibration samples, so
// that the strongest class fires in nearly every step and no count saturates.
//
// `from` leaves out the first steps, in which the layers before still fill up: what arrived in them
// is subtracted again at the end, by a copy of each projection with negated weights and a delay, so
// that targets need no readout with a window.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/parallel.hpp"
#include "eval/spike_eval.hpp"
#include "passes/lower/lower_passes.hpp"

namespace neurotool {
namespace {

enum class ReadoutMethod { kMembrane, kSpikes };

struct ReadoutOptions {
  ReadoutMethod method = ReadoutMethod::kMembrane;
  std::int64_t samples = 64;
  std::uint32_t from = 0;
};

const OptionTable<ReadoutOptions>& table() {
  static const OptionTable<ReadoutOptions> rows{
      choice("method", &ReadoutOptions::method, "What the answer is read from.",
             {{"membrane", ReadoutMethod::kMembrane}, {"spikes", ReadoutMethod::kSpikes}}),
      option("samples", &ReadoutOptions::samples,
             "Calibration samples to run, at most, with method spikes.")
          .range(1, 1e6),
      option("from", &ReadoutOptions::from,
             "First step that counts, with method membrane; the steps before are left out.")
          .range(0, 4095),
  };
  return rows;
}

class ReadoutPass final : public Pass {
 public:
  explicit ReadoutPass(ReadoutOptions options) : options_(options) {}

  Result<Changed> run(Model& model, Context& context) override;
  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

 private:
  /// The largest membrane of `output` per step over the samples.
  Result<float> largest_logit(const SpikeGraph& graph, PopulationId output, Context& context) const;

  ReadoutOptions options_;
};

std::vector<PopulationId> readouts(const SpikeGraph& graph) {
  std::vector<PopulationId> found = graph.live_populations();
  std::erase_if(found, [&](PopulationId id) {
    return !graph[id].output || !std::holds_alternative<Li>(graph[id].neuron);
  });
  return found;
}

Result<> check_readout(const SpikeGraph& graph, PopulationId id, std::string_view path) {
  const Population& population = graph[id];
  const ModelNode at{std::string(path), population.name};
  if (graph.arithmetic == Arithmetic::kInteger) {
    return error(
        "readout.integer", at,
        fmt::format("the threshold of '{}' cannot be chosen in an integer graph", population.name),
        "put 'readout' before 'quantize'");
  }
  const Li& li = std::get<Li>(population.neuron);
  if (li.decay.defined() || li.initial_membrane.defined()) {
    return error("readout.leaky", at,
                 fmt::format("'{}' leaks or does not begin at 0, so its spikes would not count its "
                             "membrane",
                             population.name),
                 "leave out 'readout'");
  }
  if (graph.steps == 0) {
    return error("readout.steps", at, "the graph does not say for how many steps it was made",
                 "put 'readout' behind 'rate'");
  }
  return {};
}

/// The one input that a sample can be fed to.
Result<PopulationId> sample_input(const SpikeGraph& graph, const SampleSource& source) {
  std::vector<PopulationId> inputs = graph.live_populations();
  std::erase_if(inputs,
                [&](PopulationId id) { return !std::holds_alternative<Input>(graph[id].neuron); });
  const auto elements = element_count(source.sample_shape());
  const bool fits = inputs.size() == 1 && std::get<Input>(graph[inputs[0]].neuron).held &&
                    graph[inputs[0]].size() == elements;
  if (fits) return inputs[0];
  return error("readout.input", {},
               fmt::format("samples of '{}' ({}) do not fit the {} inputs of the graph",
                           source.name(), to_string(source.sample_shape()), inputs.size()),
               "choose the threshold of a network with one held input of that size");
}

void make_firing(Population& population, float threshold, bool provisional) {
  Firing firing;
  firing.threshold = Tensor::scalar(threshold);
  firing.initial_membrane = Tensor::scalar(threshold * 0.5f);
  population.neuron = If{std::move(firing)};
  population.provisional = provisional;
  std::vector<double> values{double{threshold}};
  Shape shape;
  if (const Tensor& membrane = population.membrane_value; membrane.defined()) {
    shape = membrane.shape();
    values.clear();
    for (std::int64_t i = 0; i < membrane.size(); ++i) {
      values.push_back(double{threshold} * membrane.at(i));
    }
  }
  population.payload_value = Tensor::from<double>(std::move(shape), std::move(values));
}

Result<float> ReadoutPass::largest_logit(const SpikeGraph& graph, PopulationId output,
                                         Context& context) const {
  const SampleSource& source = *context.calibration;
  NT_TRY(const PopulationId input, sample_input(graph, source));
  const SpikeEvaluator evaluator(graph);
  const auto samples = static_cast<std::size_t>(std::min(options_.samples, source.size()));
  std::vector<float> largest(samples, 0);
  std::vector<std::optional<Error>> failed(samples);
  const auto run_one = [&](std::size_t i) -> Result<> {
    if (!context.progress.update(-1, "choosing the readout's threshold")) {
      return error("pass.cancelled", {}, "cancelled while choosing the readout's threshold");
    }
    NT_TRY(const Tensor sample, source.batch(static_cast<std::int64_t>(i), 1));
    const Stimulus stimulus{input, sample.reshaped({graph[input].size()})};
    SpikeState state = evaluator.initial_state();
    NT_TRY_VOID(evaluator.run(state, {&stimulus, 1}, graph.steps));
    for (const float membrane : state.membrane_f.at(output.index)) {
      largest[i] = std::max(largest[i], membrane);
    }
    return {};
  };
  parallel_for(samples, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (auto result = run_one(i); !result) failed[i] = std::move(result).error();
    }
  });
  for (std::optional<Error>& failure : failed) {
    if (failure) return *std::move(failure);
  }
  const float most = largest.empty() ? 0 : *std::ranges::max_element(largest);
  return most / static_cast<float>(graph.steps);
}

Result<> check_from(const SpikeGraph& graph, std::uint32_t from, ReadoutMethod method,
                    std::string_view path) {
  if (method == ReadoutMethod::kMembrane && from < graph.steps) return {};
  return error(
      "readout.from", ModelNode{std::string(path), {}},
      method == ReadoutMethod::kMembrane
          ? fmt::format("the readout begins at step {}, and a run has {}", from, graph.steps)
          : fmt::format("the readout begins at step {}, and its spikes would not", from),
      "give a 'from' below the steps of the lowering, with method membrane");
}

Tensor times(const Tensor& tensor, double factor) {
  if (!tensor.defined()) return {};
  std::vector<float> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    values.push_back(static_cast<float>(tensor.at(i) * factor));
  }
  return Tensor::from<float>(tensor.shape(), std::move(values));
}

/// The same connections with weights of the other sign.
Connectivity negated(Connectivity connectivity) {
  Tensor* const weight = weight_of(connectivity);
  NT_CHECK(weight != nullptr, "every connectivity has a weight");
  *weight = weight->defined() ? times(*weight, -1) : Tensor::scalar(-1.0f);
  return connectivity;
}

/// True if a copy of each projection with that delay is there already: a second run changes
/// nothing.
bool begins_later(const SpikeGraph& graph, PopulationId id, std::uint32_t counted) {
  const std::vector<ProjectionId> incoming = graph.incoming(id);
  return std::ranges::any_of(incoming, [&](ProjectionId late) {
    return std::ranges::any_of(incoming, [&](ProjectionId early) {
      return graph[early].source == graph[late].source &&
             graph[late].delay_steps == graph[early].delay_steps + counted;
    });
  });
}

/// Leaves out what arrives in the steps before `from`: it comes a second time, negated, in the
/// steps from T - from on, after which none are left for the rest. Biases and logits follow.
void begin_at(SpikeGraph& graph, PopulationId id, std::uint32_t from) {
  const std::uint32_t counted = graph.steps - from;
  for (const ProjectionId p : graph.incoming(id)) {
    const Projection arriving = graph[p];
    const ProjectionId copy = graph.connect(arriving.source, id, negated(arriving.connectivity),
                                            arriving.delay_steps + counted);
    graph[copy].origins = arriving.origins;
  }
  Population& population = graph[id];
  population.bias = times(population.bias, double{1} * counted / graph.steps);
  const Tensor& unit = population.membrane_value;
  std::vector<double> values{double{1} * graph.steps / counted};
  Shape shape;
  if (unit.defined()) {
    shape = unit.shape();
    values.assign(static_cast<std::size_t>(unit.size()), values[0]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] *= unit.at(static_cast<std::int64_t>(i));
    }
  }
  population.membrane_value = Tensor::from<double>(std::move(shape), std::move(values));
}

Result<Changed> ReadoutPass::run(Model& model, Context& context) {
  SpikeGraph& graph = model.spike();
  const std::vector<PopulationId> outputs = readouts(graph);
  if (options_.from > 0 && !outputs.empty()) {
    for (const PopulationId id : outputs) NT_TRY_VOID(check_readout(graph, id, model.path));
    NT_TRY_VOID(check_from(graph, options_.from, options_.method, model.path));
    Changed changed = Changed::kNo;
    for (const PopulationId id : outputs) {
      if (begins_later(graph, id, graph.steps - options_.from)) continue;
      begin_at(graph, id, options_.from);
      changed = Changed::kYes;
    }
    return changed;
  }
  if (options_.method == ReadoutMethod::kMembrane || outputs.empty()) return Changed::kNo;
  for (const PopulationId id : outputs) {
    NT_TRY_VOID(check_readout(graph, id, model.path));
    float threshold = 1;
    if (context.calibration != nullptr) {
      NT_TRY(threshold, largest_logit(graph, id, context));
      if (!(threshold > 0)) {
        return error("readout.no-positive-logit", ModelNode{model.path, graph[id].name},
                     fmt::format("no logit of '{}' is above 0 on the calibration samples, so that "
                                 "it would never fire",
                                 graph[id].name),
                     "read the output from membranes, or give more samples");
      }
      context.facts.push_back({"readout", graph[id].name, "threshold", double{threshold}});
    }
    make_firing(graph[id], threshold, context.calibration == nullptr);
  }
  return Changed::kYes;
}

}  // namespace

PassEntry readout_entry() {
  return {.info = {.name = "readout",
                   .summary = "Reads the output from membranes, or makes it fire.",
                   .from = Level::kSpike,
                   .to = Level::kSpike},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<ReadoutPass>(table(), "readout", section, path, out);
          }};
}

}  // namespace neurotool
