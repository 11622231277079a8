// Ops and constants between a node's inputs and its output, named after what they are.
#include "frontend/onnx/compose.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurotool::from_onnx {

bool Compose::all_valid(const std::vector<ValueId>& inputs) {
  return std::ranges::all_of(inputs, [](ValueId id) { return id.valid(); });
}

std::string Compose::named(std::string_view what) { return fmt::format("{}_{}", what, ++steps_); }

ValueId Compose::number(float value) {
  return node_.constant(named("number"), Tensor::scalar(value));
}

ValueId Compose::integer(std::int64_t value) {
  return node_.constant(named("number"), Tensor::scalar(value));
}

ValueId Compose::list(std::vector<std::int64_t> values) {
  return node_.constant(named("list"), std::move(values));
}

ValueId Compose::op(Op op, std::vector<ValueId> inputs) {
  if (!all_valid(inputs)) return {};
  const std::string name = named(op_name(op));
  return node_.emit(name, std::move(op), std::move(inputs));
}

ValueId Compose::clip(ValueId x, float least, float most) {
  if (!x.valid()) return {};
  const ValueId low = least > -kInfinity ? number(least) : ValueId{};
  if (!(most < kInfinity)) return low.valid() ? op(Clip{}, {x, low}) : x;
  return node_.emit(named("clip"), Clip{}, {x, low, number(most)});
}

ValueId Compose::cast(ValueId x, DType to) {
  if (!x.valid() || type(x).dtype == to) return x;
  return op(Cast{.to = to}, {x});
}

ValueId Compose::reduce(ReduceKind kind, ValueId x, ValueId axes, bool keep_dims) {
  return op(Reduce{.kind = kind, .keep_dims = keep_dims}, {x, axes});
}

ValueId Compose::reshape(ValueId x, std::vector<std::int64_t> shape) {
  return op(Reshape{}, {x, list(std::move(shape))});
}

ValueId Compose::unsqueeze(ValueId x, std::vector<std::int64_t> axes) {
  if (axes.empty()) return x;
  return op(Unsqueeze{}, {x, list(std::move(axes))});
}

ValueId Compose::squeeze(ValueId x, std::vector<std::int64_t> axes) {
  return op(Squeeze{}, {x, list(std::move(axes))});
}

ValueId Compose::transpose(ValueId x, std::vector<std::int64_t> perm) {
  return op(Transpose{.perm = std::move(perm)}, {x});
}

ValueId Compose::slice(ValueId x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                       std::int64_t step) {
  return op(Slice{}, {x, list({begin}), list({end}), list({axis}), list({step})});
}

void Compose::finish(Op op, std::vector<ValueId> inputs) {
  if (all_valid(inputs)) node_.finish(std::move(op), std::move(inputs));
}

}  // namespace neurotool::from_onnx
