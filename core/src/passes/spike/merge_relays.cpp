// Takes out relays that only hand on one population, unchanged or scaled neuron by neuron: whoever
// reads the relay reads the population instead, with the delays added and the scale in its weights.
//
// Nothing may change by a bit. Handing on is exact. A scale is moved where it provably is: in
// integer graphs when the products fit 16 bits, in float graphs when it is a power of two and what
// it multiplies are whole payloads of neurons, so that no rounding happens in either order.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "passes/spike/clean_passes.hpp"
#include "passes/spike/integer_weights.hpp"

namespace neurotool {
namespace {

using integer::parameter_at;

/// What a relay does to the one population that it reads.
struct HandedOn {
  ProjectionId from;
  bool scaled = false;
};

/// Powers of two far from the ends of float32.
bool is_exact_factor(double factor) {
  int exponent = 0;
  return std::abs(std::frexp(factor, &exponent)) == 0.5 && std::abs(exponent) <= 32;
}

std::optional<HandedOn> handed_on(const SpikeGraph& graph, PopulationId id) {
  const Population& relay = graph[id];
  if (!std::holds_alternative<Relay>(relay.neuron) || relay.output) return std::nullopt;
  const auto incoming = graph.incoming(id);
  if (relay.bias.defined() || incoming.size() != 1) return std::nullopt;
  const Projection& from = graph[incoming[0]];
  const auto* kind = std::get_if<OneToOne>(&from.connectivity);
  const Population& source = graph[from.source];
  // Another shape would be delivered in another order.
  if (kind == nullptr || source.shape != relay.shape || from.source == id) return std::nullopt;
  HandedOn result{.from = incoming[0]};
  for (std::int64_t i = 0; kind->weight.defined() && i < kind->weight.size(); ++i) {
    result.scaled = result.scaled || kind->weight.at(i) != 1;
  }
  if (!result.scaled) return result;
  const bool whole = graph.arithmetic == Arithmetic::kInteger;
  const auto& quantization = kind->weight.quantization();
  if (whole && quantization && quantization->scales.size() != 1) return std::nullopt;
  if (whole) return result;
  if (firing_of(source.neuron) == nullptr) return std::nullopt;
  for (std::int64_t i = 0; i < kind->weight.size(); ++i) {
    if (!is_exact_factor(kind->weight.at(i))) return std::nullopt;
  }
  return result;
}

/// Which neuron of the source a weight of a dense or conv2d projection reads, up to its channel.
std::int64_t source_of(const Connectivity& connectivity, const Shape& source, std::int64_t at) {
  if (const auto* conv = std::get_if<Conv2d>(&connectivity)) {
    const Shape& shape = conv->weight.shape();
    const std::int64_t kernel = shape[2] * shape[3];
    const std::int64_t row = at / (shape[1] * kernel), group = row / (shape[0] / conv->groups);
    const std::int64_t channel = group * shape[1] + at / kernel % shape[1];
    return channel * (element_count(source).value_or(0) / source[0]);
  }
  return at % element_count(source).value_or(1);
}

/// The weights of a projection out of a relay times the relay's own; nothing where that is inexact.
std::optional<Tensor> scaled_weights(const SpikeGraph& graph, const Projection& out,
                                     const OneToOne& scale, const Shape& source) {
  const bool dense = std::holds_alternative<Dense>(out.connectivity);
  const auto* conv = std::get_if<Conv2d>(&out.connectivity);
  const bool per_neuron = scale.weight.rank() > 0 && scale.weight.size() != source[0];
  if (!dense && (conv == nullptr || per_neuron)) return std::nullopt;
  const Tensor& weight = *weight_of(out.connectivity);
  std::vector<double> values;
  double most = 0;
  for (std::int64_t i = 0; i < weight.size(); ++i) {
    const std::int64_t neuron = source_of(out.connectivity, source, i);
    values.push_back(weight.at(i) * parameter_at(scale.weight, source, neuron, 1));
    most = std::max(most, std::abs(values.back()));
    const bool tiny = values.back() != 0 && std::abs(values.back()) < 1e-20;
    if (tiny || most > 1e20) return std::nullopt;
  }
  if (graph.arithmetic == Arithmetic::kFloat32) {
    return Tensor::from<float>(weight.shape(), std::vector<float>(values.begin(), values.end()));
  }
  if (most > 32767) return std::nullopt;
  Tensor result = Tensor::from<std::int16_t>(
      weight.shape(), std::vector<std::int16_t>(values.begin(), values.end()));
  if (auto quantization = weight.quantization()) {
    quantization->bits = 16;
    const auto& own = scale.weight.quantization();
    for (double& s : quantization->scales) s *= own ? own->scales[0] : 1;
    result = result.with_quantization(*quantization);
  }
  return result;
}

/// True when everything that reads the relay could be moved, and was.
bool take_out(SpikeGraph& graph, PopulationId id, const HandedOn& how) {
  const Projection from = graph[how.from];
  const Shape source = graph[from.source].shape;
  const auto outgoing = graph.outgoing(id);
  std::vector<Tensor> weights;
  for (const ProjectionId p : outgoing) {
    if (graph[p].target == id || graph[p].shift + from.shift > 31) return false;
    if (!how.scaled) continue;
    auto scaled = scaled_weights(graph, graph[p], std::get<OneToOne>(from.connectivity), source);
    if (!scaled) return false;
    weights.push_back(*std::move(scaled));
  }
  for (std::size_t i = 0; i < outgoing.size(); ++i) {
    Projection& out = graph[outgoing[i]];
    out.source = from.source;
    out.delay_steps += from.delay_steps;
    out.shift += from.shift;
    if (how.scaled) *weight_of(out.connectivity) = weights[i];
  }
  graph.remove(id);
  return true;
}

Result<Changed> merge_relays(SpikeGraph& graph, const Model& model, Context& context) {
  double identities = 0, scales = 0;
  // What stands behind a relay may have to go first: again until nothing goes any more.
  for (bool any = true; any;) {
    any = false;
    for (const PopulationId id : graph.step_order()) {
      const auto how = handed_on(graph, id);
      if (!how || !take_out(graph, id, *how)) continue;
      ++(how->scaled ? scales : identities);
      any = true;
    }
  }
  context.facts.push_back({"merge_relays", model.name, "removed_identities", identities});
  context.facts.push_back({"merge_relays", model.name, "removed_scales", scales});
  return identities + scales > 0 ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry merge_relays_entry() {
  return spike_passes::clean_pass_entry<merge_relays>(
      "merge_relays", "Takes out relays that hand on one population, as it is or scaled.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return spike_passes::create_clean_pass<merge_relays>("merge_relays", section, path, out);
      });
}

}  // namespace neurotool
