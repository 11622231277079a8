// Removes what changes nothing: Identity (and Dropout, which arrives as one), casts to the same
// type, pads by zero, slices of everything, reshapes to the same shape, transposes that move no
// axis, windows of one element, joins of one part. Writes the other spellings of ReLU, Clip(x, 0,
// inf), Max(x, 0) and Where(x > 0, x, 0), as what they are.
#include <algorithm>
#include <limits>

#include "ir/op_geometry.hpp"
#include "passes/tensor/pass_tools.hpp"
#include "passes/tensor/tensor_pass.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {
namespace {

using namespace tensor_passes;

/// Both known and equal; one free extent may stand at the same place in both, since the number of
/// elements then makes it equal too.
bool same_shape(const TensorType& a, const TensorType& b) {
  return a.shape && b.shape && *a.shape == *b.shape && std::ranges::count(*a.shape, kFreeDim) <= 1;
}

bool all_elements_are(const Tensor& tensor, double wanted) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.at(i) != wanted) return false;
  }
  return tensor.defined();
}

/// What is known around one op.
struct Site {
  const TensorGraph& graph;
  const OpNode& node;
  const ValueTypes& types;

  const TensorType& in(std::size_t index) const { return types[node.inputs[index]]; }
  const TensorType& out() const { return types[node.outputs[0]]; }
  const Tensor& constant(std::size_t index) const { return constant_of(graph, node, index); }
  bool has(std::size_t index) const { return input_of(node, index).valid(); }
};

/// Whether the op's output is its first input, unchanged.
struct IsIdentity {
  Site at;

  bool operator()(const Identity&) const { return true; }
  bool operator()(const Cast& op) const { return at.in(0).dtype == op.to; }
  bool operator()(const Pad&) const { return all_elements_are(at.constant(1), 0); }
  bool operator()(const Reshape&) const { return same_shape(at.in(0), at.out()); }
  bool operator()(const Flatten&) const { return same_shape(at.in(0), at.out()); }
  bool operator()(const Squeeze&) const { return same_shape(at.in(0), at.out()); }
  bool operator()(const Unsqueeze&) const { return same_shape(at.in(0), at.out()); }
  bool operator()(const Expand&) const { return same_shape(at.in(0), at.out()); }
  bool operator()(const Tile&) const { return all_elements_are(at.constant(1), 1); }
  bool operator()(const Concat&) const { return at.node.inputs.size() == 1; }

  bool operator()(const Transpose& op) const {
    const std::size_t rank = at.in(0).shape ? at.in(0).shape->size() : op.perm.size();
    if (op.perm.empty()) return at.in(0).shape && rank < 2;
    const auto perm = normal_axes(op.perm, rank, "permuted axis");
    return perm && std::ranges::is_sorted(*perm);
  }

  bool operator()(const Slice&) const {
    const auto list = [&](std::size_t index) -> std::optional<std::vector<std::int64_t>> {
      if (!at.has(index)) return std::vector<std::int64_t>();
      if (!at.constant(index).defined()) return std::nullopt;
      const auto values = integers_of(at.constant(index), "slice");
      return values ? std::optional(*values) : std::nullopt;
    };
    const auto starts = list(1), ends = list(2), axes = list(3), steps = list(4);
    if (!at.in(0).shape || !starts || !ends || !axes || !steps) return false;
    const auto ranges = slice_ranges(*at.in(0).shape, *starts, *ends, *axes, *steps);
    return ranges && std::ranges::all_of(*ranges, &SliceRange::whole);
  }

  bool operator()(const Clip&) const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return (!at.has(1) || all_elements_are(at.constant(1), -kInfinity)) &&
           (!at.has(2) || all_elements_are(at.constant(2), kInfinity));
  }

  bool operator()(const MaxPool& op) const {
    return op.result == PoolResult::kValue && is_point(op);
  }
  bool operator()(const AveragePool& op) const { return is_point(op); }

  bool operator()(const Conv&) const { return false; }
  bool operator()(const Gemm&) const { return false; }
  bool operator()(const MatMul&) const { return false; }
  bool operator()(const BatchNorm&) const { return false; }
  bool operator()(const GlobalAveragePool&) const { return false; }
  bool operator()(const Unary&) const { return false; }
  bool operator()(const Binary&) const { return false; }
  bool operator()(const Softmax&) const { return false; }
  bool operator()(const Gather&) const { return false; }
  bool operator()(const Where&) const { return false; }
  bool operator()(const Reduce&) const { return false; }
  bool operator()(const ArgMax&) const { return false; }
  bool operator()(const NumberRange&) const { return false; }
  bool operator()(const Einsum&) const { return false; }
  bool operator()(const Resize&) const { return false; }
  bool operator()(const Recurrent&) const { return false; }
  bool operator()(const ShapeOf&) const { return false; }
  bool operator()(const ConstantOfShape&) const { return false; }
  bool operator()(const QuantizedActivation&) const { return false; }

 private:
  template <class Pool>
  static bool is_point(const Pool& op) {
    const auto all = [](const std::vector<std::int64_t>& list, std::int64_t wanted) {
      return std::ranges::all_of(list, [=](std::int64_t value) { return value == wanted; });
    };
    return all(op.kernel, 1) && all(op.strides, 1) && all(op.pads, 0);
  }
};

/// Whether input `index` is 0, without making the op's output larger than `other`.
bool is_zero_for(const Site& at, std::size_t index, std::size_t other) {
  if (!all_elements_are(at.constant(index), 0)) return false;
  // Zeros of a larger shape would repeat x.
  const bool keeps_shape = at.constant(index).size() == 1 && at.constant(index).rank() == 0;
  return keeps_shape || same_shape(at.in(other), at.out());
}

/// Where(x > 0, x, 0) and Where(x < 0, 0, x), with >= and <= too: both make 0 of 0.
ValueId chosen_relu(const Site& at) {
  for (const std::size_t kept : {std::size_t{1}, std::size_t{2}}) {
    const ValueId x = at.node.inputs[kept];
    const OpId producer = at.graph[at.node.inputs[0]].producer;
    if (!is_zero_for(at, 3 - kept, kept) || !producer.valid()) continue;
    const OpNode& condition = at.graph[producer];
    const auto* compare = std::get_if<Binary>(&condition.op);
    if (!compare ||
        (compare->kind != BinaryKind::kLess && compare->kind != BinaryKind::kLessOrEqual))
      continue;
    // 0 < x keeps x where it holds, x < 0 where it does not.
    const std::size_t side = kept == 1 ? 1 : 0;
    const Site of{at.graph, condition, at.types};
    if (condition.inputs[side] == x && is_zero_for(of, 1 - side, side)) return x;
  }
  return {};
}

/// The value whose ReLU this op computes, or an invalid id.
ValueId relu_of(const Site& at) {
  const float kMost = std::numeric_limits<float>::max();
  if (std::holds_alternative<Clip>(at.node.op)) {
    const Tensor& most = at.constant(2);
    const bool open = !at.has(2) || (most.defined() && most.size() == 1 &&
                                     most.at(0) >= static_cast<double>(kMost));
    return open && all_elements_are(at.constant(1), 0) ? at.node.inputs[0] : ValueId{};
  }
  if (std::holds_alternative<Where>(at.node.op)) return chosen_relu(at);
  const auto* binary = std::get_if<Binary>(&at.node.op);
  if (!binary || binary->kind != BinaryKind::kMax) return {};
  for (const std::size_t zero : {std::size_t{0}, std::size_t{1}}) {
    if (is_zero_for(at, zero, 1 - zero)) return at.node.inputs[1 - zero];
  }
  return {};
}

/// Removes the op that made a value which nobody reads any more.
void remove_unread(TensorGraph& graph, ValueId id) {
  const OpId producer = graph[id].producer;
  if (producer.valid() && graph.users(id).empty() && !graph.is_output(id)) graph.remove(producer);
}

/// Turns the other spellings of a ReLU into one.
Changed write_relus(TensorGraph& graph, const ValueTypes& types) {
  Changed changed = Changed::kNo;
  for (const OpId id : graph.live_ops()) {
    OpNode& node = graph[id];
    const ValueId of = relu_of({graph, node, types});
    if (!of.valid()) continue;
    const bool chose = std::holds_alternative<Where>(node.op);
    const ValueId condition = node.inputs[0];
    node.op = Unary{.kind = UnaryKind::kRelu};
    node.inputs = {of};
    if (chose) remove_unread(graph, condition);
    changed = Changed::kYes;
  }
  return changed;
}

Result<Changed> remove_identity(TensorGraph& graph, const Model&, Context&) {
  const ValueTypes types = types_of(graph);
  Changed changed = write_relus(graph, types);
  // What each value is read as: one pass over all readers in the end, not one for each removal.
  std::vector<ValueId> instead(graph.values.size());
  const auto resolved = [&](ValueId id) {
    return id.valid() && instead[id.index].valid() ? instead[id.index] : id;
  };
  std::vector<bool> is_output(graph.values.size(), false);
  for (const ValueId id : graph.outputs) is_output[id.index] = true;
  for (const OpId id : graph.topological_order()) {
    const OpNode& node = graph[id];
    if (!std::visit(IsIdentity{{graph, node, types}}, node.op)) continue;
    const ValueId from = resolved(node.inputs[0]), to = node.outputs[0];
    if (is_output[to.index]) {
      // The network's result keeps its name: the value before takes it over, unless that is an
      // input, a constant or a result itself.
      if (is_output[from.index] || !graph[from].producer.valid()) continue;
      std::swap(graph[from].name, graph[to].name);
      is_output[from.index] = true;
    }
    instead[to.index] = from;
    graph.remove(id);
    changed = Changed::kYes;
  }
  for (const OpId id : graph.live_ops()) {
    for (ValueId& input : graph[id].inputs) input = resolved(input);
  }
  for (ValueId& output : graph.outputs) output = resolved(output);
  return changed;
}

}  // namespace

PassEntry remove_identity_entry() {
  return tensor_pass_entry<remove_identity>(
      "remove_identity", "Removes ops that change nothing and writes every rectifier as Relu.",
      [](const yaml::Node& section, std::string_view path, Diagnostics& out) {
        return create_without_options<remove_identity>("remove_identity", section, path, out);
      });
}

}  // namespace neurotool
