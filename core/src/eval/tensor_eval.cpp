// Runs ops one after the other and forgets each value after its last reader. Threads work inside
// the ops, over samples and rows (tensor_linear.hpp says why that keeps results the same); run()
// may be called from within a parallel_for as well. Batches of 32 to 256 samples keep the values in
// cache.
#include "eval/tensor_eval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <new>
#include <optional>
#include <type_traits>

#include "base/text.hpp"
#include "eval/kernels.hpp"
#include "eval/tensor_linear.hpp"
#include "ir/op_types.hpp"

namespace neurotool {
namespace {

/// No value of a network that fits a machine is larger.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 34;

template <class T>
constexpr bool kIsLinear =
    std::is_same_v<T, Conv> || std::is_same_v<T, Gemm> || std::is_same_v<T, MatMul>;

Error with_code(Error problem) {
  if (problem.code == "ir.shape" || problem.code == "ir.type") problem.code = "eval.shape";
  return problem;
}

/// The type of the result, with every extent known.
Result<TensorType> checked_type(const Op& op, std::span<const Tensor> inputs) {
  std::vector<TensorType> types;
  for (const Tensor& input : inputs) {
    types.push_back(input.defined() ? type_of(input) : TensorType{});
  }
  std::vector<const TensorType*> known;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    known.push_back(inputs[i].defined() ? &types[i] : nullptr);
  }
  auto type = infer_type(op, known);
  if (!type) return with_code(std::move(type).error());
  const auto count = type->shape ? element_count(*type->shape) : std::nullopt;
  NT_CHECK(count.has_value(), "a shape is open although every input is known");
  if (*count > kMostBytes / static_cast<std::int64_t>(byte_size(type->dtype))) {
    return error("eval.size", {},
                 fmt::format("the result {} takes more than 16 GiB", to_string(*type->shape)),
                 "use a smaller batch");
  }
  return type;
}

Result<Tensor> compute(const Op& op, std::span<const Tensor> inputs, LinearCache& cache,
                       bool weight_is_constant) {
  NT_TRY(const TensorType type, checked_type(op, inputs));
  try {
    return std::visit(
        [&]<class T>(const T& kind) -> Result<Tensor> {
          if constexpr (kIsLinear<T>) return cache.run(kind, inputs, type, weight_is_constant);
          if constexpr (!kIsLinear<T>) return kernels::run(kind, inputs, type);
        },
        op);
  } catch (const std::bad_alloc&) {
    return error("eval.size", {},
                 fmt::format("there is no memory for the result {}", to_string(*type.shape)),
                 "use a smaller batch");
  }
}

}  // namespace

Result<std::vector<Tensor>> evaluate_op(const Op& op, std::span<const Tensor> inputs) {
  LinearCache cache;
  NT_TRY(Tensor result, compute(op, inputs, cache, false));
  return std::vector<Tensor>{std::move(result)};
}

struct TensorEvaluator::State {
  struct Step {
    OpId op;
    std::vector<ValueId> last_used;  ///< values that nobody reads after this step
    bool weight_is_constant = false;
    std::unique_ptr<LinearCache> cache = std::make_unique<LinearCache>();
  };

  explicit State(const TensorGraph& graph_to_run) : graph(graph_to_run) {
    std::map<ValueId, std::size_t> last_reader;
    for (const OpId id : graph.topological_order()) {
      const OpNode& node = graph[id];
      for (const ValueId input : node.inputs) {
        if (input.valid()) last_reader[input] = steps.size();
      }
      // A result that nobody reads goes at once.
      for (const ValueId output : node.outputs) last_reader[output] = steps.size();
      Step step;
      step.op = id;
      step.weight_is_constant = node.inputs.size() > 1 && node.inputs[1].valid() &&
                                graph[node.inputs[1]].constant.defined();
      steps.push_back(std::move(step));
    }
    for (const auto& [value, step] : last_reader) {
      if (!graph.is_output(value)) steps[step].last_used.push_back(value);
    }
  }

  const TensorGraph& graph;
  std::vector<Step> steps;
};

namespace {

Location at_node(const std::string& name) { return ModelNode{.path = {}, .node = name}; }

Result<> check_input(const Value& value, const Tensor& given) {
  const auto refuse = [&](std::string message) {
    return error("eval.shape", at_node(value.name), std::move(message));
  };
  if (!given.defined() || given.dtype() != value.dtype) {
    return refuse(fmt::format("input '{}' takes {}, got {}", value.name, short_name(value.dtype),
                              given.defined() ? short_name(given.dtype()) : "nothing"));
  }
  if (!value.shape) return {};
  const bool fits = std::ranges::equal(*value.shape, given.shape(), [](auto wanted, auto got) {
    return wanted == kFreeDim || wanted == got;
  });
  if (fits) return {};
  return refuse(fmt::format("input '{}' takes {}, got {}", value.name, to_string(*value.shape),
                            to_string(given.shape())));
}

/// The values of one run, and who wants to see them.
class Run {
 public:
  Run(const TensorGraph& graph, std::span<const ValueId> watch, const ValueObserver& observer)
      : graph_(graph), watch_(watch), observer_(observer), values_(graph.values.size()) {}

  const Tensor& get(ValueId id) const {
    static const Tensor absent;
    if (!id.valid()) return absent;
    const Tensor& constant = graph_[id].constant;
    return constant.defined() ? constant : values_[id.index];
  }

  void set(ValueId id, Tensor tensor) {
    values_[id.index] = std::move(tensor);
    if (observer_ && std::ranges::find(watch_, id) != watch_.end()) {
      observer_(id, values_[id.index]);
    }
  }

  void forget(ValueId id) { values_[id.index] = {}; }

 private:
  const TensorGraph& graph_;
  std::span<const ValueId> watch_;
  const ValueObserver& observer_;
  std::vector<Tensor> values_;
};

}  // namespace

TensorEvaluator::TensorEvaluator(const TensorGraph& graph)
    : state_(std::make_unique<State>(graph)) {}

TensorEvaluator::~TensorEvaluator() = default;

Result<std::vector<Tensor>> TensorEvaluator::run(std::span<const Tensor> inputs,
                                                 std::span<const ValueId> watch,
                                                 const ValueObserver& observer) const {
  const TensorGraph& graph = state_->graph;
  if (inputs.size() != graph.inputs.size()) {
    return error(
        "eval.shape", {},
        fmt::format("the graph takes {} inputs, got {}", graph.inputs.size(), inputs.size()));
  }
  Run values(graph, watch, observer);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    NT_TRY_VOID(check_input(graph[graph.inputs[i]], inputs[i]));
    values.set(graph.inputs[i], inputs[i]);
  }
  std::vector<Tensor> arguments;
  for (const State::Step& step : state_->steps) {
    const OpNode& node = graph[step.op];
    arguments.clear();
    for (const ValueId input : node.inputs) arguments.push_back(values.get(input));
    auto result = compute(node.op, arguments, *step.cache, step.weight_is_constant);
    if (!result) {
      Error problem = std::move(result).error();
      problem.at = at_node(node.name);
      problem.message = fmt::format("{}: {}", op_name(node.op), problem.message);
      return problem;
    }
    values.set(node.outputs[0], *std::move(result));
    for (const ValueId unused : step.last_used) values.forget(unused);
  }
  std::vector<Tensor> outputs;
  for (const ValueId output : graph.outputs) outputs.push_back(values.get(output));
  return outputs;
}

}  // namespace neurotool
