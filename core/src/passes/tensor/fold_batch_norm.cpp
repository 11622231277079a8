// Folds BatchNormalization (inference form) away. With g = scale / sqrt(variance + epsilon):
//   W'[o] = W[o] * g[o],   b'[o] = (b[o] - mean[o]) * g[o] + shift[o]
// goes into the Conv, Gemm or MatMul before it when nobody else reads that op's output; so does an
// Add or Sub of one constant per channel. On [N, C] it may also go into the Gemm behind it.
// Anywhere else the normalisation becomes what it is, one factor and one offset per channel: a
// depthwise 1x1 Conv, or Mul and Add on [N, C]. It is never pushed through a later convolution,
// whose zero padding would not see the offset. Computed in double, stored in float32.
#include <fmt/format.h>

#include <cmath>

#include "passes/tensor/linear_fold.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

using namespace tensor_passes;

/// The normalisation as factors and offsets. Errors name what keeps it from being one.
Result<Affine> affine_of(const TensorGraph& graph, const Model& model, const OpNode& node) {
  for (std::size_t i = 1; i < 5; ++i) {
    if (constant_of(graph, node, i).defined()) continue;
    return error(
        "fold_batch_norm.computed", at_node(model, node),
        fmt::format("a parameter of '{}' is computed from the input, not constant", node.name),
        "export the network in inference mode");
  }
  const auto parameter = [&](std::size_t index, std::int64_t channel) {
    return constant_of(graph, node, index).at(channel);
  };
  const auto epsilon = static_cast<double>(std::get<BatchNorm>(node.op).epsilon);
  Affine affine;
  for (std::int64_t c = 0; c < constant_of(graph, node, 1).size(); ++c) {
    const double variance = parameter(4, c);
    const double factor = parameter(1, c) / std::sqrt(variance + epsilon);
    if (!std::isfinite(factor)) {
      return error("fold_batch_norm.variance", at_node(model, node),
                   fmt::format("channel {} of '{}' has the variance {} and epsilon {}, which leave "
                               "no finite factor",
                               c, node.name, variance, epsilon),
                   "the statistics in the model file are damaged; export it again");
    }
    affine.factor.push_back(factor);
    affine.offset.push_back(parameter(2, c) - parameter(3, c) * factor);
  }
  return affine;
}

/// The constant as one value per channel of axis 1, if it broadcasts over the others.
std::optional<std::vector<double>> per_channel(const Tensor& constant, std::size_t rank,
                                               std::int64_t channels) {
  if (!constant.defined() || constant.rank() > rank) return std::nullopt;
  for (std::size_t i = 0; i < constant.rank(); ++i) {
    const std::size_t axis = rank - constant.rank() + i;
    const std::int64_t extent = constant.shape()[i];
    if (extent != 1 && (axis != 1 || extent != channels)) return std::nullopt;
  }
  std::vector<double> values;
  for (std::int64_t c = 0; c < channels; ++c) {
    values.push_back(constant.at(constant.size() == 1 ? 0 : c));
  }
  return values;
}

/// Add(x, constant), Add(constant, x) and Sub(x, constant) as an Affine; and which input x is.
struct Offset {
  std::size_t data = 0;
  Affine affine;
};

std::optional<Offset> offset_of(const TensorGraph& graph, const OpNode& node,
                                const ValueTypes& types) {
  const auto* binary = std::get_if<Binary>(&node.op);
  if (!binary || (binary->kind != BinaryKind::kAdd && binary->kind != BinaryKind::kSub)) {
    return std::nullopt;
  }
  const bool swapped = binary->kind == BinaryKind::kAdd && constant_of(graph, node, 0).defined();
  Offset result{.data = swapped ? std::size_t{1} : std::size_t{0}, .affine = {}};
  const auto& shape = types[node.inputs[result.data]].shape;
  if (!shape || shape->size() < 2 || (*shape)[1] == kFreeDim) return std::nullopt;
  auto values = per_channel(constant_of(graph, node, 1 - result.data), shape->size(), (*shape)[1]);
  if (!values) return std::nullopt;
  if (binary->kind == BinaryKind::kSub) {
    for (double& value : *values) value = -value;
  }
  result.affine.factor.assign(values->size(), 1);
  result.affine.offset = *std::move(values);
  return result;
}

/// The work on one graph: its types, and how often values are read.
class Folder {
 public:
  Folder(TensorGraph& graph, const Model& model)
      : graph_(graph), model_(model), types_(types_of(graph)), readers_(count_readers(graph)) {}

  Result<Changed> run() {
    Changed changed = Changed::kNo;
    for (const OpId id : graph_.topological_order()) {
      if (std::holds_alternative<BatchNorm>(graph_[id].op)) {
        NT_TRY_VOID(fold_norm(id));
        changed = Changed::kYes;
      } else if (const auto offset = offset_of(graph_, graph_[id], types_)) {
        if (fold_backward(id, graph_[id].inputs[offset->data], offset->affine)) {
          changed = Changed::kYes;
        }
      }
    }
    return changed;
  }

 private:
  Result<> fold_norm(OpId id) {
    NT_TRY(const Affine affine, affine_of(graph_, model_, graph_[id]));
    const ValueId input = graph_[id].inputs[0];
    const auto& shape = types_[input].shape;
    if (!shape || shape->size() < 2) {
      return error("fold_batch_norm.rank", at_node(model_, graph_[id]),
                   fmt::format("the shape of what '{}' normalises is not known or has no channels",
                               graph_[id].name),
                   "run infer_shapes before fold_batch_norm");
    }
    const std::size_t rank = shape->size();
    if (fold_backward(id, input, affine) || fold_forward(id, affine, rank)) return {};
    if (rank == 2) write_as_mul_and_add(id, affine);
    if (rank > 2) write_as_conv(id, affine, rank);
    return {};
  }

  bool fold_backward(OpId id, ValueId data, const Affine& affine) {
    const OpId producer = graph_[data].producer;
    const auto& shape = types_[data].shape;
    const bool fits = producer.valid() && shape && readers_[data.index] == 1 &&
                      takes_affine(graph_, producer, shape->size(), affine.factor.size());
    if (fits) fold_into_producer(graph_, id, producer, affine);
    return fits;
  }

  bool fold_forward(OpId id, const Affine& affine, std::size_t rank) {
    const ValueId output = graph_[id].outputs[0];
    if (readers_[output.index] != 1 || graph_.is_output(output)) return false;
    return fold_into_consumer(graph_, id, graph_.users(output)[0], affine, rank);
  }

  ValueId constant(OpId id, std::string_view what, Shape shape, const std::vector<double>& values) {
    return graph_.add_constant(
        fmt::format("{}.{}", graph_[id].name, what),
        Tensor::from<float>(std::move(shape), std::vector<float>(values.begin(), values.end())));
  }

  void write_as_conv(OpId id, const Affine& affine, std::size_t rank) {
    const auto channels = static_cast<std::int64_t>(affine.factor.size());
    Shape shape(rank, 1);
    shape[0] = channels;
    const ValueId weight = constant(id, "weight", shape, affine.factor);
    const ValueId bias = constant(id, "bias", {channels}, affine.offset);
    const std::vector<std::int64_t> ones(rank - 2, 1), zeros(2 * (rank - 2), 0);
    OpNode& node = graph_[id];
    node.op = Conv{.strides = ones, .dilations = ones, .pads = zeros, .group = channels};
    node.inputs = {node.inputs[0], weight, bias};
  }

  void write_as_mul_and_add(OpId id, const Affine& affine) {
    const auto channels = static_cast<std::int64_t>(affine.factor.size());
    const ValueId factor = constant(id, "factor", {channels}, affine.factor);
    const ValueId offset = constant(id, "offset", {channels}, affine.offset);
    const ValueId input = graph_[id].inputs[0];
    const ValueId product = graph_.add_op(graph_[id].name + ".scale", Binary{BinaryKind::kMul},
                                          {input, factor}, graph_[id].origins);
    graph_[product].shape = graph_[input].shape;
    OpNode& node = graph_[id];
    node.op = Binary{BinaryKind::kAdd};
    node.inputs = {product, offset};
  }

  TensorGraph& graph_;
  const Model& model_;
  ValueTypes types_;
  std::vector<std::size_t> readers_;
};

Result<Changed> fold_batch_norm(TensorGraph& graph, const Model& model, Context&) {
  return Folder(graph, model).run();
}

}  // namespace

PassEntry fold_batch_norm_entry() {
  return tensor_pass_entry<fold_batch_norm>(
      "fold_batch_norm", "Folds BatchNormalization into the layer before it.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<fold_batch_norm>("fold_batch_norm", section, path, out);
      });
}

}  // namespace neurotool
