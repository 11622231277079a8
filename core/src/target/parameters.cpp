// From the fields of neurons and connectivity to named tensors. A parameter with its default value
// is left out, because a plugin must refuse every parameter that it does not know.
#include "target/parameters.hpp"

#include <cmath>
#include <type_traits>
#include <utility>
#include <variant>

namespace neurotool {
namespace {

bool all_equal(const Tensor& tensor, double value) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.at(i) != value) return false;
  }
  return true;
}

class List {
 public:
  std::vector<GraphParameter> take() { return std::move(items_); }

  /// Always listed, because it has no default.
  void required(std::string_view name, const Tensor& tensor) {
    if (tensor.defined()) items_.push_back({name, tensor});
  }
  /// True when it was listed.
  bool tensor(std::string_view name, const Tensor& tensor, double fallback) {
    if (!tensor.defined() || all_equal(tensor, fallback)) return false;
    items_.push_back({name, tensor});
    return true;
  }
  void setting(std::string_view name, std::int64_t value, std::int64_t fallback) {
    if (value != fallback) items_.push_back({name, Tensor::scalar<std::int64_t>(value)});
  }
  template <std::size_t N>
  void settings(std::string_view name, const std::array<std::int64_t, N>& values) {
    items_.push_back({name, Tensor::from<std::int64_t>({N}, {values.begin(), values.end()})});
  }
  template <std::size_t N>
  void settings(std::string_view name, const std::array<std::int64_t, N>& values,
                const std::array<std::int64_t, N>& fallback) {
    if (values != fallback) settings(name, values);
  }

 private:
  std::vector<GraphParameter> items_;
};

/// The upper end of a window: "for ever" is the default and has no number.
void window_end(List& list, std::string_view name, std::uint32_t value) {
  if (value != Window::kForever) list.setting(name, value, -1);
}

void add_bias(List& list, const Population& population) {
  // Without a bias its timing says nothing.
  if (list.tensor("bias", population.bias, 0)) {
    list.setting("bias_timing", static_cast<std::int64_t>(population.bias_timing), 0);
  }
}

void add_firing(List& list, const Firing& firing, const Population& population) {
  list.required("threshold", firing.threshold);
  list.tensor("initial_membrane", firing.initial_membrane, 0);
  add_bias(list, population);
  list.setting("comparison", firing.comparison == Comparison::kAbove ? 1 : 0, 0);
  if (firing.reset == Reset::kToValue) {
    list.setting("reset", 1, 0);
    list.tensor("reset_value", firing.reset_value, 0);
  }
  list.setting("max_per_step", firing.emission.max_per_step, 1);
  list.setting("min_per_step", firing.emission.min_per_step, 0);
  list.setting("max_total", firing.emission.max_total, Emission::kUnbounded);
  list.setting("min_total", firing.emission.min_total, 0);
  list.setting("integrate_begin", firing.window.integrate_begin, 0);
  window_end(list, "integrate_end", firing.window.integrate_end);
  list.setting("fire_begin", firing.window.fire_begin, 0);
  window_end(list, "fire_end", firing.window.fire_end);
  list.setting("radix_bits", firing.radix_bits, 0);
}

template <class Model>
void add_decay(List& list, const Model& model) {
  list.required("decay", model.decay);
  list.setting("decay_shift", model.decay_shift, 0);
  list.setting("rounding", model.rounding == Rounding::kTowardZero ? 1 : 0, 0);
}

struct NeuronParameters {
  const Population& population;
  Arithmetic arithmetic;
  List& list;

  void operator()(const Input& input) const {
    list.setting("held", input.held ? 1 : 0, 1);
    list.setting("bits", input.bits, 0);
    list.setting("is_signed", input.is_signed ? 1 : 0, 0);
  }
  void operator()(const Relay&) const { add_bias(list, population); }
  void operator()(const If& neuron) const { add_firing(list, neuron.firing, population); }
  void operator()(const Lif& neuron) const {
    add_firing(list, neuron.firing, population);
    add_decay(list, neuron);
  }
  void operator()(const CubaLif& neuron) const {
    add_firing(list, neuron.firing, population);
    add_decay(list, neuron);
    list.required("current_decay", neuron.current_decay);
    list.setting("current_decay_shift", neuron.current_decay_shift, 0);
  }
  void operator()(const Li& neuron) const {
    // A factor of 1 is stored as 2^shift in an integer graph; shift and rounding then change
    // nothing.
    const bool integer = arithmetic == Arithmetic::kInteger;
    const double one = integer ? std::ldexp(1.0, static_cast<int>(neuron.decay_shift)) : 1.0;
    if (neuron.decay.defined() && !all_equal(neuron.decay, one)) add_decay(list, neuron);
    list.tensor("initial_membrane", neuron.initial_membrane, 0);
    add_bias(list, population);
  }
};

struct ConnectivityParameters {
  List& list;

  void operator()(const Dense& dense) const { list.required("weight", dense.weight); }
  void operator()(const Conv2d& conv) const {
    list.required("weight", conv.weight);
    list.settings("stride", conv.stride, {1, 1});
    list.settings("padding", conv.padding, {0, 0, 0, 0});
    list.settings("dilation", conv.dilation, {1, 1});
    list.setting("groups", conv.groups, 1);
  }
  void operator()(const SumPool2d& pool) const {
    list.settings("kernel", pool.kernel);
    list.settings("stride", pool.stride);
    list.settings("padding", pool.padding);
    list.tensor("weight", pool.weight, 1);
  }
  void operator()(const MaxPool2d& pool) const {
    list.settings("kernel", pool.kernel);
    list.settings("stride", pool.stride);
    list.settings("padding", pool.padding);
    list.tensor("weight", pool.weight, 1);
    list.setting("base", pool.base, 1);
    list.setting("begin", pool.begin, 0);
    window_end(list, "end", pool.end);
  }
  void operator()(const OneToOne& one) const { list.required("weight", one.weight); }
  void operator()(const Sparse& sparse) const {
    list.required("row_begin", sparse.row_begin);
    list.required("targets", sparse.targets);
    list.required("weight", sparse.weight);
  }
};

/// Real values are float64 at the boundary, whatever they are stored as.
void add_real(List& list, std::string_view name, const Tensor& tensor) {
  if (tensor.defined()) list.tensor(name, tensor.converted(DType::kFloat64), 1);
}

}  // namespace

std::vector<GraphParameter> parameters_of(const Population& population, Arithmetic arithmetic) {
  List list;
  std::visit(NeuronParameters{population, arithmetic, list}, population.neuron);
  add_real(list, "payload_value", population.payload_value);
  add_real(list, "membrane_value", population.membrane_value);
  return list.take();
}

std::vector<GraphParameter> parameters_of(const Projection& projection) {
  List list;
  std::visit(ConnectivityParameters{list}, projection.connectivity);
  list.setting("shift", projection.shift, 0);
  return list.take();
}

}  // namespace neurotool
