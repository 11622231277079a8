// Dynamic programming over pairs of candidates; the error of a chord comes from sums of products up
// to each point. Gains solve the normal equations.
#include "passes/tensor/knots.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace neurotool::tensor_passes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Sums over the points before each place.
class Sums {
 public:
  explicit Sums(const Samples& samples) : samples_(samples) {
    Sum sum;
    sums_.push_back(sum);
    for (std::size_t i = 0; i < samples.x.size(); ++i) {
      const double w = samples.weight[i], x = samples.x[i], f = samples.value[i];
      sum.w += w;
      sum.x += w * x;
      sum.f += w * f;
      sum.xx += w * x * x;
      sum.xf += w * x * f;
      sum.ff += w * f * f;
      sums_.push_back(sum);
    }
  }

  /// Of the points from `from` up to before `to`, against the line through point `from`.
  double error(std::size_t from, std::size_t to, double slope) const {
    const Sum &a = sums_[from], &b = sums_[to];
    const double x0 = samples_.x[from], f0 = samples_.value[from];
    const double w = b.w - a.w, x = b.x - a.x, f = b.f - a.f;
    const double xx = b.xx - a.xx - 2 * x0 * x + x0 * x0 * w;
    const double xf = b.xf - a.xf - x0 * f - f0 * x + x0 * f0 * w;
    const double ff = b.ff - a.ff - 2 * f0 * f + f0 * f0 * w;
    return std::max(0.0, ff - 2 * slope * xf + slope * slope * xx);
  }

  /// Of the points before `to`, against 0.
  double square_before(std::size_t to) const { return sums_[to].ff; }

 private:
  struct Sum {
    double w = 0, x = 0, f = 0, xx = 0, xf = 0, ff = 0;
  };
  const Samples& samples_;
  std::vector<Sum> sums_;
};

double chord(const Samples& samples, std::size_t from, std::size_t to) {
  return (samples.value[to] - samples.value[from]) / (samples.x[to] - samples.x[from]);
}

/// Solves for the gains; a ramp that no point reaches keeps 0.
std::vector<double> solve(std::vector<std::vector<double>> matrix, std::vector<double> right) {
  const std::size_t n = right.size();
  std::vector<double> result(n, 0);
  std::vector<std::size_t> row(n);
  for (std::size_t i = 0; i < n; ++i) row[i] = i;
  std::vector<bool> dead(n, false);
  for (std::size_t c = 0; c < n; ++c) {
    const auto pivot = std::max_element(row.begin() + static_cast<std::ptrdiff_t>(c), row.end(),
                                        [&](std::size_t a, std::size_t b) {
                                          return std::abs(matrix[a][c]) < std::abs(matrix[b][c]);
                                        });
    std::swap(row[c], *pivot);
    dead[c] = std::abs(matrix[row[c]][c]) < 1e-14;
    for (std::size_t i = c + 1; i < n && !dead[c]; ++i) {
      const double factor = matrix[row[i]][c] / matrix[row[c]][c];
      for (std::size_t j = c; j < n; ++j) matrix[row[i]][j] -= factor * matrix[row[c]][j];
      right[row[i]] -= factor * right[row[c]];
    }
  }
  for (std::size_t c = n; c-- > 0;) {
    if (dead[c]) continue;
    double sum = right[row[c]];
    for (std::size_t j = c + 1; j < n; ++j) sum -= matrix[row[c]][j] * result[j];
    result[c] = sum / matrix[row[c]][c];
  }
  return result;
}

}  // namespace

Samples Samples::mirrored() const {
  Samples result = *this;
  for (double& at : result.x) at = at == 0 ? 0 : -at;
  std::ranges::reverse(result.x);
  std::ranges::reverse(result.value);
  std::ranges::reverse(result.weight);
  std::reverse(result.candidate.begin(), result.candidate.end());
  return result;
}

Samples Samples::from_zero() const {
  const auto first = std::ranges::lower_bound(x, 0.0) - x.begin();
  return {{x.begin() + first, x.end()},
          {value.begin() + first, value.end()},
          {weight.begin() + first, weight.end()},
          {candidate.begin() + first, candidate.end()}};
}

std::vector<KnotChoice> best_knots(const Samples& samples, bool free_start, double tail_slope,
                                   std::size_t most) {
  const Sums sums(samples);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < samples.x.size(); ++i) {
    if (samples.candidate[i]) places.push_back(i);
  }
  const std::size_t count = places.size();
  std::vector<double> tail, cost(count, kInfinity);
  for (const std::size_t place : places) {
    tail.push_back(sums.error(place, samples.x.size(), tail_slope));
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (free_start || i == 0) cost[i] = free_start ? sums.square_before(places[i]) : 0;
  }
  std::vector<std::vector<std::size_t>> before;
  std::vector<KnotChoice> choices;
  const auto choose = [&] {
    KnotChoice choice{kInfinity, {}};
    std::size_t last = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (cost[i] + tail[i] < choice.cost) choice.cost = cost[i] + tail[i], last = i;
    }
    for (std::size_t n = before.size() + 1; n-- > 0;) {
      choice.knots.insert(choice.knots.begin(), samples.x[places[last]]);
      if (n > 0) last = before[n - 1][last];
    }
    choices.push_back(std::move(choice));
  };
  choose();
  for (std::size_t n = 1; n <= std::min(most, count - 1); ++n) {
    std::vector<double> next(count, kInfinity);
    std::vector<std::size_t>& from = before.emplace_back(count, 0);
    for (std::size_t i = 0; i < count; ++i) {
      if (cost[i] == kInfinity) continue;
      for (std::size_t j = i + 1; j < count; ++j) {
        const double with =
            cost[i] + sums.error(places[i], places[j], chord(samples, places[i], places[j]));
        if (with < next[j]) next[j] = with, from[j] = i;
      }
    }
    cost = std::move(next);
    choose();
  }
  return choices;
}

void fit_gains(const Samples& samples, RampTable& table) {
  std::vector<std::size_t> open;
  for (std::size_t g = 0; g < table.ramps.size(); ++g) {
    if (std::isfinite(table.ramps[g].width)) open.push_back(g);
  }
  const std::size_t n = open.size();
  std::vector<std::vector<double>> matrix(n, std::vector<double>(n, 0));
  std::vector<double> right(n, 0), height(n);
  for (std::size_t i = 0; i < samples.x.size(); ++i) {
    double rest = samples.value[i];
    for (const Ramp& ramp : table.ramps) {
      if (!std::isfinite(ramp.width)) rest -= ramp.gain * ramp(samples.x[i]);
    }
    for (std::size_t g = 0; g < n; ++g) height[g] = table.ramps[open[g]](samples.x[i]);
    for (std::size_t g = 0; g < n; ++g) {
      right[g] += samples.weight[i] * height[g] * rest;
      for (std::size_t h = 0; h < n; ++h) matrix[g][h] += samples.weight[i] * height[g] * height[h];
    }
  }
  const std::vector<double> gains = solve(std::move(matrix), std::move(right));
  for (std::size_t g = 0; g < n; ++g) table.ramps[open[g]].gain = gains[g];
}

}  // namespace neurotool::tensor_passes
