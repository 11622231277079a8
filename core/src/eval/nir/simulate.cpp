// The walk over a planned graph: every node once per step, from the sum of what its sources sent.
#include "eval/nir/simulate.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/text.hpp"
#include "eval/nir/plan.hpp"
#include "eval/nir/plan_shapes.hpp"
#include "eval/nir/step.hpp"

namespace neurotool::nir {
namespace {

/// Nodes that a reader skips become a factor of 1: they keep their place and their shape.
Graph without_skipped(const Graph& graph, const Discretization& d, const std::string& path,
                      const std::string& prefix, Diagnostics& diagnostics) {
  Graph result = graph;
  for (Node& node : result.nodes) {
    if (auto* inner = std::get_if<Graph>(&node.primitive)) {
      *inner = without_skipped(*inner, d, path, prefix + node.name + ".", diagnostics);
      continue;
    }
    const std::string_view type = type_name(node.primitive);
    if (support(d.dialect, type) != Support::kSkips) continue;
    diagnostics.report(warning("nir.dropped", ModelNode{path, prefix + node.name},
                               fmt::format("{} drops {} nodes without a word", d.name, type),
                               "'neurotool nir lint --fix' rewrites what can be rewritten"));
    node.primitive = Scale{Tensor::scalar(1.0F)};
  }
  return result;
}

/// A node ready to run in one float width.
template <class Number>
struct Runner {
  const PlannedNode* node = nullptr;
  std::vector<Number> weight, bias, factor, limit;
  std::vector<std::size_t> order;  ///< of a dense sum
  std::optional<WindowGeometry> window;
  std::optional<NeuronStep<Number>> neuron;
  bool pools = false;
  std::vector<std::uint64_t> delays;  ///< steps, of a Delay
  std::uint64_t longest = 0;
};

template <class Number>
std::vector<Number> numbers(const Tensor& tensor) {
  std::vector<Number> values(static_cast<std::size_t>(tensor.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Number>(tensor.at(static_cast<std::int64_t>(i)));
  return values;
}

template <class Number>
Result<std::vector<Number>> spread_numbers(const Tensor& tensor, const Shape& shape) {
  NT_TRY(const std::vector<double> values, spread(tensor, shape, 0));
  std::vector<Number> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) result[i] = static_cast<Number>(values[i]);
  return result;
}

/// One value per channel, repeated over its positions.
template <class Number>
Result<std::vector<Number>> channel_bias(const Tensor& bias, const Shape& shape) {
  if (bias.defined() && bias.size() != shape[0] && bias.size() != 1) {
    return error(
        "nir.parameter", {},
        fmt::format("bias has shape {} for {} channels", to_string(bias.shape()), shape[0]),
        "write one value per channel");
  }
  return spread_numbers<Number>(bias, shape);
}

template <class Number>
class Engine {
 public:
  Engine(const GraphPlan& plan, const std::vector<NeuronRule>& rules)
      : plan_(plan), rules_(rules) {}

  Result<> prepare(const Discretization& d, const std::string& path) {
    runners_.resize(plan_.nodes.size());
    delay_out_ = d.delay_out;
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      runners_[i].node = &plan_.nodes[i];
      if (auto done = prepare_node(runners_[i], i, d); !done) {
        Error found = std::move(done).error();
        found.at = ModelNode{path, plan_.nodes[i].name};
        return found;
      }
    }
    return {};
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs, std::uint64_t steps,
                          const NodeObserver& observer) const {
    State state(*this, steps);
    for (std::uint64_t t = 0; t < steps; ++t) {
      for (const std::size_t i : plan_.order) {
        step_node(i, t, inputs, state);
        if (observer) observe(i, t, state, observer);
      }
      for (std::size_t o = 0; o < plan_.outputs.size(); ++o) {
        for (const Number value : state.sent[plan_.outputs[o]])
          state.recorded[o].push_back(static_cast<float>(value));
      }
    }
    std::vector<Tensor> result;
    for (std::size_t o = 0; o < plan_.outputs.size(); ++o) {
      Shape shape = plan_.nodes[plan_.outputs[o]].shape;
      shape.insert(shape.begin(), static_cast<std::int64_t>(steps));
      result.push_back(Tensor::from<float>(std::move(shape), std::move(state.recorded[o])));
    }
    return result;
  }

 private:
  struct State {
    State(const Engine& engine, std::uint64_t steps) {
      for (const Runner<Number>& runner : engine.runners_) {
        const auto size = static_cast<std::size_t>(element_count(runner.node->shape).value_or(0));
        sent.emplace_back(size);
        neurons.push_back(runner.neuron ? runner.neuron->start() : NeuronState<Number>{});
        past.emplace_back();
        if (runner.longest > 0) past.back().resize(std::min(runner.longest, steps) + 1);
      }
      recorded.resize(engine.plan_.outputs.size());
    }
    std::vector<std::vector<Number>> sent;
    std::vector<NeuronState<Number>> neurons;
    std::vector<std::vector<std::vector<Number>>> past;  ///< of delayed nodes, a ring by step
    std::vector<std::vector<float>> recorded;
  };

  Result<> prepare_node(Runner<Number>& runner, std::size_t index, const Discretization& d) {
    const PlannedNode& node = *runner.node;
    if (has_neurons(node.primitive)) {
      runner.neuron.emplace(rules_[index]);
      runner.longest = delay_out_;
      return {};
    }
    return std::visit(
        [&](const auto& p) -> Result<> {
          using T = std::decay_t<decltype(p)>;
          if constexpr (std::is_same_v<T, Affine> || std::is_same_v<T, Linear>) {
            runner.weight = numbers<Number>(p.weight);
            runner.order = summation_order(node.layout_in);
            if constexpr (std::is_same_v<T, Affine>) {
              NT_TRY(runner.bias, spread_numbers<Number>(p.bias, node.shape));
            }
          } else if constexpr (std::is_same_v<T, Conv1d> || std::is_same_v<T, Conv2d>) {
            NT_TRY(runner.window, window_geometry(node.primitive));
            runner.weight = numbers<Number>(p.weight);
            NT_TRY(runner.bias, channel_bias<Number>(p.bias, node.shape));
          } else if constexpr (std::is_same_v<T, SumPool2d> || std::is_same_v<T, AvgPool2d>) {
            NT_TRY_VOID(prepare_pool(runner, std::is_same_v<T, AvgPool2d>));
          } else if constexpr (std::is_same_v<T, Scale>) {
            NT_TRY(runner.factor, spread_numbers<Number>(p.scale, node.shape));
          } else if constexpr (std::is_same_v<T, Threshold>) {
            NT_TRY(runner.limit, spread_numbers<Number>(p.threshold, node.shape));
          } else if constexpr (std::is_same_v<T, Delay>) {
            NT_TRY_VOID(prepare_delay(runner, p, d));
          } else if constexpr (std::is_same_v<T, Flatten>) {
            // JAX has channels last, and spyx flattens them so.
            if (d.dialect == Dialect::kSpyx) runner.order = summation_order(node.in_shape);
          }
          return {};
        },
        node.primitive);
  }

  static Result<> prepare_pool(Runner<Number>& runner, bool averages) {
    NT_TRY(runner.window, window_geometry(runner.node->primitive));
    WindowGeometry& window = *runner.window;
    window.groups = runner.node->in_shape[0];
    const auto area = static_cast<std::size_t>(window.kernel[0] * window.kernel[1]);
    runner.weight.assign(static_cast<std::size_t>(window.groups) * area, Number{1});
    runner.pools = true;
    if (averages) {
      runner.factor.assign(static_cast<std::size_t>(element_count(runner.node->shape).value_or(0)),
                           static_cast<Number>(area));
    }
    return {};
  }

  static Result<> prepare_delay(Runner<Number>& runner, const Delay& delay,
                                const Discretization& d) {
    constexpr double kLongest = 1 << 20;
    NT_TRY(const std::vector<double> values, spread(delay.delay, runner.node->shape, 0));
    for (const double value : values) {
      const double steps = std::nearbyint(value / dt_in_file_units(d));
      if (!(steps >= 0 && steps <= kLongest)) {
        return error(
            "nir.parameter", {},
            fmt::format("a delay of {} is {} steps", number_text(value), number_text(steps)),
            "check dt and the time unit");
      }
      runner.delays.push_back(static_cast<std::uint64_t>(steps));
      runner.longest = std::max(runner.longest, runner.delays.back());
    }
    return {};
  }

  std::vector<Number> arriving(const PlannedNode& node, const State& state) const {
    std::vector<Number> total(static_cast<std::size_t>(element_count(node.in_shape).value_or(0)));
    bool first = true;
    for (const PlannedEdge& edge : node.incoming) {
      const std::vector<Number>& sent = state.sent[edge.source];
      for (std::size_t i = 0; i < total.size(); ++i)
        total[i] = first ? sent[i] : total[i] + sent[i];
      first = false;
    }
    return total;
  }

  void step_node(std::size_t index, std::uint64_t t, std::span<const Tensor> inputs,
                 State& state) const {
    const Runner<Number>& runner = runners_[index];
    const PlannedNode& node = *runner.node;
    std::vector<Number>& y = state.sent[index];
    if (node.is_input) return read_input(index, t, inputs, y);
    std::vector<Number> x = arriving(node, state);
    if (x.empty()) x.resize(y.size());
    if (runner.neuron) {
      for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = (*runner.neuron)(i, x[i], state.neurons[index]);
      if (delay_out_ > 0) delay(runner, t, state.past[index], y);
    } else if (runner.window) {
      window_sum(*runner.window, runner.weight, grid_of(node.in_shape), grid_of(node.shape), x, y);
      if (runner.pools && !runner.factor.empty())
        for (std::size_t i = 0; i < y.size(); ++i) y[i] = y[i] / runner.factor[i];
    } else if (!runner.weight.empty()) {
      dense_sum(runner.weight, runner.order, x, y);
    } else if (!runner.factor.empty()) {
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i] * runner.factor[i];
    } else if (!runner.limit.empty()) {
      for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = x[i] > runner.limit[i] ? Number{1} : Number{0};
    } else if (!runner.order.empty()) {
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[runner.order[i]];
    } else {
      y = std::move(x);
      if (!runner.delays.empty()) delay(runner, t, state.past[index], y);
    }
    for (std::size_t i = 0; i < runner.bias.size(); ++i) y[i] = y[i] + runner.bias[i];
  }

  void read_input(std::size_t index, std::uint64_t t, std::span<const Tensor> inputs,
                  std::vector<Number>& y) const {
    const auto place = std::ranges::find(plan_.inputs, index) - plan_.inputs.begin();
    const auto values = inputs[static_cast<std::size_t>(place)].as<float>();
    const std::size_t offset = static_cast<std::size_t>(t) * y.size();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = values[offset + i];
  }

  void delay(const Runner<Number>& runner, std::uint64_t t, std::vector<std::vector<Number>>& past,
             std::vector<Number>& y) const {
    const std::size_t slots = past.size();
    past[t % slots] = y;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::uint64_t steps = runner.delays.empty() ? delay_out_ : runner.delays[i];
      y[i] = steps > t ? Number{0} : past[(t - steps) % slots][i];
    }
  }

  void observe(std::size_t index, std::uint64_t t, const State& state,
               const NodeObserver& observer) const {
    const std::vector<double> sent(state.sent[index].begin(), state.sent[index].end());
    const std::vector<double> v(state.neurons[index].v.begin(), state.neurons[index].v.end());
    const PlannedNode& node = plan_.nodes[index];
    observer({node.name, type_name(node.primitive), t, sent, v});
  }

  const GraphPlan& plan_;
  const std::vector<NeuronRule>& rules_;
  std::vector<Runner<Number>> runners_;
  std::uint32_t delay_out_ = 0;
};

/// Readers do not agree on a sum in front of an Output, so nobody may rely on one.
Result<> check_outputs(const GraphPlan& plan, const std::string& path) {
  for (const std::size_t i : plan.outputs) {
    if (plan.nodes[i].incoming.size() <= 1) continue;
    return error("nir.output-sum", ModelNode{path, plan.nodes[i].name},
                 fmt::format("{} edges end at this Output, and readers do not add them up",
                             plan.nodes[i].incoming.size()),
                 "let the edges meet in a neuron or a Scale, and connect that to the Output");
  }
  return {};
}

}  // namespace

struct Simulator::Program {
  GraphPlan plan;
  std::vector<NeuronRule> rules;
  std::vector<Port> inputs, outputs;
  std::unique_ptr<Engine<float>> narrow;
  std::unique_ptr<Engine<double>> wide;
};

Simulator::Simulator(std::unique_ptr<Program> program) : program_(std::move(program)) {}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&&) noexcept = default;
Simulator& Simulator::operator=(Simulator&&) noexcept = default;

const std::vector<Port>& Simulator::inputs() const { return program_->inputs; }
const std::vector<Port>& Simulator::outputs() const { return program_->outputs; }

Result<Simulator> Simulator::make(const Graph& graph, const std::string& path,
                                  const Discretization& d, Diagnostics& diagnostics) {
  auto program = std::make_unique<Program>();
  NT_TRY(program->plan,
         plan_graph(without_skipped(graph, d, path, "", diagnostics), path, diagnostics));
  GraphPlan& plan = program->plan;
  NT_TRY_VOID(check_outputs(plan, path));
  program->rules.resize(plan.nodes.size());
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    PlannedNode& node = plan.nodes[i];
    const Location at = ModelNode{path, node.name};
    const std::string_view type = type_name(node.primitive);
    if (support(d.dialect, type) == Support::kRefuses) {
      return error("nir.unsupported-node", at,
                   fmt::format("{} does not read {} nodes", d.name, type),
                   "choose another preset; nir_ode runs every type");
    }
    if (d.dialect == Dialect::kSinabs) {
      // Whole sequences run layer by layer there, so nothing comes back from a later layer.
      std::erase_if(node.incoming, [](const PlannedEdge& edge) { return edge.delayed; });
    }
    if (!has_neurons(node.primitive)) continue;
    auto rule = neuron_rule(node.primitive, node.name, node.shape, d);
    if (!rule) {
      Error found = std::move(rule).error();
      found.at = at;
      return found;
    }
    program->rules[i] = *std::move(rule);
  }
  for (const std::size_t i : plan.inputs)
    program->inputs.push_back({plan.nodes[i].name, plan.nodes[i].shape});
  for (const std::size_t i : plan.outputs)
    program->outputs.push_back({plan.nodes[i].name, plan.nodes[i].shape});
  if (d.width == FloatWidth::kFloat32) {
    program->narrow = std::make_unique<Engine<float>>(plan, program->rules);
    NT_TRY_VOID(program->narrow->prepare(d, path));
  } else {
    program->wide = std::make_unique<Engine<double>>(plan, program->rules);
    NT_TRY_VOID(program->wide->prepare(d, path));
  }
  return Simulator(std::move(program));
}

Result<std::vector<Tensor>> Simulator::run(std::span<const Tensor> inputs, std::uint64_t steps,
                                           const NodeObserver& observer) const {
  if (inputs.size() != program_->inputs.size()) {
    return error(
        "eval.stimulus", {},
        fmt::format("the graph has {} inputs and gets {}", program_->inputs.size(), inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = program_->inputs[i];
    const std::int64_t wanted =
        element_count(port.shape).value_or(0) * static_cast<std::int64_t>(steps);
    if (inputs[i].defined() && inputs[i].dtype() == DType::kFloat32 && inputs[i].size() == wanted)
      continue;
    return error("eval.stimulus", ModelNode{"", port.name},
                 fmt::format("input '{}' gets {} values of {}, and needs {} of f32", port.name,
                             inputs[i].size(), short_name(inputs[i].dtype()), wanted));
  }
  return program_->narrow ? program_->narrow->run(inputs, steps, observer)
                          : program_->wide->run(inputs, steps, observer);
}

}  // namespace neurotool::nir
