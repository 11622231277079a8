// Reductions over axes, in double precision or wrapping integers, and the place of the largest
// element.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"

namespace neurotool::kernels {
namespace {

/// Sums of floats are kept in double precision; integers wrap in 64 bits.
template <class T>
using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

/// Where element by element of the input goes: strides into the result, 0 along a reduced axis.
struct Targets {
  Shape kept;
  std::vector<std::int64_t> strides;
};

Result<Targets> targets_of(Inputs in) {
  const Shape& shape = in[0].shape();
  std::vector<std::int64_t> given;
  if (in.size() > 1 && in[1].defined()) {
    NT_TRY(given, integers_of(in[1], "the reduced axes"));
  }
  NT_TRY(const auto axes, normal_axes(given, shape.size(), "reduced axis"));
  Targets targets{.kept = shape, .strides = {}};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (axes.empty() || std::ranges::find(axes, i) != axes.end()) targets.kept[i] = 1;
  }
  targets.strides = strides_of(targets.kept);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (targets.kept[i] == 1) targets.strides[i] = 0;
  }
  return targets;
}

/// Calls meet(slot of the result, element) for every element of the input.
template <class T, class Meet>
void for_each_element(const Tensor& in, const Targets& targets, const Meet& meet) {
  const Shape& shape = in.shape();
  std::vector<std::int64_t> index(shape.size(), 0);
  std::int64_t at = 0;
  for (const T value : in.as<T>()) {
    meet(static_cast<std::size_t>(at), value);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      at += targets.strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= targets.strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

template <class T>
Tensor accumulated(ReduceKind kind, const Tensor& in, const Targets& targets, const Shape& shape) {
  const std::size_t count = product(targets.kept);
  const bool product_wanted = kind == ReduceKind::kProd;
  std::vector<Sum<T>> sums(count, static_cast<Sum<T>>(product_wanted ? 1 : 0));
  for_each_element<T>(in, targets, [&](std::size_t slot, T value) {
    if (product_wanted) sums[slot] *= static_cast<Sum<T>>(value);
    if (!product_wanted) sums[slot] += static_cast<Sum<T>>(value);
  });
  const double size = static_cast<double>(in.size());
  const double divisor = kind == ReduceKind::kMean ? size / static_cast<double>(count) : 1;
  Output<T> result(shape);
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (std::is_floating_point_v<T>) {
      result.data()[i] = static_cast<T>(sums[i] / divisor);
    } else {
      result.data()[i] = static_cast<T>(sums[i]);
    }
  }
  return std::move(result).finish();
}

/// The largest or smallest; one that is not a number wins. Of no elements: the end of the range.
template <class T>
Tensor extreme(ReduceKind kind, const Tensor& in, const Targets& targets, const Shape& shape) {
  using Limits = std::numeric_limits<T>;
  const bool most = kind == ReduceKind::kMax;
  const T top = Limits::has_infinity ? Limits::infinity() : Limits::max();
  const T bottom = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  Output<T> result(shape);
  std::fill_n(result.data(), result.size(), most ? bottom : top);
  for_each_element<T>(in, targets, [&](std::size_t slot, T value) {
    T& best = result.data()[slot];
    if ((most ? value > best : value < best) || is_nan(value)) best = value;
  });
  return std::move(result).finish();
}

}  // namespace

Result<Tensor> run(const Reduce& op, Inputs in, const TensorType& out) {
  NT_TRY(const Targets targets, targets_of(in));
  return with_number(out.dtype, op_name(Op(op)), [&]<class T>(T) -> Result<Tensor> {
    if (op.kind == ReduceKind::kMax || op.kind == ReduceKind::kMin) {
      return extreme<T>(op.kind, in[0], targets, *out.shape);
    }
    return accumulated<T>(op.kind, in[0], targets, *out.shape);
  });
}

Result<Tensor> run(const ArgMax& op, Inputs in, const TensorType& out) {
  const Shape& shape = in[0].shape();
  NT_TRY(const std::size_t axis, normal_axis(op.axis, shape.size(), "axis"));
  const auto extent = static_cast<std::size_t>(shape[axis]);
  const std::size_t inner = product(std::span(shape).subspan(axis + 1));
  const std::size_t lines = product(std::span(shape).first(axis)) * inner;
  return with_number(in[0].dtype(), "the largest element", [&]<class T>(T) -> Result<Tensor> {
    const T* x = in[0].as<T>().data();
    Output<std::int64_t> result(*out.shape);
    for_rows(lines, extent, [&](std::size_t first, std::size_t last) {
      for (std::size_t line = first; line < last; ++line) {
        const T* from = x + line / inner * extent * inner + line % inner;
        std::size_t best = 0;
        for (std::size_t i = 1; i < extent; ++i) {
          const T value = from[i * inner], most = from[best * inner];
          if (value > most || (op.select_last && value == most)) best = i;
        }
        result.data()[line] = static_cast<std::int64_t>(best);
      }
    });
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
