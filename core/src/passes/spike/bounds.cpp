// Intervals of currents and membranes.
#include "passes/spike/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace neurotool::integer {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Widens the interval of each channel to hold those of its neurons.
class Hulls {
 public:
  explicit Hulls(std::int64_t channels) : intervals_(index(channels)), seen_(index(channels)) {}
  void add(std::int64_t channel, const Interval& interval) {
    Interval& hull = intervals_[index(channel)];
    hull = seen_[index(channel)] ? hull.hull(interval) : interval;
    seen_[index(channel)] = true;
  }
  ChannelIntervals take() { return std::move(intervals_); }

 private:
  ChannelIntervals intervals_;
  std::vector<bool> seen_;
};

ChannelIntervals dense(const Weights& whole, const ChannelIntervals& payload, const Shape& source,
                       const Shape& target) {
  Hulls hulls(channels_of(target));
  const std::int64_t sources = element_count(source).value_or(0);
  const std::int64_t inner = sources / channels_of(source);
  for (std::int64_t t = 0; t < whole.shape[0]; ++t) {
    Interval sum;
    for (std::int64_t s = 0; s < sources; ++s) {
      sum = sum + payload[index(s / inner)].times(whole.value[index(t * sources + s)]);
    }
    hulls.add(whole.channel[index(t * sources)], sum);
  }
  return hulls.take();
}

ChannelIntervals convolution(const Conv2d& conv, const Weights& whole,
                             const ChannelIntervals& payload) {
  const std::int64_t outputs = whole.shape[0], channels = whole.shape[1];
  const std::int64_t kernel = whole.shape[2] * whole.shape[3];
  ChannelIntervals result;
  for (std::int64_t m = 0; m < outputs; ++m) {
    const std::int64_t group = m / (outputs / conv.groups);
    Interval sum;
    for (std::int64_t i = 0; i < channels * kernel; ++i) {
      const Interval& sent = payload[index(group * channels + i / kernel)];
      sum = sum + sent.times(whole.value[index(m * channels * kernel + i)]);
    }
    result.push_back(sum);
  }
  return result;
}

ChannelIntervals pool(const SumPool2d& pool, const Weights& whole,
                      const ChannelIntervals& payload) {
  ChannelIntervals result;
  const auto window = static_cast<double>(pool.kernel[0] * pool.kernel[1]);
  for (std::size_t c = 0; c < payload.size(); ++c) {
    const double weight = whole.value[whole.value.size() == 1 ? 0 : c];
    result.push_back(payload[c].times(window).times(weight));
  }
  return result;
}

/// The largest of trains cannot grow by more than any of them, nor by less than all of them: what
/// arrives in a step lies where the payloads of the step lie, for either base.
ChannelIntervals max_pool(const Weights& whole, const ChannelIntervals& payload) {
  ChannelIntervals result;
  for (std::size_t c = 0; c < payload.size(); ++c) {
    result.push_back(payload[c].times(whole.value[whole.value.size() == 1 ? 0 : c]));
  }
  return result;
}

ChannelIntervals one_to_one(const Weights& whole, const ChannelIntervals& payload,
                            const Shape& source, const Shape& target) {
  Hulls hulls(channels_of(target));
  const std::int64_t neurons = element_count(target).value_or(0);
  const auto weights = static_cast<std::int64_t>(whole.value.size());
  for (std::int64_t n = 0; n < neurons; ++n) {
    const double weight = whole.value[index(n / (neurons / weights))];
    hulls.add(channel_of(target, n), payload[index(channel_of(source, n))].times(weight));
  }
  return hulls.take();
}

ChannelIntervals listed(const Sparse& sparse, const Weights& whole, const ChannelIntervals& payload,
                        const Shape& source, const Shape& target) {
  std::vector<Interval> sums(index(element_count(target).value_or(0)));
  const auto row_begin = sparse.row_begin.as<std::int64_t>();
  const auto targets = sparse.targets.as<std::int32_t>();
  for (std::size_t s = 0; s + 1 < row_begin.size(); ++s) {
    const Interval& sent = payload[index(channel_of(source, static_cast<std::int64_t>(s)))];
    for (std::size_t k = index(row_begin[s]); k < index(row_begin[s + 1]); ++k) {
      Interval& sum = sums[index(targets[k])];
      sum = sum + sent.times(whole.value[k]);
    }
  }
  Hulls hulls(channels_of(target));
  for (std::size_t n = 0; n < sums.size(); ++n) {
    hulls.add(channel_of(target, static_cast<std::int64_t>(n)), sums[n]);
  }
  return hulls.take();
}

/// What is left of a membrane in `now`, whether the neuron fired or not.
Interval after_firing(const MembraneRule& rule, const Interval& now) {
  const bool up = rule.threshold.high > 0 && now.high >= rule.threshold.low;
  const bool down = rule.fires_down && now.low < 0;
  Interval left = now;
  if (up) {
    // A neuron that fired is at 0 or above; one that did not is below its threshold.
    left.low = std::min(now.low, 0.0);
    if (rule.always_fires) {
      left.high = std::max(std::min(now.high, rule.threshold.high),
                           now.high - rule.max_per_step * rule.threshold.low);
    }
  }
  if (down) left.high = std::max(left.high, rule.threshold.high);
  return rule.to_value && (up || down) ? left.hull(rule.reset) : left;
}

}  // namespace

Interval Interval::hull(const Interval& other) const {
  return {std::min(low, other.low), std::max(high, other.high)};
}

Interval Interval::times(double factor) const {
  return factor >= 0 ? Interval{low * factor, high * factor}
                     : Interval{high * factor, low * factor};
}

bool Interval::fits_int32() const {
  return low >= std::numeric_limits<std::int32_t>::min() &&
         high <= std::numeric_limits<std::int32_t>::max();
}

Interval Leak::of(const Interval& value) const {
  if (least == 1 && most == 1 && shift == 0) return value;
  Interval left{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const double v : {value.low, value.high}) {
    for (const double decay : {least, most}) {
      const double exact = std::ldexp(v * decay, -static_cast<int>(shift));
      const double kept = rounding == Rounding::kFloor ? std::floor(exact) : std::trunc(exact);
      left = {std::min(left.low, kept), std::max(left.high, kept)};
    }
  }
  return left;
}

ChannelIntervals delivered(const Connectivity& connectivity, const Weights& whole,
                           const ChannelIntervals& payload, const Shape& source,
                           const Shape& target) {
  struct {
    const Weights& whole;
    const ChannelIntervals& payload;
    const Shape &source, &target;

    ChannelIntervals operator()(const Dense&) const {
      return dense(whole, payload, source, target);
    }
    ChannelIntervals operator()(const Conv2d& kind) const {
      return convolution(kind, whole, payload);
    }
    ChannelIntervals operator()(const SumPool2d& kind) const { return pool(kind, whole, payload); }
    ChannelIntervals operator()(const MaxPool2d&) const { return max_pool(whole, payload); }
    ChannelIntervals operator()(const OneToOne&) const {
      return one_to_one(whole, payload, source, target);
    }
    ChannelIntervals operator()(const Sparse& kind) const {
      return listed(kind, whole, payload, source, target);
    }
  } by_kind{whole, payload, source, target};
  return std::visit(by_kind, connectivity);
}

Interval membrane_range(const MembraneRule& rule, std::uint32_t steps) {
  Interval now = rule.initial, range = rule.initial;
  for (std::uint32_t t = 0; t < steps; ++t) {
    if (t < rule.integrating) now = rule.leak.of(now) + rule.current;
    range = range.hull(now);
    now = after_firing(rule, now);
    range = range.hull(now);
  }
  return range;
}

}  // namespace neurotool::integer
