// Walks two operands along their broadcast shape, axes that run together merged into one.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "eval/kernel_tools.hpp"

namespace neurotool::kernels {

struct BroadcastAxis {
  std::int64_t extent = 1, stride_a = 0, stride_b = 0;
};

/// Axes, outermost first; at least one. A stride is 0 where the operand is repeated.
inline std::vector<BroadcastAxis> broadcast_axes(const Shape& a, const Shape& b, const Shape& out) {
  const auto strides_a = strides_of(a), strides_b = strides_of(b);
  std::vector<BroadcastAxis> axes;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto stride_of = [&](const Shape& own, const std::vector<std::int64_t>& strides) {
      const std::size_t missing = out.size() - own.size();
      if (i < missing || own[i - missing] == 1) return std::int64_t{0};
      return strides[i - missing];
    };
    const BroadcastAxis axis{out[i], stride_of(a, strides_a), stride_of(b, strides_b)};
    if (axis.extent == 1) continue;
    if (!axes.empty() && axes.back().stride_a == axis.stride_a * axis.extent &&
        axes.back().stride_b == axis.stride_b * axis.extent) {
      axes.back() = {axes.back().extent * axis.extent, axis.stride_a, axis.stride_b};
    } else {
      axes.push_back(axis);
    }
  }
  if (axes.empty()) axes.push_back({});
  return axes;
}

/// The elements of an innermost line: out[to + i] belongs to a[at_a + i * step_a] and
/// b[at_b + i * step_b].
struct BroadcastLine {
  std::int64_t to, at_a, at_b, extent, step_a, step_b;
};

/// Calls `work` for every innermost line, over the pool.
inline void for_broadcast(const std::vector<BroadcastAxis>& axes,
                          const std::function<void(const BroadcastLine&)>& work) {
  const BroadcastAxis inner = axes.back();
  std::size_t rows = 1;
  for (std::size_t i = 0; i + 1 < axes.size(); ++i)
    rows *= static_cast<std::size_t>(axes[i].extent);
  const auto size = static_cast<std::size_t>(inner.extent);
  if (rows == 1) {
    // One long line: split it.
    for_elements(size, [&](std::size_t first, std::size_t last) {
      const auto from = static_cast<std::int64_t>(first);
      work({from, from * inner.stride_a, from * inner.stride_b,
            static_cast<std::int64_t>(last) - from, inner.stride_a, inner.stride_b});
    });
    return;
  }
  for_rows(rows, size, [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      std::int64_t a = 0, b = 0;
      auto rest = static_cast<std::int64_t>(row);
      for (std::size_t i = axes.size() - 1; i-- > 0;) {
        a += rest % axes[i].extent * axes[i].stride_a;
        b += rest % axes[i].extent * axes[i].stride_b;
        rest /= axes[i].extent;
      }
      work({static_cast<std::int64_t>(row) * inner.extent, a, b, inner.extent, inner.stride_a,
            inner.stride_b});
    }
  });
}

}  // namespace neurotool::kernels
