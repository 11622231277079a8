// A transposed convolution is a convolution of its input with zeros between the elements, by the
// kernel turned round. Written so, whatever takes convolutions takes it.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/onnx/compose.hpp"
#include "frontend/onnx/convert.hpp"

namespace neurotool::from_onnx {
namespace {

/// Everything along one spatial axis.
struct Axis {
  std::int64_t extent = 0, kernel = 1, stride = 1, dilation = 1, begin = 0, end = 0, extra = 0;
  std::int64_t span() const { return (kernel - 1) * dilation + 1; }
  /// Of the output before the pads are cut off.
  std::int64_t full() const { return (extent - 1) * stride + span() + extra; }
};

constexpr std::int64_t kMost = std::int64_t{1} << 24;

/// Reads a list with one number for each axis into a member.
bool read(Node& node, const char* name, std::vector<Axis>& axes, std::int64_t Axis::*member,
          std::int64_t least) {
  const auto list = node.attributes.integers(name);
  if (!list) return true;
  if (list->size() != axes.size()) {
    node.refuse("onnx.attribute", fmt::format("attribute '{}' has {} numbers, {} needed", name,
                                              list->size(), axes.size()));
    return false;
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t value = (*list)[i];
    if (value < least || value > kMost) {
      node.refuse("onnx.attribute",
                  fmt::format("'{}' has {}, outside {} to {}", name, value, least, kMost));
      return false;
    }
    axes[i].*member = value;
  }
  return true;
}

/// The pads as given, or as output_shape and auto_pad want them.
bool read_pads(Node& node, std::vector<Axis>& axes) {
  const std::string mode = node.attributes.text("auto_pad", "NOTSET");
  const auto pads = node.attributes.integers("pads");
  const auto wanted = node.attributes.integers("output_shape");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!same && mode != "NOTSET" && mode != "VALID") {
    node.refuse("onnx.attribute", fmt::format("auto_pad = '{}' is not known", mode));
    return false;
  }
  if (wanted && wanted->size() != axes.size() && wanted->size() != axes.size() + 2) {
    node.refuse("onnx.attribute",
                fmt::format("output_shape has {} numbers, {} needed", wanted->size(), axes.size()));
    return false;
  }
  if (wanted || same) {
    for (std::size_t i = 0; i < axes.size(); ++i) {
      Axis& axis = axes[i];
      const std::int64_t out =
          wanted ? (*wanted)[wanted->size() - axes.size() + i] : axis.extent * axis.stride;
      if (out < 1 || out > kMost) {
        node.refuse("onnx.attribute", fmt::format("output extent {} of axis {}", out, i));
        return false;
      }
      // A wish beyond what the kernel reaches is filled with zeros at the end.
      const std::int64_t total = axis.full() - out;
      if (total < 0) axis.extra -= total;
      const std::int64_t cut = std::max<std::int64_t>(0, total);
      axis.begin = mode == "SAME_UPPER" ? cut / 2 : cut - cut / 2;
      axis.end = cut - axis.begin;
    }
    return true;
  }
  if (!pads || mode == "VALID") return true;
  if (pads->size() != 2 * axes.size()) {
    node.refuse("onnx.attribute", fmt::format("attribute 'pads' has {} numbers, {} needed",
                                              pads->size(), 2 * axes.size()));
    return false;
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    axes[i].begin = (*pads)[i];
    axes[i].end = (*pads)[axes.size() + i];
    const bool fits = axes[i].begin >= 0 && axes[i].end >= 0 && axes[i].begin < axes[i].full() &&
                      axes[i].end < axes[i].full() && axes[i].begin + axes[i].end < axes[i].full();
    if (fits) continue;
    node.refuse("onnx.shape", fmt::format("pads {} and {} leave nothing of axis {}", axes[i].begin,
                                          axes[i].end, i));
    return false;
  }
  return true;
}

/// Zeros between the elements: stride - 1 behind each but the last.
ValueId with_zeros_between(Compose& c, ValueId x, const Shape& shape,
                           const std::vector<Axis>& axes) {
  const bool apart = std::ranges::any_of(axes, [](const Axis& axis) { return axis.stride > 1; });
  if (!apart) return x;
  std::vector<std::int64_t> split{0, shape[1]}, merged{0, shape[1]}, starts, ends, along;
  std::vector<std::int64_t> before(2 + 2 * axes.size(), 0), behind(2 + 2 * axes.size(), 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    split.insert(split.end(), {axes[i].extent, 1});
    behind[3 + 2 * i] = axes[i].stride - 1;
    merged.push_back(axes[i].extent * axes[i].stride);
    starts.push_back(0);
    ends.push_back((axes[i].extent - 1) * axes[i].stride + 1);
    along.push_back(static_cast<std::int64_t>(i) + 2);
  }
  std::vector<std::int64_t> pads = std::move(before);
  pads.insert(pads.end(), behind.begin(), behind.end());
  const ValueId apart_value =
      c.op(Pad{}, {c.reshape(x, std::move(split)), c.list(std::move(pads))});
  return c.op(Slice{}, {c.reshape(apart_value, std::move(merged)), c.list(std::move(starts)),
                        c.list(std::move(ends)), c.list(std::move(along))});
}

/// [C, M/group, kernel…] as the weight [M, C/group, kernel…] of a convolution, turned round.
ValueId turned_weight(Compose& c, ValueId weight, const Shape& shape, std::int64_t group) {
  const std::int64_t inputs = shape[0] / group, outputs = shape[1];
  std::vector<std::int64_t> grouped{group, inputs, outputs}, perm{0, 2, 1},
      flat{group * outputs, inputs};
  std::vector<std::int64_t> starts, ends, along, steps;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    grouped.push_back(shape[i]);
    perm.push_back(static_cast<std::int64_t>(i) + 1);
    flat.push_back(shape[i]);
    starts.push_back(-1);
    ends.push_back(std::numeric_limits<std::int64_t>::min());
    along.push_back(static_cast<std::int64_t>(i));
    steps.push_back(-1);
  }
  const ValueId swapped = c.transpose(c.reshape(weight, std::move(grouped)), std::move(perm));
  return c.op(Slice{},
              {c.reshape(swapped, std::move(flat)), c.list(std::move(starts)),
               c.list(std::move(ends)), c.list(std::move(along)), c.list(std::move(steps))});
}

/// The axes with all that the node says of them, or nothing when it had to refuse.
std::optional<std::vector<Axis>> read_axes(Node& node, const Shape& data, const Shape& weight) {
  std::vector<Axis> axes(data.size() - 2);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    axes[i].extent = data[i + 2];
    axes[i].kernel = weight[i + 2];
    const bool sound = axes[i].extent >= 1 && axes[i].extent <= kMost && axes[i].kernel >= 1 &&
                       axes[i].kernel <= kMost;
    if (sound) continue;
    node.refuse("onnx.unsupported-form",
                fmt::format("ConvTranspose of {} by {}", to_string(data), to_string(weight)),
                "export the model with fixed spatial extents");
    return std::nullopt;
  }
  std::vector<Axis> kernel = axes;
  if (!read(node, "kernel_shape", kernel, &Axis::kernel, 1) ||
      !read(node, "strides", axes, &Axis::stride, 1) ||
      !read(node, "dilations", axes, &Axis::dilation, 1) ||
      !read(node, "output_padding", axes, &Axis::extra, 0) || !read_pads(node, axes)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (kernel[i].kernel == axes[i].kernel) continue;
    node.refuse("onnx.attribute", fmt::format("kernel_shape has {}, the weight {}",
                                              kernel[i].kernel, to_string(weight)));
    return std::nullopt;
  }
  return axes;
}

}  // namespace

void convert_conv_transpose(Node& node) {
  const std::int64_t group = node.attributes.integer("group", 1);
  if (node.has_broken_input()) return;
  const auto &data = node.type(0).shape, &weight = node.type(1).shape;
  if (!data || !weight || data->size() < 3 || data->size() != weight->size()) {
    node.refuse("onnx.shape",
                fmt::format("ConvTranspose of {} by {}", data ? to_string(*data) : "?",
                            weight ? to_string(*weight) : "?"));
    return;
  }
  const bool counted = (*weight)[0] >= 1 && (*weight)[1] >= 1 && group >= 1 &&
                       (*weight)[0] % group == 0 && (*data)[1] == (*weight)[0] &&
                       (*weight)[1] <= kMost && group <= kMost;
  if (!counted) {
    node.refuse("onnx.shape", fmt::format("ConvTranspose of {} by {} in {} groups",
                                          to_string(*data), to_string(*weight), group));
    return;
  }
  const auto axes = read_axes(node, *data, *weight);
  if (!axes) return;
  Compose c(node);
  ValueId x = with_zeros_between(c, node.input(0), *data, *axes);
  Conv op{.strides = std::vector<std::int64_t>(axes->size(), 1),
          .dilations = {},
          .pads = std::vector<std::int64_t>(2 * axes->size(), 0),
          .group = group};
  std::vector<std::int64_t> pads(2 * data->size(), 0);
  bool padded = false;
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const Axis& axis = (*axes)[i];
    op.dilations.push_back(axis.dilation);
    // What reaches beyond the kernel's reach is cut away: a pad of its own.
    const std::int64_t begin = axis.span() - 1 - axis.begin;
    const std::int64_t end = axis.span() - 1 - axis.end + axis.extra;
    op.pads[i] = std::max<std::int64_t>(0, begin);
    op.pads[axes->size() + i] = std::max<std::int64_t>(0, end);
    pads[2 + i] = std::min<std::int64_t>(0, begin);
    pads[data->size() + 2 + i] = std::min<std::int64_t>(0, end);
    padded = padded || begin < 0 || end < 0;
  }
  if (padded) x = c.op(Pad{}, {x, c.list(std::move(pads))});
  const ValueId turned = turned_weight(c, node.input(1), *weight, group);
  if (!node.has(2)) return c.finish(std::move(op), {x, turned});
  c.finish(std::move(op), {x, turned, node.input(2)});
}

}  // namespace neurotool::from_onnx
