// The operations that have no place in a graph of binary neurons, each with its reason. The visitor
// has no default branch: a new operation must say here whether it can be lowered.
#include "passes/lower/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.hpp"

namespace neurotool::lower {
namespace {

constexpr const char* kFoldHelp =
    "put 'infer_shapes' and 'fold_constants' before '{pass}'; what remains after them depends on "
    "data";
constexpr const char* kQuantiserHelp =
    "put 'recognise_quantizers' before '{pass}'; what remains after it is no quantiser";
constexpr const char* kTrainHelp = "train the network with Relu, or with Clip from 0 to a bound";
constexpr const char* kExportHelp = "export the network in float32";

bool jumps(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kCeil:
    case UnaryKind::kFloor:
    case UnaryKind::kNot:
    case UnaryKind::kRound:
    case UnaryKind::kSign:
      return true;
    case UnaryKind::kAbs:
    case UnaryKind::kCos:
    case UnaryKind::kErf:
    case UnaryKind::kExp:
    case UnaryKind::kLog:
    case UnaryKind::kNeg:
    case UnaryKind::kRelu:
    case UnaryKind::kSigmoid:
    case UnaryKind::kSin:
    case UnaryKind::kSqrt:
    case UnaryKind::kTanh:
      return false;
  }
  check_failed(__FILE__, __LINE__, "kind", "no such function");
}

class ByKind {
 public:
  ByKind(const TensorGraph& graph, const OpNode& node) : graph_(graph), node_(node) {}

  using Answer = std::optional<Refusal>;

  Answer operator()(const Conv&) const { return constant_weight("convolves two activations"); }
  Answer operator()(const Gemm& op) const {
    if (op.trans_a)
      return Refusal{"transposes its first operand", "export the layer without transA"};
    return constant_weight("multiplies two activations");
  }
  Answer operator()(const MatMul&) const { return constant_weight("multiplies two activations"); }
  Answer operator()(const BatchNorm&) const {
    return Refusal{"is not folded into a convolution or a matrix",
                   "put 'fold_batch_norm' before '{pass}'"};
  }
  Answer operator()(const MaxPool& op) const {
    if (op.result == PoolResult::kValue) return undilated(op.dilations);
    return Refusal{"gives the place of a maximum, which no payload stands for",
                   "export the network with the value of MaxPool alone"};
  }
  Answer operator()(const AveragePool& op) const { return undilated(op.dilations); }
  Answer operator()(const GlobalAveragePool&) const { return {}; }
  Answer operator()(const Unary& op) const {
    if (op.kind == UnaryKind::kRelu || op.kind == UnaryKind::kNeg) return {};
    if (jumps(op.kind)) {
      return Refusal{"jumps, and in a spiking network only quantised activations do",
                     kQuantiserHelp};
    }
    return Refusal{"is not a function that an integrate-and-fire neuron computes", kTrainHelp};
  }
  Answer operator()(const Binary& op) const {
    const bool both = !is_constant(0) && !is_constant(1);
    switch (op.kind) {
      case BinaryKind::kAdd:
      case BinaryKind::kSub:
        return {};
      case BinaryKind::kMul:
        if (both) return two_activations("multiplies two activations");
        return {};
      case BinaryKind::kDiv:
        if (!is_constant(1)) return two_activations("divides by an activation");
        return {};
      case BinaryKind::kPow:
      case BinaryKind::kMin:
      case BinaryKind::kMax:
      case BinaryKind::kMod:
      case BinaryKind::kFmod:
        break;
      case BinaryKind::kEqual:
      case BinaryKind::kLess:
      case BinaryKind::kLessOrEqual:
      case BinaryKind::kAnd:
      case BinaryKind::kOr:
      case BinaryKind::kXor:
        return decides();
    }
    return Refusal{"is neither a sum nor a scaling", kTrainHelp};
  }
  Answer operator()(const Clip&) const {
    const bool known = (!has(1) || is_constant(1)) && (!has(2) || is_constant(2));
    if (!known) return Refusal{"has bounds that are computed from data", kFoldHelp};
    if (bound(1) != 0.0) {
      return Refusal{"does not begin at 0", "train the network with Clip from 0 to a bound"};
    }
    if (has(2) && bound(2) <= 0) {
      return Refusal{fmt::format("ends at {}, not above 0", bound(2)),
                     "train the network with Clip from 0 to a bound above 0"};
    }
    return {};
  }
  Answer operator()(const Where&) const { return decides(); }
  Answer operator()(const Softmax&) const { return {}; }
  Answer operator()(const Flatten&) const { return {}; }
  Answer operator()(const Reshape&) const { return constant_arguments(); }
  Answer operator()(const Transpose&) const { return {}; }
  Answer operator()(const Squeeze&) const { return constant_arguments(); }
  Answer operator()(const Unsqueeze&) const { return constant_arguments(); }
  Answer operator()(const Concat&) const { return {}; }
  Answer operator()(const Slice&) const { return constant_arguments(); }
  Answer operator()(const Pad& op) const {
    if (op.mode != PadMode::kConstant) {
      return Refusal{"repeats activations in its padding", "train the network with zero padding"};
    }
    const auto refused = constant_arguments();
    if (refused || !has(2) || graph_[node_.inputs[2]].constant.at(0) == 0) return refused;
    return Refusal{fmt::format("pads with {}, and a silent neuron stands for 0",
                               graph_[node_.inputs[2]].constant.at(0)),
                   "train the network with zero padding"};
  }
  Answer operator()(const Gather&) const { return constant_arguments(); }
  Answer operator()(const Expand&) const { return constant_arguments(); }
  Answer operator()(const Tile&) const { return constant_arguments(); }
  Answer operator()(const Reduce& op) const {
    if (op.kind == ReduceKind::kMean) return constant_arguments();
    return Refusal{"is no mean", "take a mean over the spatial axes, which synapses can compute"};
  }
  Answer operator()(const ArgMax&) const {
    return Refusal{"picks an index, and synapses only add",
                   "end the network before it: the class with the most spikes is reported"};
  }
  Answer operator()(const NumberRange&) const { return Refusal{"computes with shapes", kFoldHelp}; }
  Answer operator()(const Einsum&) const {
    return Refusal{"is a sum of products in einsum notation",
                   "export the layer as MatMul with a constant weight"};
  }
  Answer operator()(const Resize&) const {
    return Refusal{"resamples its input",
                   "use a transposed convolution, or resize the data before"};
  }
  Answer operator()(const Recurrent&) const {
    return Refusal{"is a recurrent layer with gates",
                   "train the network with spiking recurrent neurons, or feed-forward layers"};
  }
  Answer operator()(const Cast& op) const {
    const DType from = graph_[node_.inputs.at(0)].dtype;
    // Levels stored as integers are the same numbers as float32, as between two QLinear operators.
    if (op.to == DType::kFloat32 && (from == op.to || is_integer(from))) return {};
    return Refusal{
        fmt::format("changes the element type from {} to {}", short_name(from), short_name(op.to)),
        instead_of_cast(from, op.to)};
  }
  Answer operator()(const ShapeOf&) const { return Refusal{"computes with shapes", kFoldHelp}; }
  Answer operator()(const ConstantOfShape&) const {
    return Refusal{"computes with shapes", kFoldHelp};
  }
  Answer operator()(const Identity&) const { return {}; }
  Answer operator()(const QuantizedActivation&) const {
    if (is_constant(1)) return {};
    return Refusal{"has a scale that is computed from data", kFoldHelp};
  }

 private:
  bool has(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i].valid(); }
  bool is_constant(std::size_t i) const {
    return has(i) && graph_[node_.inputs[i]].constant.defined();
  }
  double bound(std::size_t i) const {
    return is_constant(i) ? graph_[node_.inputs[i]].constant.at(0)
                          : -std::numeric_limits<double>::infinity();
  }

  static Answer undilated(const std::vector<std::int64_t>& dilations) {
    const auto is_one = [](std::int64_t d) { return d == 1; };
    if (std::ranges::all_of(dilations, is_one)) return {};
    return Refusal{"has dilated windows", "use windows without dilation"};
  }
  static Refusal decides() { return {"decides between values, and synapses only add", kTrainHelp}; }
  static const char* instead_of_cast(DType from, DType to) {
    if (from == DType::kBool || to == DType::kBool) return kTrainHelp;
    if (is_float(from)) return is_float(to) ? kExportHelp : kQuantiserHelp;
    return kFoldHelp;
  }
  static Refusal two_activations(const char* reason) {
    return {reason, "'{pass}' lowers feed-forward networks of linear layers and rectifiers"};
  }
  Answer constant_weight(const char* reason) const {
    if (!is_constant(1)) {
      if (!is_constant(0)) return two_activations(reason);
      return Refusal{"multiplies a constant from the left",
                     "export the layer with the constant as its second operand"};
    }
    if (is_constant(0)) return Refusal{"works on constants alone", kFoldHelp};
    const DType type = graph_[node_.inputs[1]].constant.dtype();
    if (type != DType::kFloat32) {
      return Refusal{fmt::format("has weights of type {}", short_name(type)), kExportHelp};
    }
    if (has(2) && !is_constant(2)) return two_activations("adds an activation as its bias");
    return {};
  }
  /// Everything but the data must be known.
  Answer constant_arguments() const {
    for (std::size_t i = 1; i < node_.inputs.size(); ++i) {
      if (has(i) && !is_constant(i)) return Refusal{"takes its arguments from data", kFoldHelp};
    }
    if (is_constant(0)) return Refusal{"works on constants alone", kFoldHelp};
    return {};
  }

  const TensorGraph& graph_;
  const OpNode& node_;
};

}  // namespace

std::optional<Refusal> refusal_by_kind(const TensorGraph& graph, const OpNode& node) {
  return std::visit(ByKind(graph, node), node.op);
}

Error unsupported(const std::string& model_path, const OpNode& node, const Refusal& refusal) {
  const std::string& name = node.origins.empty() ? node.name : node.origins.front();
  return error("lowering.unsupported-op", ModelNode{model_path, name},
               fmt::format("'{}' ({}) {}", name, op_name(node.op), refusal.reason), refusal.help);
}

}  // namespace neurotool::lower
