// What converters need to write one operator as several ops. Whatever takes a value that could not
// be made makes nothing either, so that one mistake is reported once.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/onnx/node.hpp"

namespace neurotool::from_onnx {

class Compose {
 public:
  explicit Compose(Node& node) : node_(node) {}

  /// Input `index` of the node; an invalid id when it is absent.
  ValueId in(std::size_t index) const { return node_.input(index); }
  const TensorType& type(ValueId id) const { return node_.type(id); }

  ValueId number(float value);
  ValueId integer(std::int64_t value);
  ValueId list(std::vector<std::int64_t> values);

  /// The op with all these inputs present.
  ValueId op(Op op, std::vector<ValueId> inputs);
  ValueId unary(UnaryKind kind, ValueId x) { return op(Unary{kind}, {x}); }
  ValueId binary(BinaryKind kind, ValueId a, ValueId b) { return op(Binary{kind}, {a, b}); }
  ValueId add(ValueId a, ValueId b) { return binary(BinaryKind::kAdd, a, b); }
  ValueId sub(ValueId a, ValueId b) { return binary(BinaryKind::kSub, a, b); }
  ValueId mul(ValueId a, ValueId b) { return binary(BinaryKind::kMul, a, b); }
  ValueId div(ValueId a, ValueId b) { return binary(BinaryKind::kDiv, a, b); }
  ValueId pow(ValueId a, float b) { return binary(BinaryKind::kPow, a, number(b)); }
  /// Bounds at infinity are left out.
  ValueId clip(ValueId x, float least, float most);
  ValueId cast(ValueId x, DType to);
  ValueId reduce(ReduceKind kind, ValueId x, ValueId axes, bool keep_dims = true);
  ValueId where(ValueId condition, ValueId yes, ValueId no) {
    return op(Where{}, {condition, yes, no});
  }
  /// ONNX's reshape: 0 copies an extent, -1 is inferred.
  ValueId reshape(ValueId x, std::vector<std::int64_t> shape);
  ValueId unsqueeze(ValueId x, std::vector<std::int64_t> axes);
  ValueId squeeze(ValueId x, std::vector<std::int64_t> axes);
  ValueId transpose(ValueId x, std::vector<std::int64_t> perm);
  /// The elements from `begin` to `end` of one axis.
  ValueId slice(ValueId x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                std::int64_t step = 1);
  ValueId shape_of(ValueId x) { return op(ShapeOf{}, {x}); }
  /// x in the shape of `like`.
  ValueId reshape_like(ValueId x, ValueId like) { return op(Reshape{}, {x, shape_of(like)}); }
  /// max(x, 0) * scale, and so on: the pieces of rectifiers.
  ValueId relu(ValueId x) { return unary(UnaryKind::kRelu, x); }
  ValueId negative(ValueId x) { return unary(UnaryKind::kNeg, x); }

  /// The op that makes the node's output.
  void finish(Op op, std::vector<ValueId> inputs);
  void finish_binary(BinaryKind kind, ValueId a, ValueId b) { finish(Binary{kind}, {a, b}); }

  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

 private:
  static bool all_valid(const std::vector<ValueId>& inputs);
  /// "mul_3": a number of its own keeps names unique without a search.
  std::string named(std::string_view what);

  Node& node_;
  std::size_t steps_ = 0;
};

}  // namespace neurotool::from_onnx
