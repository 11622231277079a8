// Composes the steps on both sides of a rounding to one clipped line each, and compares them: the
// line behind must undo the line before, up to whole numbers.
#include "passes/tensor/quantizer_chain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/tensor/pass_tools.hpp"

namespace neurotool::tensor_passes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNear = 1e-4;        // of a level: what float32 constants leave open
constexpr double kLargest = 1 << 24;  // counts beyond are not exact in float32

/// clip(slope * x + offset, low, high) with numbers for each channel, or one.
struct Line {
  std::vector<double> slope{1}, offset{0}, low{-kInfinity}, high{kInfinity};

  std::size_t channels() const { return slope.size(); }
  static double at(const std::vector<double>& list, std::size_t c) {
    return list[list.size() == 1 ? 0 : c];
  }

  void widen(std::size_t channels) {
    for (auto* list : {&slope, &offset, &low, &high}) {
      if (list->size() == 1) list->resize(channels, (*list)[0]);
    }
  }
  void follow(const ChainStep& step) {
    widen(std::max({channels(), step.slope.size(), step.offset.size()}));
    for (std::size_t c = 0; c < channels(); ++c) {
      const double s = at(step.slope, c), t = at(step.offset, c);
      slope[c] *= s;
      offset[c] = offset[c] * s + t;
      low[c] = std::clamp(low[c] * s + t, step.low, step.high);
      high[c] = std::clamp(high[c] * s + t, step.low, step.high);
    }
  }
};

Line composed(const std::vector<ChainStep>& steps) {
  Line line;
  for (const ChainStep& step : steps) line.follow(step);
  return line;
}

bool near(double a, double b) { return std::abs(a - b) <= kNear; }

/// One number for all, or one for each channel of axis 1 of a value of `rank` axes.
std::optional<std::vector<double>> per_channel(const Tensor& constant, std::size_t rank) {
  if (!constant.defined() || !is_float(constant.dtype()) || constant.size() == 0) return {};
  std::vector<double> values;
  for (std::int64_t i = 0; i < constant.size(); ++i) values.push_back(constant.at(i));
  if (constant.size() == 1) return constant.rank() <= rank ? std::optional(values) : std::nullopt;
  if (constant.rank() > rank || constant.rank() + 1 < rank) return {};
  // With or without the batch axis in front.
  const std::size_t axis = constant.rank() == rank ? 1 : 0;
  if (constant.shape()[axis] != constant.size()) return {};
  return values;
}

struct StepOf {
  const TensorGraph& graph;
  const OpNode& node;
  const ValueTypes& types;
  ChainStep step;

  std::size_t rank() const {
    const auto& shape = types[node.outputs[0]].shape;
    return shape ? shape->size() : 0;
  }
  const Tensor& constant(std::size_t i) const { return constant_of(graph, node, i); }

  bool operator()(const Identity&) { return true; }
  bool operator()(const Cast& op) {
    if (is_float(op.to)) return true;
    switch (op.to) {
      case DType::kInt8:
        return bounds(-128, 127);
      case DType::kUint8:
        return bounds(0, 255);
      case DType::kInt16:
        return bounds(-32768, 32767);
      case DType::kUint16:
        return bounds(0, 65535);
      case DType::kInt32:
      case DType::kInt64:
        return true;
      default:
        return false;
    }
  }
  bool operator()(const Unary& op) { return op.kind == UnaryKind::kRelu && bounds(0, kInfinity); }
  bool operator()(const Clip&) {
    const auto bound = [&](std::size_t i, double open) -> std::optional<double> {
      if (!input_of(node, i).valid()) return open;
      if (!constant(i).defined() || constant(i).size() != 1) return std::nullopt;
      return constant(i).at(0);
    };
    const auto low = bound(1, -kInfinity), high = bound(2, kInfinity);
    return low && high && *low <= *high && bounds(*low, *high);
  }
  bool operator()(const Binary& op) {
    const std::size_t data = constant(0).defined() ? 1 : 0;
    const auto other = per_channel(constant(1 - data), rank());
    if (!other || constant(data).defined()) return false;
    step.input = node.inputs[data];
    return binary(op.kind, data, *other);
  }
  template <class Other>
  bool operator()(const Other&) {
    return false;
  }

  bool binary(BinaryKind kind, std::size_t data, const std::vector<double>& other) {
    const bool one = other.size() == 1;
    if (kind == BinaryKind::kAdd || (kind == BinaryKind::kSub && data == 0)) {
      step.offset = other;
      for (double& value : step.offset) value *= kind == BinaryKind::kSub ? -1 : 1;
      return true;
    }
    if (kind == BinaryKind::kMul || (kind == BinaryKind::kDiv && data == 0)) {
      step.slope = other;
      for (double& value : step.slope) value = kind == BinaryKind::kDiv ? 1 / value : value;
      return std::ranges::all_of(step.slope, [](double s) { return s > 0 && std::isfinite(s); });
    }
    if (kind == BinaryKind::kMax && one) return bounds(other[0], kInfinity);
    if (kind == BinaryKind::kMin && one) return bounds(-kInfinity, other[0]);
    return false;
  }
  bool bounds(double low, double high) {
    step.low = low;
    step.high = high;
    return true;
  }
};

/// One level, reached from both sides: how far the chain's bounds let the rounded number go.
struct Levels {
  double low, high;
};

double rounded(double value, LevelRounding rounding) {
  if (std::isinf(value)) return value;
  return rounding == LevelRounding::kFloor ? std::floor(value) : std::nearbyint(value);
}

std::optional<Levels> levels_of(const Line& before, const Line& after, std::size_t c,
                                LevelRounding rounding, std::string& reason) {
  const double step = Line::at(after.slope, c), shift = Line::at(after.offset, c);
  const auto behind = [&](double bound) { return (bound - shift) / step; };
  const double low = behind(Line::at(after.low, c)), high = behind(Line::at(after.high, c));
  for (const double bound : {low, high}) {
    if (std::isinf(bound) || near(bound, std::nearbyint(bound))) continue;
    reason = fmt::format("it clips at {:.6g} levels, between two of them", bound);
    return {};
  }
  return Levels{std::max(rounded(Line::at(before.low, c), rounding), std::nearbyint(low)),
                std::min(rounded(Line::at(before.high, c), rounding), std::nearbyint(high))};
}

}  // namespace

std::optional<ChainStep> chain_step(const TensorGraph& graph, const ValueTypes& types, OpId id) {
  const OpNode& node = graph[id];
  StepOf reader{graph, node, types, {.op = id, .input = {}, .low = -kInfinity, .high = kInfinity}};
  reader.step.input = input_of(node, 0);
  if (!std::visit(reader, node.op)) return {};
  return std::move(reader.step);
}

std::optional<FoundQuantizer> read_chain(const std::vector<ChainStep>& before,
                                         LevelRounding rounding,
                                         const std::vector<ChainStep>& after, std::string& reason) {
  Line into = composed(before), out = composed(after);
  const std::size_t channels = std::max(into.channels(), out.channels());
  into.widen(channels);
  out.widen(channels);
  FoundQuantizer found;
  found.op.rounding = rounding;
  std::optional<Levels> levels;
  for (std::size_t c = 0; c < channels; ++c) {
    const double product = into.slope[c] * out.slope[c];
    if (std::abs(product - 1) > 1e-5) {
      reason = fmt::format("it multiplies by {:.6g} in all, not by 1", product);
      return {};
    }
    const double shift = -out.offset[c] / out.slope[c];
    if (!near(shift, std::nearbyint(shift))) {
      reason = fmt::format("it shifts its levels by {:.6g}, no whole number", shift);
      return {};
    }
    if (rounding == LevelRounding::kHalfEven && std::fmod(std::nearbyint(shift), 2) != 0) {
      reason = "it shifts its levels by an odd number, which turns halves the other way";
      return {};
    }
    const double offset = into.offset[c] - std::nearbyint(shift);
    if (c > 0 && !near(offset, double{found.op.offset})) {
      reason = "its offset before rounding differs between channels";
      return {};
    }
    if (std::abs(offset) > 1) {
      reason = fmt::format("its offset before rounding is {:.6g} levels", offset);
      return {};
    }
    const auto here = levels_of(into, out, c, rounding, reason);
    if (!here) return {};
    const Levels moved{here->low - std::nearbyint(shift), here->high - std::nearbyint(shift)};
    if (levels && (levels->low != moved.low || levels->high != moved.high)) {
      reason = "its bounds differ between channels";
      return {};
    }
    levels = moved;
    if (c == 0) found.op.offset = static_cast<float>(offset);
    found.scale.push_back(out.slope[c]);
  }
  if (!(levels->low > -kLargest && levels->high < kLargest)) {
    reason = "nothing bounds it on both sides";
    return {};
  }
  if (levels->low >= levels->high) {
    reason = fmt::format("its bounds leave levels {} to {}", levels->low, levels->high);
    return {};
  }
  found.op.low = static_cast<std::int64_t>(levels->low);
  found.op.high = static_cast<std::int64_t>(levels->high);
  return found;
}

}  // namespace neurotool::tensor_passes
