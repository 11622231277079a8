// Scaled dot-product attention as the two matrix products and the softmax that it is.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

constexpr std::size_t kQuery = 0, kKey = 1, kValue = 2, kMask = 3, kPastKey = 4, kPastValue = 5;
constexpr std::size_t kLengths = 6;
constexpr float kHidden = -std::numeric_limits<float>::infinity();

/// What the node says, and the heads of its operands.
struct Form {
  std::int64_t query_heads = 0, key_heads = 0, mode = 0;
  float scale = 0, softcap = 0;
  bool causal = false, flat = false;
};

/// [batch, heads, sequence, features], also of an operand with its heads side by side.
ValueId by_head(Compose& c, ValueId x, bool flat, std::int64_t heads) {
  if (!flat) return x;
  return c.transpose(c.reshape(x, {0, 0, heads, -1}), {0, 2, 1, 3});
}

std::optional<Form> read_form(Node& node) {
  node.attributes.ignore({"softmax_precision"});
  Form form{.query_heads = node.attributes.integer("q_num_heads", 0),
            .key_heads = node.attributes.integer("kv_num_heads", 0),
            .mode = node.attributes.integer("qk_matmul_output_mode", 0),
            .scale = node.attributes.real("scale", 0),
            .softcap = node.attributes.real("softcap", 0),
            .causal = node.attributes.flag("is_causal", false)};
  if (node.has_broken_input()) return std::nullopt;
  const auto rank = node.rank(kQuery);
  if (!rank || (*rank != 3 && *rank != 4) || node.rank(kKey) != rank || node.rank(kValue) != rank) {
    node.refuse("onnx.shape", "Attention needs query, key and value of rank 3, or all of rank 4");
    return std::nullopt;
  }
  form.flat = *rank == 3;
  if (!form.flat) {
    form.query_heads = (*node.type(kQuery).shape)[1];
    form.key_heads = (*node.type(kKey).shape)[1];
  }
  constexpr std::int64_t kMostHeads = 1 << 16;
  const bool divides = form.key_heads >= 1 && form.query_heads >= form.key_heads &&
                       form.query_heads <= kMostHeads && form.query_heads % form.key_heads == 0;
  if (divides && form.mode >= 0 && form.mode <= 3) return form;
  node.refuse("onnx.attribute",
              fmt::format("Attention of {} query heads over {} key heads, mode {}",
                          form.query_heads, form.key_heads, form.mode));
  return std::nullopt;
}

/// Each key head for all the query heads that share it.
ValueId shared(Compose& c, ValueId x, const Form& form) {
  const std::int64_t times = form.query_heads / form.key_heads;
  if (times == 1) return x;
  const ValueId repeated = c.op(Tile{}, {c.unsqueeze(x, {2}), c.list({1, 1, times, 1, 1})});
  // [batch, key heads, times, sequence, features]: the heads run together.
  const ValueId shape = c.shape_of(x);
  const auto part = [&](std::int64_t axis) { return c.slice(shape, 0, axis, axis + 1); };
  const ValueId wanted =
      c.op(Concat{.axis = 0}, {part(0), c.list({form.query_heads}), part(2), part(3)});
  return c.op(Reshape{}, {repeated, wanted});
}

/// The extents of queries and keys, where something depends on them.
struct Extents {
  std::int64_t queries = 0, keys = 0, past = 0;
};

std::optional<Extents> read_extents(Node& node, Compose& c, ValueId query, ValueId key) {
  const auto extent = [&](ValueId id) { return c.type(id).shape ? (*c.type(id).shape)[2] : -1; };
  const ValueId past = node.input(kPastKey);
  const Extents extents{extent(query), extent(key), past.valid() ? extent(past) : 0};
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  const bool known = extents.queries >= 0 && extents.keys >= 0 && extents.past >= 0;
  if (known && extents.queries <= kMost && extents.keys <= kMost &&
      extents.queries * extents.keys <= kMost) {
    return extents;
  }
  node.refuse("onnx.unsupported-form",
              "Attention with a mask over sequences of unknown or very large extent",
              "export the model with fixed extents but the first");
  return std::nullopt;
}

ValueId counting(Node& node, std::string_view what, std::int64_t count, Shape shape) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  return node.constant(what, Tensor::from<std::int64_t>(std::move(shape), std::move(numbers)));
}

ValueId hidden_unless(Compose& c, ValueId visible) {
  return c.where(visible, c.number(0), c.number(kHidden));
}

/// 0 where a query may see a key that is not behind it, minus infinity elsewhere.
ValueId causal_bias(Node& node, Compose& c, const Extents& extents) {
  const ValueId keys = counting(node, "keys", extents.keys, {extents.keys});
  ValueId last = counting(node, "queries", extents.queries, {extents.queries, 1});
  if (node.has(kLengths) && !node.has(kPastKey)) {
    // The queries are the last of each sequence's valid keys.
    const ValueId first = c.sub(node.input(kLengths), c.list({extents.queries}));
    last = c.add(last, c.unsqueeze(first, {1, 2, 3}));
  } else {
    last = c.add(last, c.integer(extents.past));
  }
  return hidden_unless(c, c.binary(BinaryKind::kLessOrEqual, keys, last));
}

/// The mask as something to add; a mask that is shorter than the keys hides the rest.
ValueId mask_bias(Node& node, Compose& c, ValueId key) {
  const ValueId mask = node.input(kMask);
  const bool decides = c.type(mask).dtype == DType::kBool;
  const ValueId bias = decides ? hidden_unless(c, mask) : c.cast(mask, DType::kFloat32);
  const auto shape = c.type(mask).shape, keys = c.type(key).shape;
  if (!shape || shape->empty() || shape->back() < 2 || !keys) return bias;
  const std::int64_t missing = (*keys)[2] - shape->back();
  if (missing <= 0) return bias;
  std::vector<std::int64_t> pads(2 * shape->size(), 0);
  pads.back() = missing;
  return c.op(Pad{}, {bias, c.list(std::move(pads)), c.number(kHidden)});
}

/// The scores with everything added that hides keys; an invalid id when it had to refuse.
ValueId masked(Node& node, Compose& c, ValueId scores, ValueId query, ValueId key, bool causal) {
  std::optional<Extents> extents;
  if (causal || node.has(kLengths)) {
    extents = read_extents(node, c, query, key);
    if (!extents) return {};
  }
  if (node.has(kMask)) scores = c.add(scores, mask_bias(node, c, key));
  if (causal) scores = c.add(scores, causal_bias(node, c, *extents));
  if (!node.has(kLengths)) return scores;
  const ValueId keys = counting(node, "keys", extents->keys, {extents->keys});
  const ValueId lengths = c.unsqueeze(node.input(kLengths), {1, 2, 3});
  return c.add(scores, hidden_unless(c, c.binary(BinaryKind::kLess, keys, lengths)));
}

}  // namespace

void convert_attention(Node& node) {
  const auto form = read_form(node);
  if (!form) return;
  Compose c(node);
  const ValueId query = by_head(c, node.input(kQuery), form->flat, form->query_heads);
  ValueId key = by_head(c, node.input(kKey), form->flat, form->key_heads);
  ValueId value = by_head(c, node.input(kValue), form->flat, form->key_heads);
  if (node.has(kPastKey)) key = c.op(Concat{.axis = 2}, {node.input(kPastKey), key});
  if (node.has(kPastValue)) value = c.op(Concat{.axis = 2}, {node.input(kPastValue), value});
  if (!query.valid() || !key.valid() || !value.valid()) return;
  float scale = form->scale;
  const std::int64_t features = c.type(query).shape ? (*c.type(query).shape)[3] : kFreeDim;
  if (scale == 0 && features < 1) {
    return node.refuse("onnx.unsupported-form", "Attention over heads of unknown extent",
                       "export the model with fixed extents but the first");
  }
  if (scale == 0) scale = 1 / std::sqrt(static_cast<float>(features));
  const ValueId turned = c.transpose(shared(c, key, *form), {0, 1, 3, 2});
  const ValueId product = c.mul(c.op(MatMul{}, {query, turned}), c.number(scale));
  ValueId capped = product;
  if (form->softcap > 0) {
    // Before the mask, which would be bent as well.
    const ValueId bent = c.unary(UnaryKind::kTanh, c.div(product, c.number(form->softcap)));
    capped = c.mul(bent, c.number(form->softcap));
  }
  const ValueId scores = masked(node, c, capped, query, key, form->causal);
  const ValueId weights = c.op(Softmax{.axis = -1}, {scores});
  if (!weights.valid()) return;
  const ValueId seen[] = {product, capped, scores, weights};
  if (node.wants(1)) node.finish_output(1, key);
  if (node.wants(2)) node.finish_output(2, value);
  if (node.wants(3)) node.finish_output(3, seen[static_cast<std::size_t>(form->mode)]);
  const ValueId result = c.op(MatMul{}, {weights, shared(c, value, *form)});
  if (!form->flat) return c.finish(Identity{}, {result});
  c.finish(Reshape{}, {c.transpose(result, {0, 2, 1, 3}), c.list({0, 0, -1})});
}

}  // namespace neurotool::from_onnx
