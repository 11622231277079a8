// Grows one graph of the zoo in float or in integer arithmetic: values that fit it, and a stream of
// them that is always the same.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "target/check/zoo.hpp"

namespace neurotool::conformance {

/// Grows one graph: values that fit its arithmetic, and a stream of them.
class Grower {
 public:
  Grower(std::string name, std::string subject, Arithmetic arithmetic)
      : integer_(arithmetic == Arithmetic::kInteger), random_(1, "zoo", name) {
    exhibit_.name = name + (integer_ ? "/integer" : "/float");
    exhibit_.subject = std::move(subject);
    exhibit_.graph.name = std::move(name);
    exhibit_.graph.arithmetic = arithmetic;
  }

  bool integer() const { return integer_; }
  ZooGraph& exhibit() { return exhibit_; }
  SpikeGraph& graph() { return exhibit_.graph; }

  /// A parameter of a population: `value` in float units.
  Tensor scalar(double value) const {
    return integer_ ? Tensor::scalar(static_cast<std::int32_t>(std::lround(value * kInteger)))
                    : Tensor::scalar(static_cast<float>(value));
  }
  Tensor list(Shape shape, double low, double high) {
    const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
    if (integer_) return Tensor::from(std::move(shape), drawn<std::int32_t>(count, low, high));
    return Tensor::from(std::move(shape), drawn<float>(count, low, high));
  }
  Tensor weights(Shape shape, double low = -1, double high = 1) {
    const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
    if (integer_) return Tensor::from(std::move(shape), drawn<std::int8_t>(count, low, high));
    return Tensor::from(std::move(shape), drawn<float>(count, low, high));
  }
  /// A factor per step: a fixed-point number with kDecayShift fractional bits in an integer graph.
  Tensor decay(double value) const {
    if (!integer_) return Tensor::scalar(static_cast<float>(value));
    return Tensor::scalar(static_cast<std::int32_t>(std::lround(std::ldexp(value, kDecayShift))));
  }
  std::uint32_t decay_shift() const { return integer_ ? kDecayShift : 0; }

  Firing firing(double threshold, double initial = 0) const {
    Firing made;
    made.threshold = scalar(threshold);
    if (initial != 0) made.initial_membrane = scalar(initial);
    return made;
  }

  PopulationId input(Shape shape, bool held = true) {
    Input model;
    model.held = held;
    if (integer_) {
      model.bits = kInputBits;
      model.is_signed = true;
    }
    const PopulationId id = add("in", std::move(shape), model);
    inputs_.push_back(id);
    return id;
  }
  PopulationId add(std::string name, Shape shape, Neuron neuron, bool output = false) {
    Population made;
    made.name = std::move(name);
    made.shape = std::move(shape);
    made.neuron = std::move(neuron);
    made.output = output;
    return graph().add(std::move(made));
  }
  PopulationId readout(std::int64_t neurons) { return add("out", {neurons}, Li{}, true); }

  void join_dense(PopulationId source, PopulationId target, std::uint32_t delay = 0) {
    graph().connect(source, target,
                    Dense{weights({graph()[target].size(), graph()[source].size()})}, delay);
  }

  /// Draws the stimuli of every input: numbers for held ones, mostly zeros and ones for the others.
  ZooGraph done() {
    for (const PopulationId id : inputs_) {
      const Population& population = graph()[id];
      const bool held = std::get<Input>(population.neuron).held;
      Shape shape{static_cast<std::int64_t>(exhibit_.samples)};
      if (!held) shape.push_back(static_cast<std::int64_t>(exhibit_.steps));
      shape.insert(shape.end(), population.shape.begin(), population.shape.end());
      exhibit_.stimuli.push_back({id, held ? list(std::move(shape), -1, 1) : events(shape)});
    }
    return std::move(exhibit_);
  }

 private:
  static constexpr double kInteger = 16;  ///< one unit of float arithmetic, in an integer graph
  static constexpr std::uint32_t kInputBits = 8;
  static constexpr int kDecayShift = 6;

  template <class T>
  std::vector<T> drawn(std::size_t count, double low, double high) {
    std::vector<T> values(count);
    for (T& value : values) {
      const double real = low + (high - low) * random_.uniform();
      if constexpr (std::is_integral_v<T>)
        value = static_cast<T>(std::lround(real * kInteger));
      else
        value = static_cast<T>(real);
    }
    return values;
  }

  /// Binary spikes, one in three.
  Tensor events(const Shape& shape) {
    const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
    if (integer_) {
      std::vector<std::int32_t> values(count);
      for (std::int32_t& value : values) value = random_.below(3) == 0 ? 1 : 0;
      return Tensor::from(shape, std::move(values));
    }
    std::vector<float> values(count);
    for (float& value : values) value = random_.below(3) == 0 ? 1.0f : 0.0f;
    return Tensor::from(shape, std::move(values));
  }

  bool integer_;
  RandomStream random_;
  ZooGraph exhibit_;
  std::vector<PopulationId> inputs_;
};

}  // namespace neurotool::conformance
