// The rows and columns of removed channels leave the tensors that hold them.
#include <algorithm>

#include "passes/compress/channel_groups.hpp"
#include "passes/compress/linear_layer.hpp"
#include "passes/tensor/pass_tools.hpp"

namespace neurotool::compress {
namespace {

using tensor_passes::constant_of;
using tensor_passes::input_of;

/// Places along an axis that stay.
using Kept = std::vector<std::int64_t>;

/// `tensor` with only these places along `axis`.
Tensor picked(const Tensor& tensor, std::size_t axis, const Kept& kept) {
  std::int64_t inner = 1, outer = 1;
  for (std::size_t i = 0; i < tensor.rank(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : tensor.shape()[i];
  }
  const std::int64_t extent = tensor.shape()[axis];
  const auto old = tensor.as<float>();
  std::vector<float> values;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t at : kept) {
      const auto first = old.begin() + (o * extent + at) * inner;
      values.insert(values.end(), first, first + inner);
    }
  }
  Shape shape = tensor.shape();
  shape[axis] = static_cast<std::int64_t>(kept.size());
  return Tensor::from<float>(std::move(shape), std::move(values));
}

class Remover {
 public:
  Remover(TensorGraph& graph, const ChannelGroups& groups, const std::vector<bool>& removed)
      : graph_(graph), groups_(groups), removed_(removed) {}

  void run() {
    for (const OpId id : graph_.topological_order()) {
      if (linear_layer(graph_, id)) shrink_layer(id);
      if (std::holds_alternative<Pad>(graph_[id].op)) shrink_pad(id);
    }
    for (Value& value : graph_.values) {
      if (value.producer.valid()) value.shape.reset();
    }
    const ValueTypes types = tensor_passes::types_of(graph_);
    for (std::uint32_t v = 0; v < graph_.values.size(); ++v) {
      if (graph_.values[v].producer.valid()) graph_.values[v].shape = types[ValueId{v}].shape;
    }
  }

 private:
  /// What stays of a value's channels; nothing when all do.
  std::optional<Kept> kept(ValueId id) const {
    const auto& channels = groups_.channels(id);
    if (!channels) return std::nullopt;
    Kept stays;
    for (std::size_t c = 0; c < channels->size(); ++c) {
      if (!removed_[(*channels)[c]]) stays.push_back(static_cast<std::int64_t>(c));
    }
    if (stays.size() == channels->size()) return std::nullopt;
    return stays;
  }

  void replace(OpId id, std::size_t input, Tensor tensor) {
    const std::string name = graph_[graph_[id].inputs[input]].name;
    const ValueId value = graph_.add_constant(name, std::move(tensor));
    graph_[id].inputs[input] = value;
  }

  void shrink_layer(OpId id) {
    const ValueId data = graph_[id].inputs[0], out = graph_[id].outputs[0];
    const auto rows = kept(out), columns = kept(data);
    const auto* gemm = std::get_if<Gemm>(&graph_[id].op);
    const bool by_rows =
        std::holds_alternative<Conv>(graph_[id].op) || (gemm != nullptr && gemm->trans_b);
    Tensor weight = constant_of(graph_, graph_[id], 1);
    auto* conv = std::get_if<Conv>(&graph_[id].op);
    if (conv != nullptr && conv->group > 1) {
      // Depthwise: the one input of a group goes with its output.
      if (rows) conv->group = static_cast<std::int64_t>(rows->size());
    } else if (columns) {
      weight = picked(weight, by_rows ? 1 : 0, *columns);
    }
    if (rows) weight = picked(weight, by_rows ? 0 : 1, *rows);
    if (rows || columns) replace(id, 1, weight);
    const Tensor& bias = constant_of(graph_, graph_[id], 2);
    if (rows && bias.defined()) replace(id, 2, picked(bias, bias.rank() - 1, *rows));
  }

  void shrink_pad(OpId id) {
    const auto stays = kept(graph_[id].outputs[0]);
    if (!stays) return;
    const Tensor& pads = constant_of(graph_, graph_[id], 1);
    const auto old = pads.as<std::int64_t>();
    std::vector<std::int64_t> amounts(old.begin(), old.end());
    const std::size_t rank = amounts.size() / 2;
    const auto all = static_cast<std::int64_t>(groups_.channels(graph_[id].outputs[0])->size());
    const std::int64_t before = amounts[1], behind = all - amounts[rank + 1];
    amounts[1] = std::ranges::count_if(*stays, [&](std::int64_t c) { return c < before; });
    amounts[rank + 1] = std::ranges::count_if(*stays, [&](std::int64_t c) { return c >= behind; });
    const auto count = static_cast<std::int64_t>(amounts.size());
    replace(id, 1, Tensor::from<std::int64_t>({count}, std::move(amounts)));
  }

  TensorGraph& graph_;
  const ChannelGroups& groups_;
  const std::vector<bool>& removed_;
};

}  // namespace

void remove_channels(TensorGraph& graph, const ChannelGroups& groups,
                     const std::vector<bool>& removed) {
  Remover(graph, groups, removed).run();
}

}  // namespace neurotool::compress
