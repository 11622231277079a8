// Rows of weights for what arrives, columns for what leaves, entries of every parameter.
#include "passes/spike/remove_neurons.hpp"

#include <algorithm>

#include "ir/fields.hpp"
#include "passes/spike/integer_weights.hpp"

namespace neurotool::integer {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

enum class End { kSource, kTarget };

/// `tensor` with only these places along `axis`; scales of axis 0 go along.
Tensor picked(const Tensor& tensor, std::size_t axis, const std::vector<std::int64_t>& kept) {
  std::int64_t inner = 1, outer = 1;
  for (std::size_t i = 0; i < tensor.rank(); ++i) {
    if (i != axis) (i < axis ? outer : inner) *= tensor.shape()[i];
  }
  const std::size_t piece = index(inner) * byte_size(tensor.dtype());
  std::vector<std::byte> bytes;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t at : kept) {
      const std::byte* const first = tensor.data() + index(o * tensor.shape()[axis] + at) * piece;
      bytes.insert(bytes.end(), first, first + piece);
    }
  }
  Shape shape = tensor.shape();
  shape[axis] = static_cast<std::int64_t>(kept.size());
  Tensor result = Tensor::from_bytes(tensor.dtype(), std::move(shape), std::move(bytes));
  if (auto quantization = tensor.quantization()) {
    if (axis == 0 && quantization->scales.size() > 1) {
      std::vector<double> scales;
      for (const std::int64_t at : kept) scales.push_back(quantization->scales[index(at)]);
      quantization->scales = std::move(scales);
    }
    result = result.with_quantization(*quantization);
  }
  return result;
}

/// Neurons of the kept channels, ascending.
std::vector<std::int64_t> neurons_of(const Shape& shape, const std::vector<std::int64_t>& kept) {
  const std::int64_t inner = element_count(shape).value_or(0) / channels_of(shape);
  std::vector<std::int64_t> neurons;
  for (const std::int64_t channel : kept) {
    for (std::int64_t i = 0; i < inner; ++i) neurons.push_back(channel * inner + i);
  }
  return neurons;
}

/// A parameter of rank 0, per channel or per neuron: channels lie along its first axis.
Tensor picked_parameter(const Tensor& parameter, const std::vector<std::int64_t>& kept) {
  if (!parameter.defined() || parameter.rank() == 0) return parameter;
  return picked(parameter, 0, kept);
}

/// The synapses between neurons that stay, as a list with the weights as they are stored.
Sparse listed(const Connectivity& connectivity, const Shape& source, const Shape& target, End end,
              const std::vector<std::int64_t>& kept) {
  const Shape& shape = end == End::kSource ? source : target;
  std::vector<std::int64_t> place(index(element_count(shape).value_or(0)), -1);
  const auto neurons = neurons_of(shape, kept);
  for (std::size_t i = 0; i < neurons.size(); ++i) {
    place[index(neurons[i])] = static_cast<std::int64_t>(i);
  }
  std::vector<std::int64_t> row_begin{0}, from;
  std::vector<std::int32_t> targets;
  // The place of each synapse's weight: its row in a list, its neuron in a one_to_one.
  const auto* old = std::get_if<Sparse>(&connectivity);
  const auto* direct = std::get_if<OneToOne>(&connectivity);
  const bool one = direct != nullptr && (!direct->weight.defined() || direct->weight.rank() == 0);
  const std::int64_t sources = element_count(source).value_or(0);
  for (std::int64_t s = 0; s < sources; ++s) {
    if (end == End::kSource && place[index(s)] < 0) continue;
    const std::int64_t first = old ? old->row_begin.as<std::int64_t>()[index(s)] : s;
    const std::int64_t last = old ? old->row_begin.as<std::int64_t>()[index(s) + 1] : s + 1;
    for (std::int64_t k = first; k < last; ++k) {
      const std::int64_t t = old ? old->targets.as<std::int32_t>()[index(k)] : s;
      const std::int64_t to = end == End::kTarget ? place[index(t)] : t;
      if (to < 0) continue;
      targets.push_back(static_cast<std::int32_t>(to));
      const std::int64_t weights = direct && !one ? direct->weight.size() : sources;
      from.push_back(old ? k : one ? 0 : s / (sources / weights));
    }
    row_begin.push_back(static_cast<std::int64_t>(targets.size()));
  }
  Sparse result;
  const auto rows = static_cast<std::int64_t>(row_begin.size());
  const auto count = static_cast<std::int64_t>(targets.size());
  result.row_begin = Tensor::from<std::int64_t>({rows}, std::move(row_begin));
  result.targets = Tensor::from<std::int32_t>({count}, std::move(targets));
  const Tensor* const weight = weight_of(connectivity);
  const Tensor flat = weight == nullptr || !weight->defined() ? Tensor()
                      : weight->rank() == 0                   ? weight->reshaped({1})
                                                              : weight->reshaped({weight->size()});
  if (flat.defined()) {
    Tensor all = flat;
    // Scales of a per-channel list are per entry of the flattened tensor only where it was flat.
    if (weight->quantization()) all = all.with_quantization(*weight->quantization());
    result.weight = picked(all, 0, from);
  }
  return result;
}

Connectivity without(const Projection& projection, const Shape& source, const Shape& target,
                     End end, const std::vector<std::int64_t>& kept) {
  Connectivity connectivity = projection.connectivity;
  if (auto* dense = std::get_if<Dense>(&connectivity)) {
    const auto neurons = neurons_of(end == End::kSource ? source : target, kept);
    dense->weight = picked(dense->weight, end == End::kSource ? 1 : 0, neurons);
    return connectivity;
  }
  if (auto* conv = std::get_if<Conv2d>(&connectivity)) {
    conv->weight = picked(conv->weight, end == End::kSource ? 1 : 0, kept);
    return connectivity;
  }
  return listed(connectivity, source, target, end, kept);
}

bool is_followed(const Connectivity& connectivity) {
  const auto* conv = std::get_if<Conv2d>(&connectivity);
  if (conv != nullptr) return conv->groups == 1;
  const auto* direct = std::get_if<OneToOne>(&connectivity);
  // A list needs its weights: without them each would be 1, which it cannot say.
  if (direct != nullptr) return direct->weight.defined();
  return std::holds_alternative<Dense>(connectivity) ||
         std::holds_alternative<Sparse>(connectivity);
}

}  // namespace

bool can_lose_channels(const SpikeGraph& graph, PopulationId id) {
  const Population& population = graph[id];
  if (firing_of(population.neuron) == nullptr || population.output) return false;
  const auto follows = [&](ProjectionId p) {
    const Projection& projection = graph[p];
    return projection.source != projection.target && is_followed(projection.connectivity);
  };
  return std::ranges::all_of(graph.incoming(id), follows) &&
         std::ranges::all_of(graph.outgoing(id), follows);
}

void keep_channels(SpikeGraph& graph, PopulationId id, const std::vector<std::int64_t>& kept) {
  Population& population = graph[id];
  for (const ProjectionId p : graph.incoming(id)) {
    Projection& projection = graph[p];
    projection.connectivity =
        without(projection, graph[projection.source].shape, population.shape, End::kTarget, kept);
  }
  for (const ProjectionId p : graph.outgoing(id)) {
    Projection& projection = graph[p];
    projection.connectivity =
        without(projection, population.shape, graph[projection.target].shape, End::kSource, kept);
  }
  const auto pick = [&](Tensor& parameter) {
    parameter = picked_parameter(parameter, kept);
  };
  const auto pick_model = [&](auto& model) {
    each_field(model, [&](auto, [[maybe_unused]] auto& field) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, Tensor>) pick(field);
    });
  };
  std::visit(pick_model, population.neuron);
  for (Tensor* tensor : {&population.bias, &population.payload_value, &population.membrane_value}) {
    pick(*tensor);
  }
  population.shape[0] = static_cast<std::int64_t>(kept.size());
}

}  // namespace neurotool::integer
