// Names, comparison, and the small builders of NIR graphs. Two graphs are equal when every
// parameter is, its element type and shape included.
#include "ir/nir/nir.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "base/check.hpp"

namespace neurotool::nir {
namespace {

/// In the order of the variant's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<Primitive>> kTypes{
    "Input",     "Output",    "Affine",  "Linear",  "Scale",     "Conv1d", "Conv2d",
    "SumPool2d", "AvgPool2d", "Flatten", "Delay",   "Threshold", "I",      "LI",
    "IF",        "LIF",       "CubaLI",  "CubaLIF", "NIRGraph"};

bool same(const Primitive& a, const Primitive& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& first) {
        using T = std::decay_t<decltype(first)>;
        const T& second = std::get<T>(b);
        if constexpr (std::is_same_v<T, Graph>) {
          return first == second;
        } else {
          std::vector<Padding> left, right;
          each_parameter(first, [&](auto, const auto& field, auto) { left.emplace_back(field); });
          each_parameter(second, [&](auto, const auto& field, auto) { right.emplace_back(field); });
          return left == right;
        }
      },
      a);
}

template <std::size_t... Index>
std::optional<Primitive> made(std::size_t wanted, std::index_sequence<Index...>) {
  std::optional<Primitive> found;
  ((wanted == Index ? void(found.emplace(std::in_place_index<Index>)) : void()), ...);
  return found;
}

auto place_of(auto& entries, std::string_view key) {
  return std::ranges::lower_bound(
      entries, key, {}, [](const MetadataEntry& entry) { return std::string_view(entry.key); });
}

}  // namespace

const MetadataEntry* Metadata::find(std::string_view key) const {
  const auto place = place_of(entries, key);
  return place != entries.end() && place->key == key ? &*place : nullptr;
}

bool Metadata::operator==(const Metadata& other) const { return entries == other.entries; }

bool MetadataEntry::operator==(const MetadataEntry& other) const {
  return key == other.key && value == other.value;
}

void set(Metadata& tree, std::string_view key, MetadataValue value) {
  const auto place = place_of(tree.entries, key);
  if (place != tree.entries.end() && place->key == key) {
    place->value = std::move(value);
  } else {
    tree.entries.insert(place, {std::string(key), std::move(value)});
  }
}

Metadata& subtree(Metadata& tree, std::string_view key) {
  auto place = place_of(tree.entries, key);
  if (place == tree.entries.end() || place->key != key) {
    place = tree.entries.insert(place, {std::string(key), Metadata{}});
  } else if (!std::holds_alternative<Metadata>(place->value)) {
    place->value = Metadata{};
  }
  return std::get<Metadata>(place->value);
}

const Node* Graph::find(std::string_view name) const {
  const auto place = std::ranges::find(nodes, name, &Node::name);
  return place == nodes.end() ? nullptr : &*place;
}

Node* Graph::find(std::string_view name) {
  const auto place = std::ranges::find(nodes, name, &Node::name);
  return place == nodes.end() ? nullptr : &*place;
}

bool Graph::operator==(const Graph& other) const {
  return nodes == other.nodes && edges == other.edges && metadata == other.metadata;
}

bool Node::operator==(const Node& other) const {
  return name == other.name && metadata == other.metadata && same(primitive, other.primitive);
}

std::string_view type_name(const Primitive& primitive) { return kTypes[primitive.index()]; }

std::span<const std::string_view> type_names() { return kTypes; }

std::optional<Primitive> primitive_named(std::string_view type) {
  const auto place = std::ranges::find(kTypes, type);
  return made(static_cast<std::size_t>(place - kTypes.begin()),
              std::make_index_sequence<kTypes.size()>());
}

Graph sorted(Graph graph) {
  std::ranges::stable_sort(graph.nodes, {}, &Node::name);
  std::ranges::stable_sort(graph.edges);
  for (Node& node : graph.nodes) {
    if (auto* inner = std::get_if<Graph>(&node.primitive)) *inner = sorted(std::move(*inner));
  }
  return graph;
}

std::optional<std::vector<std::int64_t>> whole_numbers(const Tensor& tensor, std::size_t count) {
  constexpr double kLargest = 9007199254740992.0;  // 2^53: every whole number up to it is a double
  const bool fits =
      tensor.defined() && (tensor.size() == 1 || tensor.size() == static_cast<std::int64_t>(count));
  if (!fits) return std::nullopt;
  std::vector<std::int64_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double value = tensor.at(tensor.size() == 1 ? 0 : static_cast<std::int64_t>(i));
    if (!(std::abs(value) <= kLargest) || value != std::floor(value)) return std::nullopt;
    numbers[i] = static_cast<std::int64_t>(value);
  }
  return numbers;
}

std::optional<Shape> shape_value(const Tensor& tensor) {
  if (!tensor.defined() || tensor.rank() > 1) return std::nullopt;
  if (tensor.size() == 0) return Shape{};
  const auto numbers = whole_numbers(tensor, static_cast<std::size_t>(tensor.size()));
  if (!numbers || std::ranges::any_of(*numbers, [](auto n) { return n < 0; })) return std::nullopt;
  return element_count(*numbers) ? numbers : std::nullopt;
}

Tensor shape_tensor(const Shape& shape) {
  return Tensor::from<std::int64_t>({static_cast<std::int64_t>(shape.size())}, shape);
}

Tensor filled(const Shape& shape, float value) {
  const auto count = element_count(shape);
  NT_CHECK(count, "a shape of known extents");
  return Tensor::from<float>(shape, std::vector<float>(static_cast<std::size_t>(*count), value));
}

Tensor int_tensor(std::int64_t value) { return Tensor::scalar<std::int64_t>(value); }

Tensor pair_tensor(std::int64_t first, std::int64_t second) {
  return Tensor::from<std::int64_t>({2}, {first, second});
}

Node& add(Graph& graph, std::string name, Primitive primitive) {
  NT_CHECK(graph.find(name) == nullptr, "node names are unique");
  graph.nodes.push_back({std::move(name), std::move(primitive), {}});
  return graph.nodes.back();
}

void connect(Graph& graph, std::string source, std::string target) {
  graph.edges.push_back({std::move(source), std::move(target)});
}

void connect(Graph& graph, std::span<const std::string> chain) {
  for (std::size_t i = 1; i < chain.size(); ++i) connect(graph, chain[i - 1], chain[i]);
}

}  // namespace neurotool::nir
