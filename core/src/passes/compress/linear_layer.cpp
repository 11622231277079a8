// Weights of the three linear ops as rows and back, and im2col one position at a time.
#include "passes/compress/linear_layer.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "passes/tensor/pass_tools.hpp"

namespace neurotool::compress {
namespace {

using tensor_passes::constant_of;
using tensor_passes::input_of;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Whether the weight tensor has one row for each output (else one column).
bool is_rows(const Op& op) {
  const auto* gemm = std::get_if<Gemm>(&op);
  return std::holds_alternative<Conv>(op) || (gemm != nullptr && gemm->trans_b);
}

bool is_linear(const Op& op) {
  const auto* gemm = std::get_if<Gemm>(&op);
  return std::holds_alternative<Conv>(op) || std::holds_alternative<MatMul>(op) ||
         (gemm != nullptr && !gemm->trans_a);
}

bool is_weight(const Tensor& tensor, const Op& op) {
  if (!tensor.defined() || tensor.dtype() != DType::kFloat32 || tensor.size() == 0) return false;
  return std::holds_alternative<Conv>(op) ? tensor.rank() >= 3 : tensor.rank() == 2;
}

bool is_matrix_constant(const TensorGraph& graph, ValueId id) {
  if (!id.valid()) return false;
  const Tensor& tensor = graph[id].constant;
  return tensor.defined() && is_float(tensor.dtype()) && tensor.rank() >= 2 && tensor.size() > 1;
}

}  // namespace

Rows LinearLayer::group(std::size_t which) const {
  Rows rows(group_rows(), weights.columns);
  const auto first =
      weights.value.begin() + static_cast<std::ptrdiff_t>(which * group_rows() * weights.columns);
  std::copy_n(first, rows.value.size(), rows.value.begin());
  return rows;
}

void LinearLayer::set_group(std::size_t which, const Rows& rows) {
  std::ranges::copy(
      rows.value,
      weights.value.begin() + static_cast<std::ptrdiff_t>(which * group_rows() * weights.columns));
}

std::optional<LinearLayer> linear_layer(const TensorGraph& graph, OpId id) {
  const OpNode& node = graph[id];
  const Tensor& weight = constant_of(graph, node, 1);
  if (!is_linear(node.op) || !is_weight(weight, node.op)) return std::nullopt;
  // A constant on both sides is work for fold_constants.
  if (constant_of(graph, node, 0).defined()) return std::nullopt;
  const auto values = weight.as<float>();
  const std::size_t extent = index(weight.shape()[0]), others = values.size() / extent;
  LinearLayer layer{.op = id};
  if (is_rows(node.op)) {
    layer.weights = Rows(extent, others);
    std::ranges::copy(values, layer.weights.value.begin());
  } else {
    layer.weights = Rows(others, extent);
    for (std::size_t i = 0; i < values.size(); ++i) {
      layer.weights.value[i % others * extent + i / others] = double{values[i]};
    }
  }
  if (const auto* conv = std::get_if<Conv>(&node.op)) layer.groups = index(conv->group);
  return layer;
}

bool has_other_weights(const TensorGraph& graph, const OpNode& node) {
  if (std::holds_alternative<Recurrent>(node.op)) return true;
  if (std::holds_alternative<Einsum>(node.op) || is_linear(node.op) ||
      std::holds_alternative<Gemm>(node.op)) {
    const auto constants = std::ranges::count_if(
        node.inputs.begin(),
        node.inputs.begin() + std::min<std::ptrdiff_t>(2, std::ssize(node.inputs)),
        [&](ValueId id) { return is_matrix_constant(graph, id); });
    return constants == 1;
  }
  return false;
}

void write_weights(TensorGraph& graph, const LinearLayer& layer,
                   const std::optional<Quantization>& quantization) {
  OpNode& node = graph[layer.op];
  const Tensor& old = constant_of(graph, node, 1);
  Shape shape = old.shape();
  std::vector<float> values(layer.weights.value.size());
  if (auto* gemm = std::get_if<Gemm>(&node.op); gemm != nullptr && !gemm->trans_b) {
    gemm->trans_b = true;
    std::swap(shape[0], shape[1]);
  }
  if (is_rows(node.op)) {
    std::ranges::transform(layer.weights.value, values.begin(),
                           [](double v) { return static_cast<float>(v); });
  } else {
    const std::size_t rows = layer.weights.rows, columns = layer.weights.columns;
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i % columns * rows + i / columns] = static_cast<float>(layer.weights.value[i]);
    }
  }
  Tensor weight = Tensor::from<float>(std::move(shape), std::move(values));
  if (quantization) weight = weight.with_quantization(*quantization);
  const std::string name = graph[node.inputs[1]].name;
  const ValueId id = graph.add_constant(name, std::move(weight));
  graph[layer.op].inputs[1] = id;
}

bool takes_bias(const TensorGraph& graph, OpId id, std::size_t rank) {
  const OpNode& node = graph[id];
  if (std::holds_alternative<MatMul>(node.op)) return rank == 2;
  if (!input_of(node, 2).valid()) return true;
  const Tensor& bias = constant_of(graph, node, 2);
  if (!bias.defined() || bias.dtype() != DType::kFloat32) return false;
  const auto layer = linear_layer(graph, id);
  const auto outputs = static_cast<std::int64_t>(layer->weights.rows);
  return bias.size() == 1 || (bias.size() == outputs && bias.shape().back() == outputs);
}

void add_to_bias(TensorGraph& graph, const LinearLayer& layer, std::span<const double> amount) {
  OpNode& node = graph[layer.op];
  const Tensor& old = constant_of(graph, node, 2);
  auto* const gemm = std::get_if<Gemm>(&node.op);
  const double factor = gemm != nullptr ? double{gemm->beta} : 1;
  std::vector<float> values;
  for (std::size_t o = 0; o < layer.weights.rows; ++o) {
    const double before =
        !old.defined() ? 0 : old.at(old.size() == 1 ? 0 : static_cast<std::int64_t>(o)) * factor;
    values.push_back(static_cast<float>(before + amount[o]));
  }
  if (gemm != nullptr) gemm->beta = 1;
  if (std::holds_alternative<MatMul>(node.op)) node.op = Gemm{};
  const auto count = static_cast<std::int64_t>(values.size());
  const std::string name =
      old.defined() ? graph[node.inputs[2]].name : graph[layer.op].name + ".bias";
  const ValueId id = graph.add_constant(name, Tensor::from<float>({count}, std::move(values)));
  graph[layer.op].inputs.resize(3);
  graph[layer.op].inputs[2] = id;
}

std::size_t output_axis(const Op& op, std::size_t rank) {
  return std::holds_alternative<Conv>(op) ? 1 : rank - 1;
}

PatchReader PatchReader::matrix(const Shape& input) {
  PatchReader reader;
  reader.columns_ = index(input.back());
  for (std::size_t i = 1; i + 1 < input.size(); ++i) reader.positions_ *= input[i];
  return reader;
}

PatchReader PatchReader::convolution(const Conv& conv, const Shape& weight, const Shape& input) {
  PatchReader reader;
  reader.columns_ = 1;
  for (std::size_t i = 1; i < weight.size(); ++i) reader.columns_ *= index(weight[i]);
  const std::size_t spatial = weight.size() - 2;
  const auto or_default = [](const std::vector<std::int64_t>& list, std::size_t i,
                             std::int64_t fallback) { return list.empty() ? fallback : list[i]; };
  for (std::size_t i = 0; i < spatial; ++i) {
    Axis axis{.extent = input[i + 2],
              .count = 0,
              .kernel = weight[i + 2],
              .stride = or_default(conv.strides, i, 1),
              .dilation = or_default(conv.dilations, i, 1),
              .pad = or_default(conv.pads, i, 0)};
    const std::int64_t end = or_default(conv.pads, i + spatial, 0);
    const std::int64_t span = (axis.kernel - 1) * axis.dilation + 1;
    axis.count = (axis.extent + axis.pad + end - span) / axis.stride + 1;
    reader.positions_ *= axis.count;
    reader.axes_.push_back(axis);
  }
  return reader;
}

void PatchReader::read(std::span<const float> sample, std::int64_t position, std::size_t group,
                       std::span<float> out) const {
  if (axes_.empty()) {
    std::ranges::copy(sample.subspan(index(position) * columns_, columns_), out.begin());
    return;
  }
  std::int64_t kernel = 1, plane = 1;
  for (const Axis& axis : axes_) {
    kernel *= axis.kernel;
    plane *= axis.extent;
  }
  const std::int64_t channels = static_cast<std::int64_t>(columns_) / kernel;
  const float* const data = sample.data() + static_cast<std::int64_t>(group) * channels * plane;
  for (std::int64_t k = 0; k < kernel; ++k) {
    std::int64_t rest_k = k, rest_p = position, place = 0, step = 1;
    bool inside = true;
    for (std::size_t a = axes_.size(); a-- > 0;) {
      const Axis& axis = axes_[a];
      const std::int64_t at =
          rest_p % axis.count * axis.stride - axis.pad + rest_k % axis.kernel * axis.dilation;
      rest_p /= axis.count;
      rest_k /= axis.kernel;
      inside = inside && at >= 0 && at < axis.extent;
      place += at * step;
      step *= axis.extent;
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      out[index(c * kernel + k)] = inside ? data[c * plane + place] : 0;
    }
  }
}

}  // namespace neurotool::compress
