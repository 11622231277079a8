// Scales by grid search, and GPTQ (Frantar et al. 2023): columns in the order of how much they are
// up; the error of each is spread over the columns behind it as the inverse moments say.
#include "passes/compress/row_quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "passes/compress/triangular.hpp"

namespace neurotool::compress {
namespace {

constexpr int kCandidates = 60;
constexpr double kSmallestShare = 0.25;

double round_half_even(double value) {
  const double floor = std::floor(value), rest = value - floor;
  if (rest != 0.5) return rest < 0.5 ? floor : floor + 1;
  return std::fmod(floor, 2) == 0 ? floor : floor + 1;
}

double weight_of(std::span<const double> importance, std::size_t column) {
  return importance.empty() ? 1 : importance[column];
}

/// Square error of rounding these weights with one scale.
double error_of(std::span<const double> weights, std::size_t columns, double scale,
                std::uint32_t bits, std::span<const double> importance) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double error = weights[i] - scale * nearest_on_grid(weights[i] / scale, bits);
    sum += error * error * weight_of(importance, i % columns);
  }
  return sum;
}

/// The scale of weights that share one; 0 when all are 0.
double scale_of(std::span<const double> weights, std::size_t columns, const GridOptions& options,
                std::span<const double> importance) {
  double most = 0, total = 0;
  for (const double weight : weights) {
    most = std::max(most, std::abs(weight));
    total += std::abs(weight);
  }
  if (most == 0) return 0;
  const auto error = [&](double scale) {
    return error_of(weights, columns, scale, options.bits, importance);
  };
  double scale = most / most_of_grid(options.bits);
  if (options.bits == 1) {
    scale = total / static_cast<double>(weights.size());
  } else if (options.rule == ScaleRule::kMse) {
    const double largest = scale;
    double least = error(largest);
    for (int i = 0; i < kCandidates - 1; ++i) {
      const double share = kSmallestShare + (1 - kSmallestShare) * (i + 1) / kCandidates;
      if (const double found = error(largest * share); found < least) {
        least = found;
        scale = largest * share;
      }
    }
  }
  if (!options.power_of_two) return scale;
  const double below = std::exp2(std::floor(std::log2(scale)));
  return error(below) < error(2 * below) ? below : 2 * below;
}

}  // namespace

double most_of_grid(std::uint32_t bits) {
  return bits <= 1 ? 1 : std::ldexp(1.0, static_cast<int>(bits) - 1) - 1;
}

double nearest_on_grid(double value, std::uint32_t bits) {
  if (bits == 1) return value < 0 ? -1 : 1;
  const double most = most_of_grid(bits);
  return std::clamp(round_half_even(value), -most, most);
}

std::vector<double> choose_scales(const Rows& weights, const GridOptions& options,
                                  std::span<const double> importance) {
  std::vector<double> scale(weights.rows, 0);
  if (options.per_row) {
    parallel_for(weights.rows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) {
        scale[r] = scale_of(weights.row(r), weights.columns, options, importance);
      }
    });
  } else {
    scale.assign(weights.rows, scale_of(weights.value, weights.columns, options, importance));
  }
  const double largest = scale.empty() ? 0 : *std::ranges::max_element(scale);
  std::ranges::replace(scale, 0.0, largest > 0 ? largest : 1.0);
  return scale;
}

ErrorSpread::ErrorSpread(const SquareMatrix& moments, double damping) : order_(moments.extent) {
  const std::size_t n = moments.extent;
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::ranges::stable_sort(order_, std::greater{}, [&](std::size_t i) { return moments.at(i, i); });
  const SquareMatrix square = damped(moments, damping);
  // With the order turned round, H = L L' becomes H = V V' with V upper triangular, and the wanted
  // factor of the inverse, H^-1 = U' U, is the inverse of V.
  SquareMatrix turned(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      turned.at(i, j) = square.at(order_[n - 1 - i], order_[n - 1 - j]);
    }
  }
  NT_CHECK(factor_lower(turned), "damped moments are not positive definite");
  const SquareMatrix inverse = inverse_of_lower(turned);
  upper_ = SquareMatrix(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) upper_.at(i, j) = inverse.at(n - 1 - i, n - 1 - j);
  }
}

std::vector<std::int32_t> round_rows(const Rows& weights, std::span<const double> scale,
                                     std::uint32_t bits, const ErrorSpread* spread) {
  const std::size_t columns = weights.columns;
  NT_CHECK(spread == nullptr || spread->extent() == columns, "moments of another layer");
  std::vector<std::int32_t> whole(weights.value.size());
  const auto round_one = [&](std::size_t r) {
    const auto row = weights.row(r);
    for (std::size_t c = 0; c < columns; ++c) {
      whole[r * columns + c] = static_cast<std::int32_t>(nearest_on_grid(row[c] / scale[r], bits));
    }
  };
  const auto spread_one = [&](std::size_t r, std::vector<double>& left) {
    for (std::size_t i = 0; i < columns; ++i) left[i] = weights.row(r)[spread->order()[i]];
    for (std::size_t i = 0; i < columns; ++i) {
      const double* const upper = spread->row(i);
      const double code = nearest_on_grid(left[i] / scale[r], bits);
      whole[r * columns + spread->order()[i]] = static_cast<std::int32_t>(code);
      const double error = (left[i] - code * scale[r]) / upper[i];
      for (std::size_t j = i + 1; j < columns; ++j) left[j] -= error * upper[j];
    }
  };
  parallel_for(weights.rows, [&](std::size_t begin, std::size_t end) {
    std::vector<double> left(columns);
    for (std::size_t r = begin; r < end; ++r) {
      if (spread == nullptr) round_one(r);
      if (spread != nullptr) spread_one(r, left);
    }
  });
  return whole;
}

QuantizedRows quantize_rows(const Rows& weights, const GridOptions& options,
                            const SquareMatrix* moments) {
  std::vector<double> importance;
  std::optional<ErrorSpread> spread;
  if (moments != nullptr) {
    for (std::size_t i = 0; i < moments->extent; ++i) importance.push_back(moments->at(i, i));
    spread.emplace(*moments);
  }
  QuantizedRows result;
  result.scale = choose_scales(weights, options, importance);
  result.whole = round_rows(weights, result.scale, options.bits, spread ? &*spread : nullptr);
  return result;
}

}  // namespace neurotool::compress
