// Pooling and the mean over axes.
#include <fmt/format.h>

#include "frontend/onnx/auto_pad.hpp"
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
  node.attributes.ignore({"storage_order"});  // only matters for the second output
  const bool ceil_mode = node.attributes.flag("ceil_mode", false);
  auto attributes = read_pool(node);
  if (!attributes) return;
  node.finish(MaxPool{.kernel = std::move(attributes->kernel),
                      .strides = std::move(attributes->strides),
                      .dilations = std::move(attributes->dilations),
                      .pads = std::move(attributes->pads),
                      .ceil_mode = ceil_mode},
              {node.input(0)});
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

void convert_reduce_mean(Node& node) {
  const bool keep_dims = node.attributes.flag("keepdims", true);
  if (node.opset() < 18) {
    if (!has_inputs(node, 1, 1)) return;
    auto axes = node.attributes.integers("axes");
    std::vector<ValueId> inputs{node.input(0)};
    if (axes && !axes->empty()) inputs.push_back(node.constant("axes", *std::move(axes)));
    node.finish(ReduceMean{.keep_dims = keep_dims}, std::move(inputs));
    return;
  }
  const bool nothing_means_none = node.attributes.flag("noop_with_empty_axes", false);
  const bool no_axes =
      !node.has(1) || (node.type(1).constant.defined() && node.type(1).constant.size() == 0);
  if (no_axes && nothing_means_none) {
    node.finish(Identity{}, {node.input(0)});
  } else {
    node.finish(ReduceMean{.keep_dims = keep_dims}, node.inputs());
  }
}

}  // namespace neurotool::from_onnx
