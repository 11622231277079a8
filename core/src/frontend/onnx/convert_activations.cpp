// Activation functions, written with the few functions that the graph has. Each form is exact where
// floating-point numbers are: what overflows on one side is never added to what counts.
#include <cmath>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

/// alpha * (exp(min(x, 0)) - 1): the lower half of the exponential units.
ValueId lower_exponential(Compose& c, ValueId x, float alpha) {
  const ValueId below = c.clip(x, -Compose::kInfinity, 0);
  const ValueId decay = c.sub(c.unary(UnaryKind::kExp, below), c.number(1));
  return c.mul(decay, c.number(alpha));
}

/// log(1 + exp(x)) without overflow.
ValueId softplus(Compose& c, ValueId x) {
  const ValueId away = c.unary(UnaryKind::kExp, c.negative(c.unary(UnaryKind::kAbs, x)));
  return c.add(c.relu(x), c.unary(UnaryKind::kLog, c.add(away, c.number(1))));
}

/// x above 0, slope * x below: two rectifiers, which neurons can compute.
void finish_leaky(Node& node, Compose& c, ValueId slope) {
  const ValueId below = c.mul(c.relu(c.negative(node.input(0))), slope);
  c.finish_binary(BinaryKind::kSub, c.relu(node.input(0)), below);
}

}  // namespace

void convert_celu(Node& node) {
  Compose c(node);
  const float alpha = node.attributes.real("alpha", 1);
  const ValueId grown = c.unary(UnaryKind::kExp, c.div(c.in(0), c.number(alpha)));
  const ValueId curve = c.mul(c.sub(grown, c.number(1)), c.number(alpha));
  c.finish_binary(BinaryKind::kAdd, c.relu(c.in(0)), c.clip(curve, -Compose::kInfinity, 0));
}

void convert_elu(Node& node) {
  Compose c(node);
  const float alpha = node.attributes.real("alpha", 1);
  c.finish_binary(BinaryKind::kAdd, c.relu(c.in(0)), lower_exponential(c, c.in(0), alpha));
}

void convert_selu(Node& node) {
  Compose c(node);
  const float alpha = node.attributes.real("alpha", 1.67326319217681884765625f);
  const float gamma = node.attributes.real("gamma", 1.05070102214813232421875f);
  const ValueId both = c.add(c.relu(c.in(0)), lower_exponential(c, c.in(0), alpha));
  c.finish_binary(BinaryKind::kMul, both, c.number(gamma));
}

void convert_gelu(Node& node) {
  Compose c(node);
  const std::string form = node.attributes.text("approximate", "none");
  const ValueId x = c.in(0);
  ValueId bell;
  if (form == "none") {
    bell = c.unary(UnaryKind::kErf, c.mul(x, c.number(std::sqrt(0.5f))));
  } else if (form == "tanh") {
    const ValueId cubed = c.mul(c.mul(c.mul(x, x), x), c.number(0.044715f));
    constexpr float kRoot = 0.7978845608f;  // sqrt(2 / pi)
    bell = c.unary(UnaryKind::kTanh, c.mul(c.add(x, cubed), c.number(kRoot)));
  } else {
    node.refuse("onnx.attribute", "approximate = '" + form + "' is neither 'none' nor 'tanh'");
    return;
  }
  const ValueId half = c.mul(x, c.number(0.5f));
  c.finish_binary(BinaryKind::kMul, half, c.add(bell, c.number(1)));
}

void convert_hard_sigmoid(Node& node) {
  Compose c(node);
  const float alpha = node.attributes.real("alpha", 0.2f);
  const float beta = node.attributes.real("beta", 0.5f);
  const ValueId line = c.add(c.mul(c.in(0), c.number(alpha)), c.number(beta));
  c.finish(Clip{}, {line, c.number(0), c.number(1)});
}

void convert_hard_swish(Node& node) {
  Compose c(node);
  const ValueId line = c.add(c.mul(c.in(0), c.number(1.0f / 6)), c.number(0.5f));
  c.finish_binary(BinaryKind::kMul, c.in(0), c.clip(line, 0, 1));
}

void convert_leaky_relu(Node& node) {
  Compose c(node);
  const float alpha = node.attributes.real("alpha", 0.01f);
  if (alpha == 0) return node.finish(Unary{UnaryKind::kRelu}, {node.input(0)});
  finish_leaky(node, c, c.number(alpha));
}

void convert_mish(Node& node) {
  Compose c(node);
  c.finish_binary(BinaryKind::kMul, c.in(0), c.unary(UnaryKind::kTanh, softplus(c, c.in(0))));
}

void convert_prelu(Node& node) {
  Compose c(node);
  ValueId slope = c.in(1);
  // Before opset 7 a list of slopes belonged to the channels.
  const auto rank = node.rank(0), own = node.rank(1);
  if (node.opset() < 7 && rank && own == std::size_t{1} && *rank > 2) {
    std::vector<std::int64_t> axes;
    for (std::size_t i = 1; i + 1 < *rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
    slope = c.unsqueeze(slope, std::move(axes));
  }
  finish_leaky(node, c, slope);
}

void convert_reciprocal(Node& node) {
  Compose c(node);
  c.finish_binary(BinaryKind::kDiv, c.number(1), c.in(0));
}

void convert_shrink(Node& node) {
  Compose c(node);
  const float bias = node.attributes.real("bias", 0), bound = node.attributes.real("lambd", 0.5f);
  const ValueId x = c.in(0), zero = c.number(0);
  const ValueId above = c.binary(BinaryKind::kLess, c.number(bound), x);
  const ValueId below = c.binary(BinaryKind::kLess, x, c.number(-bound));
  const ValueId low = c.where(below, c.add(x, c.number(bias)), zero);
  c.finish(Where{}, {above, c.sub(x, c.number(bias)), low});
}

void convert_softplus(Node& node) {
  Compose c(node);
  const ValueId away = c.unary(UnaryKind::kExp, c.negative(c.unary(UnaryKind::kAbs, c.in(0))));
  const ValueId rest = c.unary(UnaryKind::kLog, c.add(away, c.number(1)));
  c.finish_binary(BinaryKind::kAdd, c.relu(c.in(0)), rest);
}

void convert_softsign(Node& node) {
  Compose c(node);
  const ValueId size = c.add(c.unary(UnaryKind::kAbs, c.in(0)), c.number(1));
  c.finish_binary(BinaryKind::kDiv, c.in(0), size);
}

void convert_swish(Node& node) {
  Compose c(node);
  const ValueId bent = c.mul(c.in(0), c.number(node.attributes.real("alpha", 1)));
  c.finish_binary(BinaryKind::kMul, c.in(0), c.unary(UnaryKind::kSigmoid, bent));
}

void convert_thresholded_relu(Node& node) {
  Compose c(node);
  const ValueId bound = c.number(node.attributes.real("alpha", 1));
  const ValueId above = c.binary(BinaryKind::kLess, bound, c.in(0));
  c.finish(Where{}, {above, c.in(0), c.number(0)});
}

}  // namespace neurotool::from_onnx
