// Folds BatchNormalization (inference form) away. With g = scale / sqrt(variance + epsilon):
//   W'[o] = W[o] * g[o],   b'[o] = (b[o] - mean[o]) * g[o] + shift[o]
// goes into the Conv, Gemm or MatMul before it when nobody else reads that op's output. Anywhere
// else the normalisation becomes what it is, one factor and one offset per channel: a depthwise 1x1
// Conv, or Mul and Add on [N, C]. It is never pushed through a later convolution, whose zero
// padding would not see the offset. Computed in double, stored in float32.

#include <fmt/format.h>

#include <cmath>

#include "ir/op_types.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

constexpr std::string_view kName = "fold_batch_norm";

/// y[c] = factor[c] * x[c] + offset[c]
struct Affine {
  std::vector<double> factor, offset;
};

/// The normalisation as factor and offset, or nothing when a parameter is not constant.
std::optional<Affine> affine_of(const TensorGraph& graph, const OpNode& node) {
  std::array<Tensor, 4> parameters;  // scale, shift, mean, variance
  for (std::size_t i = 0; i < 4; ++i) {
    if (node.inputs.size() <= i + 1 || !node.inputs[i + 1].valid()) return std::nullopt;
    parameters[i] = graph[node.inputs[i + 1]].constant;
    if (!parameters[i].defined() || parameters[i].size() != parameters[0].size())
      return std::nullopt;
  }
  const double epsilon = std::get<BatchNorm>(node.op).epsilon;
  Affine affine;
  for (std::int64_t c = 0; c < parameters[0].size(); ++c) {
    const double factor = parameters[0].at(c) / std::sqrt(parameters[3].at(c) + epsilon);
    affine.factor.push_back(factor);
    affine.offset.push_back(parameters[1].at(c) - parameters[2].at(c) * factor);
  }
  return affine;
}

Tensor float_tensor(Shape shape, const std::vector<double>& values) {
  return Tensor::from<float>(std::move(shape), std::vector<float>(values.begin(), values.end()));
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

/// factor * bias + offset; bias is undefined (zero), one value for all, or one per channel.
std::optional<std::vector<double>> folded_bias(const Tensor& bias, double bias_factor,
                                               const Affine& affine) {
  const auto channels = static_cast<std::int64_t>(affine.factor.size());
  if (bias.defined() && bias.size() != 1 &&
      (bias.size() != channels || bias.shape().back() != channels))
    return std::nullopt;
  std::vector<double> result;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double value = bias.defined() ? bias_factor * bias.at(bias.size() == 1 ? 0 : c) : 0;
    const auto i = static_cast<std::size_t>(c);
    result.push_back(value * affine.factor[i] + affine.offset[i]);
  }
  return result;
}

/// The linear op into whose weights a normalisation can go, as one shape for the three kinds.
struct LinearOp {
  Tensor weight, bias;
  std::size_t output_axis = 0;  ///< the weight's axis of output channels
  double bias_factor = 1;       ///< beta of a Gemm
  bool bias_known = true;       ///< false: there is one, and it is computed
};

std::optional<LinearOp> linear_op(const TensorGraph& graph, const OpNode& node) {
  const auto constant = [&](std::size_t index) {
    const bool given = node.inputs.size() > index && node.inputs[index].valid();
    return given ? graph[node.inputs[index]].constant : Tensor();
  };
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2].valid();
  LinearOp linear{.weight = constant(1), .bias = constant(2)};
  linear.bias_known = !has_bias || linear.bias.defined();
  if (!linear.weight.defined()) return std::nullopt;
  if (std::holds_alternative<Conv>(node.op)) return linear;
  if (linear.weight.rank() != 2) return std::nullopt;
  if (const auto* gemm = std::get_if<Gemm>(&node.op)) {
    linear.output_axis = gemm->trans_b ? 0 : 1;
    linear.bias_factor = gemm->beta;
    return linear;
  }
  if (std::holds_alternative<MatMul>(node.op)) {
    linear.output_axis = 1;
    return linear;
  }
  return std::nullopt;
}

/// A name that says where a folded tensor came from.
ValueId add_named(TensorGraph& graph, const OpNode& node, std::string_view what, Tensor tensor) {
  return graph.add_constant(graph.unique_value_name(fmt::format("{}.{}", node.name, what)),
                            std::move(tensor));
}

/// Folds the normalisation into the op before it. False when it does not fit there.
bool fold_into_producer(TensorGraph& graph, OpId id, const Affine& affine, std::size_t rank) {
  const ValueId input = graph[id].inputs.front();
  const OpId producer = graph[input].producer;
  if (!producer.valid() || graph.is_output(input) || graph.users(input).size() != 1) return false;
  const auto linear = linear_op(graph, graph[producer]);
  if (!linear || !linear->bias_known) return false;
  const bool is_conv = std::holds_alternative<Conv>(graph[producer].op);
  if (!is_conv && rank != 2) return false;  // channels are on axis 1, outputs on the last
  if (linear->weight.shape()[linear->output_axis] !=
      static_cast<std::int64_t>(affine.factor.size()))
    return false;
  const auto bias = folded_bias(linear->bias, linear->bias_factor, affine);
  if (!bias) return false;

  const ValueId weight_id = add_named(graph, graph[producer], "weight.folded",
                                      scaled(linear->weight, linear->output_axis, affine.factor));
  const auto channels = static_cast<std::int64_t>(bias->size());
  const ValueId bias_id =
      add_named(graph, graph[producer], "bias.folded", float_tensor({channels}, *bias));
  OpNode& node = graph[producer];
  node.inputs = {node.inputs.front(), weight_id, bias_id};
  if (auto* gemm = std::get_if<Gemm>(&node.op)) gemm->beta = 1;
  if (std::holds_alternative<MatMul>(node.op)) node.op = Gemm{};
  node.origins.insert(node.origins.end(), graph[id].origins.begin(), graph[id].origins.end());
  graph.replace_uses(graph[id].outputs.front(), input);
  graph.remove(id);
  return true;
}

/// Writes the normalisation as one factor and one offset per channel, in place.
void write_as_affine(TensorGraph& graph, OpId id, const Affine& affine, std::size_t rank) {
  const auto channels = static_cast<std::int64_t>(affine.factor.size());
  if (rank > 2) {
    Shape shape(rank, 1);
    shape[0] = channels;
    const ValueId weight =
        add_named(graph, graph[id], "weight", float_tensor(shape, affine.factor));
    const ValueId bias =
        add_named(graph, graph[id], "bias", float_tensor({channels}, affine.offset));
    const std::vector<std::int64_t> ones(rank - 2, 1), zeros(2 * (rank - 2), 0);
    OpNode& node = graph[id];
    node.op = Conv{.strides = ones, .dilations = ones, .pads = zeros, .group = channels};
    node.inputs = {node.inputs.front(), weight, bias};
    return;
  }
  const ValueId factor =
      add_named(graph, graph[id], "factor", float_tensor({channels}, affine.factor));
  const ValueId offset =
      add_named(graph, graph[id], "offset", float_tensor({channels}, affine.offset));
  const std::vector<std::string> origins = graph[id].origins;
  const ValueId input = graph[id].inputs.front();
  const ValueId product = graph.add_op(graph.unique_op_name(graph[id].name + ".scale"),
                                       Binary{BinaryKind::kMul}, {input, factor}, origins);
  graph[product].shape = graph[input].shape;
  OpNode& node = graph[id];
  node.op = Binary{BinaryKind::kAdd};
  node.inputs = {product, offset};
}

Result<Changed> fold_batch_norm(TensorGraph& graph, const Model& model, Context&) {
  Changed changed = Changed::kNo;
  ValueTypes types(graph);
  for (const OpId id : graph.topological_order()) {
    if (const Result<TensorType> type = types.infer(graph[id]))
      types.set(graph[id].outputs.front(), *type);
    if (!std::holds_alternative<BatchNorm>(graph[id].op)) continue;
    const ModelNode at{model.path, graph[id].name};
    const auto affine = affine_of(graph, graph[id]);
    if (!affine)
      return error("fold_batch_norm.computed", at,
                   fmt::format("a parameter of '{}' is computed from the input, not constant",
                               graph[id].name),
                   "export the network in inference mode");
    const auto& shape = types[graph[id].inputs.front()].shape;
    if (!shape || shape->size() < 2)
      return error("fold_batch_norm.rank", at,
                   fmt::format("the shape of what '{}' normalises is not known or has no channels",
                               graph[id].name),
                   "run infer_shapes before fold_batch_norm");
    if (!fold_into_producer(graph, id, *affine, shape->size()))
      write_as_affine(graph, id, *affine, shape->size());
    changed = Changed::kYes;
  }
  return changed;
}

}  // namespace

PassEntry fold_batch_norm_entry() {
  return tensor_pass_entry<fold_batch_norm>(
      kName, "Folds BatchNormalization into the layer before it.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<fold_batch_norm>(kName, section, path, out);
      });
}

}  // namespace neurotool
