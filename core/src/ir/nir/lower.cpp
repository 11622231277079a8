// The rewrites of names, edges and parameters. Those of weights are in lower_weights.cpp.
#include "ir/nir/lower.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

#include "base/text.hpp"
#include "ir/nir/lower_detail.hpp"
#include "ir/nir/walk.hpp"

namespace neurotool::nir {
namespace {

constexpr std::array<std::string_view, 38> kReserved{"False",    "None",
                                                     "True",     "and",
                                                     "as",       "assert",
                                                     "async",    "await",
                                                     "break",    "class",
                                                     "continue", "def",
                                                     "del",      "elif",
                                                     "else",     "except",
                                                     "finally",  "for",
                                                     "from",     "global",
                                                     "if",       "import",
                                                     "in",       "is",
                                                     "lambda",   "nonlocal",
                                                     "not",      "or",
                                                     "pass",     "raise",
                                                     "return",   "try",
                                                     "while",    "with",
                                                     "yield",    "state",
                                                     "is_none",  "initialized_state"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_case(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

/// The same name in letters that every reader takes; one underscore for what has no place.
std::string cleaned(std::string_view name) {
  std::string made;
  for (const char c : name) {
    const bool good = is_letter(c) || is_digit(c) || c == '_';
    if (good) {
      made += c;
    } else if (!made.ends_with('_')) {
      made += '_';
    }
  }
  if (made.empty() || !is_letter(made.front())) made = "n" + made;
  if (std::ranges::find(kReserved, made) != kReserved.end()) made += "_";
  return made;
}

template <class T>
std::size_t count_of(const Graph& graph) {
  return static_cast<std::size_t>(std::ranges::count_if(
      graph.nodes, [](const Node& node) { return std::holds_alternative<T>(node.primitive); }));
}

/// The names that the nodes should have, in their order.
std::vector<std::string> portable_names(const Graph& graph) {
  const bool one_in = count_of<Input>(graph) == 1, one_out = count_of<Output>(graph) == 1;
  std::vector<std::string> names(graph.nodes.size());
  std::set<std::string> taken;
  const auto take = [&](std::size_t i, std::string name) {
    std::string free = name;
    for (int n = 2; !taken.insert(lower_case(free)).second; ++n)
      free = fmt::format("{}_{}", name, n);
    names[i] = std::move(free);
  };
  // First those that must have a name, then those that may keep theirs, then the others.
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Primitive& primitive = graph.nodes[i].primitive;
    if (one_in && std::holds_alternative<Input>(primitive)) take(i, "input");
    if (one_out && std::holds_alternative<Output>(primitive)) take(i, "output");
  }
  for (const bool keeps : {true, false}) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string& name = graph.nodes[i].name;
      if (names[i].empty() && is_portable_name(name) == keeps) take(i, cleaned(name));
    }
  }
  return names;
}

}  // namespace

bool is_portable_name(std::string_view name) { return !name.empty() && cleaned(name) == name; }

Changes rename_portable(Graph& graph) {
  return detail::at_every_level(graph, [](Graph& level, const std::string& prefix) {
    Changes changes;
    const std::vector<std::string> names = portable_names(level);
    std::map<std::string, std::string> renamed;
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::string& name = level.nodes[i].name;
      if (name == names[i]) continue;
      changes.push_back({prefix + name, "name", fmt::format("renamed to '{}'", names[i])});
      renamed[name] = names[i];
      name = names[i];
    }
    for (Edge& edge : level.edges) {
      for (std::string* end : {&edge.source, &edge.target}) {
        if (const auto found = renamed.find(*end); found != renamed.end()) *end = found->second;
      }
    }
    return changes;
  });
}

Changes drop_duplicate_edges(Graph& graph) {
  return detail::at_every_level(graph, [](Graph& level, const std::string& prefix) {
    Changes changes;
    std::set<Edge> seen;
    std::erase_if(level.edges, [&](const Edge& edge) {
      if (seen.insert(edge).second) return false;
      changes.push_back(
          {prefix + edge.target, "duplicate-edge",
           fmt::format("dropped the second edge from '{}'", escape_control(edge.source))});
      return true;
    });
    return changes;
  });
}

Changes linear_to_affine(Graph& graph) {
  return detail::at_every_node(
      graph,
      [](Node& node) -> std::string {
        const auto* linear = std::get_if<Linear>(&node.primitive);
        if (linear == nullptr || linear->weight.rank() < 2) return {};
        Shape shape(linear->weight.shape().begin(), linear->weight.shape().end() - 1);
        const DType dtype =
            is_float(linear->weight.dtype()) ? linear->weight.dtype() : DType::kFloat32;
        node.primitive = Affine{linear->weight, filled(shape, 0).converted(dtype)};
        return "Linear became an Affine with a bias of zeros";
      },
      "linear");
}

Changes padding_to_numbers(Graph& graph) {
  return detail::at_every_node(
      graph,
      [](Node& node) -> std::string {
        const auto window = window_numbers(node.primitive);
        if (!window || window->pad_before != window->pad_after) return {};
        const auto rewrite = [&](Padding& padding) -> std::string {
          const auto* word = std::get_if<std::string>(&padding);
          if (word == nullptr) return {};
          const std::string before = *word;
          const auto& pad = window->pad_before;
          padding = pad.size() == 1 ? int_tensor(pad[0]) : pair_tensor(pad[0], pad[1]);
          return fmt::format("padding '{}' became {}", before, fmt::join(pad, " by "));
        };
        if (auto* conv = std::get_if<Conv1d>(&node.primitive)) return rewrite(conv->padding);
        if (auto* conv = std::get_if<Conv2d>(&node.primitive)) return rewrite(conv->padding);
        return {};
      },
      "padding-word");
}

Changes pools_to_pairs(Graph& graph) {
  return detail::at_every_node(
      graph,
      [](Node& node) -> std::string {
        std::string names;
        const auto widen = [&](std::string_view name, Tensor& field, Presence) {
          if (!field.defined() || field.rank() > 0) return;
          const auto pair = whole_numbers(field, 2);
          if (!pair) return;
          field = pair_tensor((*pair)[0], (*pair)[1]);
          names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
        };
        if (auto* pool = std::get_if<SumPool2d>(&node.primitive)) each_parameter(*pool, widen);
        if (auto* pool = std::get_if<AvgPool2d>(&node.primitive)) each_parameter(*pool, widen);
        return names.empty() ? names : fmt::format("{} became pairs", names);
      },
      "pool-pair");
}

namespace {

/// The parameters of neurons, and of Scale, Threshold and Delay, have the node's shape.
template <class T>
inline constexpr bool kHasNodeShape =
    std::is_same_v<T, Scale> || std::is_same_v<T, Delay> || std::is_same_v<T, Threshold> ||
    std::is_same_v<T, I> || std::is_same_v<T, LI> || std::is_same_v<T, IF> ||
    std::is_same_v<T, LIF> || std::is_same_v<T, CubaLI> || std::is_same_v<T, CubaLIF>;

std::string broadcast_node(Node& node, const Shape& shape) {
  std::string names;
  std::visit(
      [&](auto& primitive) {
        if constexpr (kHasNodeShape<std::decay_t<decltype(primitive)>>) {
          each_parameter(primitive, [&](std::string_view name, Tensor& field, Presence) {
            if (!field.defined() || field.shape() == shape) return;
            auto full = broadcast(field, shape);
            if (!full) return;
            field = *std::move(full);
            names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
          });
        }
      },
      node.primitive);
  return names.empty() ? names : fmt::format("{} got the shape {}", names, to_string(shape));
}

void broadcast_level(Graph& graph, const GraphShapes& shapes, const std::string& prefix,
                     Changes& changes) {
  for (Node& node : graph.nodes) {
    if (auto* inner = std::get_if<Graph>(&node.primitive)) {
      const auto found = shapes.inner.find(node.name);
      if (found != shapes.inner.end()) {
        broadcast_level(*inner, found->second, prefix + node.name + "/", changes);
      }
      continue;
    }
    const auto found = shapes.nodes.find(node.name);
    if (found == shapes.nodes.end() || !found->second.in) continue;
    if (std::string what = broadcast_node(node, *found->second.in); !what.empty()) {
      changes.push_back({prefix + node.name, "broadcast", std::move(what)});
    }
  }
}

std::string fill_node(Node& node, const Shape& in) {
  const Shape extents(in.begin() + (in.empty() ? 0 : 1), in.end());
  if (auto* conv = std::get_if<Conv1d>(&node.primitive);
      conv != nullptr && !conv->input_shape.defined() && extents.size() == 1) {
    conv->input_shape = int_tensor(extents[0]);
    return fmt::format("input_shape is {}", extents[0]);
  }
  if (auto* conv = std::get_if<Conv2d>(&node.primitive);
      conv != nullptr && extents.size() == 2 &&
      (!conv->input_shape.defined() || conv->input_shape.rank() == 0)) {
    conv->input_shape = shape_tensor(extents);
    return fmt::format("input_shape is {}", to_string(extents));
  }
  if (auto* flatten = std::get_if<Flatten>(&node.primitive);
      flatten != nullptr && !flatten->input_type.defined()) {
    flatten->input_type = shape_tensor(in);
    return fmt::format("input_type is {}", to_string(in));
  }
  if (auto* output = std::get_if<Output>(&node.primitive)) {
    const auto says = shape_value(output->shape);
    if (says && *says == in) return {};
    output->shape = shape_tensor(in);
    return fmt::format("the shape is {}, which arrives", to_string(in));
  }
  return {};
}

void fill_level(Graph& graph, const GraphShapes& shapes, const std::string& prefix,
                Changes& changes) {
  for (Node& node : graph.nodes) {
    if (auto* inner = std::get_if<Graph>(&node.primitive)) {
      const auto found = shapes.inner.find(node.name);
      if (found != shapes.inner.end()) {
        fill_level(*inner, found->second, prefix + node.name + "/", changes);
      }
      continue;
    }
    const auto found = shapes.nodes.find(node.name);
    if (found == shapes.nodes.end() || !found->second.in) continue;
    if (std::string what = fill_node(node, *found->second.in); !what.empty()) {
      changes.push_back({prefix + node.name, "shape", std::move(what)});
    }
  }
}

}  // namespace

Changes broadcast_parameters(Graph& graph, const GraphShapes& shapes) {
  Changes changes;
  broadcast_level(graph, shapes, "", changes);
  return changes;
}

Changes fill_shapes(Graph& graph, const GraphShapes& shapes) {
  Changes changes;
  fill_level(graph, shapes, "", changes);
  return changes;
}

Result<Changes> make_portable(Graph& graph, Diagnostics& diagnostics, std::string_view path) {
  Changes all;
  const auto add = [&](Changes changes) {
    all.insert(all.end(), std::make_move_iterator(changes.begin()),
               std::make_move_iterator(changes.end()));
  };
  add(drop_duplicate_edges(graph));
  NT_TRY(const GraphShapes shapes, infer_shapes(graph, diagnostics, path));
  add(fill_shapes(graph, shapes));
  add(broadcast_parameters(graph, shapes));
  add(padding_to_numbers(graph));
  add(groups_to_dense(graph));
  add(square_kernels(graph));
  add(pools_to_pairs(graph));
  add(average_to_sum(graph));
  add(linear_to_affine(graph));
  add(order_edges(graph));
  add(rename_portable(graph));  // last: changes before it speak of the names in the file
  return all;
}

}  // namespace neurotool::nir
