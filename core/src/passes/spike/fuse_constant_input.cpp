// Layers that first only integrate and then only fire, and that read nothing but held inputs, add
// the same current in every step of their integrate window. In whole numbers L steps of it are one
// step of L times the weights and the bias: the window shrinks to its last step, and the membrane
// at its end, which is all that firing depends on, is what it was.
//
// Only graphs that run their window to its end (graph.steps says so), and only where the products
// fit: a power of two goes into the projection's shift, anything else into weights of 16 bits.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "passes/spike/bounds.hpp"
#include "passes/spike/clean_passes.hpp"
#include "passes/spike/integer_weights.hpp"

namespace neurotool {
namespace {

/// Steps of the window that can become one, or 0: why not is in the order of the conditions.
std::uint32_t fusible_steps(const SpikeGraph& graph, PopulationId id) {
  const Population& population = graph[id];
  const auto* neuron = std::get_if<If>(&population.neuron);
  if (neuron == nullptr || population.output) return 0;
  const Window& window = neuron->firing.window;
  const bool ends = window.integrate_end != Window::kForever && window.integrate_end <= graph.steps;
  if (!ends || window.fire_begin + 1 < window.integrate_end) return 0;
  const auto incoming = graph.incoming(id);
  for (const ProjectionId p : incoming) {
    const auto* input = std::get_if<Input>(&graph[graph[p].source].neuron);
    // A delayed input is silent in its first steps.
    if (input == nullptr || !input->held || graph[p].delay_steps > 0) return 0;
  }
  const std::uint32_t steps = window.integrate_end - window.integrate_begin;
  return incoming.empty() || steps < 2 ? 0 : steps;
}

/// The projection with its sum multiplied by `factor`; nothing where it does not fit.
std::optional<Projection> multiplied(const Projection& projection, std::uint32_t factor) {
  Projection result = projection;
  if ((factor & (factor - 1)) == 0) {
    while (factor >>= 1) ++result.shift;
    if (result.shift > 31) return std::nullopt;
    return result;
  }
  Tensor* const weight = weight_of(result.connectivity);
  if (weight == nullptr || !weight->defined()) return std::nullopt;
  std::vector<std::int16_t> values;
  for (std::int64_t i = 0; i < weight->size(); ++i) {
    const double value = weight->at(i) * factor;
    if (std::abs(value) > std::numeric_limits<std::int16_t>::max()) return std::nullopt;
    values.push_back(static_cast<std::int16_t>(value));
  }
  Tensor wide = Tensor::from<std::int16_t>(weight->shape(), std::move(values));
  if (auto quantization = weight->quantization()) {
    quantization->bits = 16;
    wide = wide.with_quantization(*quantization);
  }
  *weight = wide;
  return result;
}

std::optional<Tensor> multiplied(const Tensor& bias, std::uint32_t factor) {
  std::vector<std::int32_t> values;
  for (std::int64_t i = 0; i < bias.size(); ++i) {
    const double value = bias.at(i) * factor;
    if (std::abs(value) > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
    values.push_back(static_cast<std::int32_t>(value));
  }
  return Tensor::from<std::int32_t>(bias.shape(), std::move(values));
}

/// Whether one step of the multiplied current provably stays inside 32 bits, whatever the input and
/// in whatever order the parts of it are added.
bool current_fits(const SpikeGraph& graph, PopulationId id, const std::vector<Projection>& parts,
                  const Tensor& bias) {
  const Population& population = graph[id];
  double most = 0;
  for (const Projection& part : parts) {
    const Population& source = graph[part.source];
    const Input& input = std::get<Input>(source.neuron);
    if (input.bits == 0) return false;
    const double reach = std::ldexp(1.0, static_cast<int>(input.bits) - (input.is_signed ? 1 : 0));
    const integer::ChannelIntervals payload(
        static_cast<std::size_t>(integer::channels_of(source.shape)), {-reach, reach});
    const integer::Weights whole = integer::weights_of(part.connectivity, population.shape, false);
    double largest = 0;
    for (const integer::Interval& sum :
         integer::delivered(part.connectivity, whole, payload, source.shape, population.shape)) {
      largest = std::max({largest, -sum.low, sum.high});
    }
    most += std::ldexp(largest, static_cast<int>(part.shift));
  }
  double largest = 0;
  for (std::int64_t i = 0; bias.defined() && i < bias.size(); ++i) {
    largest = std::max(largest, std::abs(bias.at(i)));
  }
  return most + largest < std::ldexp(1.0, 31);
}

bool fuse(SpikeGraph& graph, PopulationId id, std::uint32_t steps) {
  const auto incoming = graph.incoming(id);
  std::vector<Projection> parts;
  for (const ProjectionId p : incoming) {
    auto part = multiplied(graph[p], steps);
    if (!part) return false;
    parts.push_back(*std::move(part));
  }
  Population& population = graph[id];
  Tensor bias = population.bias;
  if (bias.defined() && population.bias_timing == BiasTiming::kEveryStep) {
    auto all = multiplied(bias, steps);
    if (!all) return false;
    bias = *std::move(all);
  }
  if (!current_fits(graph, id, parts, bias)) return false;
  population.bias = bias;
  for (std::size_t i = 0; i < incoming.size(); ++i) graph[incoming[i]] = std::move(parts[i]);
  Window& window = std::get<If>(population.neuron).firing.window;
  window.integrate_begin = window.integrate_end - 1;
  return true;
}

Result<Changed> fuse_constant_input(SpikeGraph& graph, const Model& model, Context& context) {
  double populations = 0, saved = 0;
  if (graph.arithmetic == Arithmetic::kInteger) {
    for (const PopulationId id : graph.live_populations()) {
      const std::uint32_t steps = fusible_steps(graph, id);
      if (steps == 0 || !fuse(graph, id, steps)) continue;
      ++populations;
      saved += steps - 1;
    }
  }
  context.facts.push_back({"fuse_constant_input", model.name, "fused_populations", populations});
  context.facts.push_back({"fuse_constant_input", model.name, "saved_steps", saved});
  return populations > 0 ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry fuse_constant_input_entry() {
  return spike_passes::clean_pass_entry<fuse_constant_input>(
      "fuse_constant_input", "Integrates the constant current of held inputs in one step.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return spike_passes::create_clean_pass<fuse_constant_input>("fuse_constant_input", section,
                                                                    path, out);
      });
}

}  // namespace neurotool
