// The rewrites of weights. Zeros that are added change no sum; a division by a power of two changes
// no digit, and is undone where a number is too small for that.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "ir/nir/lower_detail.hpp"

namespace neurotool::nir {
namespace {

std::int64_t product(const Shape& shape, std::size_t from) {
  std::int64_t all = 1;
  for (std::size_t i = from; i < shape.size(); ++i) all *= shape[i];
  return all;
}

/// [Co, Ci/g, …] to [Co, Ci, …]: all bits zero is the number zero in every type.
Tensor ungrouped(const Tensor& weight, std::int64_t groups) {
  Shape shape = weight.shape();
  const std::int64_t outputs = shape[0], per_group = outputs / groups, inputs = shape[1];
  const auto run = static_cast<std::size_t>(inputs * product(shape, 2)) * byte_size(weight.dtype());
  shape[1] = inputs * groups;
  std::vector<std::byte> bytes(run * static_cast<std::size_t>(outputs * groups));
  for (std::int64_t out = 0; out < outputs; ++out) {
    const auto row = static_cast<std::size_t>(out);
    const auto group = static_cast<std::size_t>(out / per_group);
    std::memcpy(&bytes[(row * static_cast<std::size_t>(groups) + group) * run],
                weight.data() + row * run, run);
  }
  return Tensor::from_bytes(weight.dtype(), shape, std::move(bytes));
}

template <class Conv>
std::string ungroup(Conv& conv) {
  const auto groups = whole_numbers(conv.groups, 1);
  const bool worth = groups && groups->front() > 1 && conv.weight.rank() > 2 &&
                     conv.weight.shape()[0] % groups->front() == 0 && conv.weight.size() > 0;
  if (!worth) return {};
  const Shape before = conv.weight.shape();
  conv.weight = ungrouped(conv.weight, groups->front());
  conv.groups = int_tensor(1);
  return fmt::format("{} groups of {} became one of {}", groups->front(), to_string(before),
                     to_string(conv.weight.shape()));
}

/// A kernel [Co, Ci, kh, kw] in the middle of zeros [Co, Ci, side, side].
Tensor in_square(const Tensor& weight, std::int64_t side) {
  const Shape& shape = weight.shape();
  const std::int64_t height = shape[2], width = shape[3];
  const std::size_t element = byte_size(weight.dtype());
  const Shape square{shape[0], shape[1], side, side};
  std::vector<std::byte> bytes(static_cast<std::size_t>(product(square, 0)) * element);
  const std::int64_t top = (side - height) / 2, left = (side - width) / 2;
  for (std::int64_t plane = 0; plane < shape[0] * shape[1]; ++plane) {
    for (std::int64_t y = 0; y < height; ++y) {
      const auto to = static_cast<std::size_t>((plane * side + y + top) * side + left);
      const auto from = static_cast<std::size_t>((plane * height + y) * width);
      std::memcpy(&bytes[to * element], weight.data() + from * element,
                  static_cast<std::size_t>(width) * element);
    }
  }
  return Tensor::from_bytes(weight.dtype(), square, std::move(bytes));
}

std::string make_square(Node& node) {
  auto* conv = std::get_if<Conv2d>(&node.primitive);
  const auto window = window_numbers(node.primitive);
  if (conv == nullptr || !window || window->kernel[0] == window->kernel[1]) return {};
  const std::size_t axis = window->kernel[0] < window->kernel[1] ? 0 : 1;
  const std::int64_t side = window->kernel[1 - axis], has = window->kernel[axis];
  // The zeros must be as many before as behind, and so must the padding.
  const bool even = (side - has) % 2 == 0 && window->pad_before == window->pad_after;
  if (!even || conv->weight.size() == 0) return {};
  std::vector<std::int64_t> padding = window->pad_before;
  padding[axis] += window->dilation[axis] * (side - has) / 2;
  conv->weight = in_square(conv->weight, side);
  conv->padding = pair_tensor(padding[0], padding[1]);
  return fmt::format("a kernel of {} by {} became one of {} by {} with zeros, padding {} by {}",
                     window->kernel[0], window->kernel[1], side, side, padding[0], padding[1]);
}

template <class T>
std::optional<Tensor> divided_as(const Tensor& weight, double area) {
  std::vector<T> values(weight.as<T>().begin(), weight.as<T>().end());
  const T divisor = static_cast<T>(area);
  for (T& value : values) {
    const T small = value / divisor;
    if (small * divisor != value) return std::nullopt;
    value = small;
  }
  return Tensor::from(weight.shape(), std::move(values));
}

std::optional<Tensor> divided(const Tensor& weight, double area) {
  if (weight.dtype() == DType::kFloat32) return divided_as<float>(weight, area);
  if (weight.dtype() == DType::kFloat64) return divided_as<double>(weight, area);
  return std::nullopt;
}

Tensor* weight_of(Node& node) {
  if (auto* affine = std::get_if<Affine>(&node.primitive)) return &affine->weight;
  if (auto* linear = std::get_if<Linear>(&node.primitive)) return &linear->weight;
  if (auto* conv = std::get_if<Conv1d>(&node.primitive)) return &conv->weight;
  if (auto* conv = std::get_if<Conv2d>(&node.primitive)) return &conv->weight;
  return nullptr;
}

/// The nodes with weights behind `name`, through Flatten; nothing when something else is there, or
/// has another source.
std::optional<std::vector<Node*>> weights_behind(Graph& graph, const std::string& name, int depth) {
  std::vector<Node*> found;
  if (depth > 8) return std::nullopt;
  for (const Edge& edge : graph.edges) {
    if (edge.source != name) continue;
    Node* node = graph.find(edge.target);
    const auto sources = std::ranges::count(graph.edges, edge.target, &Edge::target);
    if (node == nullptr || sources != 1) return std::nullopt;
    if (weight_of(*node) != nullptr) {
      found.push_back(node);
    } else if (std::holds_alternative<Flatten>(node->primitive)) {
      const auto behind = weights_behind(graph, node->name, depth + 1);
      if (!behind) return std::nullopt;
      found.insert(found.end(), behind->begin(), behind->end());
    } else {
      return std::nullopt;
    }
  }
  if (found.empty()) return std::nullopt;
  return found;
}

std::string fold_average(Graph& graph, Node& node) {
  const auto* pool = std::get_if<AvgPool2d>(&node.primitive);
  const auto window = pool == nullptr ? std::nullopt : window_numbers(node.primitive);
  if (!window) return {};
  const auto area =
      static_cast<std::uint64_t>(window->kernel[0]) * static_cast<std::uint64_t>(window->kernel[1]);
  // Readers differ in what padding does to a sum.
  const bool exact =
      std::has_single_bit(area) && window->pad_before[0] == 0 && window->pad_before[1] == 0;
  const auto behind = exact ? weights_behind(graph, node.name, 0) : std::nullopt;
  if (!behind) return {};
  std::vector<Tensor> made;
  for (Node* each : *behind) {
    auto weight = divided(*weight_of(*each), static_cast<double>(area));
    if (!weight) return {};
    made.push_back(*std::move(weight));
  }
  std::string names;
  for (std::size_t i = 0; i < made.size(); ++i) {
    *weight_of(*(*behind)[i]) = std::move(made[i]);
    names += fmt::format("{}'{}'", i == 0 ? "" : ", ", (*behind)[i]->name);
  }
  node.primitive = SumPool2d{pool->kernel_size, pool->stride, pool->padding};
  return fmt::format("AvgPool2d became a SumPool2d, and {} divides the weights of {}", area, names);
}

}  // namespace

Changes groups_to_dense(Graph& graph) {
  return detail::at_every_node(
      graph,
      [](Node& node) -> std::string {
        if (auto* conv = std::get_if<Conv1d>(&node.primitive)) return ungroup(*conv);
        if (auto* conv = std::get_if<Conv2d>(&node.primitive)) return ungroup(*conv);
        return {};
      },
      "groups");
}

Changes square_kernels(Graph& graph) {
  return detail::at_every_node(graph, make_square, "square-kernel");
}

Changes average_to_sum(Graph& graph) {
  return detail::at_every_level(graph, [](Graph& level, const std::string& prefix) {
    Changes changes;
    for (Node& node : level.nodes) {
      if (std::string what = fold_average(level, node); !what.empty()) {
        changes.push_back({prefix + node.name, "average-pool", std::move(what)});
      }
    }
    return changes;
  });
}

}  // namespace neurotool::nir
