// Broadcasts the leading axes of both operands against each other.
#include "eval/mat_mul_plan.hpp"

#include "eval/kernel_tools.hpp"

namespace neurotool::kernels {
namespace {

/// The offset of a matrix of `size` elements at flat index `batch` of the broadcast shape `all`.
std::int64_t offset_of(const Shape& own, const Shape& all, std::int64_t batch, std::int64_t size) {
  std::int64_t offset = 0, step = size;
  for (std::size_t i = all.size(); i > 0; --i) {
    const std::int64_t index = batch % all[i - 1];
    batch /= all[i - 1];
    const std::size_t behind = all.size() - i;
    if (behind >= own.size()) continue;
    const std::int64_t extent = own[own.size() - 1 - behind];
    if (extent != 1) offset += index * step;
    step *= extent;
  }
  return offset;
}

}  // namespace

MatMulPlan plan_mat_mul(const Shape& a, const Shape& b) {
  const auto leading = [](const Shape& shape) {
    return Shape(shape.begin(), shape.end() - std::min<std::ptrdiff_t>(2, std::ssize(shape)));
  };
  const Shape lead_a = leading(a), lead_b = leading(b);
  MatMulPlan plan;
  plan.inner = a.back();
  plan.columns = b.size() > 1 ? b.back() : 1;
  plan.rows = a.size() > 1 ? a[a.size() - 2] : 1;
  if (lead_b.empty()) {
    plan.rows *= static_cast<std::int64_t>(product(lead_a));
    plan.offsets = {{0, 0}};
    return plan;
  }
  const auto all = broadcast(lead_a, lead_b);
  NT_CHECK(all.has_value(), "the operands of a matrix product were not checked");
  const auto batches = static_cast<std::int64_t>(product(*all));
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    plan.offsets.emplace_back(offset_of(lead_a, *all, batch, plan.rows * plan.inner),
                              offset_of(lead_b, *all, batch, plan.inner * plan.columns));
  }
  return plan;
}

}  // namespace neurotool::kernels
