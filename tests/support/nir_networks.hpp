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

}  // namespace neurotool::test
