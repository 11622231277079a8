// Weights are copied and scaled in float64 and stored once, in float32.
#include "passes/spike/coded_readers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace neurotool::coded {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// [outer, channels, inner] to [outer, channels * copies, inner].
Tensor copied(const Tensor& weight, std::int64_t channels, std::int64_t inner, Shape shape,
              std::span<const double> factor) {
  const auto old = weight.as<float>();
  std::vector<float> values;
  values.reserve(old.size() * factor.size());
  const std::size_t outer = old.size() / index(channels * inner);
  for (std::size_t row = 0; row < outer * index(channels); ++row) {
    for (const double f : factor) {
      for (std::size_t i = 0; i < index(inner); ++i) {
        values.push_back(static_cast<float>(double{old[row * index(inner) + i]} * f));
      }
    }
  }
  return Tensor::from<float>(std::move(shape), std::move(values));
}

Conv2d copied(const Conv2d& conv, std::span<const double> factor) {
  Conv2d made = conv;
  Shape shape = conv.weight.shape();
  const std::int64_t channels = shape[1], inner = shape[2] * shape[3];
  shape[1] *= std::ssize(factor);
  made.weight = copied(conv.weight, channels, inner, std::move(shape), factor);
  return made;
}

Dense copied(const Dense& dense, const Shape& source, std::span<const double> factor) {
  const std::int64_t sources = dense.weight.shape()[1];
  return {copied(dense.weight, source.front(), sources / source.front(),
                 {dense.weight.shape()[0], sources * std::ssize(factor)}, factor)};
}

/// A sum over windows of all copies of a channel is a convolution within that channel's group.
Conv2d copied(const SumPool2d& pool, const Shape& source, std::span<const double> factor) {
  Conv2d made;
  made.stride = pool.stride;
  made.padding = pool.padding;
  made.groups = source.front();
  const std::int64_t window = pool.kernel[0] * pool.kernel[1];
  std::vector<float> weight;
  for (std::int64_t c = 0; c < source.front(); ++c) {
    const double whole =
        pool.weight.defined() ? pool.weight.at(pool.weight.rank() == 0 ? 0 : c) : 1.0;
    for (const double f : factor) weight.insert(weight.end(), index(window), float(whole * f));
  }
  made.weight = Tensor::from<float>(
      {source.front(), std::ssize(factor), pool.kernel[0], pool.kernel[1]}, std::move(weight));
  return made;
}

/// Any kind whose synapses are few, as a list.
Sparse listed(const Connectivity& connectivity, const Shape& source, const Shape& target,
              std::span<const double> factor) {
  const std::int64_t inner = element_count(source).value_or(0) / source.front();
  std::vector<std::int64_t> row_begin{0};
  std::vector<std::int32_t> targets;
  std::vector<float> weight;
  for (std::int64_t c = 0; c < source.front(); ++c) {
    for (const double f : factor) {
      for (std::int64_t i = 0; i < inner; ++i) {
        for (const Synapse& synapse : row(connectivity, source, target, c * inner + i)) {
          targets.push_back(static_cast<std::int32_t>(synapse.target));
          weight.push_back(static_cast<float>(synapse.weight * f));
        }
        row_begin.push_back(std::ssize(targets));
      }
    }
  }
  const auto rows = std::ssize(row_begin), synapses = std::ssize(targets);
  return {Tensor::from<std::int64_t>({rows}, std::move(row_begin)),
          Tensor::from<std::int32_t>({synapses}, std::move(targets)),
          Tensor::from<float>({synapses}, std::move(weight))};
}

/// One copy: weights are scaled and nothing moves.
Connectivity scaled(Connectivity connectivity, double factor) {
  if (factor == 1) return connectivity;
  std::visit(
      [&](auto& kind) {
        if (!kind.weight.defined()) kind.weight = Tensor::scalar(1.0f);
        std::vector<float> values;
        for (const float w : kind.weight.template as<float>()) {
          values.push_back(static_cast<float>(double{w} * factor));
        }
        kind.weight = Tensor::from<float>(kind.weight.shape(), std::move(values));
      },
      connectivity);
  return connectivity;
}

struct Copier {
  const Connectivity& whole;
  const Shape &source, &target;
  std::span<const double> factor;

  Connectivity operator()(const Conv2d& conv) const { return copied(conv, factor); }
  Connectivity operator()(const Dense& dense) const { return copied(dense, source, factor); }
  Connectivity operator()(const SumPool2d& pool) const { return copied(pool, source, factor); }
  Connectivity operator()(const OneToOne&) const { return listed(whole, source, target, factor); }
  Connectivity operator()(const Sparse&) const { return listed(whole, source, target, factor); }
  Connectivity operator()(const MaxPool2d&) const {
    check_failed(__FILE__, __LINE__, "refused", "copies_refusal() turns this kind away");
  }
};

}  // namespace

std::string copies_refusal(const Connectivity& connectivity, std::size_t copies) {
  if (copies == 1 || !std::holds_alternative<MaxPool2d>(connectivity)) return "";
  return fmt::format("takes a maximum, which {} channels for each value do not have", copies);
}

Connectivity read_copies(const Connectivity& connectivity, const Shape& source, const Shape& target,
                         std::span<const double> factor) {
  if (factor.size() == 1) return scaled(connectivity, factor[0]);
  return std::visit(Copier{connectivity, source, target, factor}, connectivity);
}

std::string holding_refusal(const SpikeGraph& graph, PopulationId population, PopulationId input) {
  const Population& reader = graph[population];
  const Firing* const firing = firing_of(reader.neuron);
  if (firing == nullptr || std::holds_alternative<CubaLif>(reader.neuron)) {
    return fmt::format("is a {}, which cannot go on hearing one spike", model_name(reader.neuron));
  }
  const auto from_input = [&](ProjectionId id) { return graph[id].source == input; };
  if (!std::ranges::all_of(graph.incoming(population), from_input)) {
    return "is fed by other populations too, whose spikes it would go on hearing";
  }
  const bool bias_fits = !reader.bias.defined() || reader.bias_timing == BiasTiming::kEveryStep;
  if (firing->window.integrate_begin != 0 || firing->radix_bits != 0 || !bias_fits) {
    return "does not integrate the same current at every step from the first on";
  }
  return "";
}

void hold_currents(Population& population) {
  CubaLif held;
  held.current_decay = Tensor::scalar(1.0f);
  if (auto* lif = std::get_if<Lif>(&population.neuron)) {
    held.firing = std::move(lif->firing);
    held.decay = std::move(lif->decay);
  } else {
    held.firing = std::move(std::get<If>(population.neuron).firing);
    held.decay = Tensor::scalar(1.0f);
  }
  population.neuron = std::move(held);
  // The current keeps it.
  population.bias_timing = BiasTiming::kFirstStep;
}

}  // namespace neurotool::coded
