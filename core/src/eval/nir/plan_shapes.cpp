// Shapes follow from parameters and from what comes in; every parameter is checked on the way,
// since a file may hold anything.
#include "eval/nir/plan_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace neurotool::nir {
namespace {

Error problem(std::string_view code, std::string message, std::string help) {
  return error(code, {}, std::move(message), std::move(help));
}

/// Numbers of a convolution; of a Conv1d the first axis stays 1.
template <class Conv>
Result<WindowGeometry> convolution_geometry(const Conv& conv, std::size_t axes,
                                            const Shape& weight) {
  WindowGeometry window;
  const auto stride = whole_numbers(conv.stride, axes),
             dilation = whole_numbers(conv.dilation, axes);
  const auto groups = whole_numbers(conv.groups, 1);
  if (!stride || !dilation || !groups || weight.size() != axes + 2) {
    return problem("nir.parameter", "stride, dilation or groups are not whole numbers",
                   "write whole numbers, one or one per axis");
  }
  window.groups = (*groups)[0];
  std::vector<std::int64_t> padding(axes, 0);
  const auto* word = std::get_if<std::string>(&conv.padding);
  if (!word) {
    const auto given = whole_numbers(std::get<Tensor>(conv.padding), axes);
    if (!given)
      return problem("nir.parameter", "padding is not whole numbers", "write whole numbers");
    padding = *given;
  } else if (*word != "same" && *word != "valid") {
    return problem("nir.parameter", fmt::format("padding is '{}'", *word),
                   "known words are 'same' and 'valid'");
  }
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t axis = i + 2 - axes;
    window.kernel[axis] = weight[i + 2];
    window.stride[axis] = (*stride)[i];
    window.dilation[axis] = (*dilation)[i];
    window.before[axis] = window.after[axis] = padding[i];
    if (word && *word == "same") {
      const std::int64_t total = (*dilation)[i] * (weight[i + 2] - 1);
      window.before[axis] = total / 2;
      window.after[axis] = total - total / 2;
    }
  }
  return window;
}

template <class Pool>
Result<WindowGeometry> pool_geometry(const Pool& pool) {
  const auto kernel = whole_numbers(pool.kernel_size, 2), stride = whole_numbers(pool.stride, 2),
             padding = whole_numbers(pool.padding, 2);
  if (!kernel || !stride || !padding) {
    return problem("nir.parameter", "kernel_size, stride or padding are not whole numbers",
                   "write whole numbers, one or one per axis");
  }
  WindowGeometry window;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    window.kernel[axis] = (*kernel)[axis];
    window.stride[axis] = (*stride)[axis];
    window.before[axis] = window.after[axis] = (*padding)[axis];
  }
  return window;
}

Result<Shape> parameter_shape(const Tensor& parameter, const Shape& in_shape) {
  if (!in_shape.empty()) {
    NT_TRY_VOID(spread(parameter, in_shape, 0));
    return in_shape;
  }
  return parameter.rank() == 0 ? Shape{1} : parameter.shape();
}

Result<Shape> window_shape(const Primitive& primitive, const Shape& in, bool one_axis,
                           std::int64_t channels) {
  if (in.size() != (one_axis ? 2U : 3U)) {
    return problem("nir.shape",
                   fmt::format("a {} gets {}, and takes {}", type_name(primitive), to_string(in),
                               one_axis ? "[channels, length]" : "[channels, height, width]"),
                   "check the shape of the Input");
  }
  NT_TRY(const WindowGeometry window, window_geometry(primitive));
  Shape out{channels};
  for (std::size_t axis = one_axis ? 1 : 0; axis < 2; ++axis) {
    const std::int64_t extent = in[axis + (one_axis ? 0 : 1)];
    const std::int64_t room = extent + window.before[axis] + window.after[axis] -
                              window.dilation[axis] * (window.kernel[axis] - 1) - 1;
    if (room < 0) {
      return problem(
          "nir.shape",
          fmt::format("the window of {} does not fit into {}", type_name(primitive), to_string(in)),
          "check kernel, padding and the shape of the Input");
    }
    out.push_back(room / window.stride[axis] + 1);
  }
  return out;
}

Result<Shape> convolution_shape(const Primitive& primitive, const Tensor& weight, const Shape& in,
                                bool one_axis) {
  if (weight.rank() != (one_axis ? 3U : 4U)) {
    return problem("nir.parameter",
                   fmt::format("weight has shape {}, expected rank {}", to_string(weight.shape()),
                               one_axis ? 3 : 4),
                   "write the kernel as [out, in / groups, …]");
  }
  NT_TRY(Shape out, window_shape(primitive, in, one_axis, weight.shape()[0]));
  NT_TRY(const WindowGeometry window, window_geometry(primitive));
  if (weight.shape()[1] * window.groups != in[0] || weight.shape()[0] % window.groups != 0) {
    return problem("nir.shape",
                   fmt::format("weight {} with {} groups does not fit {} channels",
                               to_string(weight.shape()), window.groups, in[0]),
                   "check groups and the shape of the Input");
  }
  return out;
}

Result<Shape> dense_shape(const Tensor& weight, const Shape& in) {
  if (weight.rank() != 2 || element_count(in) != weight.shape()[1]) {
    return problem(
        "nir.shape",
        fmt::format("weight has shape {} and gets {}", to_string(weight.shape()), to_string(in)),
        "a Flatten may be missing in front");
  }
  return Shape{weight.shape()[0]};
}

Result<Shape> flat_shape(const Flatten& flatten, const Shape& in) {
  const auto start = whole_numbers(flatten.start_dim, 1), end = whole_numbers(flatten.end_dim, 1);
  const auto rank = static_cast<std::int64_t>(in.size());
  const auto axis = [&](std::int64_t value) { return value < 0 ? value + rank : value; };
  if (!start || !end || axis((*start)[0]) < 0 || axis((*end)[0]) >= rank ||
      axis((*start)[0]) > axis((*end)[0])) {
    return problem("nir.parameter",
                   fmt::format("start_dim and end_dim name no axes of {}", to_string(in)),
                   "0 and -1 flatten everything");
  }
  Shape out;
  for (std::int64_t i = 0; i < rank; ++i) {
    const bool joins = i > axis((*start)[0]) && i <= axis((*end)[0]);
    const std::int64_t extent = in[static_cast<std::size_t>(i)];
    joins ? void(out.back() *= extent) : out.push_back(extent);
  }
  return out;
}

Result<Shape> declared_shape(const Tensor& shape) {
  const auto found = shape_value(shape);
  if (found && element_count(*found).value_or(0) > 0) return *found;
  return problem("nir.shape", "the shape of the Input is not a list of extents",
                 "write the shape of one sample at one step");
}

}  // namespace

Result<Shape> sent_shape(const Primitive& primitive, const Shape& in) {
  return std::visit(
      [&](const auto& p) -> Result<Shape> {
        using T = std::decay_t<decltype(p)>;
        if constexpr (std::is_same_v<T, Input> || std::is_same_v<T, Output>) {
          return in.empty() ? declared_shape(p.shape) : Result<Shape>(in);
        } else if constexpr (std::is_same_v<T, Affine> || std::is_same_v<T, Linear>) {
          return dense_shape(p.weight, in);
        } else if constexpr (std::is_same_v<T, Conv1d> || std::is_same_v<T, Conv2d>) {
          return convolution_shape(primitive, p.weight, in, std::is_same_v<T, Conv1d>);
        } else if constexpr (std::is_same_v<T, SumPool2d> || std::is_same_v<T, AvgPool2d>) {
          return window_shape(primitive, in, false, in.empty() ? 0 : in[0]);
        } else if constexpr (std::is_same_v<T, Flatten>) {
          return flat_shape(p, in);
        } else if constexpr (std::is_same_v<T, Scale>) {
          return parameter_shape(p.scale, in);
        } else if constexpr (std::is_same_v<T, Delay>) {
          return parameter_shape(p.delay, in);
        } else if constexpr (std::is_same_v<T, Threshold>) {
          return parameter_shape(p.threshold, in);
        } else if constexpr (std::is_same_v<T, Graph>) {
          return problem("nir.shape", "a nested graph is left", "");
        } else {
          return parameter_shape(p.r, in);
        }
      },
      primitive);
}

Result<WindowGeometry> window_geometry(const Primitive& primitive) {
  constexpr std::int64_t kLargest = 1 << 24;
  auto window = [&]() -> Result<WindowGeometry> {
    if (const auto* conv = std::get_if<Conv1d>(&primitive))
      return convolution_geometry(*conv, 1, conv->weight.shape());
    if (const auto* conv = std::get_if<Conv2d>(&primitive))
      return convolution_geometry(*conv, 2, conv->weight.shape());
    if (const auto* pool = std::get_if<SumPool2d>(&primitive)) return pool_geometry(*pool);
    if (const auto* pool = std::get_if<AvgPool2d>(&primitive)) return pool_geometry(*pool);
    return problem("nir.parameter", "the node has no window", "");
  }();
  if (!window) return window;
  const auto in_range = [&](std::int64_t value, std::int64_t least) {
    return value >= least && value <= kLargest;
  };
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (in_range(window->kernel[axis], 1) && in_range(window->stride[axis], 1) &&
        in_range(window->dilation[axis], 1) && in_range(window->before[axis], 0) &&
        in_range(window->groups, 1)) {
      continue;
    }
    return problem("nir.parameter", "kernel, stride, dilation, groups or padding are out of range",
                   fmt::format("they go up to {}", kLargest));
  }
  return window;
}

Result<std::vector<double>> spread(const Tensor& parameter, const Shape& shape, double absent) {
  const auto size = static_cast<std::size_t>(element_count(shape).value_or(0));
  if (!parameter.defined()) return std::vector<double>(size, absent);
  const auto count = static_cast<std::size_t>(parameter.size());
  const bool per_channel =
      shape.size() > 1 && !shape.empty() && parameter.size() == shape[0] && shape[0] > 0;
  if (count != size && count != 1 && !per_channel) {
    return problem("nir.parameter",
                   fmt::format("a parameter has shape {} where the node has {}",
                               to_string(parameter.shape()), to_string(shape)),
                   "write one value, one per channel, or one per neuron");
  }
  std::vector<double> values(size);
  const std::size_t repeat = size / std::max<std::size_t>(count, 1);
  for (std::size_t i = 0; i < size; ++i)
    values[i] = parameter.at(static_cast<std::int64_t>(count == size ? i : i / repeat));
  return values;
}

}  // namespace neurotool::nir
