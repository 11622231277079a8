// Pooling: maxima, means and norms.
#include <fmt/format.h>

#include "frontend/onnx/auto_pad.hpp"
#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

std::optional<KernelAttributes> read_pool(Node& node) {
  auto kernel = node.attributes.integers("kernel_shape");
  if (!kernel || kernel->empty()) {
    node.refuse("onnx.attribute", fmt::format("{} needs kernel_shape", node.op_type()));
    return std::nullopt;
  }
  return read_kernel(node, *std::move(kernel));
}

}  // namespace

void convert_max_pool(Node& node) {
  const bool by_column = node.attributes.flag("storage_order", false);
  const bool ceil_mode = node.attributes.flag("ceil_mode", false);
  auto attributes = read_pool(node);
  if (!attributes) return;
  MaxPool op{.kernel = std::move(attributes->kernel),
             .strides = std::move(attributes->strides),
             .dilations = std::move(attributes->dilations),
             .pads = std::move(attributes->pads),
             .ceil_mode = ceil_mode};
  if (node.wants(1)) {
    MaxPool places = op;
    places.result = by_column ? PoolResult::kColumnIndex : PoolResult::kIndex;
    node.finish_output(1, std::move(places), {node.input(0)});
  }
  node.finish(std::move(op), {node.input(0)});
}

void convert_average_pool(Node& node) {
  const bool ceil_mode = node.attributes.flag("ceil_mode", false);
  const bool count_include_pad = node.attributes.flag("count_include_pad", false);
  auto attributes = read_pool(node);
  if (!attributes) return;
  node.finish(AveragePool{.kernel = std::move(attributes->kernel),
                          .strides = std::move(attributes->strides),
                          .dilations = std::move(attributes->dilations),
                          .pads = std::move(attributes->pads),
                          .ceil_mode = ceil_mode,
                          .count_include_pad = count_include_pad},
              {node.input(0)});
}

void convert_global_average_pool(Node& node) { node.finish(GlobalAveragePool{}, {node.input(0)}); }

namespace {

/// All axes behind the channels, or nothing when it had to refuse.
std::optional<std::vector<std::int64_t>> spatial_axes(Node& node) {
  if (node.has_broken_input()) return std::nullopt;
  const auto rank = node.rank(0);
  if (!rank || *rank < 3) {
    node.refuse("onnx.shape", fmt::format("{} of an input of rank {}", node.op_type(),
                                          rank ? std::to_string(*rank) : "unknown"));
    return std::nullopt;
  }
  std::vector<std::int64_t> axes;
  for (std::size_t i = 2; i < *rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  return axes;
}

/// |x|^p, or a refusal.
std::optional<float> norm_power(Node& node) {
  const std::int64_t p = node.attributes.integer("p", 2);
  if (p >= 1 && p <= 1024) return static_cast<float>(p);
  node.refuse("onnx.attribute", fmt::format("p = {} is outside 1 to 1024", p));
  return std::nullopt;
}

}  // namespace

void convert_global_max_pool(Node& node) {
  auto axes = spatial_axes(node);
  Compose c(node);
  if (axes) c.finish(Reduce{.kind = ReduceKind::kMax}, {c.in(0), c.list(*std::move(axes))});
}

void convert_global_lp_pool(Node& node) {
  const auto p = norm_power(node);
  auto axes = spatial_axes(node);
  if (!p || !axes) return;
  Compose c(node);
  const ValueId powers = c.pow(c.unary(UnaryKind::kAbs, c.in(0)), *p);
  const ValueId sum = c.reduce(ReduceKind::kSum, powers, c.list(*std::move(axes)));
  c.finish_binary(BinaryKind::kPow, sum, c.number(1 / *p));
}

void convert_lp_pool(Node& node) {
  const auto p = norm_power(node);
  const bool ceil_mode = node.attributes.flag("ceil_mode", false);
  auto attributes = read_pool(node);
  if (!p || !attributes) return;
  if (ceil_mode) {
    node.refuse("onnx.unsupported-form", "LpPool with ceil_mode = 1",
                "choose a stride that divides the extent");
    return;
  }
  // The mean with its pads, times the size of the window, is the sum.
  float size = 1;
  for (const std::int64_t extent : attributes->kernel) size *= static_cast<float>(extent);
  AveragePool mean{.kernel = std::move(attributes->kernel),
                   .strides = std::move(attributes->strides),
                   .dilations = std::move(attributes->dilations),
                   .pads = std::move(attributes->pads),
                   .count_include_pad = true};
  Compose c(node);
  const ValueId powers = c.pow(c.unary(UnaryKind::kAbs, c.in(0)), *p);
  const ValueId sum = c.mul(c.op(std::move(mean), {powers}), c.number(size));
  c.finish_binary(BinaryKind::kPow, sum, c.number(1 / *p));
}

}  // namespace neurotool::from_onnx
