// The inference of the package, order of visits included: a node without a type takes that of the
// source from which it is reached first, and the list of edges is worked off from its end.
#include "ir/nir/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/text.hpp"

namespace neurotool::nir {
namespace {

using Type = std::optional<Shape>;
/// One type for each Input or Output; a plain node has one.
using Types = std::vector<Type>;

struct NodeTypes {
  Types in, out;
};

Error refused(const std::string& node, std::string message) {
  return error("nir.reference", ModelNode{"", node}, std::move(message),
               "neurotool nir lint --fix rewrites what can be written in a form that nir takes");
}

bool undefined(const Types& types) {
  return std::ranges::any_of(types, [](const Type& type) { return !type; });
}

std::string words(const Types& types) {
  std::string text;
  for (const Type& type : types)
    text += (text.empty() ? "" : " ") + (type ? to_string(*type) : "none");
  return text.empty() ? "none" : text;
}

/// An element of a number or a pair, as the package indexes them.
std::optional<double> element(const Tensor& tensor, std::int64_t index) {
  if (!tensor.defined()) return std::nullopt;
  if (tensor.rank() == 0) return tensor.at(0);
  return tensor.rank() == 1 && index < tensor.size() ? std::optional(tensor.at(index))
                                                     : std::nullopt;
}

/// calculate_conv_output: `kernel` is a number, or one for each axis.
std::optional<Shape> conv_output(const std::vector<double>& in, const Padding& padding,
                                 const Tensor& dilation, const Tensor& kernel,
                                 const Tensor& stride) {
  Shape out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    const auto* word = std::get_if<std::string>(&padding);
    if (word != nullptr && *word == "same") {
      out.push_back(static_cast<std::int64_t>(in[i]));
      continue;
    }
    const auto pad =
        word != nullptr ? std::optional(0.0) : element(std::get<Tensor>(padding), axis);
    const auto d = element(dilation, axis), k = element(kernel, axis), s = element(stride, axis);
    if (!pad || !d || !k || !s || *s == 0) return std::nullopt;
    out.push_back(
        static_cast<std::int64_t>(std::floor((in[i] + 2 * *pad - *d * (*k - 1) - 1) / *s + 1)));
  }
  return out;
}

/// Python's slice [from:to] of a list.
Shape slice(const Shape& shape, std::int64_t from, std::int64_t to) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto bound = [&](std::int64_t i) {
    return std::clamp(i < 0 ? i + rank : i, std::int64_t{0}, rank);
  };
  from = bound(from);
  to = std::max(bound(to), from);
  return {shape.begin() + from, shape.begin() + to};
}

std::int64_t product(const Shape& shape) {
  double all = 1;
  for (const std::int64_t extent : shape) all *= static_cast<double>(extent);
  return std::abs(all) < 9e18 ? static_cast<std::int64_t>(all) : -1;
}

std::optional<Shape> flatten_output(const Shape& in, const Flatten& flatten) {
  const auto start = whole_numbers(flatten.start_dim, 1), end = whole_numbers(flatten.end_dim, 1);
  if (!start || !end) return std::nullopt;
  const auto rank = static_cast<std::int64_t>(in.size());
  const std::int64_t first = start->front(), last = end->front();
  Shape out = first != 0 ? slice(in, 0, first) : Shape{};
  out.push_back(product(last != -1 ? slice(in, first, last + 1) : slice(in, first, rank)));
  if (last != -1 && last != rank - 1) {
    const Shape rest = slice(in, last + 1, rank);
    out.insert(out.end(), rest.begin(), rest.end());
  }
  return product(out) == product(in) ? std::optional(out) : std::nullopt;
}

class Verdict {
 public:
  explicit Verdict(const Graph& graph) : graph_(graph) {}

  Result<NodeTypes> run() {
    for (const Node& node : graph_.nodes) {
      NT_TRY(types_[node.name], constructed(node));
    }
    edges_ = graph_.edges;
    if (!graph_.nodes.empty()) {
      NT_TRY_VOID(infer());
    }
    NT_TRY_VOID(check());
    return whole();
  }

 private:
  template <class Conv>
  static Result<NodeTypes> convolution(const std::string& name, const Conv& conv,
                                       std::size_t axes) {
    if (conv.weight.rank() < 3) return refused(name, "the weight has too few axes");
    if (!conv.input_shape.defined()) return refused(name, "'input_shape' is not there");
    const Tensor& extents = conv.input_shape;
    std::vector<double> in;
    const std::int64_t count = extents.rank() == 0 ? 1 : extents.size();
    for (std::int64_t i = 0; i < count; ++i) in.push_back(extents.at(i));
    if (axes == 2 && extents.rank() == 0) return refused(name, "'input_shape' is a single number");
    Shape type{conv.weight.shape()[1]};
    for (const double each : in) type.push_back(static_cast<std::int64_t>(each));
    const auto out = conv_output(in, conv.padding, conv.dilation,
                                 int_tensor(conv.weight.shape()[2]), conv.stride);
    if (!out) return refused(name, "stride, padding or dilation are not numbers for every axis");
    Shape gives{conv.weight.shape()[0]};
    gives.insert(gives.end(), out->begin(), out->end());
    return NodeTypes{{type}, {gives}};
  }

  /// All parameters but v_reset and w_in, which are broadcast, must have one shape.
  template <class Neuron>
  static Result<NodeTypes> neuron(const std::string& name, const Neuron& neuron) {
    std::optional<Shape> shape;
    bool same = true;
    each_parameter(neuron, [&](std::string_view parameter, const auto& field, Presence presence) {
      if constexpr (std::is_same_v<std::decay_t<decltype(field)>, Tensor>) {
        if (!field.defined() || (presence == Presence::kOptional && parameter == "w_in")) return;
        if (!shape) shape = field.shape();
        same = same && field.shape() == *shape;
      }
    });
    if (!same) return refused(name, "the parameters have different shapes");
    return NodeTypes{{shape}, {shape}};
  }

  Result<NodeTypes> constructed(const Node& node) {
    return std::visit(
        [&](const auto& primitive) -> Result<NodeTypes> {
          using T = std::decay_t<decltype(primitive)>;
          if constexpr (std::is_same_v<T, Graph>) {
            auto inner = Verdict(primitive).run();
            if (!inner) {
              Error problem = std::move(inner).error();
              const auto* at = std::get_if<ModelNode>(&problem.at);
              problem.at = ModelNode{"", node.name + "/nodes/" + (at == nullptr ? "" : at->node)};
              return problem;
            }
            return inner;
          } else if constexpr (std::is_same_v<T, Input> || std::is_same_v<T, Output>) {
            if (node.name.empty()) return refused(node.name, "a node has no name");
            const auto shape = shape_value(primitive.shape);
            if (!shape) return refused(node.name, "'shape' is no list of whole numbers");
            return NodeTypes{{shape}, {shape}};
          } else if constexpr (std::is_same_v<T, Affine> || std::is_same_v<T, Linear>) {
            return weighted(node.name, primitive.weight);
          } else if constexpr (std::is_same_v<T, Conv1d> || std::is_same_v<T, Conv2d>) {
            return convolution(node.name, primitive, std::is_same_v<T, Conv1d> ? 1 : 2);
          } else if constexpr (std::is_same_v<T, SumPool2d> || std::is_same_v<T, AvgPool2d>) {
            return NodeTypes{{std::nullopt}, {std::nullopt}};
          } else if constexpr (std::is_same_v<T, Flatten>) {
            return flatten(node.name, primitive);
          } else {
            return neuron(node.name, primitive);
          }
        },
        node.primitive);
  }

  static Result<NodeTypes> weighted(const std::string& name, const Tensor& weight) {
    if (weight.rank() < 2) return refused(name, "the weight has fewer than two axes");
    Shape in(weight.shape().begin(), weight.shape().end() - 2);
    Shape out = in;
    in.push_back(weight.shape().back());
    out.push_back(weight.shape()[weight.rank() - 2]);
    return NodeTypes{{in}, {out}};
  }

  static Result<NodeTypes> flatten(const std::string& name, const Flatten& flatten) {
    if (!flatten.input_type.defined()) return NodeTypes{{std::nullopt}, {std::nullopt}};
    const auto in = shape_value(flatten.input_type);
    if (!in) return refused(name, "'input_type' is no list of whole numbers");
    const auto out = flatten_output(*in, flatten);
    if (!out) return refused(name, "flattening changes the number of elements");
    return NodeTypes{{*in}, {*out}};
  }

  Result<> infer() {
    NT_TRY_VOID(check_ends());
    NT_TRY_VOID(add_inputs());
    NT_TRY_VOID(visit());
    return add_outputs();
  }

  Result<> check_ends() const {
    for (const Edge& edge : edges_) {
      for (const std::string& end : {edge.source, edge.target}) {
        if (!types_.contains(end)) {
          return refused(end, fmt::format("an edge names '{}', and there is no such node",
                                          escape_control(end)));
        }
      }
    }
    return {};
  }

  bool is_input(const std::string& name) const {
    const Node* node = graph_.find(name);
    return node == nullptr ? added_inputs_.contains(name)
                           : std::holds_alternative<Input>(node->primitive);
  }

  Result<> add_inputs() {
    std::set<std::string> targets;
    for (const Edge& edge : edges_) targets.insert(edge.target);
    for (const Node& node : graph_.nodes) {
      if (targets.contains(node.name)) continue;
      const Types in = types_.at(node.name).in;
      if (undefined(in) || in.empty()) {
        return refused(node.name, "nothing leads to this node, and its shape is not known");
      }
      if (is_input(node.name)) continue;
      const std::string made = "input_" + node.name;
      added_inputs_.insert(made);
      types_[made] = {in, in};
      edges_.push_back({made, node.name});
    }
    return {};
  }

  Result<> visit() {
    std::vector<Edge> ready;
    std::set<std::string> seen;
    for (const Edge& edge : edges_) {
      if (!is_input(edge.source)) continue;
      ready.push_back(edge);
      seen.insert(edge.source);
    }
    if (ready.empty()) return refused("", "no edge leaves an Input");
    // Every step marks a node, so this ends; the bound is for graphs made to take long.
    for (std::size_t steps = 0; !ready.empty(); ++steps) {
      if (steps > 1'000'000) return refused("", "the inference does not end in a million steps");
      const Edge edge = ready.back();
      ready.pop_back();
      NT_TRY_VOID(follow(edge));
      seen.insert(edge.target);
      for (const Edge& next : edges_) {
        if (next.source == edge.target && !seen.contains(next.target)) ready.push_back(next);
      }
    }
    return {};
  }

  Result<> follow(const Edge& edge) {
    const Types from = types_.at(edge.source).out;
    NodeTypes& to = types_.at(edge.target);
    if (to.in.empty()) return refused(edge.target, "a graph without Input is no target");
    if (undefined(to.in)) {
      to.in = from;
    } else if (from != to.in) {
      return refused(edge.target, fmt::format("type mismatch: '{}' gives {}, and '{}' takes {}",
                                              edge.source, words(from), edge.target, words(to.in)));
    }
    const Node* node = graph_.find(edge.target);
    if (node == nullptr) return {};
    if (std::holds_alternative<Output>(node->primitive)) to.out = to.in;
    if (undefined(to.out)) return define_output(*node, to);
    return {};
  }

  /// Only pooling and Flatten come without a type.
  static Result<> define_output(const Node& node, NodeTypes& types) {
    if (types.in.size() != 1 || !types.in.front()) {
      return refused(node.name, "the shape of what comes in is not known");
    }
    const Shape& in = *types.in.front();
    if (const auto* flatten = std::get_if<Flatten>(&node.primitive)) {
      const auto out = flatten_output(in, *flatten);
      if (!out) return refused(node.name, "flattening changes the number of elements");
      types.out = {*out};
      return {};
    }
    const auto pooled = [&](const auto& pool) {
      std::vector<double> extents;
      for (std::size_t i = 1; i < in.size(); ++i) extents.push_back(static_cast<double>(in[i]));
      return conv_output(extents, pool.padding, int_tensor(1), pool.kernel_size, pool.stride);
    };
    std::optional<Shape> out;
    if (const auto* sum = std::get_if<SumPool2d>(&node.primitive)) out = pooled(*sum);
    if (const auto* average = std::get_if<AvgPool2d>(&node.primitive)) out = pooled(*average);
    if (!out || in.empty()) return refused(node.name, "its output's shape is not known");
    Shape all{in.front()};
    all.insert(all.end(), out->begin(), out->end());
    types.out = {all};
    return {};
  }

  Result<> add_outputs() {
    std::set<std::string> sources;
    for (const Edge& edge : edges_) sources.insert(edge.source);
    bool any = false;
    const auto nodes = types_;
    for (const auto& [name, types] : nodes) {
      if (sources.contains(name)) continue;
      any = true;
      const Node* node = graph_.find(name);
      if (node != nullptr && std::holds_alternative<Output>(node->primitive)) continue;
      if (undefined(types.out)) {
        return refused(name, "nothing follows this node, and its output's shape is not known");
      }
      types_["output_" + name] = {types.out, types.out};
      edges_.push_back({name, "output_" + name});
    }
    if (!any) return refused("", "every node has an edge that leaves it, and there is no Output");
    return {};
  }

  Result<> check() const {
    for (const Edge& edge : edges_) {
      const auto from = types_.find(edge.source), to = types_.find(edge.target);
      if (from == types_.end() || to == types_.end()) return check_ends();
      const Types& out = from->second.out;
      const Types& in = to->second.in;
      if (undefined(out)) return refused(edge.source, "its output's shape is not known");
      if (undefined(in)) return refused(edge.target, "the shape of what comes in is not known");
      if (out.size() != 1 || in.size() != 1) {
        return refused(edge.target, fmt::format("'{}' has {} outputs and '{}' has {} inputs; the "
                                                "type check knows one of each",
                                                edge.source, out.size(), edge.target, in.size()));
      }
      if (out != in) {
        return refused(edge.target, fmt::format("type mismatch: '{}' gives {}, and '{}' takes {}",
                                                edge.source, words(out), edge.target, words(in)));
      }
    }
    return {};
  }

  Result<NodeTypes> whole() const {
    NodeTypes made;
    for (const Node& node : graph_.nodes) {
      if (std::holds_alternative<Input>(node.primitive))
        made.in.push_back(types_.at(node.name).in.at(0));
      if (std::holds_alternative<Output>(node.primitive))
        made.out.push_back(types_.at(node.name).out.at(0));
    }
    return made;
  }

  const Graph& graph_;
  std::map<std::string, NodeTypes> types_;
  std::vector<Edge> edges_;
  std::set<std::string> added_inputs_;
};

}  // namespace

Result<> reference_verdict(const Graph& graph) {
  auto types = Verdict(graph).run();
  if (!types) return std::move(types).error();
  return {};
}

}  // namespace neurotool::nir
