// One view of the three linear ops: a weight with an axis of outputs, and a bias with a factor.
#include "passes/tensor/linear_fold.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "passes/tensor/pass_tools.hpp"

namespace neurotool::tensor_passes {
namespace {

struct LinearOp {
  Tensor weight;
  Tensor bias;                                ///< undefined: there is none
  std::size_t output_axis = 0;                ///< the weight's axis of output channels
  double weight_factor = 1, bias_factor = 1;  ///< alpha and beta of a Gemm
};

/// Nothing for other ops, and for weights or biases that are computed.
std::optional<LinearOp> linear_op(const TensorGraph& graph, const OpNode& node) {
  LinearOp linear{.weight = constant_of(graph, node, 1), .bias = constant_of(graph, node, 2)};
  if (!linear.weight.defined()) return std::nullopt;
  if (input_of(node, 2).valid() && !linear.bias.defined()) return std::nullopt;
  if (std::holds_alternative<Conv>(node.op)) return linear;
  if (linear.weight.rank() != 2) return std::nullopt;
  if (const auto* gemm = std::get_if<Gemm>(&node.op)) {
    linear.output_axis = gemm->trans_b ? 0 : 1;
    linear.weight_factor = static_cast<double>(gemm->alpha);
    linear.bias_factor = static_cast<double>(gemm->beta);
    return linear;
  }
  if (std::holds_alternative<MatMul>(node.op)) {
    linear.output_axis = 1;
    return linear;
  }
  return std::nullopt;
}

/// Element c of a bias with one value for all or one per channel.
double bias_at(const Tensor& bias, std::size_t channel) {
  if (!bias.defined()) return 0;
  return bias.at(bias.size() == 1 ? 0 : static_cast<std::int64_t>(channel));
}

bool is_per_channel(const Tensor& bias, std::size_t channels) {
  if (!bias.defined() || bias.size() == 1) return true;
  const auto wanted = static_cast<std::int64_t>(channels);
  return bias.size() == wanted && bias.shape().back() == wanted;
}

/// `weight` with slice c along `axis` multiplied by factor[c].
Tensor scaled(const Tensor& weight, std::size_t axis, const std::vector<double>& factor) {
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < weight.rank(); ++i) inner *= weight.shape()[i];
  std::vector<float> values(static_cast<std::size_t>(weight.size()));
  for (std::int64_t i = 0; i < weight.size(); ++i) {
    const auto channel = static_cast<std::size_t>(i / inner % weight.shape()[axis]);
    values[static_cast<std::size_t>(i)] = static_cast<float>(weight.at(i) * factor[channel]);
  }
  return Tensor::from<float>(weight.shape(), std::move(values));
}

Tensor float_list(const std::vector<double>& values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from<float>({count}, std::vector<float>(values.begin(), values.end()));
}

/// New weight and bias for the op, called after it. A bias of zeros where there was none stays
/// away.
void write_weights(TensorGraph& graph, OpId id, const Tensor& weight,
                   const std::vector<double>& bias) {
  const std::string name = graph[id].name;
  const bool needs_bias = input_of(graph[id], 2).valid() ||
                          std::ranges::any_of(bias, [](double value) { return value != 0; });
  const ValueId data = graph[id].inputs[0];
  const ValueId weight_id = graph.add_constant(name + ".weight.folded", weight);
  graph[id].inputs = {data, weight_id};
  if (needs_bias) {
    graph[id].inputs.push_back(graph.add_constant(name + ".bias.folded", float_list(bias)));
  }
  OpNode& node = graph[id];
  if (std::holds_alternative<MatMul>(node.op) && needs_bias) node.op = Gemm{};
  if (auto* gemm = std::get_if<Gemm>(&node.op)) gemm->beta = 1;
}

/// `id` goes; `heir` makes its output from now on, and calls it as it called its own, unless the
/// output is one of the graph's.
void hand_over(TensorGraph& graph, OpId id, OpId heir) {
  OpNode& gone = graph[id];
  OpNode& node = graph[heir];
  node.origins.insert(node.origins.end(), gone.origins.begin(), gone.origins.end());
  Value& before = graph[node.outputs[0]];
  before.removed = true;
  if (!graph.is_output(gone.outputs[0])) std::swap(before.name, graph[gone.outputs[0]].name);
  node.outputs = std::exchange(gone.outputs, {});
  graph[node.outputs[0]].producer = heir;
  graph.remove(id);
}

}  // namespace

bool takes_affine(const TensorGraph& graph, OpId producer, std::size_t rank, std::size_t channels) {
  const OpNode& node = graph[producer];
  const auto linear = linear_op(graph, node);
  if (!linear) return false;
  // A matrix product has its outputs on the last axis, which is axis 1 in a matrix only.
  if (!std::holds_alternative<Conv>(node.op) && rank != 2) return false;
  const auto outputs = static_cast<std::size_t>(linear->weight.shape()[linear->output_axis]);
  return outputs == channels && is_per_channel(linear->bias, channels);
}

void fold_into_producer(TensorGraph& graph, OpId id, OpId producer, const Affine& affine) {
  const auto linear = linear_op(graph, graph[producer]);
  NT_CHECK(linear.has_value(), "the op does not take an affine function");
  std::vector<double> bias;
  for (std::size_t c = 0; c < affine.factor.size(); ++c) {
    bias.push_back(linear->bias_factor * bias_at(linear->bias, c) * affine.factor[c] +
                   affine.offset[c]);
  }
  const bool scales = std::ranges::any_of(affine.factor, [](double f) { return f != 1; });
  write_weights(
      graph, producer,
      scales ? scaled(linear->weight, linear->output_axis, affine.factor) : linear->weight, bias);
  hand_over(graph, id, producer);
}

namespace {

/// A weight seen from its inputs: element (output, input, place in the window).
struct InputSide {
  std::int64_t outputs = 0, inputs = 0, window = 1, groups = 1;
  bool inputs_first = false;  ///< [inputs, outputs] instead of [outputs, inputs, …]

  std::int64_t at(std::int64_t output, std::int64_t input, std::int64_t place) const {
    const std::int64_t own = inputs / groups;
    return inputs_first ? input * outputs + output : (output * own + input % own) * window + place;
  }
  bool reads(std::int64_t output, std::int64_t input) const {
    return output / (outputs / groups) == input / (inputs / groups);
  }
};

/// A border of zeros would not see the offsets.
bool sees_border(const Conv& conv, const Affine& affine) {
  const auto is_zero = [](auto value) { return value == 0; };
  return !std::ranges::all_of(conv.pads, is_zero) && !std::ranges::all_of(affine.offset, is_zero);
}

/// Nothing when the op does not take the affine function as its data.
std::optional<InputSide> input_side(const OpNode& node, const LinearOp& linear,
                                    const Affine& affine, std::size_t rank) {
  const Shape& shape = linear.weight.shape();
  InputSide side;
  if (const auto* conv = std::get_if<Conv>(&node.op)) {
    side.groups = conv->group;
    side.outputs = shape[0];
    side.inputs = shape[1] * conv->group;
    for (std::size_t i = 2; i < shape.size(); ++i) side.window *= shape[i];
    if (sees_border(*conv, affine) || side.outputs % side.groups != 0) return std::nullopt;
  } else {
    const auto* gemm = std::get_if<Gemm>(&node.op);
    // The last axis of the data is the channels' in a matrix only.
    if (rank != 2 || (gemm && gemm->trans_a)) return std::nullopt;
    side.inputs_first = linear.output_axis == 1;
    side.outputs = shape[linear.output_axis];
    side.inputs = shape[1 - linear.output_axis];
  }
  const bool fits = static_cast<std::size_t>(side.inputs) == affine.factor.size() &&
                    is_per_channel(linear.bias, static_cast<std::size_t>(side.outputs));
  return fits ? std::optional(side) : std::nullopt;
}

}  // namespace

bool fold_into_consumer(TensorGraph& graph, OpId id, OpId consumer, const Affine& affine,
                        std::size_t rank) {
  OpNode& node = graph[consumer];
  const auto linear = linear_op(graph, node);
  if (!linear || node.inputs[0] != graph[id].outputs[0]) return false;
  const auto side = input_side(node, *linear, affine, rank);
  if (!side) return false;
  std::vector<float> weight(static_cast<std::size_t>(linear->weight.size()));
  std::vector<double> bias;
  for (std::int64_t o = 0; o < side->outputs; ++o) {
    double sum = 0;
    for (std::int64_t i = 0; i < side->inputs; ++i) {
      if (!side->reads(o, i)) continue;
      const auto channel = static_cast<std::size_t>(i);
      for (std::int64_t place = 0; place < side->window; ++place) {
        const std::int64_t at = side->at(o, i, place);
        const double w = linear->weight.at(at);
        sum += affine.offset[channel] * w;
        weight[static_cast<std::size_t>(at)] = static_cast<float>(w * affine.factor[channel]);
      }
    }
    bias.push_back(linear->bias_factor * bias_at(linear->bias, static_cast<std::size_t>(o)) +
                   linear->weight_factor * sum);
  }
  node.inputs[0] = graph[id].inputs[0];
  const std::vector<std::string> origins = graph[id].origins;
  write_weights(graph, consumer, Tensor::from<float>(linear->weight.shape(), std::move(weight)),
                bias);
  graph[consumer].origins.insert(graph[consumer].origins.begin(), origins.begin(), origins.end());
  graph.remove(id);
  return true;
}

}  // namespace neurotool::tensor_passes
