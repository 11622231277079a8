// ONNX's kernel attributes, with auto_pad turned into the pads it stands for.
#pragma once

#include <optional>
#include <vector>

#include "frontend/onnx/node.hpp"

namespace neurotool::from_onnx {

struct KernelAttributes {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
};

/// Reads strides, dilations, pads and auto_pad of a node whose input 0 is the data; lists that are
/// absent are filled with their defaults. Nothing when it had to refuse.
std::optional<KernelAttributes> read_kernel(Node& node, std::vector<std::int64_t> kernel);

}  // namespace neurotool::from_onnx
