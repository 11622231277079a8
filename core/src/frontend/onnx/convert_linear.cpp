// Convolution, matrix products and batch normalisation.
#include <fmt/format.h>

#include "frontend/onnx/auto_pad.hpp"
#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {

void convert_conv(Node& node) {
  auto kernel_shape = node.attributes.integers("kernel_shape");
  const std::int64_t group = node.attributes.integer("group", 1);
  std::vector<std::int64_t> kernel;
  if (const auto& weight = node.type(1).shape; weight && weight->size() > 2) {
    kernel.assign(weight->begin() + 2, weight->end());
    if (kernel_shape && *kernel_shape != kernel) {
      node.refuse("onnx.attribute", fmt::format("kernel_shape is {}, the weight has {}",
                                                to_string(*kernel_shape), to_string(*weight)));
      return;
    }
  } else if (weight) {
    node.refuse(
        "onnx.shape",
        fmt::format("the weight has shape {}, a convolution needs [outputs, inputs, …] with "
                    "at least one spatial axis",
                    to_string(*weight)));
    return;
  } else if (kernel_shape) {
    kernel = *std::move(kernel_shape);
  } else {
    if (!node.has_broken_input()) {
      node.refuse("onnx.shape", "the shape of the weight is not known");
    }
    return;
  }
  auto attributes = read_kernel(node, std::move(kernel));
  if (!attributes) return;
  node.finish(Conv{.strides = std::move(attributes->strides),
                   .dilations = std::move(attributes->dilations),
                   .pads = std::move(attributes->pads),
                   .group = group},
              node.inputs());
}

void convert_gemm(Node& node) {
  if (node.opset() < 7) node.attributes.ignore({"broadcast"});
  if (node.opset() < 11 && !has_inputs(node, 3, 3)) return;
  node.finish(Gemm{.alpha = node.attributes.real("alpha", 1),
                   .beta = node.attributes.real("beta", 1),
                   .trans_a = node.attributes.integer("transA", 0) != 0,
                   .trans_b = node.attributes.integer("transB", 0) != 0},
              node.inputs());
}

void convert_mat_mul(Node& node) {
  const bool of_integers = !node.has_broken_input() && is_integer(node.type(0).dtype) &&
                           node.type(0).dtype == node.type(1).dtype;
  if (!of_integers) return node.finish(MatMul{}, node.inputs());
  // Sums of integers up to 2^53 are exact in double precision.
  Compose c(node);
  const ValueId a = c.cast(c.in(0), DType::kFloat64), b = c.cast(c.in(1), DType::kFloat64);
  c.finish(Cast{.to = node.type(0).dtype}, {c.op(MatMul{}, {a, b})});
}

void convert_batch_normalization(Node& node) {
  node.attributes.ignore({"momentum", "consumed_inputs"});
  const float epsilon = node.attributes.real("epsilon", 1e-5f);
  if (node.opset() >= 14 && node.attributes.flag("training_mode", false)) {
    node.refuse("onnx.training-mode", "batch normalisation is in training mode",
                "switch the model to evaluation before exporting it (model.eval() in PyTorch)");
    return;
  }
  if (node.opset() < 9 && !node.attributes.flag("spatial", true)) {
    node.refuse("onnx.unsupported-form",
                "batch normalisation has spatial = 0, with statistics for every position",
                "export the model with per-channel statistics, opset 9 or later");
    return;
  }
  if (node.opset() < 7 && !node.attributes.flag("is_test", false)) {
    node.refuse("onnx.training-mode", "batch normalisation is in training mode",
                "switch the model to evaluation before exporting it (model.eval() in PyTorch)");
    return;
  }
  node.finish(BatchNorm{.epsilon = epsilon}, node.inputs());
}

}  // namespace neurotool::from_onnx
