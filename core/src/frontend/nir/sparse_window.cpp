// The axes first: which stride lets all synapses fall into the smallest window. Then the kernel is
// filled synapse by synapse, and one count proves that no place of it is left out anywhere.
#include "frontend/nir/sparse_window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

namespace neurotool::to_nir {
namespace {

struct Place {
  std::int64_t channel = 0;
  std::array<std::int64_t, 2> at{};
};

Place place_of(std::int64_t index, const Shape& shape) {
  return {index / (shape[1] * shape[2]), {index / shape[2] % shape[1], index % shape[2]}};
}

/// Calls f(source, target, weight) for every synapse with a weight, until it is false.
template <class F>
void each_synapse(const Sparse& sparse, F&& f) {
  const auto begin = sparse.row_begin.as<std::int64_t>();
  const auto list = sparse.targets.as<std::int32_t>();
  for (std::size_t source = 0; source + 1 < begin.size(); ++source) {
    for (std::int64_t k = begin[source]; k < begin[source + 1]; ++k) {
      const auto weight = static_cast<float>(sparse.weight.at(k));
      if (weight == 0) continue;
      const std::int64_t target = list[static_cast<std::size_t>(k)];
      if (!f(static_cast<std::int64_t>(source), target, weight)) return;
    }
  }
}

/// The places along one axis that a target at each place reads.
struct Reach {
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  std::int64_t high = std::numeric_limits<std::int64_t>::min();
  bool empty() const { return low > high; }
};

/// A window along one axis: tap k of target t reads source stride * t + k - before.
struct Axis {
  std::int64_t stride = 1, before = 0, taps = 1, after = 0;

  /// With as much padding on both sides, which is how readers take it.
  std::int64_t balanced_taps() const { return taps + std::abs(after - before); }
  /// Where taps are on the source, over all targets.
  std::int64_t hits(std::int64_t tap, std::int64_t sources, std::int64_t targets) const {
    std::int64_t count = 0;
    for (std::int64_t t = 0; t < targets; ++t) {
      const std::int64_t at = stride * t + tap - before;
      count += at >= 0 && at < sources ? 1 : 0;
    }
    return count;
  }
};

Axis axis_with(std::int64_t stride, const std::vector<Reach>& reach, std::int64_t sources) {
  Reach offsets;
  for (std::size_t t = 0; t < reach.size(); ++t) {
    if (reach[t].empty()) continue;
    const std::int64_t start = stride * static_cast<std::int64_t>(t);
    offsets.low = std::min(offsets.low, reach[t].low - start);
    offsets.high = std::max(offsets.high, reach[t].high - start);
  }
  Axis axis{.stride = stride, .before = std::max<std::int64_t>(0, -offsets.low)};
  axis.taps = std::max<std::int64_t>(1, offsets.high + axis.before + 1);
  const auto last = stride * (static_cast<std::int64_t>(reach.size()) - 1);
  const std::int64_t beyond = last + axis.taps - sources - axis.before;
  axis.after = std::max<std::int64_t>(0, beyond);
  // Fewer targets than there are windows: zeros at the end of the kernel leave the last ones out.
  if (-beyond >= stride) axis.taps += -beyond - (stride - 1);
  return axis;
}

/// Axes to try, narrowest window first: the right stride keeps it narrow, unless the border cuts
/// off what nearly every target reads.
std::vector<Axis> candidates(const std::vector<Reach>& reach, std::int64_t sources) {
  constexpr std::size_t kMost = 8;
  std::vector<Axis> axes;
  const std::int64_t strides = reach.size() == 1 ? 1 : sources + 1;
  for (std::int64_t stride = 1; stride <= strides; ++stride)
    axes.push_back(axis_with(stride, reach, sources));
  std::ranges::sort(axes, {}, [](const Axis& a) { return std::pair(a.taps, a.stride); });
  if (axes.size() > kMost) axes.erase(axes.begin() + kMost, axes.end());
  axes.push_back(axis_with(strides, reach, sources));
  return axes;
}

/// The kernel of these axes, if all synapses agree on it and none is missing.
std::optional<Conv2d> filled(const Sparse& sparse, const Shape& source, const Shape& target,
                             const Axis& rows, const Axis& columns) {
  const Shape shape{target[0], source[0], rows.taps, columns.taps};
  std::vector<float> kernel(static_cast<std::size_t>(*element_count(shape)), 0.0F);
  std::int64_t synapses = 0;
  bool agree = true;
  each_synapse(sparse, [&](std::int64_t from, std::int64_t to, float weight) {
    ++synapses;
    const Place a = place_of(from, source), b = place_of(to, target);
    const std::int64_t y = a.at[0] - rows.stride * b.at[0] + rows.before;
    const std::int64_t x = a.at[1] - columns.stride * b.at[1] + columns.before;
    float& tap = kernel[static_cast<std::size_t>(
        ((b.channel * source[0] + a.channel) * rows.taps + y) * columns.taps + x)];
    agree = tap == 0 || tap == weight;
    tap = weight;
    return agree;
  });
  if (!agree) return std::nullopt;
  std::vector<std::int64_t> wide(static_cast<std::size_t>(columns.taps));
  for (std::size_t x = 0; x < wide.size(); ++x)
    wide[x] = columns.hits(static_cast<std::int64_t>(x), source[2], target[2]);
  std::int64_t wanted = 0;
  for (std::size_t row = 0; row * wide.size() < kernel.size(); ++row) {
    const std::int64_t high =
        rows.hits(static_cast<std::int64_t>(row) % rows.taps, source[1], target[1]);
    for (std::size_t x = 0; x < wide.size(); ++x)
      wanted += kernel[row * wide.size() + x] != 0 ? high * wide[x] : 0;
  }
  if (wanted != synapses) return std::nullopt;
  return Conv2d{.weight = Tensor::from<float>(shape, std::move(kernel)),
                .stride = {rows.stride, columns.stride},
                .padding = {rows.before, columns.before, rows.after, columns.after},
                .dilation = {1, 1},
                .groups = 1};
}

}  // namespace

std::optional<Conv2d> as_convolution(const Sparse& sparse, const Shape& source, const Shape& target,
                                     std::int64_t most) {
  if (source.size() != 3 || target.size() != 3) return std::nullopt;
  std::array<std::vector<Reach>, 2> reach{std::vector<Reach>(static_cast<std::size_t>(target[1])),
                                          std::vector<Reach>(static_cast<std::size_t>(target[2]))};
  each_synapse(sparse, [&](std::int64_t from, std::int64_t to, float) {
    const Place a = place_of(from, source), b = place_of(to, target);
    for (std::size_t axis = 0; axis < 2; ++axis) {
      Reach& seen = reach[axis][static_cast<std::size_t>(b.at[axis])];
      seen.low = std::min(seen.low, a.at[axis]);
      seen.high = std::max(seen.high, a.at[axis]);
    }
    return true;
  });
  for (const auto& axis : reach)
    if (std::ranges::all_of(axis, &Reach::empty)) return std::nullopt;
  for (const Axis& rows : candidates(reach[0], source[1])) {
    for (const Axis& columns : candidates(reach[1], source[2])) {
      const std::int64_t side = std::max(rows.balanced_taps(), columns.balanced_taps());
      const auto weights = element_count(Shape{target[0], source[0], side, side});
      if (!weights || *weights > most) continue;
      if (auto conv = filled(sparse, source, target, rows, columns)) return conv;
    }
  }
  return std::nullopt;
}

SpikeGraph with_windows(const SpikeGraph& graph, std::int64_t most, Diagnostics& diagnostics) {
  SpikeGraph made = graph;
  for (const ProjectionId id : graph.live_projections()) {
    const Projection& projection = graph[id];
    const auto* sparse = std::get_if<Sparse>(&projection.connectivity);
    if (sparse == nullptr) continue;
    auto conv = as_convolution(*sparse, graph[projection.source].shape,
                               graph[projection.target].shape, most);
    if (!conv) continue;
    diagnostics.report(note(
        "nir.lowered", ModelNode{"", projection.name},
        fmt::format("the {} synapses of '{}' are a convolution with stride {}x{} and weights {}",
                    sparse->targets.size(), projection.name, conv->stride[0], conv->stride[1],
                    to_string(conv->weight.shape()))));
    made[id].connectivity = std::move(*conv);
  }
  return made;
}

}  // namespace neurotool::to_nir
