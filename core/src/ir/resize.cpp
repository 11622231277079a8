// A scale gives an extent, a size gives a scale. What an exporter writes as scale is float32, and
// so is the product that is cut to an extent.
#include "ir/resize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/op_geometry.hpp"

namespace neurotool {
namespace {

constexpr float kMostExtent = 281474976710656.0f;  // 2^48

Error wrong(std::string message) { return error("ir.shape", {}, std::move(message)); }

Result<> take_scales(const Resize& op, const Shape& data, const std::vector<std::size_t>& axes,
                     const ResizeWish& wish, std::vector<ResizeAxis>& result) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const float scale = (*wish.scales)[i];
    if (!std::isfinite(scale) || scale <= 0) {
      return wrong(fmt::format("axis {} is scaled by {}, which is not positive", axes[i], scale));
    }
    ResizeAxis& axis = result[axes[i]];
    axis.scale = static_cast<double>(scale);
    if (data[axes[i]] == kFreeDim) {
      axis.extent = kFreeDim;
      continue;
    }
    float extent = scale * static_cast<float>(data[axes[i]]);
    if (op.coordinates == ResizeCoordinates::kCropAndResize) {
      extent *= static_cast<float>(axis.end - axis.begin);
    }
    if (!(extent >= 0 && extent < kMostExtent)) {
      return wrong(fmt::format("axis {} of {} scaled by {} has the extent {}", axes[i],
                               to_string(data), scale, extent));
    }
    axis.extent = static_cast<std::int64_t>(std::floor(extent));
  }
  return {};
}

Result<> take_sizes(const Resize& op, const Shape& data, const std::vector<std::size_t>& axes,
                    const ResizeWish& wish, std::vector<ResizeAxis>& result) {
  bool open = false;
  double common = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t from = data[axes[i]], to = (*wish.sizes)[i];
    ResizeAxis& axis = result[axes[i]];
    axis.extent = to;
    if (from == kFreeDim || to == kFreeDim) {
      open = true;
      continue;
    }
    if (to < 0 || (from == 0 && to > 0)) {
      return wrong(
          fmt::format("axis {} of {} cannot get the extent {}", axes[i], to_string(data), to));
    }
    axis.scale = from == 0 ? 1.0 : static_cast<double>(to) / static_cast<double>(from);
    const bool smaller = op.aspect == ResizeAspect::kNotLarger;
    if (i == 0 || (smaller ? axis.scale < common : axis.scale > common)) common = axis.scale;
  }
  if (op.aspect == ResizeAspect::kStretch) return {};
  for (const std::size_t at : axes) {
    ResizeAxis& axis = result[at];
    axis.scale = common;
    if (open || data[at] == kFreeDim) {
      axis.extent = kFreeDim;
    } else {
      axis.extent =
          static_cast<std::int64_t>(std::floor(common * static_cast<double>(data[at]) + 0.5));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<ResizeAxis>> resize_axes(const Resize& op, const Shape& data,
                                            const ResizeWish& wish) {
  std::vector<std::size_t> axes(data.size());
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  if (!op.axes.empty()) {
    NT_TRY(axes, normal_axes(op.axes, data.size(), "resized axis"));
  }
  if (wish.scales.has_value() == wish.sizes.has_value()) {
    return wrong(wish.scales ? "scales and sizes are both given"
                             : "neither scales nor sizes are given");
  }
  const std::size_t count = wish.scales ? wish.scales->size() : wish.sizes->size();
  if (count != axes.size()) {
    return wrong(fmt::format("{} {} for {} axes of {}", count, wish.scales ? "scales" : "sizes",
                             axes.size(), to_string(data)));
  }
  std::vector<ResizeAxis> result(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) result[i].extent = data[i];
  if (op.coordinates == ResizeCoordinates::kCropAndResize) {
    if (wish.region.size() != 2 * axes.size()) {
      return wrong(
          fmt::format("the region has {} numbers for {} axes", wish.region.size(), axes.size()));
    }
    for (std::size_t i = 0; i < axes.size(); ++i) {
      result[axes[i]].begin = static_cast<double>(wish.region[i]);
      result[axes[i]].end = static_cast<double>(wish.region[axes.size() + i]);
    }
  }
  if (wish.scales) NT_TRY_VOID(take_scales(op, data, axes, wish, result));
  if (wish.sizes) NT_TRY_VOID(take_sizes(op, data, axes, wish, result));
  return result;
}

}  // namespace neurotool
