// The attributes of each operation, in the words of opset 17. Lists that are inputs here and were
// attributes there (axes of a mean) have to be constant.
#include "frontend/onnx/export_ops.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

namespace neurotool::to_onnx {
namespace {

constexpr std::pair<DType, int> kTypes[] = {{DType::kBool, ::onnx::TensorProto::BOOL},
                                            {DType::kInt8, ::onnx::TensorProto::INT8},
                                            {DType::kUint8, ::onnx::TensorProto::UINT8},
                                            {DType::kInt16, ::onnx::TensorProto::INT16},
                                            {DType::kUint16, ::onnx::TensorProto::UINT16},
                                            {DType::kInt32, ::onnx::TensorProto::INT32},
                                            {DType::kUint32, ::onnx::TensorProto::UINT32},
                                            {DType::kInt64, ::onnx::TensorProto::INT64},
                                            {DType::kUint64, ::onnx::TensorProto::UINT64},
                                            {DType::kFloat16, ::onnx::TensorProto::FLOAT16},
                                            {DType::kBfloat16, ::onnx::TensorProto::BFLOAT16},
                                            {DType::kFloat32, ::onnx::TensorProto::FLOAT},
                                            {DType::kFloat64, ::onnx::TensorProto::DOUBLE}};

const char* type_of(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kAbs:
      return "Abs";
    case UnaryKind::kCeil:
      return "Ceil";
    case UnaryKind::kCos:
      return "Cos";
    case UnaryKind::kErf:
      return "Erf";
    case UnaryKind::kExp:
      return "Exp";
    case UnaryKind::kFloor:
      return "Floor";
    case UnaryKind::kLog:
      return "Log";
    case UnaryKind::kNeg:
      return "Neg";
    case UnaryKind::kNot:
      return "Not";
    case UnaryKind::kRelu:
      return "Relu";
    case UnaryKind::kRound:
      return "Round";
    case UnaryKind::kSigmoid:
      return "Sigmoid";
    case UnaryKind::kSign:
      return "Sign";
    case UnaryKind::kSin:
      return "Sin";
    case UnaryKind::kSqrt:
      return "Sqrt";
    case UnaryKind::kTanh:
      return "Tanh";
  }
  return "";
}

const char* type_of(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::kAdd:
      return "Add";
    case BinaryKind::kSub:
      return "Sub";
    case BinaryKind::kMul:
      return "Mul";
    case BinaryKind::kDiv:
      return "Div";
    case BinaryKind::kPow:
      return "Pow";
    case BinaryKind::kMin:
      return "Min";
    case BinaryKind::kMax:
      return "Max";
    case BinaryKind::kMod:
    case BinaryKind::kFmod:
      return "Mod";
    case BinaryKind::kEqual:
      return "Equal";
    case BinaryKind::kLess:
      return "Less";
    case BinaryKind::kLessOrEqual:
      return "LessOrEqual";
    case BinaryKind::kAnd:
      return "And";
    case BinaryKind::kOr:
      return "Or";
    case BinaryKind::kXor:
      return "Xor";
  }
  return "";
}

const char* type_of(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::kMean:
      return "ReduceMean";
    case ReduceKind::kSum:
      return "ReduceSum";
    case ReduceKind::kProd:
      return "ReduceProd";
    case ReduceKind::kMax:
      return "ReduceMax";
    case ReduceKind::kMin:
      return "ReduceMin";
  }
  return "";
}

class Writer {
 public:
  Writer(const TensorGraph& graph, const OpNode& op, ::onnx::NodeProto& node)
      : graph_(graph), op_(op), node_(node) {}

  std::string operator()(const Conv& op) {
    type("Conv");
    windows(op.strides, op.dilations, op.pads);
    return integer("group", op.group);
  }
  std::string operator()(const Gemm& op) {
    type("Gemm");
    real("alpha", op.alpha);
    real("beta", op.beta);
    integer("transA", op.trans_a);
    return integer("transB", op.trans_b);
  }
  std::string operator()(const MatMul&) { return type("MatMul"); }
  std::string operator()(const BatchNorm& op) {
    type("BatchNormalization");
    return real("epsilon", op.epsilon);
  }
  std::string operator()(const MaxPool& op) {
    type("MaxPool");
    integers("kernel_shape", op.kernel);
    windows(op.strides, op.dilations, op.pads);
    integer("ceil_mode", op.ceil_mode);
    if (op.result == PoolResult::kValue) return {};
    // The places are the second output; the first has no reader.
    const std::string places = node_.output(0);
    node_.set_output(0, op_.name + ".values");
    node_.add_output(places);
    return integer("storage_order", op.result == PoolResult::kColumnIndex);
  }
  std::string operator()(const AveragePool& op) {
    if (std::ranges::any_of(op.dilations, [](std::int64_t d) { return d != 1; })) {
      return "has dilated windows, which opset 17 does not know";
    }
    type("AveragePool");
    integers("kernel_shape", op.kernel);
    windows(op.strides, {}, op.pads);
    integer("ceil_mode", op.ceil_mode);
    return integer("count_include_pad", op.count_include_pad);
  }
  std::string operator()(const GlobalAveragePool&) { return type("GlobalAveragePool"); }
  std::string operator()(const Unary& op) { return type(type_of(op.kind)); }
  std::string operator()(const Binary& op) {
    type(type_of(op.kind));
    return op.kind == BinaryKind::kFmod ? integer("fmod", 1) : std::string();
  }
  std::string operator()(const Clip&) { return type("Clip"); }
  std::string operator()(const Where&) { return type("Where"); }
  std::string operator()(const Softmax& op) {
    type(op.kind == SoftmaxKind::kSoftmax      ? "Softmax"
         : op.kind == SoftmaxKind::kLogSoftmax ? "LogSoftmax"
                                               : "Hardmax");
    return integer("axis", op.axis);
  }
  std::string operator()(const Flatten& op) {
    type("Flatten");
    return integer("axis", op.axis);
  }
  std::string operator()(const Reshape& op) {
    type("Reshape");
    return integer("allowzero", op.allow_zero);
  }
  std::string operator()(const Transpose& op) {
    type("Transpose");
    return op.perm.empty() ? std::string() : integers("perm", op.perm);
  }
  std::string operator()(const Squeeze&) { return type("Squeeze"); }
  std::string operator()(const Unsqueeze&) { return type("Unsqueeze"); }
  std::string operator()(const Concat& op) {
    type("Concat");
    return integer("axis", op.axis);
  }
  std::string operator()(const Slice&) { return type("Slice"); }
  std::string operator()(const Pad& op) {
    if (op_.inputs.size() > 3 && op_.inputs[3].valid()) {
      return "pads some axes only, which opset 17 does not know";
    }
    if (op.mode == PadMode::kWrap) return "wraps around, which opset 17 does not know";
    type("Pad");
    return text("mode", op.mode == PadMode::kConstant  ? "constant"
                        : op.mode == PadMode::kReflect ? "reflect"
                                                       : "edge");
  }
  std::string operator()(const Expand&) { return type("Expand"); }
  std::string operator()(const Tile&) { return type("Tile"); }
  std::string operator()(const Gather& op) {
    type("Gather");
    return integer("axis", op.axis);
  }
  std::string operator()(const Reduce& op) {
    type(type_of(op.kind));
    integer("keepdims", op.keep_dims);
    const bool has_axes = op_.inputs.size() > 1 && op_.inputs[1].valid();
    if (!has_axes || op.kind == ReduceKind::kSum) return {};
    const Tensor& axes = graph_[op_.inputs[1]].constant;
    if (!axes.defined()) return "has computed axes, which opset 17 does not know";
    const Tensor numbers = axes.converted(DType::kInt64);
    node_.mutable_input()->RemoveLast();
    return integers("axes", numbers.as<std::int64_t>());
  }
  std::string operator()(const ArgMax& op) {
    type("ArgMax");
    integer("axis", op.axis);
    integer("keepdims", op.keep_dims);
    return integer("select_last_index", op.select_last);
  }
  std::string operator()(const NumberRange&) { return type("Range"); }
  std::string operator()(const Einsum& op) {
    type("Einsum");
    return text("equation", op.equation);
  }
  std::string operator()(const Cast& op) {
    type("Cast");
    return integer("to", onnx_type(op.to));
  }
  std::string operator()(const ShapeOf& op) {
    type("Shape");
    if (op.end) integer("end", *op.end);
    return integer("start", op.start);
  }
  std::string operator()(const ConstantOfShape& op) {
    type("ConstantOfShape");
    auto& attribute = named("value", ::onnx::AttributeProto::TENSOR);
    write_tensor(op.value, *attribute.mutable_t());
    return {};
  }
  std::string operator()(const Identity&) { return type("Identity"); }
  template <class Other>
  std::string operator()(const Other& op) {
    return fmt::format("is a '{}', which is not written as ONNX", op_name(op));
  }

 private:
  std::string type(const char* name) {
    node_.set_op_type(name);
    return {};
  }
  ::onnx::AttributeProto& named(const char* name, ::onnx::AttributeProto::AttributeType type) {
    auto& attribute = *node_.add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }
  std::string integer(const char* name, std::int64_t value) {
    named(name, ::onnx::AttributeProto::INT).set_i(value);
    return {};
  }
  std::string real(const char* name, float value) {
    named(name, ::onnx::AttributeProto::FLOAT).set_f(value);
    return {};
  }
  std::string text(const char* name, const std::string& value) {
    named(name, ::onnx::AttributeProto::STRING).set_s(value);
    return {};
  }
  std::string integers(const char* name, std::span<const std::int64_t> values) {
    auto& attribute = named(name, ::onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
    return {};
  }
  void windows(std::span<const std::int64_t> strides, std::span<const std::int64_t> dilations,
               std::span<const std::int64_t> pads) {
    if (!strides.empty()) integers("strides", strides);
    if (!dilations.empty()) integers("dilations", dilations);
    if (!pads.empty()) integers("pads", pads);
  }

  const TensorGraph& graph_;
  const OpNode& op_;
  ::onnx::NodeProto& node_;
};

}  // namespace

int onnx_type(DType dtype) {
  const auto* found = std::ranges::find(kTypes, dtype, [](const auto& row) { return row.first; });
  NT_CHECK(found != std::end(kTypes), "every element type has a number in ONNX");
  return found->second;
}

void write_tensor(const Tensor& tensor, ::onnx::TensorProto& out) {
  for (const std::int64_t extent : tensor.shape()) out.add_dims(extent);
  out.set_data_type(onnx_type(tensor.dtype()));
  out.set_raw_data(tensor.data(), tensor.bytes());
}

std::string write_op(const TensorGraph& graph, const OpNode& op, ::onnx::NodeProto& node) {
  return std::visit(Writer(graph, op, node), op.op);
}

}  // namespace neurotool::to_onnx
