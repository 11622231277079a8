// The fields of every operation, neuron model and kind of connectivity, by name: one list for the
// printers and the snapshot, so that a new attribute is written down once. each_field(node, f)
// calls f(name, field) for every field, in a fixed order; the field is const where the node is.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>
#include <variant>

#include "ir/connectivity.hpp"
#include "ir/neurons.hpp"
#include "ir/ops.hpp"

namespace neurotool {

template <class T, class... Kinds>
concept OneOf = (std::same_as<std::remove_const_t<T>, Kinds> || ...);

template <OneOf<MatMul, GlobalAveragePool, Clip, Where, Squeeze, Unsqueeze, Slice, Expand, Tile,
                NumberRange, Identity, Relay>
              T,
          class F>
void each_field(T&, F&&) {}

template <OneOf<Conv> T, class F>
void each_field(T& op, F&& f) {
  f("strides", op.strides);
  f("dilations", op.dilations);
  f("pads", op.pads);
  f("group", op.group);
}

template <OneOf<Gemm> T, class F>
void each_field(T& op, F&& f) {
  f("alpha", op.alpha);
  f("beta", op.beta);
  f("trans_a", op.trans_a);
  f("trans_b", op.trans_b);
}

template <OneOf<BatchNorm> T, class F>
void each_field(T& op, F&& f) {
  f("epsilon", op.epsilon);
}

template <OneOf<MaxPool, AveragePool> T, class F>
void each_field(T& op, F&& f) {
  f("kernel", op.kernel);
  f("strides", op.strides);
  f("dilations", op.dilations);
  f("pads", op.pads);
  f("ceil_mode", op.ceil_mode);
  if constexpr (OneOf<T, AveragePool>) f("count_include_pad", op.count_include_pad);
  if constexpr (OneOf<T, MaxPool>) f("result", op.result);
}

template <OneOf<Unary, Binary> T, class F>
void each_field(T& op, F&& f) {
  f("kind", op.kind);
}

template <OneOf<Softmax, Flatten, Concat, Gather, ArgMax> T, class F>
void each_field(T& op, F&& f) {
  f("axis", op.axis);
  if constexpr (OneOf<T, Softmax>) f("kind", op.kind);
  if constexpr (OneOf<T, ArgMax>) {
    f("keep_dims", op.keep_dims);
    f("select_last", op.select_last);
  }
}

template <OneOf<Pad> T, class F>
void each_field(T& op, F&& f) {
  f("mode", op.mode);
}

template <OneOf<Reshape> T, class F>
void each_field(T& op, F&& f) {
  f("allow_zero", op.allow_zero);
}

template <OneOf<Transpose> T, class F>
void each_field(T& op, F&& f) {
  f("perm", op.perm);
}

template <OneOf<Reduce> T, class F>
void each_field(T& op, F&& f) {
  f("kind", op.kind);
  f("keep_dims", op.keep_dims);
}

template <OneOf<Einsum> T, class F>
void each_field(T& op, F&& f) {
  f("equation", op.equation);
}

template <OneOf<Resize> T, class F>
void each_field(T& op, F&& f) {
  f("mode", op.mode);
  f("coordinates", op.coordinates);
  f("nearest", op.nearest);
  f("aspect", op.aspect);
  f("axes", op.axes);
  f("cubic_a", op.cubic_a);
  f("outside", op.outside);
  f("exclude_outside", op.exclude_outside);
  f("antialias", op.antialias);
}

template <OneOf<Recurrent> T, class F>
void each_field(T& op, F&& f) {
  f("kind", op.kind);
  f("direction", op.direction);
  f("result", op.result);
  f("activations", op.activations);
  f("alpha", op.alpha);
  f("beta", op.beta);
  f("clip", op.clip);
  f("linear_before_reset", op.linear_before_reset);
  f("input_forget", op.input_forget);
  f("batch_first", op.batch_first);
}

template <OneOf<Cast> T, class F>
void each_field(T& op, F&& f) {
  f("to", op.to);
}

template <OneOf<ShapeOf> T, class F>
void each_field(T& op, F&& f) {
  f("start", op.start);
  f("end", op.end);
}

template <OneOf<ConstantOfShape> T, class F>
void each_field(T& op, F&& f) {
  f("value", op.value);
}

template <OneOf<QuantizedActivation> T, class F>
void each_field(T& op, F&& f) {
  f("low", op.low);
  f("high", op.high);
  f("rounding", op.rounding);
  f("offset", op.offset);
}

template <OneOf<Firing> T, class F>
void each_field(T& firing, F&& f) {
  f("threshold", firing.threshold);
  f("initial_membrane", firing.initial_membrane);
  f("comparison", firing.comparison);
  f("reset", firing.reset);
  f("reset_value", firing.reset_value);
  f("max_per_step", firing.emission.max_per_step);
  f("min_per_step", firing.emission.min_per_step);
  f("max_total", firing.emission.max_total);
  f("min_total", firing.emission.min_total);
  f("integrate_begin", firing.window.integrate_begin);
  f("integrate_end", firing.window.integrate_end);
  f("fire_begin", firing.window.fire_begin);
  f("fire_end", firing.window.fire_end);
  f("radix_bits", firing.radix_bits);
}

template <OneOf<Input> T, class F>
void each_field(T& input, F&& f) {
  f("held", input.held);
  f("bits", input.bits);
  f("is_signed", input.is_signed);
  f("coding", input.encoder.coding);
  f("full_scale", input.encoder.full_scale);
  f("planes", input.encoder.planes);
  f("splits_signs", input.encoder.splits_signs);
  f("least_change", input.encoder.least_change);
  f("takes_frames", input.encoder.takes_frames);
}

template <OneOf<If> T, class F>
void each_field(T& neuron, F&& f) {
  each_field(neuron.firing, f);
}

template <OneOf<Lif, CubaLif> T, class F>
void each_field(T& neuron, F&& f) {
  each_field(neuron.firing, f);
  f("decay", neuron.decay);
  f("decay_shift", neuron.decay_shift);
  if constexpr (OneOf<T, CubaLif>) {
    f("current_decay", neuron.current_decay);
    f("current_decay_shift", neuron.current_decay_shift);
  }
  f("rounding", neuron.rounding);
}

template <OneOf<Li> T, class F>
void each_field(T& neuron, F&& f) {
  f("initial_membrane", neuron.initial_membrane);
  f("decay", neuron.decay);
  f("decay_shift", neuron.decay_shift);
  f("rounding", neuron.rounding);
}

template <OneOf<Dense, OneToOne> T, class F>
void each_field(T& kind, F&& f) {
  f("weight", kind.weight);
}

template <OneOf<Conv2d> T, class F>
void each_field(T& kind, F&& f) {
  f("weight", kind.weight);
  f("stride", kind.stride);
  f("padding", kind.padding);
  f("dilation", kind.dilation);
  f("groups", kind.groups);
}

template <OneOf<SumPool2d, MaxPool2d> T, class F>
void each_field(T& kind, F&& f) {
  f("kernel", kind.kernel);
  f("stride", kind.stride);
  f("padding", kind.padding);
  f("weight", kind.weight);
  if constexpr (OneOf<T, MaxPool2d>) {
    f("base", kind.base);
    f("begin", kind.begin);
    f("end", kind.end);
  }
}

template <OneOf<Sparse> T, class F>
void each_field(T& kind, F&& f) {
  f("row_begin", kind.row_begin);
  f("targets", kind.targets);
  f("weight", kind.weight);
}

/// One word for each alternative of the three variants. Differs from op_name() for the operations
/// whose name is one of their fields.
inline std::string_view alternative_name(const Op& op) {
  if (std::holds_alternative<Unary>(op)) return "unary";
  if (std::holds_alternative<Binary>(op)) return "binary";
  if (std::holds_alternative<Softmax>(op)) return "softmax";
  if (std::holds_alternative<Reduce>(op)) return "reduce";
  if (std::holds_alternative<Recurrent>(op)) return "recurrent";
  return op_name(op);
}
inline std::string_view alternative_name(const Neuron& neuron) { return model_name(neuron); }
inline std::string_view alternative_name(const Connectivity& kind) { return kind_name(kind); }

}  // namespace neurotool
