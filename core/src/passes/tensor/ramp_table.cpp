// The function is sampled where it bends; an optimal set of knots among some two hundred candidates
// comes from dynamic programming over chords, and least squares moves the values at the knots. The
// slopes of both ends are the function's own.
#include "passes/tensor/ramp_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "passes/tensor/knots.hpp"

namespace neurotool::tensor_passes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFar = 16384;        // where an end of the function is looked at
constexpr double kSettled = 1e-3;     // slopes that differ by less are one
constexpr double kZero = 1e-6;        // of slopes and values
constexpr double kNear = 8;           // range of a function whose ends are no lines, without data
constexpr double kStraight = 2e-3;    // what counts as being on the line of an end
constexpr double kRare = 1e-3;        // share of the data beyond the last knot of either side
constexpr double kSpreadShare = 0.1;  // of all weight: where the function bends, whatever the data
constexpr double kFloat = 1e-6;       // of the largest value: rounding of a table's constants
constexpr int kPoints = 1024, kCandidates = 160, kFine = 4;

/// f(x) tends to slope * x + offset on one side.
struct End {
  double slope = 0, offset = 0;
  double reach = kFar;  ///< how far out the function was looked at
  bool settles = false;
};

End end_of(const RealFunction& f, double side) {
  End end;
  // A function that is written with exp may overflow long before it is far from a line.
  while (!std::isfinite(f(side * end.reach)) && end.reach > kNear) end.reach /= 2;
  const auto slope = [&](double x) { return (f(side * x) - f(side * x / 2)) / (side * x / 2); };
  const double near = slope(end.reach / 2), far = slope(end.reach);
  end.settles = std::abs(near - far) <= kSettled * std::max(1.0, std::abs(far));
  if (!end.settles) return end;
  end.slope = std::abs(far) <= kSettled && std::abs(near) > kZero ? 0 : far;
  if (std::abs(end.slope) <= kZero) end.slope = 0;
  end.offset = f(side * end.reach) - end.slope * side * end.reach;
  return end;
}

/// The largest |x| on that side that is not on the line yet.
double bend_of(const RealFunction& f, const End& end, double side) {
  if (!end.settles) return kNear;
  for (double x = end.reach; x > 1e-4; x /= 1.09) {
    const double away = f(side * x) - (end.slope * side * x + end.offset);
    if (!(std::abs(away) <= kStraight)) return x * 1.09;
  }
  return 1e-4;
}

struct Ends {
  End left, right;
};

struct Range {
  double low = 0, high = 0;
};

/// What all but `rare` of the points on either side lie between; the points ascend.
Range hull_of(std::span<const WeightedPoint> points, double rare) {
  double all = 0, sum = 0;
  for (const WeightedPoint& point : points) all += point.weight;
  Range hull{points.front().x, points.back().x};
  for (const WeightedPoint& point : points) {
    if (sum <= rare * all) hull.low = point.x;
    sum += point.weight;
    if (sum < (1 - rare) * all) continue;
    hull.high = point.x;
    break;
  }
  return hull;
}

/// Where knots may lie: where the function bends and data has been.
Range knot_range(const RealFunction& f, const Ends& ends, std::span<const WeightedPoint> points) {
  const Range bend{-bend_of(f, ends.left, -1), bend_of(f, ends.right, 1)};
  if (points.empty()) return bend;
  const Range hull = hull_of(points, kRare);
  // An end that is no line is one from where the data ends.
  Range range{ends.left.settles ? std::max(bend.low, hull.low) : hull.low,
              ends.right.settles ? std::min(bend.high, hull.high) : hull.high};
  range = {std::min(range.low, 0.0), std::max(range.high, 0.0)};
  return range.high - range.low < 1e-3 ? bend : range;
}

/// The points from `low` to `high`, closer to each other around 0.
std::vector<double> spread(const Range& range) {
  const double unit = (range.high - range.low) / 20;
  const double first = std::asinh(range.low / unit), last = std::asinh(range.high / unit);
  std::vector<double> x;
  for (int i = 0; i <= kPoints; ++i) {
    x.push_back(unit * std::sinh(first + (last - first) * i / kPoints));
  }
  x.front() = range.low;
  x.back() = range.high;
  return x;
}

/// Where two straight pieces meet between neighbouring points.
std::vector<double> kinks(const RealFunction& f, const std::vector<double>& x) {
  std::vector<double> value, slope, found;
  for (const double at : x) value.push_back(f(at));
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    slope.push_back((value[i + 1] - value[i]) / (x[i + 1] - x[i]));
  }
  const auto [least, most] = std::ranges::minmax(slope);
  for (std::size_t i = 2; i + 2 < slope.size(); ++i) {
    const double turn = slope[i + 1] - slope[i - 1];
    const double beside =
        std::max(std::abs(slope[i - 1] - slope[i - 2]), std::abs(slope[i + 2] - slope[i + 1]));
    if (std::abs(turn) <= 0.01 * (most - least) || std::abs(turn) < 10 * beside) continue;
    // Both lines go on until they meet.
    const double gap = value[i] - value[i + 1] + slope[i + 1] * (x[i + 1] - x[i]);
    const double meet = x[i] + gap / turn;
    if (meet >= x[i] && meet <= x[i + 1]) found.push_back(meet);
  }
  return found;
}

/// How much the function bends around each point: knots of least error lie evenly in this measure.
std::vector<double> bending(const std::vector<double>& x, const std::vector<double>& value) {
  std::vector<double> measure(x.size(), 0);
  double all = 0;
  for (std::size_t i = 1; i + 1 < x.size(); ++i) {
    const double turn = (value[i + 1] - value[i]) / (x[i + 1] - x[i]) -
                        (value[i] - value[i - 1]) / (x[i] - x[i - 1]);
    measure[i] = std::sqrt(std::abs(turn) * (x[i + 1] - x[i - 1]) / 2);
    all += measure[i];
  }
  const double even = all > 0 ? 0.1 * all : 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double left = x[i == 0 ? 0 : i - 1], right = x[std::min(i + 1, x.size() - 1)];
    measure[i] += even * (right - left) / 2 / (x.back() - x.front());
  }
  return measure;
}

/// Every so much of the measure one, and those that must be there.
std::vector<bool> chosen_candidates(const std::vector<double>& x,
                                    const std::vector<double>& measure,
                                    const std::vector<double>& wanted) {
  double all = 0, sum = 0, next = 0;
  for (const double m : measure) all += m;
  std::vector<bool> chosen(x.size(), false);
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += measure[i];
    const bool is_wanted = std::ranges::binary_search(wanted, x[i]);
    if (sum < next && !is_wanted && i + 1 < x.size()) continue;
    chosen[i] = true;
    while (sum >= next) next += all / kCandidates;
  }
  return chosen;
}

/// Weights of the sample points: the data's, each at the nearest, and the measure's share.
std::vector<double> weights_of(const std::vector<double>& x, const std::vector<double>& measure,
                               std::span<const WeightedPoint> points) {
  double spread_sum = 0, data_sum = 0;
  for (const double m : measure) spread_sum += m;
  for (const WeightedPoint& point : points) data_sum += point.weight;
  const double share = data_sum > 0 ? kSpreadShare : 1;
  std::vector<double> weight;
  for (const double m : measure) weight.push_back(share * m / spread_sum);
  for (const WeightedPoint& point : points) {
    const auto above = std::ranges::lower_bound(x, point.x);
    std::size_t at = static_cast<std::size_t>(above - x.begin());
    if (at == x.size() || (at > 0 && point.x - x[at - 1] < x[at] - point.x)) --at;
    weight[at] += (1 - share) * point.weight / data_sum;
  }
  return weight;
}

/// Where the ramps begin.
enum class Origin { kMiddle, kLeft, kRight };

struct Anchor {
  Origin origin = Origin::kMiddle;
  double constant = 0;
};

Anchor anchor_of(const RealFunction& f, const Ends& ends) {
  const auto dies_out = [](const End& end) {
    return end.settles && end.slope == 0 && std::abs(end.offset) <= kZero;
  };
  const double middle = f(0);
  if (std::abs(middle) <= kZero) return {};
  if (dies_out(ends.left)) return {Origin::kLeft, 0};
  if (dies_out(ends.right)) return {Origin::kRight, 0};
  return {Origin::kMiddle, middle};
}

/// All that is known of the function before knots are chosen.
struct Sampled {
  Ends ends;
  Anchor anchor;
  Range range;
  Samples samples;
};

tl::expected<Sampled, std::string> sampled(const RealFunction& f,
                                           std::span<const WeightedPoint> points) {
  Sampled result;
  result.ends = {end_of(f, -1), end_of(f, 1)};
  result.range = knot_range(f, result.ends, points);
  std::vector<double> x = spread(result.range);
  for (const double at : x) {
    if (!std::isfinite(f(at))) {
      return tl::unexpected(fmt::format("has no finite value at {:.4g}", at));
    }
  }
  std::vector<double> wanted = kinks(f, x);
  wanted.push_back(0);
  std::ranges::sort(wanted);
  x.insert(x.end(), wanted.begin(), wanted.end());
  std::ranges::sort(x);
  const auto twins = std::ranges::unique(x);
  x.erase(twins.begin(), twins.end());
  const auto slope_at = [&](double at, double step) { return (f(at + step) - f(at)) / step; };
  const double step = 1e-3 * (result.range.high - result.range.low);
  if (!result.ends.left.settles) result.ends.left.slope = slope_at(result.range.low, step);
  if (!result.ends.right.settles) result.ends.right.slope = slope_at(result.range.high, -step);
  result.anchor = anchor_of(f, result.ends);
  std::vector<double> value;
  for (const double at : x) value.push_back(f(at) - result.anchor.constant);
  const std::vector<double> measure = bending(x, value);
  std::vector<double> weight = weights_of(x, measure, points);
  std::vector<bool> candidate = chosen_candidates(x, measure, wanted);
  result.samples = {std::move(x), std::move(value), std::move(weight), std::move(candidate)};
  return result;
}

/// The ramps between the knots of one side, and the one that goes on for ever.
void add_ramps(const std::vector<double>& knots, double tail_slope, double direction,
               RampTable& table) {
  for (std::size_t i = 0; i + 1 < knots.size(); ++i) {
    table.ramps.push_back({direction, direction * knots[i], knots[i + 1] - knots[i], 0});
  }
  if (tail_slope != 0) {
    table.ramps.push_back({direction, direction * knots.back(), kInfinity, tail_slope});
  }
}

/// How many of the ramps end at knots: an end that does not lie flat takes one for itself.
std::size_t pieces_of(std::size_t ramps, std::initializer_list<double> end_slopes) {
  std::size_t tails = 0;
  for (const double slope : end_slopes) tails += slope != 0 ? 1 : 0;
  return ramps - std::min(ramps, tails);
}

/// All ramps one way, from where the function dies out.
RampTable one_way(const Sampled& sampled, std::size_t ramps) {
  const bool left = sampled.anchor.origin == Origin::kLeft;
  const double slope = left ? sampled.ends.right.slope : -sampled.ends.left.slope;
  const auto choices = best_knots(left ? sampled.samples : sampled.samples.mirrored(), true, slope,
                                  pieces_of(ramps, {slope}));
  RampTable table;
  add_ramps(choices.back().knots, slope, left ? 1 : -1, table);
  return table;
}

/// Ramps both ways from 0, shared out to the sides so that the error of both is least.
RampTable both_ways(const Sampled& sampled, std::size_t ramps) {
  const double left_slope = -sampled.ends.left.slope, right_slope = sampled.ends.right.slope;
  const std::size_t pieces = pieces_of(ramps, {left_slope, right_slope});
  const auto left = best_knots(sampled.samples.mirrored().from_zero(), false, left_slope, pieces);
  const auto right = best_knots(sampled.samples.from_zero(), false, right_slope, pieces);
  const KnotChoice *on_left = nullptr, *on_right = nullptr;
  for (std::size_t n = 0; n <= pieces; ++n) {
    if (n >= left.size() || pieces - n >= right.size()) continue;
    const bool better = on_left == nullptr ||
                        left[n].cost + right[pieces - n].cost < on_left->cost + on_right->cost;
    if (better) on_left = &left[n], on_right = &right[pieces - n];
  }
  RampTable table{sampled.anchor.constant, {}};
  add_ramps(on_left == nullptr ? left.back().knots : on_left->knots, left_slope, -1, table);
  add_ramps(on_right == nullptr ? right.back().knots : on_right->knots, right_slope, 1, table);
  return table;
}

/// The error's largest size at ascending points and between them: there it exceeds theirs by less
/// than a quarter of its bend, twice which is taken. What float32 does to the numbers is added.
double bound_of(const RealFunction& f, const RampTable& table, const std::vector<double>& x) {
  std::vector<double> error;
  double most = 0, bend = 0, largest = 1;
  for (const double at : x) {
    const double value = f(at);
    error.push_back(value - table(at));
    largest = std::max(largest, std::abs(value));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    most = std::max(most, std::abs(error[i]));
    if (i == 0 || i + 1 == x.size()) continue;
    const double left = x[i] - x[i - 1], right = x[i + 1] - x[i];
    const double chord = error[i - 1] + (error[i + 1] - error[i - 1]) * left / (left + right);
    bend = std::max(bend, std::abs(error[i] - chord));
  }
  return most + bend / 2 + kFloat * largest;
}

/// Points of the range and its ends, several between neighbours of `x` and many beside them.
std::vector<double> fine_points(const Range& range, const std::vector<double>& x) {
  std::vector<double> points{range.low};
  for (int i = 1; i < kPoints && range.low < x.front(); ++i) {
    points.push_back(range.low + (x.front() - range.low) * i / kPoints);
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double next = i + 1 < x.size() ? x[i + 1] : x[i];
    for (int j = 0; j < (next > x[i] ? kFine : 1); ++j) {
      const double at = x[i] + (next - x[i]) * j / kFine;
      if (at > range.low && at < range.high) points.push_back(at);
    }
  }
  for (int i = 1; i <= kPoints && range.high > x.back(); ++i) {
    points.push_back(x.back() + (range.high - x.back()) * i / kPoints);
  }
  if (points.back() < range.high) points.push_back(range.high);
  return points;
}

/// From an end of the sampled range outwards.
double error_outside(const RealFunction& f, const RampTable& table, double from, double side) {
  double most = 0;
  for (double away = 1e-3; away < kFar; away *= 1.02) {
    const double x = from + side * away;
    if (!std::isfinite(f(x))) break;
    most = std::max(most, std::abs(f(x) - table(x)));
  }
  return most;
}

}  // namespace

double Ramp::operator()(double x) const { return std::clamp(direction * (x - knot), 0.0, width); }

double RampTable::operator()(double x) const {
  double sum = constant;
  for (const Ramp& ramp : ramps) sum += ramp.gain * ramp(x);
  return sum;
}

tl::expected<RampFit, std::string> fit_ramps(const RealFunction& f, std::size_t ramps,
                                             std::span<const WeightedPoint> points) {
  const auto known = sampled(f, points);
  if (!known) return tl::unexpected(known.error());
  const auto& [ends, anchor, range, samples] = *known;
  RampFit fit;
  fit.table = anchor.origin == Origin::kMiddle ? both_ways(*known, ramps) : one_way(*known, ramps);
  fit_gains(samples, fit.table);
  fit.settles = ends.left.settles && ends.right.settles;
  const Range hull = points.empty() ? range : hull_of(points, 0);
  fit.low = hull.low;
  fit.high = hull.high;
  fit.max_error = bound_of(f, fit.table, fine_points(hull, samples.x));
  const Range all{std::min(hull.low, range.low), std::max(hull.high, range.high)};
  fit.line_error = std::max({bound_of(f, fit.table, fine_points(all, samples.x)),
                             error_outside(f, fit.table, range.low, -1),
                             error_outside(f, fit.table, range.high, 1)});
  double square = 0, weight = 0;
  const auto add = [&](double x, double w) {
    const double error = f(x) - fit.table(x);
    square += w * error * error;
    weight += w;
  };
  for (const WeightedPoint& point : points) add(point.x, point.weight);
  for (std::size_t i = 0; points.empty() && i < samples.x.size(); ++i) {
    add(samples.x[i], samples.weight[i]);
  }
  fit.rms_error = weight > 0 ? std::sqrt(square / weight) : 0;
  return fit;
}

tl::expected<std::size_t, std::string> ramps_needed(const RealFunction& f, double error) {
  double least = kInfinity;
  for (std::size_t ramps = 1; ramps <= kMostRamps; ++ramps) {
    const auto fit = fit_ramps(f, ramps, {});
    if (!fit) return tl::unexpected(fit.error());
    const double reached = fit->settles ? fit->line_error : fit->max_error;
    least = std::min(least, reached);
    if (reached <= error) return fit->table.ramps.size();
  }
  return tl::unexpected(
      fmt::format("is {:.3g} away from every sum of {} ramps", least, kMostRamps));
}

}  // namespace neurotool::tensor_passes
