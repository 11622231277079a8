// Finds the roots in one walk, and evaluates a chain operand by operand. Truth values are 0 and 1.
#include "passes/tensor/pointwise.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.hpp"

namespace neurotool::tensor_passes {
namespace {

bool is_pointwise(const Op& op) {
  const auto* cast = std::get_if<Cast>(&op);
  const bool keeps_value =
      cast != nullptr && (cast->to == DType::kFloat32 || cast->to == DType::kBool);
  return keeps_value || std::holds_alternative<Unary>(op) || std::holds_alternative<Binary>(op) ||
         std::holds_alternative<Clip>(op) || std::holds_alternative<Where>(op) ||
         std::holds_alternative<Identity>(op);
}

double unary(UnaryKind kind, double x) {
  switch (kind) {
    case UnaryKind::kAbs:
      return std::abs(x);
    case UnaryKind::kCeil:
      return std::ceil(x);
    case UnaryKind::kCos:
      return std::cos(x);
    case UnaryKind::kErf:
      return std::erf(x);
    case UnaryKind::kExp:
      return std::exp(x);
    case UnaryKind::kFloor:
      return std::floor(x);
    case UnaryKind::kLog:
      return std::log(x);
    case UnaryKind::kNeg:
      return -x;
    case UnaryKind::kNot:
      return x == 0 ? 1 : 0;
    case UnaryKind::kRelu:
      return std::max(x, 0.0);
    case UnaryKind::kRound:
      return std::nearbyint(x);
    case UnaryKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryKind::kSign:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case UnaryKind::kSin:
      return std::sin(x);
    case UnaryKind::kSqrt:
      return std::sqrt(x);
    case UnaryKind::kTanh:
      return std::tanh(x);
  }
  check_failed(__FILE__, __LINE__, "kind", "no such function");
}

double binary(BinaryKind kind, double a, double b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return a + b;
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    case BinaryKind::kDiv:
      return a / b;
    case BinaryKind::kPow:
      return std::pow(a, b);
    case BinaryKind::kMin:
      return std::min(a, b);
    case BinaryKind::kMax:
      return std::max(a, b);
    case BinaryKind::kMod:
      return a - b * std::floor(a / b);
    case BinaryKind::kFmod:
      return std::fmod(a, b);
    case BinaryKind::kEqual:
      return a == b ? 1 : 0;
    case BinaryKind::kLess:
      return a < b ? 1 : 0;
    case BinaryKind::kLessOrEqual:
      return a <= b ? 1 : 0;
    case BinaryKind::kAnd:
      return a != 0 && b != 0 ? 1 : 0;
    case BinaryKind::kOr:
      return a != 0 || b != 0 ? 1 : 0;
    case BinaryKind::kXor:
      return (a != 0) != (b != 0) ? 1 : 0;
  }
  check_failed(__FILE__, __LINE__, "kind", "no such function");
}

/// `value` and what follows it among the operands; an absent bound does not bind.
double result_of(const Op& op, std::span<const std::optional<double>> in) {
  if (const auto* one = std::get_if<Unary>(&op)) return unary(one->kind, *in[0]);
  if (const auto* two = std::get_if<Binary>(&op)) return binary(two->kind, *in[0], *in[1]);
  if (std::holds_alternative<Where>(op)) return *in[0] != 0 ? *in[1] : *in[2];
  if (const auto* cast = std::get_if<Cast>(&op)) {
    return cast->to == DType::kBool ? (*in[0] != 0 ? 1 : 0) : *in[0];
  }
  double x = *in[0];
  if (!std::holds_alternative<Clip>(op)) return x;
  if (in.size() > 1 && in[1]) x = std::max(x, *in[1]);
  if (in.size() > 2 && in[2]) x = std::min(x, *in[2]);
  return x;
}

}  // namespace

PointwiseMap::PointwiseMap(const TensorGraph& graph, const ValueTypes& types) : graph_(graph) {
  for (std::uint32_t i = 0; i < graph.values.size(); ++i) roots_.push_back(ValueId{i});
  for (const OpId id : graph.topological_order()) {
    const OpNode& node = graph[id];
    if (node.outputs.size() == 1) roots_[node.outputs[0].index] = root_of(node, types);
  }
}

ValueId PointwiseMap::root_of(const OpNode& node, const ValueTypes& types) const {
  const ValueId own = node.outputs[0];
  if (!is_pointwise(node.op)) return own;
  ValueId common;
  for (const ValueId input : node.inputs) {
    if (!input.valid()) continue;
    const Tensor& constant = graph_[input].constant;
    if (constant.defined()) {
      if (constant.size() != 1) return own;
      continue;
    }
    const ValueId root = roots_[input.index];
    if (common.valid() && root != common) return own;
    common = root;
  }
  const bool same_elements = common.valid() && types[common].dtype == DType::kFloat32 &&
                             types[common].shape == types[own].shape;
  return same_elements ? common : own;
}

std::vector<OpId> PointwiseMap::steps(ValueId value) const {
  std::vector<bool> wanted(graph_.ops.size(), false);
  std::vector<ValueId> open{value};
  const ValueId from = root(value);
  while (!open.empty()) {
    const ValueId at = open.back();
    open.pop_back();
    const OpId producer = graph_[at].producer;
    if (at == from || !producer.valid() || wanted[producer.index]) continue;
    wanted[producer.index] = true;
    for (const ValueId input : graph_[producer].inputs) {
      if (input.valid()) open.push_back(input);
    }
  }
  std::vector<OpId> found;
  for (const OpId id : graph_.topological_order()) {
    if (wanted[id.index]) found.push_back(id);
  }
  return found;
}

bool PointwiseMap::is_exit(ValueId value) const {
  if (graph_.is_output(value)) return true;
  return std::ranges::any_of(graph_.users(value), [&](OpId user) {
    const auto& outputs = graph_[user].outputs;
    return outputs.size() != 1 || root(outputs[0]) != root(value);
  });
}

ScalarFunction::ScalarFunction(const TensorGraph& graph, ValueId root,
                               std::span<const OpId> steps) {
  // Place 0 is the argument; step i leaves its result at place i + 1.
  std::map<ValueId, std::size_t> places{{root, 0}};
  for (const OpId id : steps) {
    const OpNode& node = graph[id];
    Step step{node.op, {}};
    for (const ValueId input : node.inputs) {
      if (!input.valid()) {
        step.operands.emplace_back();
      } else if (const Tensor& constant = graph[input].constant; constant.defined()) {
        step.operands.push_back(Operand{{}, constant.at(0)});
      } else {
        step.operands.push_back(Operand{places.at(input), 0});
      }
    }
    steps_.push_back(std::move(step));
    places[node.outputs[0]] = steps_.size();
  }
}

double ScalarFunction::operator()(double x) const {
  std::vector<double> results{x};
  std::vector<std::optional<double>> in;
  for (const Step& step : steps_) {
    in.clear();
    for (const auto& operand : step.operands) {
      if (!operand) {
        in.emplace_back();
      } else {
        in.emplace_back(operand->place ? results[*operand->place] : operand->number);
      }
    }
    results.push_back(result_of(step.op, in));
  }
  return results.back();
}

}  // namespace neurotool::tensor_passes
