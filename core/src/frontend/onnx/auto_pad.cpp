// SAME_UPPER and SAME_LOWER depend on the input's extents, which is why the importer infers shapes
// while it converts.
#include "frontend/onnx/auto_pad.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ir/op_geometry.hpp"

namespace neurotool::from_onnx {
namespace {

/// Pads so that the output has ceil(extent / stride) windows; the odd one goes to the end, or to
/// the front if `lower`.
std::optional<std::vector<std::int64_t>> same_pads(Node& node, const KernelAttributes& kernel,
                                                   bool lower) {
  const auto windows = windows_of(kernel.kernel, kernel.strides, kernel.dilations, {});
  if (!windows) {
    node.refuse("onnx.shape", windows.error().message);
    return std::nullopt;
  }
  const auto& shape = node.type(0).shape;
  const std::size_t axes = windows->size();
  std::vector<std::int64_t> pads(2 * axes);
  for (std::size_t i = 0; i < axes; ++i) {
    const bool known = shape && shape->size() == axes + 2 && (*shape)[i + 2] != kFreeDim;
    if (!known) {
      node.refuse("onnx.auto-pad",
                  fmt::format("the pads of {} follow from its input's extents (auto_pad), and "
                              "these are not known",
                              node.op_type()),
                  "export the model with explicit pads or with fixed spatial extents");
      return std::nullopt;
    }
    const KernelWindow& window = (*windows)[i];
    const std::int64_t extent = (*shape)[i + 2];
    const std::int64_t count = (extent + window.stride - 1) / window.stride;
    const std::int64_t total =
        std::max<std::int64_t>(0, (count - 1) * window.stride + window.span() - extent);
    pads[i] = lower ? total - total / 2 : total / 2;
    pads[axes + i] = total - pads[i];
  }
  return pads;
}

}  // namespace

std::optional<KernelAttributes> read_kernel(Node& node, std::vector<std::int64_t> kernel) {
  const std::size_t axes = kernel.size();
  KernelAttributes result{.kernel = std::move(kernel),
                          .strides = std::vector<std::int64_t>(axes, 1),
                          .dilations = std::vector<std::int64_t>(axes, 1),
                          .pads = std::vector<std::int64_t>(2 * axes, 0)};
  const auto read = [&](std::string_view name, std::vector<std::int64_t>& list) {
    auto given = node.attributes.integers(name);
    if (!given) return true;
    if (given->size() != list.size()) {
      node.refuse("onnx.attribute", fmt::format("attribute '{}' has {} numbers, {} needed", name,
                                                given->size(), list.size()));
      return false;
    }
    list = *std::move(given);
    return true;
  };
  const bool has_pads = node.attributes.has("pads");
  if (!read("strides", result.strides) || !read("dilations", result.dilations) ||
      !read("pads", result.pads)) {
    return std::nullopt;
  }
  const std::string mode = node.attributes.text("auto_pad", "NOTSET");
  if (mode == "NOTSET") return result;
  if (mode != "VALID" && mode != "SAME_UPPER" && mode != "SAME_LOWER") {
    node.refuse("onnx.attribute", fmt::format("auto_pad = '{}' is none of NOTSET, VALID, "
                                              "SAME_UPPER, SAME_LOWER",
                                              mode));
    return std::nullopt;
  }
  const bool all_zero = std::ranges::all_of(result.pads, [](std::int64_t pad) { return pad == 0; });
  if (has_pads && !all_zero) {
    node.refuse("onnx.attribute", fmt::format("pads are given together with auto_pad = {}", mode));
    return std::nullopt;
  }
  if (mode == "VALID" || node.has_broken_input()) return result;
  auto pads = same_pads(node, result, mode == "SAME_LOWER");
  if (!pads) return std::nullopt;
  result.pads = *std::move(pads);
  return result;
}

}  // namespace neurotool::from_onnx
