// Looks for pairs of layers, first -> (relu, pools, flatten) -> second, where each value has one
// reader. With r1 the largest weight of a channel's row in the first layer and r2 that of its
// columns in the second, the row is divided and the columns multiplied by s = sqrt(r1 / r2): both
// are sqrt(r1 r2) then.
#include "passes/compress/equalize.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "passes/compress/compress_passes.hpp"
#include "passes/compress/linear_layer.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/tensor_pass.hpp"

namespace neurotool {
namespace compress {
namespace {

using tensor_passes::constant_of;

constexpr int kMostRounds = 20;
constexpr double kNearOne = 0.01;
/// A channel with hardly any weight on one side is left alone: there is nothing to balance.
constexpr double kMostFactor = 1e4;

/// s x in, s y out, for s > 0, channel by channel.
bool is_homogeneous(const Op& op) {
  const auto* unary = std::get_if<Unary>(&op);
  const auto* pool = std::get_if<MaxPool>(&op);
  return (unary != nullptr && unary->kind == UnaryKind::kRelu) ||
         (pool != nullptr && pool->result == PoolResult::kValue) ||
         std::holds_alternative<AveragePool>(op) || std::holds_alternative<GlobalAveragePool>(op) ||
         std::holds_alternative<Identity>(op) || std::holds_alternative<Flatten>(op);
}

struct Pair {
  OpId first, second;
};

std::optional<OpId> second_of(const TensorGraph& graph, const std::vector<std::size_t>& readers,
                              OpId first) {
  ValueId value = graph[first].outputs[0];
  while (readers[value.index] == 1 && !graph.is_output(value)) {
    const OpId reader = graph.users(value).at(0);
    const OpNode& node = graph[reader];
    if (linear_layer(graph, reader)) {
      if (node.inputs[0] == value) return reader;
      return std::nullopt;
    }
    const auto* flatten = std::get_if<Flatten>(&node.op);
    if (!is_homogeneous(node.op) || (flatten != nullptr && flatten->axis != 1)) return std::nullopt;
    value = node.outputs[0];
  }
  return std::nullopt;
}

std::vector<Pair> pairs_of(const TensorGraph& graph) {
  const auto readers = tensor_passes::count_readers(graph);
  std::vector<Pair> pairs;
  for (const OpId id : graph.topological_order()) {
    if (!linear_layer(graph, id) || !takes_bias(graph, id, 2)) continue;
    if (const auto second = second_of(graph, readers, id)) pairs.push_back({id, *second});
  }
  return pairs;
}

/// Which channel in front of the layer a weight reads, or nothing where the layers do not meet
/// channel by channel.
class ColumnChannels {
 public:
  static std::optional<ColumnChannels> of(const TensorGraph& graph, const LinearLayer& layer,
                                          std::size_t channels) {
    ColumnChannels result;
    result.group_rows_ = layer.group_rows();
    const bool conv = std::holds_alternative<Conv>(graph[layer.op].op);
    const Shape& weight = constant_of(graph, graph[layer.op], 1).shape();
    result.per_group_ = conv ? static_cast<std::size_t>(weight[1]) : channels;
    if (result.per_group_ * layer.groups != channels) return std::nullopt;
    if (layer.weights.columns % result.per_group_ != 0) return std::nullopt;
    result.inner_ = layer.weights.columns / result.per_group_;
    return result;
  }
  std::size_t operator()(std::size_t row, std::size_t column) const {
    return row / group_rows_ * per_group_ + column / inner_;
  }

 private:
  std::size_t group_rows_ = 1, per_group_ = 1, inner_ = 1;
};

/// The largest factor of the pair, or 1 when it was left alone.
double balance(TensorGraph& graph, const Pair& pair) {
  LinearLayer first = *linear_layer(graph, pair.first);
  LinearLayer second = *linear_layer(graph, pair.second);
  const std::size_t channels = first.weights.rows;
  const auto channel_of = ColumnChannels::of(graph, second, channels);
  if (!channel_of) return 1;
  std::vector<double> r1(channels, 0), r2(channels, 0), factor(channels, 1);
  for (std::size_t c = 0; c < channels; ++c) {
    for (const double w : first.weights.row(c)) r1[c] = std::max(r1[c], std::abs(w));
  }
  for (std::size_t r = 0; r < second.weights.rows; ++r) {
    for (std::size_t i = 0; i < second.weights.columns; ++i) {
      double& most = r2[(*channel_of)(r, i)];
      most = std::max(most, std::abs(second.weights.row(r)[i]));
    }
  }
  double largest = 1;
  for (std::size_t c = 0; c < channels; ++c) {
    if (r1[c] == 0 || r2[c] == 0) continue;
    const double s = std::sqrt(r1[c] / r2[c]);
    if (s > kMostFactor || s < 1 / kMostFactor) continue;
    factor[c] = s;
    largest = std::max({largest, s, 1 / s});
  }
  if (largest < 1 + kNearOne) return 1;
  const Tensor bias = constant_of(graph, graph[pair.first], 2);
  std::vector<double> moved(channels, 0);
  const auto* const gemm = std::get_if<Gemm>(&graph[pair.first].op);
  const double beta = gemm != nullptr ? double{gemm->beta} : 1;
  for (std::size_t c = 0; c < channels; ++c) {
    for (double& w : first.weights.row(c)) w /= factor[c];
    if (!bias.defined()) continue;
    const double before = beta * bias.at(bias.size() == 1 ? 0 : static_cast<std::int64_t>(c));
    moved[c] = before / factor[c] - before;
  }
  for (std::size_t r = 0; r < second.weights.rows; ++r) {
    for (std::size_t i = 0; i < second.weights.columns; ++i) {
      second.weights.row(r)[i] *= factor[(*channel_of)(r, i)];
    }
  }
  write_weights(graph, first);
  if (bias.defined()) add_to_bias(graph, first, moved);
  write_weights(graph, second);
  return largest;
}

}  // namespace

Equalized equalize(TensorGraph& graph) {
  const std::vector<Pair> pairs = pairs_of(graph);
  Equalized result{.pairs = static_cast<std::int64_t>(pairs.size())};
  for (int round = 0; round < kMostRounds; ++round) {
    double largest = 1;
    for (const Pair& pair : pairs) largest = std::max(largest, balance(graph, pair));
    result.largest_factor = std::max(result.largest_factor, largest);
    if (largest == 1) break;
  }
  return result;
}

}  // namespace compress

namespace {

Result<Changed> equalize_layers(TensorGraph& graph, const Model& model, Context& context) {
  const compress::Equalized found = compress::equalize(graph);
  context.facts.push_back(
      {"equalize_layers", model.name, "pairs", static_cast<double>(found.pairs)});
  context.facts.push_back({"equalize_layers", model.name, "largest_factor", found.largest_factor});
  return found.largest_factor > 1 ? Changed::kYes : Changed::kNo;
}

}  // namespace

PassEntry equalize_layers_entry() {
  return tensor_pass_entry<equalize_layers>(
      "equalize_layers", "Gives the channels between two layers weights of like size.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<equalize_layers>("equalize_layers", section, path, out);
      });
}

}  // namespace neurotool
