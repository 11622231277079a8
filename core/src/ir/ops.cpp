// The words for operations in dumps and messages.
#include "ir/ops.hpp"

#include "ir/words.hpp"

namespace neurotool {
namespace {

struct Namer {
  std::string_view operator()(const Conv&) const { return "conv"; }
  std::string_view operator()(const Gemm&) const { return "gemm"; }
  std::string_view operator()(const MatMul&) const { return "mat_mul"; }
  std::string_view operator()(const BatchNorm&) const { return "batch_norm"; }
  std::string_view operator()(const MaxPool&) const { return "max_pool"; }
  std::string_view operator()(const AveragePool&) const { return "average_pool"; }
  std::string_view operator()(const GlobalAveragePool&) const { return "global_average_pool"; }
  std::string_view operator()(const Unary& op) const { return word_of(op.kind); }
  std::string_view operator()(const Binary& op) const { return word_of(op.kind); }
  std::string_view operator()(const Clip&) const { return "clip"; }
  std::string_view operator()(const Where&) const { return "where"; }
  std::string_view operator()(const Softmax& op) const { return word_of(op.kind); }
  std::string_view operator()(const Flatten&) const { return "flatten"; }
  std::string_view operator()(const Reshape&) const { return "reshape"; }
  std::string_view operator()(const Transpose&) const { return "transpose"; }
  std::string_view operator()(const Squeeze&) const { return "squeeze"; }
  std::string_view operator()(const Unsqueeze&) const { return "unsqueeze"; }
  std::string_view operator()(const Concat&) const { return "concat"; }
  std::string_view operator()(const Slice&) const { return "slice"; }
  std::string_view operator()(const Pad&) const { return "pad"; }
  std::string_view operator()(const Expand&) const { return "expand"; }
  std::string_view operator()(const Tile&) const { return "tile"; }
  std::string_view operator()(const Gather&) const { return "gather"; }
  std::string_view operator()(const Reduce& op) const { return word_of(op.kind); }
  std::string_view operator()(const ArgMax&) const { return "arg_max"; }
  std::string_view operator()(const NumberRange&) const { return "range"; }
  std::string_view operator()(const Einsum&) const { return "einsum"; }
  std::string_view operator()(const Resize&) const { return "resize"; }
  std::string_view operator()(const Recurrent& op) const { return word_of(op.kind); }
  std::string_view operator()(const Cast&) const { return "cast"; }
  std::string_view operator()(const ShapeOf&) const { return "shape_of"; }
  std::string_view operator()(const ConstantOfShape&) const { return "constant_of_shape"; }
  std::string_view operator()(const Identity&) const { return "identity"; }
  std::string_view operator()(const QuantizedActivation&) const { return "quantized_activation"; }
};

}  // namespace

bool is_predicate(BinaryKind kind) { return kind >= BinaryKind::kEqual; }

std::string_view op_name(const Op& op) { return std::visit(Namer{}, op); }

}  // namespace neurotool
