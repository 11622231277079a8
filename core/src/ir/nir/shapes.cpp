// Shapes spread from the Inputs along the edges until nothing changes. A cycle is no difficulty: a
// node takes its shape from the first source that has one, and the others must agree.
#include "ir/nir/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/text.hpp"

namespace neurotool::nir {
namespace {

Error misfit(std::string message, std::string help = {}) {
  return error("nir.shape", {}, std::move(message), std::move(help));
}

/// The shape that a neuron's parameters have together: the one with most elements.
template <class Neuron>
std::optional<Shape> parameter_shape(const Neuron& neuron) {
  const Tensor* largest = nullptr;
  each_parameter(neuron, [&](std::string_view, const auto& field, Presence) {
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, Tensor>) {
      if (!field.defined()) return;
      const bool larger = largest == nullptr || field.size() > largest->size() ||
                          (field.size() == largest->size() && field.rank() > largest->rank());
      if (larger) largest = &field;
    }
  });
  return largest == nullptr ? std::nullopt : std::optional(largest->shape());
}

template <class Neuron>
Result<Shape> through_neuron(const Neuron& neuron, const Shape& in) {
  std::optional<Error> problem;
  each_parameter(neuron, [&](std::string_view name, const auto& field, Presence) {
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, Tensor>) {
      if (!field.defined() || problem) return;
      const bool fits = field.shape() == in || field.size() == 1 ||
                        (!in.empty() && field.size() == in.front() &&
                         field.shape().front() == in.front() && field.rank() <= in.size());
      if (!fits) {
        problem = misfit(fmt::format("'{}' has the shape {}, and the input has {}", name,
                                     to_string(field.shape()), to_string(in)));
      }
    }
  });
  if (problem) return *problem;
  return in;
}

Result<Shape> through_weight(const Tensor& weight, const Shape& in) {
  const Shape& shape = weight.shape();
  if (shape.size() < 2) {
    return misfit(fmt::format("the weight has the shape {}, expected rank 2", to_string(shape)));
  }
  Shape takes(shape.begin(), shape.end() - 2);
  Shape gives = takes;
  takes.push_back(shape.back());
  gives.push_back(shape[shape.size() - 2]);
  if (in != takes) {
    return misfit(fmt::format("the weight {} takes {}, and the input has {}", to_string(shape),
                              to_string(takes), to_string(in)),
                  in.size() > takes.size() ? "a Flatten is missing in front of it" : "");
  }
  return gives;
}

Result<Shape> through_window(const Primitive& primitive, const Shape& in, std::size_t axes,
                             const Tensor* weight) {
  const auto window = window_numbers(primitive);
  if (!window) {
    return error("nir.parameter", {},
                 "kernel, stride, padding, dilation or groups are not whole numbers in range");
  }
  if (in.size() != axes + 1) {
    return misfit(
        fmt::format("the input has the shape {}, expected rank {}", to_string(in), axes + 1));
  }
  const std::int64_t groups = window->groups;
  if (weight != nullptr &&
      (in[0] != weight->shape()[1] * groups || weight->shape()[0] % groups != 0)) {
    return misfit(fmt::format("the weight {} in {} groups does not fit an input of {} channels",
                              to_string(weight->shape()), groups, in[0]));
  }
  const auto extents = windowed(*window, std::span(in).subspan(1));
  if (!extents) {
    return misfit(fmt::format("the window is larger than the input {}", to_string(in)));
  }
  Shape out{weight != nullptr ? weight->shape()[0] : in[0]};
  out.insert(out.end(), extents->begin(), extents->end());
  return out;
}

Result<Shape> through_flatten(const Flatten& flatten, const Shape& in) {
  const auto start = whole_numbers(flatten.start_dim, 1), end = whole_numbers(flatten.end_dim, 1);
  if (!start || !end)
    return error("nir.parameter", {}, "start_dim and end_dim must be whole numbers");
  const auto rank = static_cast<std::int64_t>(in.size());
  const std::int64_t first = start->front() < 0 ? start->front() + rank : start->front();
  const std::int64_t last = end->front() < 0 ? end->front() + rank : end->front();
  if (first < 0 || last < first || last >= rank) {
    return misfit(fmt::format("start_dim {} and end_dim {} are no range of the axes of {}",
                              start->front(), end->front(), to_string(in)),
                  "0 and -1 flatten one sample");
  }
  Shape out(in.begin(), in.begin() + first);
  out.push_back(element_count(std::span(in).subspan(static_cast<std::size_t>(first),
                                                    static_cast<std::size_t>(last - first + 1)))
                    .value_or(0));
  out.insert(out.end(), in.begin() + last + 1, in.end());
  return out;
}

class Inference {
 public:
  Inference(const Graph& graph, Diagnostics& diagnostics, std::string_view path, std::string prefix)
      : graph_(graph), diagnostics_(diagnostics), path_(path), prefix_(std::move(prefix)) {}

  /// `in`: what enters the graph's only Input when it is a nested one.
  GraphShapes run(const std::optional<Shape>& in) {
    for (const Node& node : graph_.nodes) {
      made_.nodes[node.name];
      if (const auto* input = std::get_if<Input>(&node.primitive)) start(node, *input, in);
    }
    spread();
    // Where no Input leads: the parameters know, and from there it spreads again.
    for (const Node& node : graph_.nodes) {
      if (made_.nodes[node.name].in) continue;
      if (auto own = own_shape(node.primitive)) arrive(node, *own, "");
      spread();
    }
    return std::move(made_);
  }

  bool failed() const { return failed_; }

 private:
  void fail(const std::string& node, Error problem) {
    problem.at = ModelNode{std::string(path_), prefix_ + node};
    diagnostics_.report(std::move(problem));
    failed_ = true;
  }

  void start(const Node& node, const Input& input, const std::optional<Shape>& in) {
    const auto shape = shape_value(input.shape);
    if (!shape) {
      return fail(node.name, error("nir.parameter", {}, "'shape' is not a list of whole numbers"));
    }
    if (in && *in != *shape) {
      fail(node.name, misfit(fmt::format("the graph takes {}, and {} comes in", to_string(*shape),
                                         to_string(*in))));
    }
    arrive(node, *shape, "");
  }

  static std::optional<Shape> own_shape(const Primitive& primitive) {
    return std::visit(
        [](const auto& node) -> std::optional<Shape> {
          using T = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<T, Affine> || std::is_same_v<T, Linear>) {
            if (!node.weight.defined() || node.weight.rank() < 2) return std::nullopt;
            Shape in(node.weight.shape().begin(), node.weight.shape().end() - 2);
            in.push_back(node.weight.shape().back());
            return in;
          } else if constexpr (std::is_same_v<T, Conv1d> || std::is_same_v<T, Conv2d>) {
            const auto extents = shape_value(node.input_shape);
            const auto groups = whole_numbers(node.groups, 1);
            constexpr std::size_t kAxes = std::is_same_v<T, Conv1d> ? 1 : 2;
            if (!extents || !groups || node.weight.rank() < 3) return std::nullopt;
            Shape in{node.weight.shape()[1] * groups->front()};
            for (std::size_t i = 0; i < kAxes && !extents->empty(); ++i) {
              in.push_back((*extents)[std::min(i, extents->size() - 1)]);
            }
            return in;
          } else if constexpr (std::is_same_v<T, Flatten>) {
            return shape_value(node.input_type);
          } else if constexpr (std::is_same_v<T, SumPool2d> || std::is_same_v<T, AvgPool2d> ||
                               std::is_same_v<T, Input> || std::is_same_v<T, Output>) {
            return std::nullopt;
          } else if constexpr (std::is_same_v<T, Graph>) {
            for (const Node& inner : node.nodes) {
              if (const auto* in = std::get_if<Input>(&inner.primitive))
                return shape_value(in->shape);
            }
            return std::nullopt;
          } else {
            return parameter_shape(node);
          }
        },
        primitive);
  }

  void arrive(const Node& node, const Shape& in, const std::string& from) {
    NodeShape& shape = made_.nodes[node.name];
    if (shape.in) {
      if (*shape.in != in) disagree(node, *shape.in, in, from);
      return;
    }
    shape.in = in;
    if (const auto* output = std::get_if<Output>(&node.primitive)) check_output(node, *output, in);
    if (const auto* inner = std::get_if<Graph>(&node.primitive)) {
      shape.out = through_graph(node, *inner, in);
    } else if (auto out = output_shape(node.primitive, in)) {
      shape.out = *std::move(out);
    } else {
      fail(node.name, std::move(out).error());
    }
    if (shape.out) ready_.push_back(&node);
  }

  void disagree(const Node& node, const Shape& has, const Shape& other, const std::string& from) {
    if (!complained_.insert({node.name, 0}).second) return;
    fail(node.name, misfit(fmt::format("takes {}, and '{}' sends {}", to_string(has),
                                       escape_control(from), to_string(other)),
                           "sources that meet in a node add up, and must have one shape"));
  }

  void check_output(const Node& node, const Output& output, const Shape& in) {
    const auto says = shape_value(output.shape);
    if (says && *says == in) return;
    const bool as_many = says && element_count(*says) == element_count(in);
    Error problem = misfit(fmt::format("says the shape {}, and {} arrives",
                                       says ? to_string(*says) : "nothing", to_string(in)),
                           "what arrives is used");
    problem.severity = as_many ? Severity::kWarning : Severity::kError;
    if (!as_many) return fail(node.name, std::move(problem));
    problem.at = ModelNode{std::string(path_), prefix_ + node.name};
    diagnostics_.report(std::move(problem));
  }

  std::optional<Shape> through_graph(const Node& node, const Graph& inner, const Shape& in) {
    Inference inference(inner, diagnostics_, path_, prefix_ + node.name + "/");
    const auto inputs = std::ranges::count_if(inner.nodes, [](const Node& each) {
      return std::holds_alternative<Input>(each.primitive);
    });
    GraphShapes shapes = inference.run(inputs == 1 ? std::optional(in) : std::nullopt);
    failed_ = failed_ || inference.failed();
    std::optional<Shape> out;
    for (const Node& each : inner.nodes) {
      if (std::holds_alternative<Output>(each.primitive)) out = shapes.nodes[each.name].in;
    }
    made_.inner[node.name] = std::move(shapes);
    return out;
  }

  void spread() {
    while (!ready_.empty()) {
      const Node& from = *ready_.front();
      ready_.pop_front();
      const auto out = made_.nodes[from.name].out;
      for (const Edge& edge : graph_.edges) {
        if (edge.source != from.name || !out) continue;
        if (const Node* to = graph_.find(edge.target)) arrive(*to, *out, from.name);
      }
    }
  }

  const Graph& graph_;
  Diagnostics& diagnostics_;
  std::string_view path_;
  std::string prefix_;
  GraphShapes made_;
  std::deque<const Node*> ready_;
  std::map<std::string, int> complained_;
  bool failed_ = false;
};

}  // namespace

Result<Shape> output_shape(const Primitive& primitive, const Shape& in) {
  return std::visit(
      [&](const auto& node) -> Result<Shape> {
        using T = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<T, Input> || std::is_same_v<T, Output>) {
          return in;
        } else if constexpr (std::is_same_v<T, Affine> || std::is_same_v<T, Linear>) {
          return through_weight(node.weight, in);
        } else if constexpr (std::is_same_v<T, Conv1d> || std::is_same_v<T, Conv2d>) {
          return through_window(primitive, in, std::is_same_v<T, Conv1d> ? 1 : 2, &node.weight);
        } else if constexpr (std::is_same_v<T, SumPool2d> || std::is_same_v<T, AvgPool2d>) {
          return through_window(primitive, in, 2, nullptr);
        } else if constexpr (std::is_same_v<T, Flatten>) {
          return through_flatten(node, in);
        } else if constexpr (std::is_same_v<T, Graph>) {
          return misfit("a graph's shape comes from its nodes");
        } else {
          return through_neuron(node, in);
        }
      },
      primitive);
}

Result<GraphShapes> infer_shapes(const Graph& graph, Diagnostics& diagnostics,
                                 std::string_view path) {
  Diagnostics own;
  Inference inference(graph, own, path, "");
  GraphShapes shapes = inference.run(std::nullopt);
  for (Diagnostic& each : own.all()) diagnostics.report(each);
  if (inference.failed()) return own.first_error();
  return shapes;
}

}  // namespace neurotool::nir
