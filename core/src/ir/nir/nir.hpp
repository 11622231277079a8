// The graphs of NIR, the Neuromorphic Intermediate Representation, as the file has them: plain data,
// no meaning. Every parameter is a Tensor of the type and shape it is stored with, so that a graph
// that is read and written again is the same graph. io/nir reads and writes files; shapes.hpp says
// which shape every node has.
//
// Names of the types and of their members are those of the file.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "ir/tensor.hpp"

namespace neurotool::nir {

struct MetadataEntry;

/// A free tree of values beside a node or a graph. Sorted by key, each key once: use set().
struct Metadata {
  std::vector<MetadataEntry> entries;

  bool empty() const { return entries.empty(); }
  /// The value of a key, or nullptr.
  const MetadataEntry* find(std::string_view key) const;
  bool operator==(const Metadata& other) const;
};

/// An array of texts, row-major.
struct Texts {
  Shape shape;
  std::vector<std::string> values;
  bool operator==(const Texts&) const = default;
};

struct MetadataEntry {
  std::string key;
  std::variant<std::string, Texts, Tensor, Metadata> value;
  bool operator==(const MetadataEntry& other) const;
};

using MetadataValue = decltype(MetadataEntry::value);

/// Sets or replaces an entry.
void set(Metadata& tree, std::string_view key, MetadataValue value);
/// The subtree of that key; made where it is absent or no tree.
Metadata& subtree(Metadata& tree, std::string_view key);

// The primitives. An optional parameter that the file lacks is an undefined Tensor. Neuron parameters
// should have the node's full shape, but files exist where they have rank 0, [1] or [C].

struct Input { Tensor shape; };
struct Output { Tensor shape; };
struct Affine { Tensor weight, bias; };
struct Linear { Tensor weight; };
struct Scale { Tensor scale; };
/// Padding of a convolution: numbers, or the word "same" or "valid".
using Padding = std::variant<Tensor, std::string>;
struct Conv1d {
  Tensor input_shape;  ///< length of the signal; absent before version 1.0
  Tensor weight, stride;
  Padding padding;
  Tensor dilation, groups, bias;
};
struct Conv2d {
  Tensor input_shape;  ///< height and width; absent before version 1.0
  Tensor weight, stride;
  Padding padding;
  Tensor dilation, groups, bias;
};
struct SumPool2d { Tensor kernel_size, stride, padding; };
struct AvgPool2d { Tensor kernel_size, stride, padding; };
struct Flatten {
  Tensor start_dim, end_dim;  ///< of one sample: 0 and -1 make it flat
  Tensor input_type;          ///< shape of what comes in; optional
};
struct Delay { Tensor delay; };
struct Threshold { Tensor threshold; };
struct I { Tensor r; };
struct LI { Tensor tau, r, v_leak; };
struct IF { Tensor r, v_threshold, v_reset; };                    ///< v_reset optional
struct LIF { Tensor tau, r, v_leak, v_threshold, v_reset; };      ///< v_reset optional
struct CubaLI { Tensor tau_syn, tau_mem, r, v_leak, w_in; };      ///< w_in optional: 1
/// v_reset and w_in are optional: 0 and 1.
struct CubaLIF { Tensor tau_syn, tau_mem, r, v_leak, v_threshold, w_in, v_reset; };

struct Node;

struct Edge {
  std::string source, target;
  auto operator<=>(const Edge&) const = default;
};

/// A graph, and the 19th primitive: a node may be one. Edges that meet in a node add up; cycles are
/// allowed. Neither order has a meaning; a reader gives nodes sorted by name, as HDF5 lists them.
struct Graph {
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  Metadata metadata;

  const Node* find(std::string_view name) const;  ///< or nullptr
  Node* find(std::string_view name);
  bool operator==(const Graph& other) const;
};

using Primitive = std::variant<Input, Output, Affine, Linear, Scale, Conv1d, Conv2d, SumPool2d,
                               AvgPool2d, Flatten, Delay, Threshold, I, LI, IF, LIF, CubaLI, CubaLIF,
                               Graph>;

struct Node {
  std::string name;
  Primitive primitive;
  Metadata metadata;  ///< of a nested graph: empty, the graph has its own
  bool operator==(const Node& other) const;
};

/// What a file holds.
struct Document {
  std::string version;  ///< of the nir package that wrote it; "" where the file does not say
  Graph graph;
  bool operator==(const Document&) const = default;
};

/// Newest version of the nir package that this reader and writer were checked against.
inline constexpr std::string_view kNewestVersion = "1.0.8";

/// "LIF", "NIRGraph": the word in the file.
std::string_view type_name(const Primitive& primitive);
/// All of them, in the order of the variant.
std::span<const std::string_view> type_names();
/// A primitive without parameters of the type of that name, or nothing.
std::optional<Primitive> primitive_named(std::string_view type);

/// Nodes by name and edges by source, then target, at every level: equal graphs become equal values.
Graph sorted(Graph graph);

/// One or several whole numbers of a parameter such as a stride: a scalar stands for both axes.
/// Nothing where it is not whole, or not of one or `count` elements.
std::optional<std::vector<std::int64_t>> whole_numbers(const Tensor& tensor, std::size_t count);
/// The elements of a shape parameter, whatever its type; nothing where one is negative or not whole.
std::optional<Shape> shape_value(const Tensor& tensor);

// Builders, for exporters and tests.

/// An int64 vector that says a shape.
Tensor shape_tensor(const Shape& shape);
/// `value` for every element of a shape, float32.
Tensor filled(const Shape& shape, float value);
Tensor int_tensor(std::int64_t value);
Tensor pair_tensor(std::int64_t first, std::int64_t second);
/// Appends a node. Its name must be new (checked).
Node& add(Graph& graph, std::string name, Primitive primitive);
void connect(Graph& graph, std::string source, std::string target);
/// Appends edges along a chain of nodes.
void connect(Graph& graph, std::span<const std::string> chain);

/// What a reader does with a parameter that is not there.
enum class Presence { kRequired, kOptional };

/// each_parameter(primitive, f) calls f(name, field, presence) for every member in the file's
/// terms; `field` is a Tensor or a Padding. Graphs have none.
template <class P, class F>
void each_parameter(P& primitive, F&& f) {
  using enum Presence;
  using T = std::remove_const_t<P>;
  if constexpr (std::is_same_v<T, Input> || std::is_same_v<T, Output>) {
    f("shape", primitive.shape, kRequired);
  } else if constexpr (std::is_same_v<T, Affine> || std::is_same_v<T, Linear>) {
    f("weight", primitive.weight, kRequired);
    if constexpr (std::is_same_v<T, Affine>) f("bias", primitive.bias, kRequired);
  } else if constexpr (std::is_same_v<T, Scale>) {
    f("scale", primitive.scale, kRequired);
  } else if constexpr (std::is_same_v<T, Conv1d> || std::is_same_v<T, Conv2d>) {
    f("input_shape", primitive.input_shape, kOptional);
    f("weight", primitive.weight, kRequired);
    f("stride", primitive.stride, kRequired);
    f("padding", primitive.padding, kRequired);
    f("dilation", primitive.dilation, kRequired);
    f("groups", primitive.groups, kRequired);
    f("bias", primitive.bias, kRequired);
  } else if constexpr (std::is_same_v<T, SumPool2d> || std::is_same_v<T, AvgPool2d>) {
    f("kernel_size", primitive.kernel_size, kRequired);
    f("stride", primitive.stride, kRequired);
    f("padding", primitive.padding, kRequired);
  } else if constexpr (std::is_same_v<T, Flatten>) {
    f("start_dim", primitive.start_dim, kRequired);
    f("end_dim", primitive.end_dim, kRequired);
    f("input_type", primitive.input_type, kOptional);
  } else if constexpr (std::is_same_v<T, Delay>) {
    f("delay", primitive.delay, kRequired);
  } else if constexpr (std::is_same_v<T, Threshold>) {
    f("threshold", primitive.threshold, kRequired);
  } else if constexpr (std::is_same_v<T, I>) {
    f("r", primitive.r, kRequired);
  } else if constexpr (std::is_same_v<T, CubaLI> || std::is_same_v<T, CubaLIF>) {
    f("tau_syn", primitive.tau_syn, kRequired);
    f("tau_mem", primitive.tau_mem, kRequired);
    f("r", primitive.r, kRequired);
    f("v_leak", primitive.v_leak, kRequired);
    if constexpr (std::is_same_v<T, CubaLIF>) f("v_threshold", primitive.v_threshold, kRequired);
    f("w_in", primitive.w_in, kOptional);
    if constexpr (std::is_same_v<T, CubaLIF>) f("v_reset", primitive.v_reset, kOptional);
  } else if constexpr (std::is_same_v<T, LI> || std::is_same_v<T, LIF>) {
    f("tau", primitive.tau, kRequired);
    f("r", primitive.r, kRequired);
    f("v_leak", primitive.v_leak, kRequired);
    if constexpr (std::is_same_v<T, LIF>) {
      f("v_threshold", primitive.v_threshold, kRequired);
      f("v_reset", primitive.v_reset, kOptional);
    }
  } else if constexpr (std::is_same_v<T, IF>) {
    f("r", primitive.r, kRequired);
    f("v_threshold", primitive.v_threshold, kRequired);
    f("v_reset", primitive.v_reset, kOptional);
  } else {
    static_assert(std::is_same_v<T, Graph>);
  }
}

}  // namespace neurotool::nir
