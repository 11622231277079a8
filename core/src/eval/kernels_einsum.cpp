// Sums of products in einsum notation: a loop over the labels of the result, split over the pool,
// and inside it a loop over the labels that are summed.
#include <algorithm>
#include <type_traits>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"
#include "ir/einsum.hpp"

namespace neurotool::kernels {
namespace {

constexpr std::int64_t kMostProducts = std::int64_t{1} << 38;
constexpr std::int64_t kMostSummed = std::int64_t{1} << 26;

/// Extents and, for each operand, steps of some of the labels.
struct Loop {
  std::vector<std::int64_t> extents;
  std::vector<std::vector<std::int64_t>> strides;  ///< by operand, then by label
  std::int64_t count = 1;
};

Loop loop_over(const std::vector<std::size_t>& labels, const EinsumPlan& plan, Inputs in) {
  Loop loop;
  for (const std::size_t label : labels) {
    loop.extents.push_back(plan.extents[label]);
    loop.count *= plan.extents[label];
  }
  for (std::size_t k = 0; k < in.size(); ++k) {
    const auto strides = strides_of(in[k].shape());
    std::vector<std::int64_t> steps(labels.size(), 0);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      for (std::size_t axis = 0; axis < strides.size(); ++axis) {
        const bool runs = plan.operands[k][axis] == labels[i] && in[k].shape()[axis] != 1;
        if (runs) steps[i] += strides[axis];
      }
    }
    loop.strides.push_back(std::move(steps));
  }
  return loop;
}

std::int64_t place(const Loop& loop, std::size_t operand, std::int64_t number) {
  std::int64_t at = 0;
  for (std::size_t i = loop.extents.size(); i-- > 0;) {
    at += number % loop.extents[i] * loop.strides[operand][i];
    number /= loop.extents[i];
  }
  return at;
}

}  // namespace

Result<Tensor> run(const Einsum& op, Inputs in, const TensorType& out) {
  std::vector<Shape> shapes;
  for (const Tensor& operand : in) shapes.push_back(operand.shape());
  NT_TRY(const EinsumPlan plan, plan_einsum(op.equation, shapes));
  if (element_count(plan.extents).value_or(kMostProducts + 1) > kMostProducts) {
    return error("eval.size", {}, fmt::format("'{}' sums more than 2^38 products", op.equation),
                 "use a smaller batch");
  }
  std::vector<std::size_t> summed;
  for (std::size_t label = 0; label < plan.extents.size(); ++label) {
    if (std::ranges::find(plan.result, label) == plan.result.end()) summed.push_back(label);
  }
  const Loop outer = loop_over(plan.result, plan, in), inner = loop_over(summed, plan, in);
  if (inner.count > kMostSummed) {
    return error("eval.size", {},
                 fmt::format("'{}' sums {} products for each element", op.equation, inner.count));
  }
  // Where the summed elements of each operand lie, relative to the first.
  std::vector<std::vector<std::int64_t>> steps(in.size());
  for (std::size_t k = 0; k < in.size(); ++k) {
    for (std::int64_t i = 0; i < inner.count; ++i) steps[k].push_back(place(inner, k, i));
  }
  return with_number(out.dtype, "a sum of products", [&]<class T>(T) -> Result<Tensor> {
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
    Output<T> result(*out.shape);
    for_rows(result.size(), static_cast<std::size_t>(inner.count),
             [&](std::size_t first, std::size_t last) {
               std::vector<const T*> from(in.size());
               for (std::size_t i = first; i < last; ++i) {
                 for (std::size_t k = 0; k < in.size(); ++k) {
                   from[k] = in[k].as<T>().data() + place(outer, k, static_cast<std::int64_t>(i));
                 }
                 Sum sum{0};
                 for (std::size_t j = 0; j < static_cast<std::size_t>(inner.count); ++j) {
                   auto value = static_cast<Sum>(from[0][steps[0][j]]);
                   for (std::size_t k = 1; k < in.size(); ++k) {
                     value *= static_cast<Sum>(from[k][steps[k][j]]);
                   }
                   sum += value;
                 }
                 result.data()[i] = static_cast<T>(sum);
               }
             });
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
