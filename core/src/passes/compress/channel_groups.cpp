// One walk in topological order: every value gets a label for each of its channels, a layer makes
// new labels, other ops hand them on or tie two of them together. What an op does to channels that
// this walk does not know locks them: they stay.
#include "passes/compress/channel_groups.hpp"

#include <algorithm>
#include <numeric>

#include "ir/op_geometry.hpp"
#include "passes/compress/linear_layer.hpp"
#include "passes/tensor/pass_tools.hpp"

namespace neurotool::compress {

using tensor_passes::constant_of;

/// Labels are joined by union-find; the class of a label becomes a group in the end.
class ChannelWalk {
 public:
  explicit ChannelWalk(const TensorGraph& graph)
      : graph_(graph), types_(tensor_passes::types_of(graph)), labels_(graph.values.size()) {}

  ChannelGroups run() {
    for (const ValueId id : graph_.inputs) {
      if (const auto count = extent(id)) labels_[id.index] = fresh(*count);
      lock(id, "the network's input");
    }
    for (const OpId id : graph_.topological_order()) visit(id);
    for (const ValueId id : graph_.outputs) lock(id, "the network's output");
    return finish();
  }

 private:
  using Labels = std::vector<std::size_t>;

  std::size_t root(std::size_t label) {
    while (parent_[label] != label) label = parent_[label] = parent_[parent_[label]];
    return label;
  }
  void tie(std::size_t a, std::size_t b) {
    a = root(a);
    b = root(b);
    if (a == b) return;
    if (a > b) std::swap(a, b);
    parent_[b] = a;
    if (locked_[a].empty()) locked_[a] = locked_[b];
  }
  Labels fresh(std::size_t count) {
    Labels labels(count);
    for (std::size_t& label : labels) {
      label = parent_.size();
      parent_.push_back(label);
      locked_.emplace_back();
    }
    return labels;
  }
  std::optional<std::size_t> extent(ValueId id) const {
    const auto& shape = types_[id].shape;
    if (!shape || shape->size() < 2 || (*shape)[1] <= 0) return std::nullopt;
    return static_cast<std::size_t>((*shape)[1]);
  }
  void lock(ValueId id, const std::string& why) {
    if (!id.valid() || !labels_[id.index]) return;
    for (const std::size_t label : *labels_[id.index]) {
      std::string& reason = locked_[root(label)];
      if (reason.empty()) reason = why;
    }
  }
  void make_rows(OpId id, const Labels& labels) {
    for (std::size_t o = 0; o < labels.size(); ++o) rows_.push_back({labels[o], {id, o}});
  }

  void visit(OpId id) {
    const OpNode& node = graph_[id];
    std::optional<Labels> result;
    if (const auto layer = linear_layer(graph_, id)) {
      result = visit_layer(id, *layer);
    } else {
      result = visit_other(node);
    }
    const ValueId out = node.outputs[0];
    if (result && extent(out) == result->size()) {
      labels_[out.index] = std::move(result);
      return;
    }
    for (const ValueId input : node.inputs) lock(input, "'" + node.name + "'");
    if (const auto count = extent(out)) labels_[out.index] = fresh(*count);
    lock(out, "'" + node.name + "'");
  }

  std::optional<Labels> visit_layer(OpId id, const LinearLayer& layer) {
    const OpNode& node = graph_[id];
    const auto& data = labels_[node.inputs[0].index];
    const auto& shape = types_[node.outputs[0]].shape;
    const bool conv = std::holds_alternative<Conv>(node.op);
    // The outputs of a product of more than two axes are not on axis 1.
    if (!data || !shape || (!conv && shape->size() != 2)) return std::nullopt;
    if (!takes_bias(graph_, id, shape->size())) return std::nullopt;
    const Tensor& bias = constant_of(graph_, node, 2);
    if (bias.defined() && bias.size() != static_cast<std::int64_t>(layer.weights.rows)) {
      return std::nullopt;
    }
    if (layer.groups == 1) {
      const Labels made = fresh(layer.weights.rows);
      make_rows(id, made);
      return made;
    }
    // Depthwise: one input and one output for each group.
    if (layer.groups != data->size() || layer.weights.rows != data->size()) return std::nullopt;
    make_rows(id, *data);
    return *data;
  }

  std::optional<Labels> joined(const OpNode& node) {
    const auto &a = labels_[node.inputs[0].index], &b = labels_[node.inputs[1].index];
    if (!a || !b || types_[node.inputs[0]].shape != types_[node.inputs[1]].shape) {
      return std::nullopt;
    }
    for (std::size_t c = 0; c < a->size(); ++c) tie((*a)[c], (*b)[c]);
    return *a;
  }

  std::optional<Labels> concatenated(const OpNode& node, std::int64_t axis) {
    const std::size_t rank =
        types_[node.outputs[0]].shape ? types_[node.outputs[0]].shape->size() : 0;
    if (axis != 1 && axis != 1 - static_cast<std::int64_t>(rank)) return std::nullopt;
    Labels all;
    for (const ValueId input : node.inputs) {
      const auto& part = labels_[input.index];
      if (!part) return std::nullopt;
      all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  }

  /// [N, C, …] to [N, C * …].
  std::optional<Labels> flattened(const OpNode& node) {
    const auto& data = labels_[node.inputs[0].index];
    const auto &from = types_[node.inputs[0]].shape, &to = types_[node.outputs[0]].shape;
    if (!data || !from || !to || to->size() != 2 || (*to)[0] != (*from)[0]) return std::nullopt;
    const std::size_t inner = static_cast<std::size_t>((*to)[1]) / data->size();
    Labels all;
    for (const std::size_t label : *data) all.insert(all.end(), inner, label);
    return all;
  }

  std::optional<Labels> padded(const OpNode& node, PadMode mode) {
    const auto& data = labels_[node.inputs[0].index];
    const Tensor &pads = constant_of(graph_, node, 1), &value = constant_of(graph_, node, 2);
    const auto& shape = types_[node.inputs[0]].shape;
    const bool zeros = node.inputs.size() < 3 || !node.inputs[2].valid() ||
                       (value.defined() && value.size() == 1 && value.at(0) == 0);
    if (!data || !shape || mode != PadMode::kConstant || !zeros || node.inputs.size() > 3) {
      return std::nullopt;
    }
    const std::size_t rank = shape->size();
    if (!pads.defined() || pads.size() != static_cast<std::int64_t>(2 * rank)) return std::nullopt;
    const double begin = pads.at(1), end = pads.at(static_cast<std::int64_t>(rank) + 1);
    if (begin < 0 || end < 0) return std::nullopt;
    Labels all = fresh(static_cast<std::size_t>(begin));
    all.insert(all.end(), data->begin(), data->end());
    const Labels behind = fresh(static_cast<std::size_t>(end));
    all.insert(all.end(), behind.begin(), behind.end());
    return all;
  }

  std::optional<Labels> sliced(const OpNode& node) {
    const auto& data = labels_[node.inputs[0].index];
    const auto &from = types_[node.inputs[0]].shape, &to = types_[node.outputs[0]].shape;
    // Channels that are all there are in their order, unless the axis itself is sliced.
    const Tensor& axes = constant_of(graph_, node, 3);
    if (!data || !from || !to || from->size() != to->size() || !axes.defined()) return std::nullopt;
    for (std::int64_t i = 0; i < axes.size(); ++i) {
      if (axes.at(i) == 1 || axes.at(i) == 1 - static_cast<double>(from->size())) {
        return std::nullopt;
      }
    }
    return *data;
  }

  std::optional<Labels> visit_other(const OpNode& node) {
    const auto same = [&]() -> std::optional<Labels> { return labels_[node.inputs[0].index]; };
    if (const auto* unary = std::get_if<Unary>(&node.op)) {
      return unary->kind == UnaryKind::kNot ? std::nullopt : same();
    }
    if (const auto* binary = std::get_if<Binary>(&node.op)) return visit_binary(node, binary->kind);
    if (const auto* pool = std::get_if<MaxPool>(&node.op)) {
      return pool->result == PoolResult::kValue ? same() : std::nullopt;
    }
    if (const auto* concat = std::get_if<Concat>(&node.op)) return concatenated(node, concat->axis);
    if (const auto* pad = std::get_if<Pad>(&node.op)) return padded(node, pad->mode);
    if (std::holds_alternative<Slice>(node.op)) return sliced(node);
    if (const auto* flatten = std::get_if<Flatten>(&node.op)) {
      return flatten->axis == 1 ? flattened(node) : std::nullopt;
    }
    const bool hands_on = std::holds_alternative<AveragePool>(node.op) ||
                          std::holds_alternative<GlobalAveragePool>(node.op) ||
                          std::holds_alternative<Identity>(node.op) ||
                          std::holds_alternative<Clip>(node.op);
    return hands_on ? same() : std::nullopt;
  }

  std::optional<Labels> visit_binary(const OpNode& node, BinaryKind kind) {
    for (const std::size_t constant : {std::size_t{0}, std::size_t{1}}) {
      const Tensor& value = constant_of(graph_, node, constant);
      if (!value.defined()) continue;
      const auto& other = labels_[node.inputs[1 - constant].index];
      return value.size() == 1 && !is_predicate(kind) ? other : std::nullopt;
    }
    return is_predicate(kind) ? std::nullopt : joined(node);
  }

  ChannelGroups finish() {
    ChannelGroups result;
    std::map<std::size_t, std::size_t> place;
    const auto group_of = [&](std::size_t label) {
      const std::size_t of = root(label);
      const auto [at, is_new] = place.try_emplace(of, result.groups_.size());
      if (is_new) result.groups_.push_back({.rows = {}, .locked_by = locked_[of]});
      return at->second;
    };
    for (const auto& [label, row] : rows_) result.groups_[group_of(label)].rows.push_back(row);
    result.groups_of_.resize(labels_.size());
    for (std::size_t v = 0; v < labels_.size(); ++v) {
      if (!labels_[v]) continue;
      result.groups_of_[v].emplace();
      for (const std::size_t label : *labels_[v]) result.groups_of_[v]->push_back(group_of(label));
    }
    return result;
  }

  const TensorGraph& graph_;
  const ValueTypes types_;
  std::vector<std::optional<Labels>> labels_;  ///< by value
  std::vector<std::size_t> parent_;
  std::vector<std::string> locked_;  ///< by root: why
  std::vector<std::pair<std::size_t, ChannelGroup::Row>> rows_;
};

ChannelGroups::ChannelGroups(const TensorGraph& graph) { *this = ChannelWalk(graph).run(); }

}  // namespace neurotool::compress
