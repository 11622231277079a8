// With D the damped moments and S what stays of a row w: D_SS w' = D_S w, every row on its own;
// with cross moments C, damped by as much, D_SS w' = C_S w.
#include "passes/compress/sparse_rows.hpp"

#include <algorithm>
#include <optional>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "passes/compress/triangular.hpp"

namespace neurotool::compress {
namespace {

constexpr double kDamping = 0.01;
/// Multiplications of a layer's exact solution beyond which the sweep is used.
constexpr double kMostWork = 3e11;

void solve_row(std::span<double> row, const std::uint8_t* keep, const SquareMatrix& moments,
               const SquareMatrix* cross) {
  const std::size_t n = row.size();
  std::vector<std::size_t> stays;
  for (std::size_t i = 0; i < n; ++i) {
    if (keep[i] != 0) stays.push_back(i);
  }
  if (stays.empty() || (stays.size() == n && cross == nullptr)) return;
  SquareMatrix inner(stays.size());
  std::vector<double> wanted(stays.size(), 0);
  for (std::size_t a = 0; a < stays.size(); ++a) {
    const double* const from = moments.row(stays[a]);
    for (std::size_t b = 0; b < stays.size(); ++b) inner.at(a, b) = from[stays[b]];
    const double* const target = cross ? cross->row(stays[a]) : from;
    for (std::size_t j = 0; j < n; ++j) wanted[a] += target[j] * row[j];
  }
  NT_CHECK(factor_lower(inner), "damped moments are not positive definite");
  solve_factored(inner, wanted);
  for (std::size_t a = 0; a < stays.size(); ++a) row[stays[a]] = wanted[a];
}

void sweep_row(std::span<double> row, const std::uint8_t* keep, const ErrorSpread& spread) {
  const std::size_t n = row.size();
  std::vector<double> left(n);
  for (std::size_t i = 0; i < n; ++i) left[i] = row[spread.order()[i]];
  for (std::size_t i = 0; i < n; ++i) {
    if (keep[spread.order()[i]] != 0) continue;
    const double* const upper = spread.row(i);
    const double error = left[i] / upper[i];
    for (std::size_t j = i + 1; j < n; ++j) left[j] -= error * upper[j];
  }
  for (std::size_t i = 0; i < n; ++i) row[spread.order()[i]] = left[i];
}

}  // namespace

void drop_weights(Rows& weights, const Mask& keep, const SquareMatrix* moments,
                  const SquareMatrix* cross) {
  NT_CHECK(keep.size() == weights.value.size(), "a mask of another layer");
  std::optional<SquareMatrix> matrix;
  std::optional<ErrorSpread> spread;
  std::optional<SquareMatrix> target;
  if (moments != nullptr) {
    const double kept = static_cast<double>(std::ranges::count(keep, std::uint8_t{1})) /
                        static_cast<double>(std::max<std::size_t>(weights.rows, 1));
    const double work = static_cast<double>(weights.rows) * kept * kept * kept / 3;
    if (work > kMostWork) spread.emplace(*moments, kDamping);
    if (work <= kMostWork) matrix = damped(*moments, kDamping);
    if (matrix && cross != nullptr) {
      // What damping adds pulls a weight to what it was.
      target = *cross;
      for (std::size_t i = 0; i < target->extent; ++i) {
        target->at(i, i) += matrix->at(i, i) - moments->at(i, i);
      }
    }
  }
  parallel_for(weights.rows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const std::uint8_t* const flags = keep.data() + r * weights.columns;
      if (matrix) solve_row(weights.row(r), flags, *matrix, target ? &*target : nullptr);
      if (spread) sweep_row(weights.row(r), flags, *spread);
      for (std::size_t c = 0; c < weights.columns; ++c) {
        if (flags[c] == 0) weights.row(r)[c] = 0;
      }
    }
  });
}

}  // namespace neurotool::compress
