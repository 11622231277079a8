// Inlining, order and shapes. Edges of a cycle that close it carry what was sent a step earlier: a
// cycle is entered at the node that something outside of it feeds, as nirtorch does.
#include "eval/nir/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/check.hpp"

namespace neurotool::nir {
namespace {

constexpr std::size_t kMaxDepth = 32;

Error problem(std::string_view code, std::string message, std::string help) {
  return error(code, {}, std::move(message), std::move(help));
}

class Planner {
 public:
  Planner(const std::string& path, Diagnostics& diagnostics)
      : path_(path), diagnostics_(diagnostics) {}

  Result<GraphPlan> plan(const Graph& graph) {
    inline_graph(graph, "", 0);
    if (!first_error_) sort_names();
    if (!first_error_) connect();
    if (!first_error_) order();
    if (!first_error_) shapes();
    if (first_error_) return *first_error_;
    return std::move(plan_);
  }

 private:
  Location at(const std::string& node) const { return ModelNode{path_, node}; }

  void report(Error found, const std::string& node) {
    found.at = at(node);
    if (!first_error_) first_error_ = found;
    diagnostics_.report(std::move(found));
  }

  /// What stands for a node of `graph` when an edge leaves it, or enters it.
  struct Ends {
    std::vector<std::string> enter, leave;
  };

  void inline_graph(const Graph& graph, const std::string& prefix, std::size_t depth) {
    if (depth > kMaxDepth) {
      return report(
          problem("nir.shape", fmt::format("graphs are nested more than {} deep", kMaxDepth),
                  "inline the subgraphs when the file is written"),
          prefix);
    }
    std::map<std::string, Ends, std::less<>> ends;
    for (const Node& node : graph.nodes) {
      const std::string name = prefix + node.name;
      Ends& mine = ends[node.name];
      if (const auto* inner = std::get_if<Graph>(&node.primitive)) {
        for (const Node& port : inner->nodes) {
          const std::string port_name = name + "." + port.name;
          if (std::holds_alternative<Input>(port.primitive)) mine.enter.push_back(port_name);
          if (std::holds_alternative<Output>(port.primitive)) mine.leave.push_back(port_name);
        }
        inline_graph(*inner, name + ".", depth + 1);
        continue;
      }
      mine = {{name}, {name}};
      PlannedNode planned{.name = name, .primitive = node.primitive};
      planned.is_input = depth == 0 && std::holds_alternative<Input>(node.primitive);
      planned.is_output = depth == 0 && std::holds_alternative<Output>(node.primitive);
      plan_.nodes.push_back(std::move(planned));
    }
    std::set<Edge> seen;
    for (const Edge& edge : graph.edges) add_edge(edge, prefix, ends, seen);
  }

  void add_edge(const Edge& edge, const std::string& prefix,
                const std::map<std::string, Ends, std::less<>>& ends, std::set<Edge>& seen) {
    const auto source = ends.find(edge.source), target = ends.find(edge.target);
    if (source == ends.end() || target == ends.end()) {
      const std::string& missing = source == ends.end() ? edge.source : edge.target;
      return report(problem("nir.edge",
                            fmt::format("the edge from '{}' to '{}' names '{}', which is no node",
                                        edge.source, edge.target, missing),
                            "repair the file, or write it again with its simulator"),
                    prefix + edge.target);
    }
    if (!seen.insert(edge).second) {
      diagnostics_.report(
          warning("nir.duplicate-edge", at(prefix + edge.target),
                  fmt::format("the edge from '{}' to '{}' is there twice and counts once",
                              edge.source, edge.target),
                  "some readers count it twice; write the file again without it"));
      return;
    }
    for (const std::string& from : source->second.leave) {
      for (const std::string& to : target->second.enter) edges_.push_back({from, to});
    }
  }

  void sort_names() {
    std::ranges::stable_sort(plan_.nodes, {}, &PlannedNode::name);
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      const PlannedNode& node = plan_.nodes[i];
      if (!index_.emplace(node.name, i).second) {
        report(problem("nir.edge", "two nodes have this name once nested graphs are inlined",
                       "rename one of them"),
               node.name);
      }
      if (node.is_input) plan_.inputs.push_back(i);
      if (node.is_output) plan_.outputs.push_back(i);
    }
    if (plan_.inputs.empty()) {
      report(problem("nir.no-input", "the graph has no Input node", "add one, with its shape"), "");
    }
  }

  void connect() {
    for (const Edge& edge : edges_) {
      plan_.nodes[index_.at(edge.target)].incoming.push_back({index_.at(edge.source), false});
    }
    for (PlannedNode& node : plan_.nodes) {
      std::ranges::sort(node.incoming, {}, &PlannedEdge::source);
    }
  }

  bool reaches(std::size_t from, std::size_t to,
               const std::vector<std::vector<std::size_t>>& successors) const {
    std::vector<bool> seen(plan_.nodes.size());
    std::vector<std::size_t> open{from};
    while (!open.empty()) {
      const std::size_t node = open.back();
      open.pop_back();
      if (node == to) return true;
      if (seen[node]) continue;
      seen[node] = true;
      for (const std::size_t next : successors[node]) open.push_back(next);
    }
    return false;
  }

  /// Of the nodes that wait, the first whose open sources all wait for it; one that something else
  /// feeds goes before one that lives on the cycle alone.
  std::optional<std::size_t> entry_of_cycle(
      const std::vector<bool>& done,
      const std::vector<std::vector<std::size_t>>& successors) const {
    std::optional<std::size_t> closed;
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      if (done[i]) continue;
      bool fed = false, ready = true;
      for (const PlannedEdge& edge : plan_.nodes[i].incoming) {
        if (done[edge.source]) {
          fed = true;
        } else if (!reaches(i, edge.source, successors)) {
          ready = false;
        }
      }
      if (ready && fed) return i;
      if (ready && !closed) closed = i;
    }
    return closed;
  }

  void order() {
    const std::size_t count = plan_.nodes.size();
    std::vector<std::vector<std::size_t>> successors(count);
    std::vector<std::size_t> open(count);
    for (std::size_t i = 0; i < count; ++i) {
      open[i] = plan_.nodes[i].incoming.size();
      for (const PlannedEdge& edge : plan_.nodes[i].incoming) successors[edge.source].push_back(i);
    }
    std::vector<bool> done(count);
    std::set<std::size_t> ready;
    for (std::size_t i = 0; i < count; ++i) {
      if (open[i] == 0) ready.insert(i);
    }
    while (plan_.order.size() < count) {
      if (ready.empty()) {
        const auto entry = entry_of_cycle(done, successors);
        NT_CHECK(entry, "what waits for nothing outside itself is on a cycle");
        for (PlannedEdge& edge : plan_.nodes[*entry].incoming) edge.delayed = !done[edge.source];
        ready.insert(*entry);
      }
      const std::size_t node = *ready.begin();
      ready.erase(ready.begin());
      done[node] = true;
      plan_.order.push_back(node);
      for (const std::size_t next : successors[node]) {
        if (--open[next] == 0 && !done[next]) ready.insert(next);
      }
    }
  }

  void shapes() {
    for (const std::size_t i : plan_.order) {
      PlannedNode& node = plan_.nodes[i];
      for (const PlannedEdge& edge : node.incoming) {
        if (edge.delayed || !node.in_shape.empty()) continue;
        node.in_shape = plan_.nodes[edge.source].shape;
        node.layout_in = node.layout = plan_.nodes[edge.source].layout;
      }
      auto shape = shape_of(node);
      if (!shape) return report(std::move(shape).error(), node.name);
      node.shape = *std::move(shape);
      const bool keeps_layout =
          element_count(node.layout) == element_count(node.shape) &&
          (std::holds_alternative<Flatten>(node.primitive) || node.layout == node.shape);
      if (!keeps_layout) node.layout = node.shape;
    }
    for (const PlannedNode& node : plan_.nodes) check_sources(node);
  }

  void check_sources(const PlannedNode& node) {
    for (const PlannedEdge& edge : node.incoming) {
      const PlannedNode& source = plan_.nodes[edge.source];
      if (element_count(source.shape) == element_count(node.in_shape)) continue;
      report(problem("nir.shape",
                     fmt::format("'{}' sends {} where {} is expected", source.name,
                                 to_string(source.shape), to_string(node.in_shape)),
                     "check the shapes of the Input and of the parameters"),
             node.name);
    }
  }

  static Result<Shape> parameter_shape(const Tensor& parameter, const Shape& in_shape) {
    if (!in_shape.empty()) {
      NT_TRY_VOID(spread(parameter, in_shape, 0));
      return in_shape;
    }
    return parameter.rank() == 0 ? Shape{1} : parameter.shape();
  }

  static Result<Shape> window_shape(const Primitive& primitive, const Shape& in, bool one_axis,
                                    std::int64_t channels) {
    if (in.size() != (one_axis ? 2U : 3U)) {
      return problem("nir.shape",
                     fmt::format("a {} gets {}, and takes {}", type_name(primitive), to_string(in),
                                 one_axis ? "[channels, length]" : "[channels, height, width]"),
                     "check the shape of the Input");
    }
    NT_TRY(const WindowGeometry window, window_geometry(primitive));
    Shape out{channels};
    for (std::size_t axis = one_axis ? 1 : 0; axis < 2; ++axis) {
      const std::int64_t extent = in[axis + (one_axis ? 0 : 1)];
      const std::int64_t room = extent + window.before[axis] + window.after[axis] -
                                window.dilation[axis] * (window.kernel[axis] - 1) - 1;
      if (room < 0) {
        return problem("nir.shape",
                       fmt::format("the window of {} does not fit into {}", type_name(primitive),
                                   to_string(in)),
                       "check kernel, padding and the shape of the Input");
      }
      out.push_back(room / window.stride[axis] + 1);
    }
    return out;
  }

  static Result<Shape> convolution_shape(const PlannedNode& node, const Tensor& weight,
                                         bool one_axis) {
    if (weight.rank() != (one_axis ? 3U : 4U)) {
      return problem("nir.parameter",
                     fmt::format("weight has shape {}, expected rank {}", to_string(weight.shape()),
                                 one_axis ? 3 : 4),
                     "write the kernel as [out, in / groups, …]");
    }
    NT_TRY(Shape out, window_shape(node.primitive, node.in_shape, one_axis, weight.shape()[0]));
    NT_TRY(const WindowGeometry window, window_geometry(node.primitive));
    if (weight.shape()[1] * window.groups != node.in_shape[0] ||
        weight.shape()[0] % window.groups != 0) {
      return problem("nir.shape",
                     fmt::format("weight {} with {} groups does not fit {} channels",
                                 to_string(weight.shape()), window.groups, node.in_shape[0]),
                     "check groups and the shape of the Input");
    }
    return out;
  }

  static Result<Shape> dense_shape(const PlannedNode& node, const Tensor& weight) {
    if (weight.rank() != 2 || element_count(node.in_shape) != weight.shape()[1]) {
      return problem("nir.shape",
                     fmt::format("weight has shape {} and gets {}", to_string(weight.shape()),
                                 to_string(node.in_shape)),
                     "a Flatten may be missing in front");
    }
    return Shape{weight.shape()[0]};
  }

  static Result<Shape> flat_shape(const Flatten& flatten, const Shape& in) {
    const auto start = whole_numbers(flatten.start_dim, 1), end = whole_numbers(flatten.end_dim, 1);
    const auto rank = static_cast<std::int64_t>(in.size());
    const auto axis = [&](std::int64_t value) { return value < 0 ? value + rank : value; };
    if (!start || !end || axis((*start)[0]) < 0 || axis((*end)[0]) >= rank ||
        axis((*start)[0]) > axis((*end)[0])) {
      return problem("nir.parameter",
                     fmt::format("start_dim and end_dim name no axes of {}", to_string(in)),
                     "0 and -1 flatten everything");
    }
    Shape out;
    for (std::int64_t i = 0; i < rank; ++i) {
      const bool joins = i > axis((*start)[0]) && i <= axis((*end)[0]);
      const std::int64_t extent = in[static_cast<std::size_t>(i)];
      joins ? void(out.back() *= extent) : out.push_back(extent);
    }
    return out;
  }

  static Result<Shape> declared_shape(const Tensor& shape) {
    const auto found = shape_value(shape);
    if (found && element_count(*found).value_or(0) > 0) return *found;
    return problem("nir.shape", "the shape of the Input is not a list of extents",
                   "write the shape of one sample at one step");
  }

  Result<Shape> shape_of(const PlannedNode& node) const {
    const Shape& in = node.in_shape;
    return std::visit(
        [&](const auto& p) -> Result<Shape> {
          using T = std::decay_t<decltype(p)>;
          if constexpr (std::is_same_v<T, Input>) {
            if (node.is_input || in.empty()) return declared_shape(p.shape);
            return in;
          } else if constexpr (std::is_same_v<T, Output>) {
            return in.empty() ? declared_shape(p.shape) : Result<Shape>(in);
          } else if constexpr (std::is_same_v<T, Affine> || std::is_same_v<T, Linear>) {
            return dense_shape(node, p.weight);
          } else if constexpr (std::is_same_v<T, Conv1d> || std::is_same_v<T, Conv2d>) {
            return convolution_shape(node, p.weight, std::is_same_v<T, Conv1d>);
          } else if constexpr (std::is_same_v<T, SumPool2d> || std::is_same_v<T, AvgPool2d>) {
            return window_shape(node.primitive, in, false, in.empty() ? 0 : in[0]);
          } else if constexpr (std::is_same_v<T, Flatten>) {
            return flat_shape(p, in);
          } else if constexpr (std::is_same_v<T, Scale>) {
            return parameter_shape(p.scale, in);
          } else if constexpr (std::is_same_v<T, Delay>) {
            return parameter_shape(p.delay, in);
          } else if constexpr (std::is_same_v<T, Threshold>) {
            return parameter_shape(p.threshold, in);
          } else if constexpr (std::is_same_v<T, Graph>) {
            return problem("nir.shape", "a nested graph is left", "");
          } else {
            return parameter_shape(p.r, in);
          }
        },
        node.primitive);
  }

  const std::string& path_;
  Diagnostics& diagnostics_;
  GraphPlan plan_;
  std::vector<Edge> edges_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::optional<Error> first_error_;
};

/// Numbers of a convolution; of a Conv1d the first axis stays 1.
template <class Conv>
Result<WindowGeometry> convolution_geometry(const Conv& conv, std::size_t axes,
                                            const Shape& weight) {
  WindowGeometry window;
  const auto stride = whole_numbers(conv.stride, axes),
             dilation = whole_numbers(conv.dilation, axes);
  const auto groups = whole_numbers(conv.groups, 1);
  if (!stride || !dilation || !groups || weight.size() != axes + 2) {
    return problem("nir.parameter", "stride, dilation or groups are not whole numbers",
                   "write whole numbers, one or one per axis");
  }
  window.groups = (*groups)[0];
  std::vector<std::int64_t> padding(axes, 0);
  const auto* word = std::get_if<std::string>(&conv.padding);
  if (!word) {
    const auto given = whole_numbers(std::get<Tensor>(conv.padding), axes);
    if (!given)
      return problem("nir.parameter", "padding is not whole numbers", "write whole numbers");
    padding = *given;
  } else if (*word != "same" && *word != "valid") {
    return problem("nir.parameter", fmt::format("padding is '{}'", *word),
                   "known words are 'same' and 'valid'");
  }
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t axis = i + 2 - axes;
    window.kernel[axis] = weight[i + 2];
    window.stride[axis] = (*stride)[i];
    window.dilation[axis] = (*dilation)[i];
    window.before[axis] = window.after[axis] = padding[i];
    if (word && *word == "same") {
      const std::int64_t total = (*dilation)[i] * (weight[i + 2] - 1);
      window.before[axis] = total / 2;
      window.after[axis] = total - total / 2;
    }
  }
  return window;
}

template <class Pool>
Result<WindowGeometry> pool_geometry(const Pool& pool) {
  const auto kernel = whole_numbers(pool.kernel_size, 2), stride = whole_numbers(pool.stride, 2),
             padding = whole_numbers(pool.padding, 2);
  if (!kernel || !stride || !padding) {
    return problem("nir.parameter", "kernel_size, stride or padding are not whole numbers",
                   "write whole numbers, one or one per axis");
  }
  WindowGeometry window;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    window.kernel[axis] = (*kernel)[axis];
    window.stride[axis] = (*stride)[axis];
    window.before[axis] = window.after[axis] = (*padding)[axis];
  }
  return window;
}

}  // namespace

Result<GraphPlan> plan_graph(const Graph& graph, const std::string& path,
                             Diagnostics& diagnostics) {
  return Planner(path, diagnostics).plan(graph);
}

Result<WindowGeometry> window_geometry(const Primitive& primitive) {
  constexpr std::int64_t kLargest = 1 << 24;
  auto window = [&]() -> Result<WindowGeometry> {
    if (const auto* conv = std::get_if<Conv1d>(&primitive))
      return convolution_geometry(*conv, 1, conv->weight.shape());
    if (const auto* conv = std::get_if<Conv2d>(&primitive))
      return convolution_geometry(*conv, 2, conv->weight.shape());
    if (const auto* pool = std::get_if<SumPool2d>(&primitive)) return pool_geometry(*pool);
    if (const auto* pool = std::get_if<AvgPool2d>(&primitive)) return pool_geometry(*pool);
    return problem("nir.parameter", "the node has no window", "");
  }();
  if (!window) return window;
  const auto in_range = [&](std::int64_t value, std::int64_t least) {
    return value >= least && value <= kLargest;
  };
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (in_range(window->kernel[axis], 1) && in_range(window->stride[axis], 1) &&
        in_range(window->dilation[axis], 1) && in_range(window->before[axis], 0) &&
        in_range(window->groups, 1)) {
      continue;
    }
    return problem("nir.parameter", "kernel, stride, dilation, groups or padding are out of range",
                   fmt::format("they go up to {}", kLargest));
  }
  return window;
}

Result<std::vector<double>> spread(const Tensor& parameter, const Shape& shape, double absent) {
  const auto size = static_cast<std::size_t>(element_count(shape).value_or(0));
  if (!parameter.defined()) return std::vector<double>(size, absent);
  const auto count = static_cast<std::size_t>(parameter.size());
  const bool per_channel =
      shape.size() > 1 && !shape.empty() && parameter.size() == shape[0] && shape[0] > 0;
  if (count != size && count != 1 && !per_channel) {
    return problem("nir.parameter",
                   fmt::format("a parameter has shape {} where the node has {}",
                               to_string(parameter.shape()), to_string(shape)),
                   "write one value, one per channel, or one per neuron");
  }
  std::vector<double> values(size);
  const std::size_t repeat = size / std::max<std::size_t>(count, 1);
  for (std::size_t i = 0; i < size; ++i)
    values[i] = parameter.at(static_cast<std::int64_t>(count == size ? i : i / repeat));
  return values;
}

}  // namespace neurotool::nir
