// Populations and weights with everything else at its default.
#include "ir/builder.hpp"

#include <utility>

namespace neurotool::build {
namespace {

Population population(std::string name, Shape shape, Neuron neuron) {
  Population made;
  made.name = std::move(name);
  made.shape = std::move(shape);
  made.neuron = std::move(neuron);
  return made;
}

template <class Number>
Firing firing(Number threshold, Number initial) {
  Firing made;
  made.threshold = Tensor::scalar(threshold);
  if (initial != 0) made.initial_membrane = Tensor::scalar(initial);
  return made;
}

}  // namespace

Population if_population(std::string name, Shape shape, float threshold, float initial) {
  return population(std::move(name), std::move(shape), If{firing(threshold, initial)});
}

Population if_population(std::string name, Shape shape, std::int32_t threshold,
                         std::int32_t initial) {
  return population(std::move(name), std::move(shape), If{firing(threshold, initial)});
}

Population lif_population(std::string name, Shape shape, float threshold, float decay) {
  Lif lif;
  lif.firing = firing(threshold, 0.0f);
  lif.decay = Tensor::scalar(decay);
  return population(std::move(name), std::move(shape), std::move(lif));
}

Population input_population(std::string name, Shape shape, bool held) {
  Input input;
  input.held = held;
  return population(std::move(name), std::move(shape), input);
}

Population relay_population(std::string name, Shape shape) {
  return population(std::move(name), std::move(shape), Relay{});
}

Population readout_population(std::string name, Shape shape) {
  Population made = population(std::move(name), std::move(shape), Li{});
  made.output = true;
  return made;
}

Dense dense(std::int64_t targets, std::int64_t sources, std::vector<float> weight) {
  return {Tensor::from<float>({targets, sources}, std::move(weight))};
}

Dense dense(std::int64_t targets, std::int64_t sources, std::vector<std::int8_t> weight) {
  return {Tensor::from<std::int8_t>({targets, sources}, std::move(weight))};
}

}  // namespace neurotool::build
