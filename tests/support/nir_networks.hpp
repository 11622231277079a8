// Converted networks as small as they come, for what reads and writes NIR.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ir/builder.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool::test {

/// Numbers that look like weights, from a seed.
class Numbers {
 public:
  explicit Numbers(std::uint32_t seed) : generator_(seed) {}
  /// A multiple of `step` between low and high.
  float on_grid(double low, double high, double step) {
    std::uniform_int_distribution<int> pick(static_cast<int>(low / step),
                                            static_cast<int>(high / step));
    return static_cast<float>(pick(generator_) * step);
  }
  float any(double low, double high) {
    return static_cast<float>(std::uniform_real_distribution<double>(low, high)(generator_));
  }
  int between(int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(generator_);
  }
  Tensor tensor(Shape shape, double low, double high, double step = 0) {
    std::vector<float> values(static_cast<std::size_t>(*element_count(shape)));
    for (float& value : values) value = step > 0 ? on_grid(low, high, step) : any(low, high);
    return Tensor::from<float>(std::move(shape), std::move(values));
  }

 private:
  std::mt19937 generator_;
};

inline constexpr std::uint64_t kConvertedSteps = 16;
inline constexpr double kGrid = 1.0 / 64;

inline Population converted_neurons(Numbers& numbers, std::string name, Shape shape) {
  Population made = build::if_population(std::move(name), shape, 1.0F);
  auto& firing = *firing_of(made.neuron);
  // Off the grid of weights times inputs, so that no membrane is ever at a threshold.
  std::vector<float> theta(static_cast<std::size_t>(shape[0])), start(theta.size());
  for (std::size_t c = 0; c < theta.size(); ++c) {
    theta[c] = numbers.on_grid(0.5, 1.5, kGrid * 2) + 1.0F / 8192;
    start[c] = theta[c] / 2;
  }
  firing.threshold = Tensor::from<float>({shape[0]}, theta);
  firing.initial_membrane = Tensor::from<float>({shape[0]}, start);
  made.bias = numbers.tensor({shape[0]}, -0.1, 0.2, kGrid);
  return made;
}

/// A converted network with all that is hard in NIR: thresholds per channel, v(0), a residual with
/// a grouped, unevenly padded convolution, pooling through a relay, and a readout or a last layer
/// of neurons.
inline SpikeGraph converted(std::uint32_t seed, bool spikes_out = false) {
  Numbers numbers(seed);
  SpikeGraph graph;
  graph.name = "converted";
  graph.steps = kConvertedSteps;
  const auto weight = [&](Shape shape) {
    return numbers.tensor(std::move(shape), -0.4, 0.5, kGrid);
  };
  const PopulationId image = graph.add(build::input_population("image", {2, 6, 6}));
  const PopulationId first = graph.add(converted_neurons(numbers, "first", {4, 6, 6}));
  const PopulationId second = graph.add(converted_neurons(numbers, "second", {4, 6, 6}));
  const PopulationId pool = graph.add(build::relay_population("pool", {4, 3, 3}));
  const PopulationId third = graph.add(converted_neurons(numbers, "third", {5}));
  Population last = spikes_out ? converted_neurons(numbers, "logits", {3})
                               : build::readout_population("logits", {3});
  last.output = true;
  last.bias = numbers.tensor({3}, -0.2, 0.2, kGrid);
  const PopulationId out = graph.add(std::move(last));
  graph.connect(image, first, Conv2d{.weight = weight({4, 2, 3, 3}), .padding = {1, 1, 1, 1}});
  graph.connect(first, second,
                Conv2d{.weight = weight({4, 2, 2, 2}), .padding = {0, 0, 1, 1}, .groups = 2});
  // Powers of two, so that dividing by them is exact.
  graph.connect(first, second,
                OneToOne{Tensor::from<float>({4}, {0.5F, 0.25F, 1.0F, seed % 2 ? 0.5F : 2.0F})});
  graph.connect(second, pool, SumPool2d{.kernel = {2, 2}, .stride = {2, 2}, .weight = {}});
  graph.connect(pool, third, Dense{weight({5, 36})});
  graph.connect(third, out, Dense{weight({3, 5})});
  return graph;
}

/// The synapses of a connectivity as a list, as those see them who know neurons only.
inline Sparse as_list(const Connectivity& connectivity, const Shape& source, const Shape& target) {
  const std::int64_t sources = *element_count(source);
  std::vector<std::int64_t> begin(static_cast<std::size_t>(sources) + 1, 0);
  std::vector<std::int32_t> targets;
  std::vector<float> weights;
  for (std::int64_t s = 0; s < sources; ++s) {
    for (const Synapse& synapse : row(connectivity, source, target, s)) {
      if (synapse.weight == 0) continue;
      targets.push_back(static_cast<std::int32_t>(synapse.target));
      weights.push_back(static_cast<float>(synapse.weight));
    }
    begin[static_cast<std::size_t>(s) + 1] = static_cast<std::int64_t>(targets.size());
  }
  const auto count = static_cast<std::int64_t>(targets.size());
  return {Tensor::from<std::int64_t>({sources + 1}, std::move(begin)),
          Tensor::from<std::int32_t>({count}, std::move(targets)),
          Tensor::from<float>({count}, std::move(weights))};
}

/// Channels first to first + C of the target read the C channels of the source at every
/// stride-th place, times `factor`: a Slice and a Pad, or a part of a Concat.
inline Sparse shortcut(const Shape& source, const Shape& target, std::int64_t first,
                       std::int64_t stride, float factor) {
  std::vector<float> weight(static_cast<std::size_t>(target[0] * source[0]), 0.0F);
  for (std::int64_t c = 0; c < source[0] && first + c < target[0]; ++c)
    weight[static_cast<std::size_t>((first + c) * source[0] + c)] = factor;
  const Conv2d select{.weight = Tensor::from<float>({target[0], source[0], 1, 1}, weight),
                      .stride = {stride, stride}};
  return as_list(select, source, target);
}

/// Blocks as in residual networks, one after the other: a shortcut without parameters (strided,
/// channels padded), one with unequal scales, a concatenation, depthwise and grouped convolutions,
/// pooling. All numbers on a grid, so that no order of additions matters.
inline SpikeGraph residual(std::uint32_t seed, bool spikes_out = false) {
  Numbers numbers(seed);
  SpikeGraph graph;
  graph.name = "residual";
  graph.steps = kConvertedSteps;
  const auto weight = [&](Shape shape) {
    return numbers.tensor(std::move(shape), -0.4, 0.5, kGrid);
  };
  Shape at{numbers.between(1, 2), numbers.between(6, 8), numbers.between(6, 8)};
  PopulationId last = graph.add(build::input_population("image", at));
  const auto neurons = [&](const std::string& name, Shape shape) {
    return graph.add(converted_neurons(numbers, name, std::move(shape)));
  };
  const auto conv = [&](PopulationId from, PopulationId to, std::int64_t stride,
                        std::int64_t groups) {
    const std::int64_t in = graph[from].shape[0], out = graph[to].shape[0];
    graph.connect(from, to,
                  Conv2d{.weight = weight({out, in / groups, 3, 3}),
                         .stride = {stride, stride},
                         .padding = {1, 1, 1, 1},
                         .groups = groups});
  };
  {
    const PopulationId first = neurons("stem", {4, at[1], at[2]});
    conv(last, first, 1, 1);
    last = first;
    at[0] = 4;
  }
  const int blocks = numbers.between(2, 3);
  for (int block = 0; block < blocks; ++block) {
    const std::string n = std::to_string(block);
    const int kind = (numbers.between(0, 3) + block) % 4;
    const std::int64_t stride = kind == 0 ? 2 : 1;
    Shape to{kind == 0 ? at[0] + 2 : at[0], (at[1] - 1) / stride + 1, (at[2] - 1) / stride + 1};
    if (kind <= 1) {  // a residual: strided and padded, or with a scale for each channel
      const PopulationId mid = neurons("mid" + n, to), out = neurons("out" + n, to);
      conv(last, mid, stride, 1);
      conv(mid, out, 1, 1);
      if (kind == 0) {
        graph.connect(last, out, shortcut(at, to, numbers.between(0, 2), stride, 0.5F));
      } else {
        graph.connect(last, out, OneToOne{numbers.tensor({at[0]}, 0.25, 1, 0.25)});
      }
      last = out;
    } else if (kind == 2) {  // two branches side by side, and what reads both
      const PopulationId left = neurons("left" + n, at),
                         right = neurons("right" + n, {3, at[1], at[2]});
      conv(last, left, 1, at[0]);
      conv(last, right, 1, 1);
      const PopulationId both =
          graph.add(build::relay_population("both" + n, {at[0] + 3, at[1], at[2]}));
      graph.connect(left, both, shortcut(at, graph[both].shape, 0, 1, 1.0F));
      graph.connect(right, both, shortcut(graph[right].shape, graph[both].shape, at[0], 1, 1.0F));
      to[0] = 4;
      last = neurons("out" + n, to);
      conv(both, last, 1, 1);
    } else {
      const PopulationId mid = neurons("mid" + n, at);
      conv(last, mid, 1, at[0] % 2 == 0 ? 2 : 1);
      to = {at[0], at[1] / 2, at[2] / 2};
      const PopulationId pool = graph.add(build::relay_population("pool" + n, to));
      graph.connect(mid, pool, SumPool2d{.kernel = {2, 2}, .stride = {2, 2}, .weight = {}});
      last = neurons("out" + n, to);
      conv(pool, last, 1, 1);
    }
    at = to;
  }
  Population out = spikes_out ? converted_neurons(numbers, "logits", {3})
                              : build::readout_population("logits", {3});
  out.output = true;
  const PopulationId logits = graph.add(std::move(out));
  graph.connect(last, logits, Dense{weight({3, *element_count(at)})});
  return graph;
}

}  // namespace neurotool::test
