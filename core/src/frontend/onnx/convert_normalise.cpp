// Normalisations as means, differences and quotients. What is constant in them disappears again in
// fold_constants.
#include <fmt/format.h>

#include <numeric>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"
#include "ir/op_geometry.hpp"

namespace neurotool::from_onnx {
namespace {

/// The rank of input 0, or a refusal.
std::optional<std::size_t> known_rank(Node& node, std::size_t least) {
  if (node.has_broken_input()) return std::nullopt;
  const auto rank = node.rank(0);
  if (rank && *rank >= least) return rank;
  node.refuse("onnx.unsupported-form",
              rank ? fmt::format("{} of an input of rank {}", node.op_type(), *rank)
                   : fmt::format("{} of an input of unknown rank", node.op_type()),
              "export the model with a shape for each input");
  return std::nullopt;
}

std::vector<std::int64_t> axes_between(std::size_t first, std::size_t last) {
  std::vector<std::int64_t> axes(last - first);
  std::iota(axes.begin(), axes.end(), static_cast<std::int64_t>(first));
  return axes;
}

/// Axes from `axis` on, or a refusal.
std::optional<std::vector<std::int64_t>> axes_from(Node& node, std::int64_t axis) {
  const auto rank = known_rank(node, 1);
  if (!rank) return std::nullopt;
  const auto first = normal_axis(axis, *rank, "axis");
  if (first) return axes_between(*first, *rank);
  node.refuse("onnx.shape", fmt::format("{}: {}", node.op_type(), first.error().message));
  return std::nullopt;
}

struct Centred {
  ValueId mean, inverse_deviation, normal;
};

/// (x - mean) / sqrt(variance + epsilon) over the axes.
Centred centred(Compose& c, ValueId x, ValueId axes, float epsilon) {
  Centred result;
  result.mean = c.reduce(ReduceKind::kMean, x, axes);
  const ValueId away = c.sub(x, result.mean);
  const ValueId variance = c.reduce(ReduceKind::kMean, c.mul(away, away), axes);
  const ValueId deviation = c.unary(UnaryKind::kSqrt, c.add(variance, c.number(epsilon)));
  result.normal = c.div(away, deviation);
  result.inverse_deviation = deviation;
  return result;
}

/// A parameter of each channel, as a column that broadcasts over [N,C,…].
ValueId by_channel(Compose& c, ValueId parameter, std::size_t rank) {
  return c.unsqueeze(parameter, axes_between(1, rank - 1));
}

}  // namespace

void convert_layer_normalization(Node& node) {
  node.attributes.ignore({"stash_type"});
  const float epsilon = node.attributes.real("epsilon", 1e-5f);
  const auto axes = axes_from(node, node.attributes.integer("axis", -1));
  if (!axes) return;
  Compose c(node);
  const Centred x = centred(c, c.in(0), c.list(*axes), epsilon);
  if (node.wants(1)) node.finish_output(1, x.mean);
  if (node.wants(2) && x.inverse_deviation.valid()) {
    node.finish_output(2, Binary{BinaryKind::kDiv}, {c.number(1), x.inverse_deviation});
  }
  if (!node.has(2)) return c.finish_binary(BinaryKind::kMul, x.normal, c.in(1));
  c.finish_binary(BinaryKind::kAdd, c.mul(x.normal, c.in(1)), c.in(2));
}

void convert_rms_normalization(Node& node) {
  node.attributes.ignore({"stash_type"});
  const float epsilon = node.attributes.real("epsilon", 1e-5f);
  const auto axes = axes_from(node, node.attributes.integer("axis", -1));
  if (!axes) return;
  Compose c(node);
  const ValueId square = c.reduce(ReduceKind::kMean, c.mul(c.in(0), c.in(0)), c.list(*axes));
  const ValueId root = c.unary(UnaryKind::kSqrt, c.add(square, c.number(epsilon)));
  c.finish_binary(BinaryKind::kMul, c.div(c.in(0), root), c.in(1));
}

void convert_instance_normalization(Node& node) {
  const float epsilon = node.attributes.real("epsilon", 1e-5f);
  const auto rank = known_rank(node, 3);
  if (!rank) return;
  Compose c(node);
  const Centred x = centred(c, c.in(0), c.list(axes_between(2, *rank)), epsilon);
  const ValueId scaled = c.mul(x.normal, by_channel(c, c.in(1), *rank));
  c.finish_binary(BinaryKind::kAdd, scaled, by_channel(c, c.in(2), *rank));
}

void convert_group_normalization(Node& node) {
  node.attributes.ignore({"stash_type"});
  const float epsilon = node.attributes.real("epsilon", 1e-5f);
  const std::int64_t groups = node.attributes.integer("num_groups", 0);
  const auto rank = known_rank(node, 3);
  if (!rank) return;
  const std::int64_t channels = (*node.type(0).shape)[1];
  if (groups < 1 || (channels != kFreeDim && channels % groups != 0)) {
    node.refuse("onnx.attribute",
                fmt::format("{} channels do not divide into {} groups", channels, groups));
    return;
  }
  Compose c(node);
  const ValueId grouped = c.reshape(c.in(0), {0, groups, -1});
  const ValueId normal = centred(c, grouped, c.list({2}), epsilon).normal;
  if (node.opset() < 21) {
    // Scale and bias belonged to the groups.
    const ValueId scaled = c.mul(normal, c.unsqueeze(c.in(1), {1}));
    c.finish(Reshape{}, {c.add(scaled, c.unsqueeze(c.in(2), {1})), c.shape_of(c.in(0))});
    return;
  }
  const ValueId back = c.reshape_like(normal, c.in(0));
  const ValueId scaled = c.mul(back, by_channel(c, c.in(1), *rank));
  c.finish_binary(BinaryKind::kAdd, scaled, by_channel(c, c.in(2), *rank));
}

void convert_mean_variance_normalization(Node& node) {
  node.attributes.ignore({"across_channels", "normalize_variance"});
  auto axes = node.attributes.integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3});
  Compose c(node);
  const ValueId over = c.list(std::move(axes));
  const ValueId away = c.sub(c.in(0), c.reduce(ReduceKind::kMean, c.in(0), over));
  const ValueId variance = c.reduce(ReduceKind::kMean, c.mul(away, away), over);
  const ValueId deviation = c.add(c.unary(UnaryKind::kSqrt, variance), c.number(1e-9f));
  c.finish_binary(BinaryKind::kDiv, away, deviation);
}

void convert_lp_normalization(Node& node) {
  const std::int64_t axis = node.attributes.integer("axis", -1),
                     p = node.attributes.integer("p", 2);
  if (p != 1 && p != 2) {
    node.refuse("onnx.attribute", fmt::format("p = {} is neither 1 nor 2", p));
    return;
  }
  Compose c(node);
  const ValueId x = c.in(0), over = c.list({axis});
  const ValueId size =
      p == 1 ? c.reduce(ReduceKind::kSum, c.unary(UnaryKind::kAbs, x), over)
             : c.unary(UnaryKind::kSqrt, c.reduce(ReduceKind::kSum, c.mul(x, x), over));
  // A line of zeros stays one.
  const ValueId none = c.binary(BinaryKind::kEqual, size, c.number(0));
  c.finish_binary(BinaryKind::kDiv, x, c.where(none, c.number(1), size));
}

void convert_lrn(Node& node) {
  const std::int64_t size = node.attributes.integer("size", 0);
  const float alpha = node.attributes.real("alpha", 1e-4f),
              beta = node.attributes.real("beta", 0.75f);
  const float bias = node.attributes.real("bias", 1);
  const auto rank = known_rank(node, 3);
  if (!rank) return;
  if (size < 1 || *rank > 4) {
    node.refuse("onnx.unsupported-form",
                fmt::format("LRN over {} channels of an input of rank {}", size, *rank),
                "a positive size and one or two spatial axes are supported");
    return;
  }
  // The channels become the first axis of a pool, whose mean with its pads is the sum over size.
  AveragePool pool{.kernel = std::vector<std::int64_t>(*rank - 1, 1),
                   .strides = std::vector<std::int64_t>(*rank - 1, 1),
                   .dilations = std::vector<std::int64_t>(*rank - 1, 1),
                   .pads = std::vector<std::int64_t>(2 * (*rank - 1), 0),
                   .count_include_pad = true};
  pool.kernel[0] = size;
  pool.pads[0] = (size - 1) / 2;
  pool.pads[*rank - 1] = size - 1 - pool.pads[0];
  Compose c(node);
  const ValueId square = c.unsqueeze(c.mul(c.in(0), c.in(0)), {1});
  const ValueId mean = c.squeeze(c.op(std::move(pool), {square}), {1});
  const ValueId sum = c.add(c.mul(mean, c.number(alpha)), c.number(bias));
  c.finish_binary(BinaryKind::kDiv, c.in(0), c.pow(sum, beta));
}

}  // namespace neurotool::from_onnx
