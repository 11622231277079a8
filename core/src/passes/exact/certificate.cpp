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

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return -floor_div(-a, b); }

/// 2^F (t_k - 1) + v0 < k theta <= 2^F t_k + v0 for all k, as bounds of v0 at one theta. A count
/// that is never reached must not be at the largest sum; nothing has to be kept away below the
/// smallest.
class Conditions {
 public:
  Conditions(const ThresholdTable& table, int fraction_bits)
      : unit_(std::int64_t{1} << fraction_bits) {
    for (std::size_t i = 0; i < table.rises.size(); ++i) {
      const std::int64_t k = table.low + 1 + static_cast<std::int64_t>(i);
      const bool never = table.rises[i] == ThresholdTable::kNever;
      const std::int64_t t = never ? table.most + 1 : table.rises[i];
      if (!never) at_least_.push_back({k, t});
      if (t > table.least) at_most_.push_back({k, t});
    }
  }

  /// Every threshold for which some v0 fits; empty where low > high. From each pair of a lower
  /// bound (k, t_k) and an upper bound (j, t_j): (k - j) theta <= 2^F (t_k - t_j + 1) - 1.
  struct Thresholds {
    std::int64_t low = 1, high = std::int64_t{1} << 40;
    std::int64_t clash = 0;  ///< the count whose condition left nothing
  };
  Thresholds thresholds() const {
    Thresholds found;
    for (const Rise& lower : at_least_) {
      for (const Rise& upper : at_most_) {
        const std::int64_t counts = lower.count - upper.count;
        if (counts == 0) continue;
        const std::int64_t room = unit_ * (lower.sum - upper.sum + 1) - 1;
        if (counts > 0) {
          found.high = std::min(found.high, floor_div(room, counts));
        } else {
          found.low = std::max(found.low, ceil_div(-room, -counts));
        }
        if (found.low > found.high && found.clash == 0) {
          found.clash = std::max(lower.count, upper.count);
        }
      }
    }
    return found;
  }

  /// The v0 nearest to half a threshold; thresholds() holds `theta`.
  std::int64_t initial(std::int64_t theta) const {
    std::int64_t least = std::numeric_limits<std::int64_t>::min();
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    for (const Rise& rise : at_least_)
      least = std::max(least, rise.count * theta - unit_ * rise.sum);
    for (const Rise& rise : at_most_) {
      most = std::min(most, rise.count * theta - unit_ * (rise.sum - 1) - 1);
    }
    NT_CHECK(least <= most, "the threshold was found to have a v(0)");
    return std::clamp(theta / 2, least, most);
  }

 private:
  struct Rise {
    std::int64_t count, sum;
  };
  std::int64_t unit_;
  std::vector<Rise> at_least_, at_most_;
};

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
    const Conditions conditions(table, bits);
    const Conditions::Thresholds fit = conditions.thresholds();
    failed = {fit.clash, bits};
    if (fit.low > fit.high) continue;
    const auto theta =
        std::clamp(static_cast<std::int64_t>(std::nearbyint(ideal)), fit.low, fit.high);
    return Certificate{bits, theta, conditions.initial(theta)};
  }
  return tl::unexpected(failed);
}

bool is_certifiable(const ThresholdTable& table, int fraction_bits) {
  const Conditions::Thresholds fit = Conditions(table, fraction_bits).thresholds();
  return fit.low <= fit.high;
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

std::int64_t half_up_count(std::int64_t sum, double offset, double multiplier, std::int64_t low,
                           std::int64_t high) {
  const double nearest = std::floor((static_cast<double>(sum) + offset) * multiplier + 0.5);
  return static_cast<std::int64_t>(
      std::clamp(nearest, static_cast<double>(low), static_cast<double>(high)));
}

}  // namespace neurotool::exact
