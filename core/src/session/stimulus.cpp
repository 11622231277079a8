// A held input receives [samples, neurons], any other input [samples, steps, neurons]: the sample
// as stored, flattened behind its batch axis, or what an encoder makes of it.
#include "session/stimulus.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "base/text.hpp"
#include "session/encode_samples.hpp"

namespace neurotool {
namespace {

struct Range {
  double minimum = 0, maximum = 0;
};

Range range_of(const Input& input) {
  if (input.bits == 0 || input.bits >= 32) {
    return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  }
  const double span = std::ldexp(1.0, static_cast<int>(input.bits));
  return input.is_signed ? Range{-span / 2, span / 2 - 1} : Range{0, span - 1};
}

/// Real value of one unit, for the neuron with flat index `neuron`.
double unit_of(const Population& population, std::int64_t neuron) {
  const Tensor& value = population.payload_value;
  if (!value.defined()) return 1;
  if (value.size() == 1) return value.at(0);
  if (value.size() == population.size()) return value.at(neuron);
  return value.at(neuron / (population.size() / value.size()));
}

Error out_of_range(const Population& population, const Input& input, std::int64_t sample,
                   std::int64_t neuron, float stored, double rounded) {
  const Range range = range_of(input);
  return error(
      "run.input-range", ModelNode{.path = {}, .node = population.name},
      fmt::format("value {} of sample {} becomes {}, outside {} to {} of the {}-bit input "
                  "'{}' (neuron {})",
                  number_text(stored), sample, number_text(rounded), number_text(range.minimum),
                  number_text(range.maximum), input.bits, population.name, neuron),
      "widen the input with 'quantize', or bring the data into range under 'preprocess'");
}

Result<Tensor> to_integers(const Population& population, const Tensor& samples,
                           std::int64_t first) {
  const Input& input = std::get<Input>(population.neuron);
  const Range range = range_of(input);
  const std::int64_t neurons = population.size();
  const std::int64_t per_sample = samples.size() / samples.shape().front();
  const std::span<const float> stored = samples.as<float>();
  std::vector<double> unit(static_cast<std::size_t>(neurons));
  for (std::size_t i = 0; i < unit.size(); ++i) {
    unit[i] = unit_of(population, static_cast<std::int64_t>(i));
  }
  std::vector<std::int32_t> result(stored.size());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const std::size_t neuron = i % unit.size();
    const double rounded = std::nearbyint(static_cast<double>(stored[i]) / unit[neuron]);
    if (!(rounded >= range.minimum && rounded <= range.maximum)) {
      return out_of_range(population, input, first + static_cast<std::int64_t>(i) / per_sample,
                          static_cast<std::int64_t>(neuron), stored[i], rounded);
    }
    result[i] = static_cast<std::int32_t>(rounded);
  }
  return Tensor::from(samples.shape(), std::move(result));
}

template <class Wanted>
Result<PopulationId> only(const SpikeGraph& graph, Wanted wanted, std::string_view code,
                          std::string_view what) {
  std::vector<PopulationId> found;
  for (const PopulationId id : graph.live_populations()) {
    if (wanted(graph[id])) found.push_back(id);
  }
  if (found.size() == 1) return found.front();
  return error(
      code, {},
      fmt::format("the network has {} {} populations, a run needs exactly one", found.size(), what),
      "neurotool inspect MODEL shows them");
}

}  // namespace

Result<PopulationId> only_input(const SpikeGraph& graph) {
  return only(
      graph, [](const Population& p) { return std::holds_alternative<Input>(p.neuron); },
      "run.inputs", "input");
}

Result<PopulationId> only_output(const SpikeGraph& graph) {
  return only(
      graph, [](const Population& p) { return p.output; }, "run.outputs", "output");
}

Result<BatchStimulus> make_stimulus(const SpikeGraph& graph, PopulationId input,
                                    const Tensor& samples, std::int64_t first, std::uint64_t steps,
                                    std::uint64_t seed) {
  const Population& population = graph[input];
  if (std::get<Input>(population.neuron).encoder.coding != Coding::kNone) {
    NT_TRY(Tensor sent, encode_samples(population, samples, {steps, seed, first}));
    if (graph.arithmetic == Arithmetic::kFloat32) return BatchStimulus{input, std::move(sent)};
    // Spikes and their signs are whole numbers already.
    return BatchStimulus{input, sent.converted(DType::kInt32)};
  }
  const std::int64_t count = samples.shape().front();
  const std::int64_t per_sample = samples.size() / count;
  const std::int64_t neurons = population.size();
  NT_CHECK(neurons > 0 && per_sample % neurons == 0,
           fmt::format("samples of {} values do not fill the {} neurons of '{}'", per_sample,
                       neurons, population.name));
  const bool held = std::get<Input>(population.neuron).held;
  const Shape shape = held ? Shape{count, neurons} : Shape{count, per_sample / neurons, neurons};
  if (graph.arithmetic == Arithmetic::kFloat32) {
    return BatchStimulus{input, samples.reshaped(shape)};
  }
  NT_TRY(Tensor integers, to_integers(population, samples.reshaped(shape), first));
  return BatchStimulus{input, std::move(integers)};
}

}  // namespace neurotool
