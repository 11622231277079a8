// Computes what does not depend on the network's input: ops whose inputs are all constants, and the
// arithmetic on shapes that exporters leave behind, as far as the shapes are known. A new shape
// that follows the batch and nothing else becomes the constant [-1, …], so that Reshape needs no
// arithmetic at run time, and the arithmetic that has no reader then goes. Results that would be
// larger than max_elements stay computed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/tensor_eval.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

using namespace tensor_passes;

struct FoldConstantsOptions {
  std::int64_t max_elements = std::int64_t{1} << 24;
};

const OptionTable<FoldConstantsOptions>& table() {
  static const OptionTable<FoldConstantsOptions> rows{
      option("max_elements", &FoldConstantsOptions::max_elements,
             "Largest result that is stored as a constant.")
          .range(1, 1e9),
  };
  return rows;
}

bool has_nan(const Tensor& tensor) {
  if (!is_float(tensor.dtype())) return false;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (std::isnan(tensor.at(i))) return true;
  }
  return false;
}

bool is_number(std::int64_t element) {
  return element != TensorType::kFree && element != TensorType::kUnknown;
}

class FoldConstants final : public Pass {
 public:
  explicit FoldConstants(FoldConstantsOptions options) : options_(options) {}

  std::vector<std::pair<std::string, OptionValue>> options() const override {
    return table().values(options_);
  }

  Result<Changed> run(Model& model, Context&) override {
    TensorGraph& graph = model.tensor();
    const std::vector<std::size_t> readers = count_readers(graph);
    ValueTypes types(graph);
    Changed changed = Changed::kNo;
    for (const OpId id : graph.topological_order()) {
      // What does not fit is for infer_shapes to report.
      auto type = types.infer(graph[id]);
      if (!type) continue;
      const ValueId output = graph[id].outputs[0];
      if (const Tensor value = value_of(graph, graph[id], *type); value.defined()) {
        make_constant(graph, id, value);
        types.set(output, type_of(value));
        changed = Changed::kYes;
        continue;
      }
      if (std::holds_alternative<Reshape>(graph[id].op) && simplify_reshape(graph, id, types)) {
        changed = Changed::kYes;
      }
      types.set(output, *std::move(type));
    }
    if (changed == Changed::kYes) remove_finished(graph, readers);
    return changed;
  }

 private:
  /// The value of the node's output if it is known and small enough; undefined otherwise.
  Tensor value_of(const TensorGraph& graph, const OpNode& node, const TensorType& type) const {
    const auto count = type.shape ? element_count(*type.shape) : std::nullopt;
    if (!count || *count > options_.max_elements) return {};
    if (type.elements && std::ranges::all_of(*type.elements, is_number)) {
      return Tensor::from<std::int64_t>(*type.shape, *type.elements).converted(type.dtype);
    }
    std::vector<Tensor> inputs;
    for (const ValueId input : node.inputs) {
      inputs.push_back(input.valid() ? graph[input].constant : Tensor());
      if (input.valid() && !inputs.back().defined()) return {};
    }
    const auto result = evaluate_op(node.op, inputs);
    // Not a number is for the run to show, not for the weights to hold.
    if (!result || has_nan((*result)[0])) return {};
    return (*result)[0];
  }

  /// The op goes; its output stays, under its name, as a constant.
  static void make_constant(TensorGraph& graph, OpId id, const Tensor& tensor) {
    Value& value = graph[graph[id].outputs[0]];
    value.producer = {};
    value.dtype = tensor.dtype();
    value.shape = tensor.shape();
    value.constant = tensor;
    graph[id].outputs.clear();
    graph.remove(id);
  }

  /// A new shape with one part that is not known: a constant with -1 there, or with 0 where it
  /// copies the batch and -1 is taken.
  static bool simplify_reshape(TensorGraph& graph, OpId id, const ValueTypes& types) {
    const OpNode& node = graph[id];
    const TensorType& wanted = types[node.inputs[1]];
    if (wanted.constant.defined() || !wanted.elements) return false;
    std::vector<std::int64_t> shape = *wanted.elements;
    if (std::ranges::count_if(shape, is_number) + 1 != std::ssize(shape)) return false;
    // A computed 0 would copy an extent once it is constant, or already does.
    if (std::ranges::find(shape, 0) != shape.end()) return false;
    const auto open = std::ranges::find_if_not(shape, is_number);
    if (std::ranges::find(shape, -1) == shape.end()) {
      *open = -1;
    } else {
      const auto axis = static_cast<std::size_t>(open - shape.begin());
      const auto& data = types[node.inputs[0]].shape;
      const bool copies = *open == TensorType::kFree && data && axis < data->size() &&
                          (*data)[axis] == kFreeDim && std::ranges::count(*data, kFreeDim) == 1;
      if (!copies) return false;
      *open = 0;
    }
    const auto rank = static_cast<std::int64_t>(shape.size());
    const std::string name = graph[node.inputs[1]].name + "/folded";
    const ValueId constant =
        graph.add_constant(name, Tensor::from<std::int64_t>({rank}, std::move(shape)));
    graph[id].inputs[1] = constant;
    graph[id].op = Reshape{.allow_zero = false};
    return true;
  }

  /// Shape arithmetic whose last reader went. What nobody read before stays as it is.
  static void remove_finished(TensorGraph& graph, const std::vector<std::size_t>& readers_before) {
    std::vector<std::size_t> readers = count_readers(graph);
    const std::vector<OpId> order = graph.topological_order();
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
      const bool finished = std::ranges::all_of(graph[*id].outputs, [&](ValueId output) {
        return readers[output.index] == 0 && readers_before[output.index] > 0;
      });
      if (!finished) continue;
      for (const ValueId input : graph[*id].inputs) {
        if (input.valid()) --readers[input.index];
      }
      graph.remove(*id);
    }
  }

  FoldConstantsOptions options_;
};

}  // namespace

PassEntry fold_constants_entry() {
  return {.info = {.name = "fold_constants",
                   .summary = "Computes what does not depend on an input.",
                   .from = Level::kTensor,
                   .to = Level::kTensor},
          .options = table().infos(),
          .create = [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
            return create_pass<FoldConstants>(table(), "fold_constants", section, path, out);
          }};
}

}  // namespace neurotool
