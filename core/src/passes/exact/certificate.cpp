// Threshold tables by binary search, and the two bounds on v(0).
#include "passes/exact/certificate.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace neurotool::exact {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/// Bounds of v(0) for one threshold: 2^F (t_k - 1) + v0 < k theta <= 2^F t_k + v0 for all k.
struct InitialBounds {
  std::int64_t least = std::numeric_limits<std::int64_t>::min() / 4;
  std::int64_t most = std::numeric_limits<std::int64_t>::max() / 4;
  std::int64_t clash = 0;  ///< the count after which nothing was left
};

InitialBounds bounds_of(const ThresholdTable& table, std::int64_t theta, int fraction_bits) {
  InitialBounds bounds;
  const std::int64_t unit = std::int64_t{1} << fraction_bits;
  for (std::size_t i = 0; i < table.rises.size(); ++i) {
    const std::int64_t k = table.low + 1 + static_cast<std::int64_t>(i);
    const std::int64_t t = table.rises[i];
    if (t == ThresholdTable::kNever) {
      // Never reached: not at the largest sum either.
      bounds.most = std::min(bounds.most, k * theta - unit * table.most - 1);
    } else {
      bounds.least = std::max(bounds.least, k * theta - unit * t);
      // Below the smallest sum nothing has to be kept away.
      if (t > table.least) bounds.most = std::min(bounds.most, k * theta - unit * (t - 1) - 1);
    }
    if (bounds.least > bounds.most && bounds.clash == 0) bounds.clash = k;
  }
  return bounds;
}

}  // namespace

std::int64_t ThresholdTable::count(std::int64_t sum) const {
  return low + std::ranges::count_if(rises, [=](std::int64_t t) { return t <= sum; });
}

ThresholdTable threshold_table(const CountRule& rule, std::int64_t least, std::int64_t most,
                               std::int64_t low, std::int64_t high) {
  ThresholdTable table{.low = low, .high = high, .least = least, .most = most, .rises = {}};
  std::int64_t from = least;
  for (std::int64_t k = low + 1; k <= high; ++k) {
    if (rule(most) < k) {
      table.rises.push_back(ThresholdTable::kNever);
      continue;
    }
    std::int64_t below = from - 1, reached = most;
    while (reached - below > 1) {
      const std::int64_t middle = below + (reached - below) / 2;
      (rule(middle) >= k ? reached : below) = middle;
    }
    table.rises.push_back(reached);
    from = reached;
  }
  return table;
}

std::int64_t Certificate::count(std::int64_t sum, std::int64_t low, std::int64_t high) const {
  const std::int64_t membrane = sum * (std::int64_t{1} << fraction_bits) + initial;
  return std::clamp(floor_div(membrane, threshold), low, high);
}

Certificate Certificate::widened(int wanted) const {
  NT_CHECK(wanted >= fraction_bits, "fraction bits only grow");
  const std::int64_t factor = std::int64_t{1} << (wanted - fraction_bits);
  return {wanted, threshold * factor, initial * factor};
}

tl::expected<Certificate, NoCertificate> certify(const ThresholdTable& table, double sums_per_count,
                                                 int most_fraction_bits) {
  const bool never =
      std::ranges::all_of(table.rises, [](std::int64_t t) { return t == ThresholdTable::kNever; });
  // A silent channel: any threshold that no sum reaches.
  if (never && table.low == 0) return Certificate{0, std::max<std::int64_t>(table.most, 0) + 1, 0};
  NoCertificate failed;
  for (int bits = 0; bits <= most_fraction_bits; ++bits) {
    const double ideal = std::ldexp(sums_per_count, bits);
    if (!(ideal < 0x1p31)) break;
    const auto centre = static_cast<std::int64_t>(std::nearbyint(ideal));
    // Rounding may lean either way when the table does not begin at 0.
    for (const std::int64_t theta : {centre, centre - 1, centre + 1}) {
      if (theta < 1) continue;
      const InitialBounds bounds = bounds_of(table, theta, bits);
      if (bounds.least <= bounds.most) {
        // Near half a threshold where the table leaves a choice: the same for every channel.
        return Certificate{bits, theta, std::clamp(theta / 2, bounds.least, bounds.most)};
      }
      if (theta == centre) failed = {bounds.clash, bits};
    }
  }
  return tl::unexpected(failed);
}

std::int64_t onnx_count(std::int64_t sum, double offset, float multiplier, std::int64_t low,
                        std::int64_t high) {
  const float scaled = static_cast<float>(static_cast<double>(sum) + offset) * multiplier;
  // Compared as numbers before the cast: a product may be far outside the range of counts.
  const float nearest = std::nearbyint(scaled);
  if (nearest <= static_cast<float>(low)) return low;
  if (nearest >= static_cast<float>(high)) return high;
  return static_cast<std::int64_t>(nearest);
}

}  // namespace neurotool::exact
