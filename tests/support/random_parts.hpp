// The parts of random graphs: tensors, neurons and connectivity with whatever the options allow.
// Only for random_graphs.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"
#include "support/random_graphs.hpp"

namespace neurotool::test {

class Dice {
 public:
  Dice(std::uint64_t seed, std::string_view scope) : stream_(seed, scope, "") {}

  bool chance(double probability) { return stream_.uniform() < probability; }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(stream_.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  float real(double least, double most) {
    return static_cast<float>(least + (most - least) * stream_.uniform());
  }
  float normal() { return static_cast<float>(stream_.normal()); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(between(0, std::ssize(from) - 1))];
  }

 private:
  RandomStream stream_;
};

/// No weight of an integer graph is larger, whatever its sign.
inline constexpr std::int32_t kMostRandomWeight = 8;

class RandomParts {
 public:
  explicit RandomParts(const RandomGraphOptions& options)
      : options_(options), dice_(options.seed, "random_graph") {}

  Dice& dice() { return dice_; }
  bool integer() const { return options_.arithmetic == Arithmetic::kInteger; }

  Shape input_shape() {
    const bool image = (options_.allow_conv || options_.allow_pool) && dice_.chance(0.75);
    if (!image) return {dice_.between(3, 12)};
    const auto channels = dice_.between(1, 3), height = dice_.between(3, 7);
    const auto width = dice_.between(3, 7);
    const bool fits = channels * height * width <= options_.max_neurons;
    return fits ? Shape{channels, height, width} : Shape{1, 3, 4};
  }

  Tensor tensor(Shape shape, double least, double most) {
    const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
    if (integer()) {
      std::vector<std::int32_t> values(count);
      for (auto& value : values) {
        value = static_cast<std::int32_t>(
            dice_.between(static_cast<std::int64_t>(least), static_cast<std::int64_t>(most)));
      }
      return Tensor::from(std::move(shape), std::move(values));
    }
    std::vector<float> values(count);
    for (auto& value : values) value = dice_.real(least, most);
    return Tensor::from(std::move(shape), std::move(values));
  }

  /// One value, one per channel or one per neuron.
  Tensor parameter(const Shape& population, double least, double most) {
    const auto kind = dice_.between(0, 2);
    return tensor(kind == 0 ? Shape{} : kind == 1 ? Shape{population[0]} : population, least, most);
  }

  Tensor weight(Shape shape, std::int64_t fan_in) {
    const auto count = static_cast<std::size_t>(element_count(shape).value_or(0));
    const bool holes = dice_.chance(0.3);  // zero weights are synapses too
    if (!integer()) {
      const float size = 1.2f / std::sqrt(static_cast<float>(fan_in));
      std::vector<float> values(count);
      for (auto& value : values) {
        value = (dice_.normal() + 0.4f) * size;
        if (holes && dice_.chance(0.3)) value = 0;
      }
      return Tensor::from(std::move(shape), std::move(values));
    }
    std::vector<std::int32_t> values(count);
    for (auto& value : values) {
      value = static_cast<std::int32_t>(dice_.between(-6, kMostRandomWeight));
      if (holes && dice_.chance(0.3)) value = 0;
    }
    const std::vector<DType> types{DType::kInt8, DType::kInt16, DType::kInt32};
    const DType type = dice_.pick(types);
    const Tensor stored = Tensor::from(std::move(shape), std::move(values)).converted(type);
    return stored.with_quantization({.scales = {0.0078125}, .zero_point = 0, .bits = 5});
  }

  Emission emission() {
    Emission e;
    if (options_.allow_burst && dice_.chance(0.3)) {
      e.max_per_step = static_cast<std::int32_t>(dice_.between(2, 5));
    }
    if (options_.allow_signed && dice_.chance(0.35)) {
      e.min_per_step = -static_cast<std::int32_t>(
          options_.allow_burst && dice_.chance(0.3) ? dice_.between(1, 3) : 1);
      if (dice_.chance(0.5)) {
        e.max_total = dice_.between(1, 8);
        e.min_total = -dice_.between(0, 4);
      }
    }
    return e;
  }

  Window window() {
    Window w;
    if (!options_.allow_windows || !dice_.chance(0.3)) return w;
    w.integrate_begin = static_cast<std::uint32_t>(dice_.between(0, 2));
    w.integrate_end = w.integrate_begin + static_cast<std::uint32_t>(dice_.between(2, 8));
    const bool two_phase = dice_.chance(0.5);
    w.fire_begin = two_phase ? w.integrate_end : static_cast<std::uint32_t>(dice_.between(0, 3));
    if (dice_.chance(0.5)) {
      w.fire_end = w.fire_begin + static_cast<std::uint32_t>(dice_.between(1, 8));
    }
    return w;
  }

  Firing firing(const Shape& shape) {
    Firing f;
    f.threshold = integer() ? parameter(shape, 3, 40) : parameter(shape, 0.3, 1.4);
    if (dice_.chance(0.6)) {
      f.initial_membrane = integer() ? parameter(shape, -5, 20) : parameter(shape, -0.2, 0.7);
    }
    if (options_.allow_reset_to_value && dice_.chance(0.2)) {
      f.reset = Reset::kToValue;
      if (dice_.chance(0.5)) {
        f.reset_value = integer() ? parameter(shape, -4, 2) : parameter(shape, -0.3, 0.2);
      }
    }
    f.emission = emission();
    f.window = window();
    if (options_.allow_reset_to_value && dice_.chance(0.15)) f.comparison = Comparison::kAbove;
    return f;
  }

  /// A factor just below 1, as a fraction of 2^shift in integer graphs.
  Tensor decay(const Shape& shape, std::uint32_t& shift) {
    if (!integer()) return parameter(shape, 0.5, 0.99);
    shift = static_cast<std::uint32_t>(dice_.between(4, 12));
    return parameter(shape, std::ldexp(0.5, static_cast<int>(shift)),
                     std::ldexp(1.0, static_cast<int>(shift)) - 1);
  }

  Rounding rounding() {
    return integer() && dice_.chance(0.5) ? Rounding::kTowardZero : Rounding::kFloor;
  }

  Neuron neuron(const Shape& shape) {
    std::vector<int> kinds{0, 0};
    if (options_.allow_lif) kinds.push_back(1);
    if (options_.allow_cuba) kinds.push_back(2);
    if (options_.allow_relay) kinds.push_back(3);
    switch (dice_.pick(kinds)) {
      case 1: {
        Lif lif{.firing = firing(shape)};
        lif.decay = decay(shape, lif.decay_shift);
        lif.rounding = rounding();
        return lif;
      }
      case 2: {
        CubaLif cuba{.firing = firing(shape)};
        cuba.decay = decay(shape, cuba.decay_shift);
        cuba.current_decay = decay(shape, cuba.current_decay_shift);
        cuba.rounding = rounding();
        return cuba;
      }
      case 3:
        return Relay{};
      default:
        return If{firing(shape)};
    }
  }

  Dense dense(std::int64_t targets, std::int64_t sources) {
    return {weight({targets, sources}, sources)};
  }

  Sparse sparse(std::int64_t targets, std::int64_t sources) {
    std::vector<std::int64_t> begin{0};
    std::vector<std::int32_t> list;
    for (std::int64_t s = 0; s < sources; ++s) {
      for (std::int64_t t = 0; t < targets; ++t) {
        if (dice_.chance(0.3)) list.push_back(static_cast<std::int32_t>(t));
      }
      begin.push_back(std::ssize(list));
    }
    const std::int64_t synapses = std::ssize(list);
    Sparse made;
    made.row_begin = Tensor::from<std::int64_t>({sources + 1}, std::move(begin));
    made.targets = Tensor::from<std::int32_t>({synapses}, std::move(list));
    made.weight = weight({synapses}, std::max<std::int64_t>(1, sources / 3));
    return made;
  }

  Conv2d conv(const Shape& source) {
    Conv2d made;
    const auto kh = dice_.between(1, std::min<std::int64_t>(3, source[1]));
    const auto kw = dice_.between(1, std::min<std::int64_t>(3, source[2]));
    for (auto& stride : made.stride) stride = dice_.between(1, 2);
    for (auto& padding : made.padding) padding = dice_.between(0, 1);
    for (auto& dilation : made.dilation) dilation = dice_.chance(0.25) ? 2 : 1;
    if ((kh - 1) * made.dilation[0] >= source[1]) made.dilation[0] = 1;
    if ((kw - 1) * made.dilation[1] >= source[2]) made.dilation[1] = 1;
    made.groups = dice_.chance(0.3) ? source[0] : 1;
    const auto outputs = made.groups * dice_.between(1, made.groups == 1 ? 4 : 2);
    made.weight =
        weight({outputs, source[0] / made.groups, kh, kw}, kh * kw * source[0] / made.groups);
    return made;
  }

  Connectivity pool(const Shape& source) {
    if (!options_.allow_max_pool || dice_.chance(0.5)) return windows<SumPool2d>(source);
    MaxPool2d made = windows<MaxPool2d>(source);
    if (options_.allow_windows && dice_.chance(0.5)) {
      made.base = static_cast<std::uint32_t>(dice_.between(1, 2));
      made.begin = static_cast<std::uint32_t>(dice_.between(0, 5));
      made.end = made.begin + static_cast<std::uint32_t>(dice_.between(1, 6));
    }
    return made;
  }

  template <class Pool>
  Pool windows(const Shape& source) {
    Pool made;
    for (std::size_t a = 0; a < 2; ++a) {
      made.kernel[a] = dice_.between(1, std::min<std::int64_t>(3, source[a + 1]));
      made.stride[a] = dice_.between(1, 2);
      made.padding[a] = made.kernel[a] > 1 ? dice_.between(0, 1) : 0;
      made.padding[a + 2] = made.kernel[a] > 1 ? dice_.between(0, 1) : 0;
    }
    const auto kind = dice_.between(0, 2);
    if (kind > 0) made.weight = weight(kind == 1 ? Shape{} : Shape{source[0]}, 2);
    return made;
  }

  OneToOne one_to_one(const Shape& target) {
    const auto kind = dice_.between(0, 2);
    return {weight(kind == 0 ? Shape{} : kind == 1 ? Shape{target[0]} : target, 1)};
  }

  /// Connectivity onto a population that has its shape already.
  Connectivity between(const Shape& source, const Shape& target) {
    const std::int64_t sources = *element_count(source), targets = *element_count(target);
    if (options_.allow_one_to_one && sources == targets && dice_.chance(0.7)) {
      return one_to_one(target);
    }
    if (options_.allow_sparse && dice_.chance(0.4)) return sparse(targets, sources);
    return dense(targets, sources);
  }

  /// Connectivity onto a population still to be made, and the shape that one gets.
  std::pair<Connectivity, Shape> onto_new(const Shape& source) {
    const std::int64_t sources = *element_count(source);
    const bool image = source.size() == 3;
    std::vector<int> kinds{0};
    if (options_.allow_sparse) kinds.push_back(1);
    if (options_.allow_one_to_one) kinds.push_back(2);
    if (options_.allow_conv && image) kinds.insert(kinds.end(), {3, 3, 3});
    if (options_.allow_pool && image) kinds.insert(kinds.end(), {4, 4});
    const int kind = dice_.pick(kinds);
    if (kind == 2) return {one_to_one(source), source};
    if (kind >= 3) {
      Connectivity made = kind == 3 ? Connectivity(conv(source)) : pool(source);
      const auto shape = target_shape(made, source);
      NT_CHECK(shape.has_value() && shape->has_value(), "a random window must fit");
      if (*element_count(**shape) <= options_.max_neurons) return {std::move(made), **shape};
    }
    const auto targets = dice_.between(2, std::min(24, std::max(12, options_.max_neurons)));
    if (kind == 1) return {sparse(targets, sources), {targets}};
    return {dense(targets, sources), {targets}};
  }

 private:
  RandomGraphOptions options_;
  Dice dice_;
};

}  // namespace neurotool::test
