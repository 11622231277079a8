// What one step does to the values of one node, in float32 or float64. Sums run over the source's
// neurons by row, column and channel, as docs/semantics.md has it, products rounded before sums.
// Private to eval/nir.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eval/nir/neuron_rule.hpp"
#include "eval/nir/plan_shapes.hpp"

namespace neurotool::nir {

/// Flat indices in the order of summation: by row, column, channel for [C,H,W] and [C,N].
inline std::vector<std::size_t> summation_order(const Shape& layout) {
  std::vector<std::size_t> order(static_cast<std::size_t>(element_count(layout).value_or(0)));
  if (layout.size() != 2 && layout.size() != 3) {
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    return order;
  }
  const auto plane = static_cast<std::size_t>(layout[1] * (layout.size() == 3 ? layout[2] : 1));
  const auto channels = static_cast<std::size_t>(layout[0]);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i % channels * plane + i / channels;
  return order;
}

/// y = W x, W [targets, sources] row-major.
template <class Number>
void dense_sum(const std::vector<Number>& weight, const std::vector<std::size_t>& order,
               const std::vector<Number>& x, std::vector<Number>& y) {
  std::vector<std::size_t> active;
  for (const std::size_t source : order) {
    if (x[source] != Number{0}) active.push_back(source);
  }
  const std::size_t sources = x.size();
  for (std::size_t target = 0; target < y.size(); ++target) {
    const Number* row = weight.data() + target * sources;
    Number sum{0};
    for (const std::size_t source : active) sum += row[source] * x[source];
    y[target] = sum;
  }
}

struct Grid {
  std::size_t channels = 0, rows = 1, columns = 1;
};
/// [C,H,W], or [C,N] with one row.
inline Grid grid_of(const Shape& shape) {
  const auto at = [&](std::size_t axis) { return static_cast<std::size_t>(shape[axis]); };
  return shape.size() == 3 ? Grid{at(0), at(1), at(2)} : Grid{at(0), 1, at(1)};
}

/// The outputs that position `in` of an axis reaches: calls f(k, out) by ascending k.
template <class F>
void reached(const WindowGeometry& window, std::size_t axis, std::size_t in, std::size_t extent,
             F&& f) {
  for (std::int64_t k = 0; k < window.kernel[axis]; ++k) {
    const std::int64_t offset =
        static_cast<std::int64_t>(in) + window.before[axis] - k * window.dilation[axis];
    if (offset < 0 || offset % window.stride[axis] != 0) continue;
    const std::int64_t out = offset / window.stride[axis];
    if (out < static_cast<std::int64_t>(extent))
      f(static_cast<std::size_t>(k), static_cast<std::size_t>(out));
  }
}

/// y = x convolved with weight [M, C/groups, kh, kw]. With depthwise ones this is a sum pooling.
template <class Number>
void window_sum(const WindowGeometry& window, const std::vector<Number>& weight, const Grid& in,
                const Grid& out, const std::vector<Number>& x, std::vector<Number>& y) {
  std::fill(y.begin(), y.end(), Number{0});
  const auto groups = static_cast<std::size_t>(window.groups);
  const std::size_t sources = in.channels / groups, targets = out.channels / groups;
  const auto kh = static_cast<std::size_t>(window.kernel[0]),
             kw = static_cast<std::size_t>(window.kernel[1]);
  const std::size_t plane = out.rows * out.columns, kernel = sources * kh * kw;
  const auto scatter = [&](std::size_t channel, std::size_t row, std::size_t column, Number value) {
    const std::size_t group = channel / sources;
    reached(window, 0, row, out.rows, [&](std::size_t ky, std::size_t oy) {
      reached(window, 1, column, out.columns, [&](std::size_t kx, std::size_t ox) {
        const Number* w = weight.data() +
                          (group * targets * sources + channel % sources) * kh * kw + ky * kw + kx;
        Number* sum = y.data() + group * targets * plane + oy * out.columns + ox;
        for (std::size_t m = 0; m < targets; ++m) sum[m * plane] += w[m * kernel] * value;
      });
    });
  };
  for (std::size_t row = 0; row < in.rows; ++row)
    for (std::size_t column = 0; column < in.columns; ++column)
      for (std::size_t channel = 0; channel < in.channels; ++channel) {
        const Number value = x[(channel * in.rows + row) * in.columns + column];
        if (value != Number{0}) scatter(channel, row, column, value);
      }
}

template <class Number>
struct NeuronState {
  std::vector<Number> v, i;
};

/// A rule with its coefficients in the width of the run.
template <class Number>
class NeuronStep {
 public:
  explicit NeuronStep(const NeuronRule& rule)
      : rule_(rule),
        sa_(cast(rule.sa)),
        sb_(cast(rule.sb)),
        a_(cast(rule.a)),
        b_(cast(rule.b)),
        r_(cast(rule.r)),
        leak_(cast(rule.leak)),
        cross_(cast(rule.cross)),
        threshold_(cast(rule.threshold)),
        reset_(cast(rule.reset_value)) {}

  NeuronState<Number> start() const { return {cast(rule_.v_start), cast(rule_.i_start)}; }

  /// Moves neuron n by one step with input x; gives what it sends.
  Number operator()(std::size_t n, Number x, NeuronState<Number>& state) const {
    Number& v = state.v[n];
    if (rule_.grid > 0) {
      const auto grid = static_cast<Number>(rule_.grid);
      x = std::nearbyint(x / grid) * grid;
    }
    if (rule_.reset == ResetForm::kSubtractLate && rule_.fire != FireForm::kNever) {
      const Number spike = above(v, n) ? Number{1} : Number{0};
      v = integrated(n, x, state) - spike * threshold_[n];
      return spike;
    }
    if (rule_.reset == ResetForm::kSubtractFirst && rule_.fire != FireForm::kNever) {
      const Number spike = above(v, n) ? Number{1} : Number{0};
      v = v - spike * threshold_[n];
      v = integrated(n, x, state);
      return spike;
    }
    if (rule_.reset == ResetForm::kSubtractTwice && rule_.fire != FireForm::kNever) {
      const Number before = above(v, n) ? Number{1} : Number{0};
      v = integrated(n, x, state) - before * threshold_[n];
      const Number spike = above(v, n) ? Number{1} : Number{0};
      v = v - (spike - before) * threshold_[n];
      return spike;
    }
    v = integrated(n, x, state);
    if (rule_.fire == FireForm::kNever) return v;
    const Number spikes = fired(n, v);
    v = after_reset(n, v, spikes);
    if (rule_.clamps) v = std::max(v + threshold_[n], Number{0}) - threshold_[n];
    return spikes;
  }

 private:
  static std::vector<Number> cast(const std::vector<double>& values) {
    std::vector<Number> result(values.size());
    std::ranges::transform(values, result.begin(),
                           [](double value) { return static_cast<Number>(value); });
    return result;
  }

  bool above(Number v, std::size_t n) const {
    return rule_.compare == Compare::kAbove ? v > threshold_[n] : v >= threshold_[n];
  }

  Number current(std::size_t n, Number x, Number& i) const {
    switch (rule_.synapse) {
      case SynapseForm::kNone:
        return x;
      case SynapseForm::kDecay:
        return i = sa_[n] * i + x;
      case SynapseForm::kDecayGain:
        return i = sa_[n] * i + sb_[n] * x;
      case SynapseForm::kDecayAfter:
        return i = sa_[n] * (i + x);
      case SynapseForm::kEuler:
        return i = i + sa_[n] * ((leak_of_synapse(n) - i) + sb_[n] * x);
    }
    return x;
  }
  /// Norse gives its synapse the leak of the membrane; the equations have none.
  Number leak_of_synapse(std::size_t n) const {
    return rule_.membrane == MembraneForm::kEulerOfCurrent ? leak_[n] : Number{0};
  }

  Number integrated(std::size_t n, Number x, NeuronState<Number>& state) const {
    const Number v = state.v[n];
    if (rule_.membrane == MembraneForm::kExactWithCurrent) {
      Number& i = state.i[n];
      const Number end = sb_[n] * x;
      const Number moved =
          a_[n] * v + b_[n] * (leak_[n] + r_[n] * end) + cross_[n] * (r_[n] * (i - end));
      i = sa_[n] * i + (Number{1} - sa_[n]) * end;
      return moved;
    }
    x = current(n, x, state.i[n]);
    switch (rule_.membrane) {
      case MembraneForm::kSum:
        return v + x;
      case MembraneForm::kSumGain:
        return v + b_[n] * x;
      case MembraneForm::kDecay:
        return a_[n] * v + x;
      case MembraneForm::kDecayGain:
        return a_[n] * v + b_[n] * x;
      case MembraneForm::kDecayShifted:
        return a_[n] * v + b_[n] * (leak_[n] + r_[n] * x);
      case MembraneForm::kDecayOffset:
        return (a_[n] * v + x) + leak_[n];
      case MembraneForm::kEuler:
        return v + a_[n] * ((x + leak_[n]) - v);
      case MembraneForm::kEulerOfCurrent:
        return v + a_[n] * ((r_[n] * x + leak_[n]) - v);
      case MembraneForm::kEulerScaled:
        return v + a_[n] * ((leak_[n] - v) + r_[n] * x);
      case MembraneForm::kRelaxation:
        return v + (x - (v - reset_of(n))) / a_[n];
      case MembraneForm::kRelaxationFree:
        return v - (v - reset_of(n)) / a_[n] + x;
      case MembraneForm::kExactWithCurrent:
        break;
    }
    return v;
  }
  Number reset_of(std::size_t n) const { return reset_.empty() ? Number{0} : reset_[n]; }

  Number fired(std::size_t n, Number v) const {
    switch (rule_.fire) {
      case FireForm::kNever:
        return 0;
      case FireForm::kSingle:
        return above(v, n) ? Number{1} : Number{0};
      case FireForm::kTruncated:
        return v > Number{0} ? std::trunc(v / threshold_[n]) : Number{0};
      case FireForm::kFloor:
        return above(v, n) ? std::floor(v / threshold_[n]) : Number{0};
    }
    return 0;
  }

  Number after_reset(std::size_t n, Number v, Number spikes) const {
    if (spikes == Number{0}) return v;
    switch (rule_.reset) {
      case ResetForm::kZero:
        return 0;
      case ResetForm::kValue:
        return reset_of(n);
      default:
        return v - spikes * threshold_[n];
    }
  }

  const NeuronRule& rule_;
  std::vector<Number> sa_, sb_, a_, b_, r_, leak_, cross_, threshold_, reset_;
};

}  // namespace neurotool::nir
