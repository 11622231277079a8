// Synapses of symbolic connectivity: how many, which leave a neuron, all of them. A window (of a
// convolution or a pooling) is handled axis by axis: output o reads input o*stride + k*dilation -
// padding through kernel element k, and synapses into the padding do not exist.
#include "ir/connectivity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>

namespace neurotool {
namespace {

/// More than any real stride, kernel, dilation or padding; keeps products inside 64 bits.
constexpr std::int64_t kMostWindow = 1 << 20;

struct Axis {
  std::int64_t in = 0, out = 0, kernel = 1, stride = 1, dilation = 1, padding = 0;

  std::int64_t first_input(std::int64_t o) const { return o * stride - padding; }
};
using Axes = std::array<Axis, 2>;

struct Touch {
  std::int64_t out, kernel;
};

/// The outputs that read input `i`, ascending, and through which kernel element.
std::vector<Touch> touches(const Axis& axis, std::int64_t i) {
  std::vector<Touch> found;
  for (std::int64_t k = axis.kernel - 1; k >= 0; --k) {
    const std::int64_t from_edge = i + axis.padding - k * axis.dilation;
    if (from_edge < 0 || from_edge % axis.stride != 0) continue;
    const std::int64_t out = from_edge / axis.stride;
    if (out < axis.out) found.push_back({out, k});
  }
  return found;
}

/// Pairs of an output and a kernel element that read an input and not the padding.
std::int64_t pair_count(const Axis& axis) {
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < axis.kernel; ++k) {
    const std::int64_t before = axis.padding - k * axis.dilation;  // outputs below this * stride
    const std::int64_t last = axis.in - 1 + before;
    if (last < 0) continue;
    const std::int64_t first_out = before <= 0 ? 0 : (before + axis.stride - 1) / axis.stride;
    const std::int64_t last_out = std::min(axis.out - 1, last / axis.stride);
    count += std::max<std::int64_t>(0, last_out - first_out + 1);
  }
  return count;
}

Error misfit(std::string message) { return error("ir.shape", {}, std::move(message)); }

bool in_window_range(std::span<const std::int64_t> values, std::int64_t least) {
  return std::ranges::all_of(values, [&](auto v) { return v >= least && v <= kMostWindow; });
}

/// Fills in `out` of both axes, or says why there is none.
Result<Axes> window_axes(const Shape& source, std::array<std::int64_t, 2> kernel,
                         const std::array<std::int64_t, 2>& stride,
                         const std::array<std::int64_t, 4>& padding,
                         const std::array<std::int64_t, 2>& dilation) {
  const bool positive = in_window_range(kernel, 1) && in_window_range(stride, 1) &&
                        in_window_range(dilation, 1) && in_window_range(padding, 0);
  if (!positive) {
    return misfit(
        fmt::format("kernel {}, stride {}, dilation {} must be 1 to {} and padding {} 0 "
                    "to {}",
                    to_string(Shape(kernel.begin(), kernel.end())),
                    to_string(Shape(stride.begin(), stride.end())),
                    to_string(Shape(dilation.begin(), dilation.end())), kMostWindow,
                    to_string(Shape(padding.begin(), padding.end())), kMostWindow));
  }
  Axes axes;
  for (std::size_t a = 0; a < 2; ++a) {
    const std::int64_t padded = source[a + 1] + padding[a] + padding[a + 2];
    const std::int64_t reach = (kernel[a] - 1) * dilation[a] + 1;
    if (reach > padded) {
      return misfit(fmt::format("a window of {} does not fit into the padded extent {} of axis {}",
                                reach, padded, a + 1));
    }
    axes[a] = {.in = source[a + 1],
               .out = (padded - reach) / stride[a] + 1,
               .kernel = kernel[a],
               .stride = stride[a],
               .dilation = dilation[a],
               .padding = padding[a]};
  }
  return axes;
}

Result<> expect_image(std::string_view kind, const Shape& source) {
  const bool known = element_count(source).value_or(0) > 0;
  if (source.size() == 3 && known) return {};
  return misfit(fmt::format("{} needs a source of shape [channels,height,width], not {}", kind,
                            to_string(source)));
}

Result<Axes> axes_of(const Conv2d& conv, const Shape& source) {
  NT_TRY_VOID(expect_image("conv2d", source));
  const Shape& weight = conv.weight.shape();
  if (!conv.weight.defined() || weight.size() != 4 || conv.weight.size() == 0) {
    return misfit(fmt::format("conv2d needs a weight of shape [M,C/groups,kh,kw], not {}",
                              conv.weight.defined() ? to_string(weight) : "none"));
  }
  const bool grouped = conv.groups >= 1 && weight[0] % conv.groups == 0 &&
                       source[0] % conv.groups == 0 && weight[1] == source[0] / conv.groups;
  if (!grouped) {
    return misfit(fmt::format("a conv2d weight {} in {} groups does not fit a source {}",
                              to_string(weight), conv.groups, to_string(source)));
  }
  return window_axes(source, {weight[2], weight[3]}, conv.stride, conv.padding, conv.dilation);
}

template <class Pool>
Result<Axes> pool_axes(std::string_view kind, const Pool& pool, const Shape& source) {
  NT_TRY_VOID(expect_image(kind, source));
  const Tensor& weight = pool.weight;
  const bool fits = !weight.defined() || weight.rank() == 0 || weight.shape() == Shape{source[0]};
  if (!fits) {
    return misfit(fmt::format("a {} weight of shape {} fits neither [] nor [{}]", kind,
                              to_string(weight.shape()), source[0]));
  }
  return window_axes(source, pool.kernel, pool.stride, pool.padding, {1, 1});
}

Result<Axes> axes_of(const SumPool2d& pool, const Shape& source) {
  return pool_axes("sum_pool2d", pool, source);
}

Result<Axes> axes_of(const MaxPool2d& pool, const Shape& source) {
  // Nothing is the largest of an empty window.
  for (std::size_t side = 0; side < 4; ++side) {
    if (pool.padding[side] < pool.kernel[side % 2]) continue;
    return misfit(
        fmt::format("a max_pool2d of kernel [{},{}] would have windows of padding alone: "
                    "padding {}",
                    pool.kernel[0], pool.kernel[1],
                    to_string(Shape(pool.padding.begin(), pool.padding.end()))));
  }
  return pool_axes("max_pool2d", pool, source);
}

/// Where neuron `index` of a population of `shape` finds its element of a [], [C] or full tensor.
std::int64_t element_of(const Tensor& tensor, const Shape& shape, std::int64_t index) {
  const std::int64_t neurons = element_count(shape).value_or(1);
  if (tensor.size() == neurons) return index;
  if (tensor.size() == 1) return 0;
  return index / (neurons / shape[0]);
}

template <class Kind>
concept AnyPool = std::same_as<Kind, SumPool2d> || std::same_as<Kind, MaxPool2d>;

struct TargetShape {
  const Shape& source;

  Result<std::optional<Shape>> operator()(const Dense& dense) const {
    const Shape& weight = dense.weight.shape();
    const auto sources = element_count(source);
    if (dense.weight.defined() && weight.size() == 2 && sources == weight[1]) {
      return std::optional<Shape>();
    }
    return misfit(fmt::format("a dense weight {} does not fit a source {}",
                              dense.weight.defined() ? to_string(weight) : "none",
                              to_string(source)));
  }
  Result<std::optional<Shape>> operator()(const Conv2d& conv) const {
    NT_TRY(const Axes axes, axes_of(conv, source));
    return std::optional<Shape>({conv.weight.shape()[0], axes[0].out, axes[1].out});
  }
  template <AnyPool Pool>
  Result<std::optional<Shape>> operator()(const Pool& pool) const {
    NT_TRY(const Axes axes, axes_of(pool, source));
    return std::optional<Shape>({source[0], axes[0].out, axes[1].out});
  }
  Result<std::optional<Shape>> operator()(const OneToOne& one) const {
    if (one.weight.defined() && element_count(source)) return std::optional<Shape>();
    return misfit(fmt::format("a one_to_one projection from {} has no weight", to_string(source)));
  }
  Result<std::optional<Shape>> operator()(const Sparse& sparse) const {
    const auto sources = element_count(source);
    const bool rows = sources && sparse.row_begin.defined() &&
                      sparse.row_begin.dtype() == DType::kInt64 &&
                      sparse.row_begin.size() == *sources + 1;
    const bool lists = sparse.targets.defined() && sparse.targets.dtype() == DType::kInt32 &&
                       sparse.weight.defined() && sparse.weight.size() == sparse.targets.size();
    if (rows && lists) return std::optional<Shape>();
    return misfit(
        fmt::format("a sparse projection from {} needs row_begin i64[{}], and one i32 target and "
                    "one weight for "
                    "each synapse",
                    to_string(source), sources.value_or(0) + 1));
  }
};

struct Counter {
  const Shape& source;
  const Shape& target;

  std::int64_t operator()(const Dense& dense) const { return dense.weight.size(); }
  std::int64_t operator()(const Conv2d& conv) const {
    const auto axes = axes_of(conv, source);
    if (!axes) return 0;
    const Shape& weight = conv.weight.shape();
    return weight[0] * weight[1] * pair_count((*axes)[0]) * pair_count((*axes)[1]);
  }
  template <AnyPool Pool>
  std::int64_t operator()(const Pool& pool) const {
    const auto axes = axes_of(pool, source);
    return axes ? source[0] * pair_count((*axes)[0]) * pair_count((*axes)[1]) : 0;
  }
  std::int64_t operator()(const OneToOne&) const { return element_count(source).value_or(0); }
  std::int64_t operator()(const Sparse& sparse) const { return sparse.targets.size(); }
};

/// Appends the synapses of one source neuron.
struct RowMaker {
  const Shape& source;
  const Shape& target;
  std::int64_t index;
  std::vector<Synapse>& out;

  void add(std::int64_t to, double weight) const { out.push_back({index, to, weight}); }

  void operator()(const Dense& dense) const {
    const std::int64_t targets = dense.weight.shape()[0], sources = dense.weight.shape()[1];
    for (std::int64_t t = 0; t < targets; ++t) add(t, dense.weight.at(t * sources + index));
  }

  void operator()(const Conv2d& conv) const {
    const auto axes = axes_of(conv, source);
    NT_CHECK(axes.has_value(), "row() needs a convolution that fits its source");
    const auto& [ys, xs] = *axes;
    const Shape& weight = conv.weight.shape();
    const std::int64_t plane = ys.in * xs.in, channel = index / plane;
    const std::int64_t outputs = weight[0] / conv.groups, group = channel / weight[1];
    const std::vector<Touch> rows = touches(ys, index % plane / xs.in);
    const std::vector<Touch> columns = touches(xs, index % xs.in);
    for (std::int64_t m = group * outputs; m < (group + 1) * outputs; ++m) {
      const std::int64_t kernel = (m * weight[1] + channel % weight[1]) * weight[2];
      for (const Touch& y : rows) {
        for (const Touch& x : columns) {
          add((m * ys.out + y.out) * xs.out + x.out,
              conv.weight.at((kernel + y.kernel) * weight[3] + x.kernel));
        }
      }
    }
  }

  template <AnyPool Pool>
  void operator()(const Pool& pool) const {
    const auto axes = axes_of(pool, source);
    NT_CHECK(axes.has_value(), "row() needs a pooling that fits its source");
    const auto& [ys, xs] = *axes;
    const std::int64_t plane = ys.in * xs.in, channel = index / plane;
    const bool each = pool.weight.defined() && pool.weight.rank() == 1;
    const double weight = pool.weight.defined() ? pool.weight.at(each ? channel : 0) : 1;
    const std::vector<Touch> columns = touches(xs, index % xs.in);
    for (const Touch& y : touches(ys, index % plane / xs.in)) {
      for (const Touch& x : columns) add((channel * ys.out + y.out) * xs.out + x.out, weight);
    }
  }

  void operator()(const OneToOne& one) const {
    add(index, one.weight.at(element_of(one.weight, target, index)));
  }

  void operator()(const Sparse& sparse) const {
    const auto begin = sparse.row_begin.as<std::int64_t>();
    const auto targets = sparse.targets.as<std::int32_t>();
    const auto row = static_cast<std::size_t>(index);
    for (std::int64_t s = begin[row]; s < begin[row + 1]; ++s) {
      add(targets[static_cast<std::size_t>(s)], sparse.weight.at(s));
    }
  }
};

struct Namer {
  std::string_view operator()(const Dense&) const { return "dense"; }
  std::string_view operator()(const Conv2d&) const { return "conv2d"; }
  std::string_view operator()(const SumPool2d&) const { return "sum_pool2d"; }
  std::string_view operator()(const MaxPool2d&) const { return "max_pool2d"; }
  std::string_view operator()(const OneToOne&) const { return "one_to_one"; }
  std::string_view operator()(const Sparse&) const { return "sparse"; }
};

}  // namespace

std::string_view kind_name(const Connectivity& connectivity) {
  return std::visit(Namer{}, connectivity);
}

Tensor* weight_of(Connectivity& connectivity) {
  Tensor* weight = std::visit([](auto& kind) { return &kind.weight; }, connectivity);
  return weight->defined() ? weight : nullptr;
}

const Tensor* weight_of(const Connectivity& connectivity) {
  return weight_of(const_cast<Connectivity&>(connectivity));
}

std::int64_t synapse_count(const Connectivity& connectivity, const Shape& source,
                           const Shape& target) {
  return std::visit(Counter{source, target}, connectivity);
}

std::vector<Synapse> row(const Connectivity& connectivity, const Shape& source, const Shape& target,
                         std::int64_t index) {
  NT_CHECK(index >= 0 && index < element_count(source).value_or(0), "no such source neuron");
  std::vector<Synapse> synapses;
  std::visit(RowMaker{source, target, index, synapses}, connectivity);
  return synapses;
}

std::vector<Synapse> expand(const Connectivity& connectivity, const Shape& source,
                            const Shape& target) {
  std::vector<Synapse> synapses;
  synapses.reserve(static_cast<std::size_t>(synapse_count(connectivity, source, target)));
  const std::int64_t sources = element_count(source).value_or(0);
  for (std::int64_t index = 0; index < sources; ++index) {
    std::visit(RowMaker{source, target, index, synapses}, connectivity);
  }
  return synapses;
}

Result<std::optional<Shape>> target_shape(const Connectivity& connectivity, const Shape& source) {
  return std::visit(TargetShape{source}, connectivity);
}

}  // namespace neurotool
