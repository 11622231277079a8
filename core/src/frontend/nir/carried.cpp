// x -> first -> middle -> second -> sum and x -> shortcut -> sum. A neuron with threshold 1 that is
// reset by subtraction and starts between 0 and 1 passes spikes on: what it adds, it takes off
// again.
#include "frontend/nir/carried.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "frontend/nir/export_projections.hpp"
#include "frontend/nir/exporter.hpp"
#include "frontend/nir/weights.hpp"

namespace neurotool::to_nir {
namespace {

/// A convolution of one group without delay, its weights as real numbers, or nothing.
std::optional<Conv2d> plain_convolution(const Projection& projection) {
  const auto* conv = std::get_if<Conv2d>(&projection.connectivity);
  if (conv == nullptr || conv->groups != 1 || projection.delay_steps != 0 ||
      projection.target_port != 0) {
    return std::nullopt;
  }
  Conv2d made = *conv;
  made.weight = real_weight(conv->weight, projection.shift);
  return made;
}

/// The shortcut as a convolution with one tap; nothing where it is something else, or an edge.
std::optional<Conv2d> one_tap(const SpikeGraph& graph, const Projection& projection) {
  const Shape& shape = graph[projection.source].shape;
  if (const auto* one = std::get_if<OneToOne>(&projection.connectivity)) {
    if (projection.delay_steps != 0 || projection.target_port != 0 || shape.size() != 3 ||
        shape != graph[projection.target].shape ||
        (one->weight.size() != 1 && one->weight.size() != shape[0])) {
      return std::nullopt;
    }
    const Tensor weight = real_weight(one->weight, projection.shift);
    std::vector<double> values(static_cast<std::size_t>(shape[0]));
    bool edge = true;
    for (std::size_t c = 0; c < values.size(); ++c) {
      values[c] = weight.at(weight.size() == 1 ? 0 : static_cast<std::int64_t>(c));
      edge = edge && values[c] == 1;
    }
    if (edge) return std::nullopt;
    return Conv2d{.weight = diagonal(values, shape[0]).reshaped({shape[0], shape[0], 1, 1})};
  }
  auto conv = plain_convolution(projection);
  const bool single = conv && conv->weight.shape()[2] == 1 && conv->weight.shape()[3] == 1 &&
                      conv->padding == std::array<std::int64_t, 4>{0, 0, 0, 0};
  return single ? conv : std::nullopt;
}

/// The tap that lies on the target's own place (times the stride), as row and column.
std::optional<std::array<std::int64_t, 2>> centre(const Conv2d& conv) {
  std::array<std::int64_t, 2> tap{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (conv.padding[axis] % conv.dilation[axis] != 0) return std::nullopt;
    tap[axis] = conv.padding[axis] / conv.dilation[axis];
    if (tap[axis] >= conv.weight.shape()[axis + 2]) return std::nullopt;
  }
  return tap;
}

bool sends_single_spikes(const Population& population) {
  const Firing* firing = firing_of(population.neuron);
  return firing != nullptr && firing->emission == Emission{} && firing->radix_bits == 0 &&
         firing->window == Window{};
}

struct Block {
  PopulationId middle;
  ProjectionId first, second, shortcut;
  Conv2d first_weights, second_weights, shortcut_weights;
  std::array<std::int64_t, 2> first_centre{}, second_centre{};
};

/// The block whose branches meet at the end of `second` and `shortcut`, if it is one.
std::optional<Block> block_of(const SpikeGraph& graph, ProjectionId second, ProjectionId shortcut) {
  Block block{.second = second, .shortcut = shortcut};
  block.middle = graph[second].source;
  const Population& middle = graph[block.middle];
  const auto* neuron = std::get_if<If>(&middle.neuron);
  const std::vector<ProjectionId> incoming = graph.incoming(block.middle);
  if (neuron == nullptr || neuron->firing.reset != Reset::kSubtract || middle.output ||
      !sends_single_spikes(middle) || incoming.size() != 1 ||
      graph.outgoing(block.middle).size() != 1) {
    return std::nullopt;
  }
  block.first = incoming.front();
  const PopulationId from = graph[shortcut].source;
  if (graph[block.first].source != from || !sends_single_spikes(graph[from])) return std::nullopt;
  const auto first = plain_convolution(graph[block.first]), last = plain_convolution(graph[second]);
  const auto tap = one_tap(graph, graph[shortcut]);
  if (!first || !last || !tap || first->stride != tap->stride ||
      last->stride != std::array<std::int64_t, 2>{1, 1}) {
    return std::nullopt;
  }
  const auto first_centre = centre(*first), second_centre = centre(*last);
  const Shape &at = middle.shape, &to = graph[graph[second].target].shape;
  if (!first_centre || !second_centre || at[1] != to[1] || at[2] != to[2]) return std::nullopt;
  block.first_weights = *first;
  block.second_weights = *last;
  block.shortcut_weights = *tap;
  block.first_centre = *first_centre;
  block.second_centre = *second_centre;
  return block;
}

/// `weight` with more channels of targets and sources; new ones are zero but for f(target, source)
/// at one tap, with targets and sources counted from the first new one where there are new ones.
template <class F>
Tensor widened(const Tensor& weight, std::int64_t targets, std::int64_t sources,
               std::array<std::int64_t, 2> tap, F&& f) {
  const Shape& s = weight.shape();
  const Shape shape{s[0] + targets, s[1] + sources, s[2], s[3]};
  const std::int64_t area = s[2] * s[3], place = tap[0] * s[3] + tap[1];
  const auto from = weight.as<float>();
  std::vector<float> made(static_cast<std::size_t>(*element_count(shape)), 0.0F);
  for (std::int64_t t = 0; t < s[0]; ++t)
    for (std::int64_t c = 0; c < s[1] * area; ++c)
      made[static_cast<std::size_t>(t * shape[1] * area + c)] =
          from[static_cast<std::size_t>(t * s[1] * area + c)];
  for (std::int64_t t = targets > 0 ? s[0] : 0; t < shape[0]; ++t)
    for (std::int64_t c = sources > 0 ? s[1] : 0; c < shape[1]; ++c)
      made[static_cast<std::size_t>((t * shape[1] + c) * area + place)] =
          f(targets > 0 ? t - s[0] : t, sources > 0 ? c - s[1] : c);
  return Tensor::from<float>(shape, std::move(made));
}

void set_weights(Projection& projection, Conv2d conv, Tensor weight) {
  conv.weight = std::move(weight);
  projection.connectivity = std::move(conv);
  projection.shift = 0;
}

/// More channels whose neurons only pass on.
void widen(Population& middle, std::int64_t channels, bool integer) {
  const Shape old = middle.shape;
  middle.shape[0] += channels;
  const auto extended = [&](Tensor& parameter, double absent, double added) {
    std::vector<double> values = values_of(parameter, old, absent);
    values.resize(static_cast<std::size_t>(middle.size()), added);
    parameter = full_tensor(values, middle.shape);
  };
  Firing& firing = *firing_of(middle.neuron);
  extended(firing.threshold, 1, 1);
  extended(firing.initial_membrane, 0, integer ? 0 : 0.5);  // whole numbers get a half later
  if (middle.bias.defined()) extended(middle.bias, 0, 0);
  if (firing.reset_value.defined()) extended(firing.reset_value, 0, 0);
}

void carry(SpikeGraph& graph, const Block& block) {
  const std::int64_t channels = graph[graph[block.shortcut].source].shape[0];
  const auto shortcut = block.shortcut_weights.weight.as<float>();
  widen(graph[block.middle], channels, graph.arithmetic == Arithmetic::kInteger);
  set_weights(graph[block.first], block.first_weights,
              widened(block.first_weights.weight, channels, 0, block.first_centre,
                      [](std::int64_t t, std::int64_t c) { return t == c ? 1.0F : 0.0F; }));
  set_weights(graph[block.second], block.second_weights,
              widened(block.second_weights.weight, 0, channels, block.second_centre,
                      [&](std::int64_t t, std::int64_t c) {
                        return shortcut[static_cast<std::size_t>(t * channels + c)];
                      }));
  graph[block.shortcut].removed = true;
}

/// Two convolutions side by side, one of them with a single tap: one kernel, where they have one
/// source and meet in one population.
struct Twins {
  ProjectionId wide, narrow;
  std::optional<PopulationId> relay;  ///< behind the wide one, to be passed over
  ProjectionId behind_relay;
  Conv2d wide_weights, narrow_weights;
  std::array<std::int64_t, 2> tap{};
};

/// An edge: every weight is 1, and it is not late.
bool is_edge(const Projection& projection) {
  const auto* one = std::get_if<OneToOne>(&projection.connectivity);
  return one != nullptr && is_one(real_weight(one->weight, projection.shift)) &&
         projection.delay_steps == 0 && projection.target_port == 0;
}

bool takes_bias(const Population& relay, const Population& target) {
  return !relay.bias.defined() || !target.bias.defined() || relay.bias_timing == target.bias_timing;
}

void give_bias(const Population& relay, Population& target) {
  if (!relay.bias.defined()) return;
  const Shape& shape = target.shape;
  std::vector<double> bias = values_of(relay.bias, shape, 0);
  const std::vector<double> own = values_of(target.bias, shape, 0);
  for (std::size_t i = 0; i < bias.size(); ++i) bias[i] += own[i];
  target.bias = full_tensor(bias, shape);
  target.bias_timing = relay.bias_timing;
}

std::optional<Twins> twins_of(const SpikeGraph& graph, ProjectionId wide, ProjectionId narrow) {
  Twins twins{.wide = wide, .narrow = narrow};
  const PopulationId source = graph[wide].source;
  if (std::holds_alternative<Relay>(graph[source].neuron) && is_edge(graph[wide]) &&
      graph[source].shape == graph[graph[wide].target].shape && !graph[source].output &&
      takes_bias(graph[source], graph[graph[wide].target]) && graph.incoming(source).size() == 1 &&
      graph.outgoing(source).size() == 1) {
    twins.relay = source;
    twins.behind_relay = wide;
    twins.wide = graph.incoming(source).front();
  }
  if (graph[twins.wide].source != graph[narrow].source) return std::nullopt;
  const auto kernel = plain_convolution(graph[twins.wide]);
  const auto single = one_tap(graph, graph[narrow]);
  if (!kernel || !single || kernel->stride != single->stride) return std::nullopt;
  const auto tap = centre(*kernel);
  if (!tap) return std::nullopt;
  twins.wide_weights = *kernel;
  twins.narrow_weights = *single;
  twins.tap = *tap;
  return twins;
}

void merge(SpikeGraph& graph, const Twins& twins) {
  const Tensor& kernel = twins.wide_weights.weight;
  const Shape& s = kernel.shape();
  const auto from = kernel.as<float>(), single = twins.narrow_weights.weight.as<float>();
  std::vector<float> made(from.begin(), from.end());
  const auto area = static_cast<std::size_t>(s[2] * s[3]),
             place = static_cast<std::size_t>(twins.tap[0] * s[3] + twins.tap[1]);
  for (std::size_t i = 0; i < single.size(); ++i) made[i * area + place] += single[i];
  const PopulationId target = graph[twins.narrow].target;
  set_weights(graph[twins.wide], twins.wide_weights, Tensor::from<float>(s, std::move(made)));
  graph[twins.wide].target = target;
  graph[twins.narrow].removed = true;
  if (!twins.relay) return;
  give_bias(graph[*twins.relay], graph[target]);
  graph[twins.behind_relay].removed = true;
  graph[*twins.relay].removed = true;
}

/// Whether the two were merged.
bool merge_twins(SpikeGraph& graph, ProjectionId wide, ProjectionId narrow,
                 Diagnostics& diagnostics) {
  const auto twins = twins_of(graph, wide, narrow);
  if (!twins) return false;
  diagnostics.report(
      note("nir.lowered", ModelNode{"", graph[narrow].name},
           fmt::format("'{}' becomes part of the kernel of '{}', beside which it lies, at most one "
                       "rounding of a weight away, so that there is one branch",
                       graph[narrow].name, graph[twins->wide].name)));
  merge(graph, *twins);
  return true;
}

}  // namespace

SpikeGraph with_carried_shortcuts(const SpikeGraph& graph, Diagnostics& diagnostics) {
  SpikeGraph made = graph;
  for (const PopulationId id : graph.live_populations()) {
    const std::vector<ProjectionId> incoming = graph.incoming(id);
    if (incoming.size() != 2 || firing_of(graph[id].neuron) == nullptr) continue;
    if (merge_twins(made, incoming[0], incoming[1], diagnostics) ||
        merge_twins(made, incoming[1], incoming[0], diagnostics)) {
      continue;
    }
    auto block = block_of(made, incoming[0], incoming[1]);
    if (!block) block = block_of(made, incoming[1], incoming[0]);
    if (!block) continue;
    diagnostics.report(
        note("nir.lowered", ModelNode{"", graph[block->shortcut].name},
             fmt::format("'{}' is led through '{}', which gets {} channels that pass spikes on, so "
                         "that there is one branch",
                         graph[block->shortcut].name, graph[block->middle].name,
                         graph[graph[block->shortcut].source].shape[0])));
    carry(made, *block);
  }
  return made;
}

}  // namespace neurotool::to_nir
