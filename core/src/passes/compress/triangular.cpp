// Right-looking Cholesky: a panel of columns is finished, then its products leave the rest of the
// matrix, row by row. Inner loops run along rows, over neighbouring numbers.
#include "passes/compress/triangular.hpp"

#include <algorithm>
#include <cmath>

#include "base/parallel.hpp"

namespace neurotool::compress {
namespace {

constexpr std::size_t kPanel = 48;

/// Columns first … last of the rows from `first` on, given that earlier columns have left them.
bool finish_panel(SquareMatrix& matrix, std::size_t first, std::size_t last) {
  for (std::size_t k = first; k < last; ++k) {
    const double square = matrix.at(k, k);
    if (!(square > 0) || !std::isfinite(square)) return false;
    const double pivot = std::sqrt(square);
    for (std::size_t i = k; i < matrix.extent; ++i) matrix.at(i, k) /= pivot;
    for (std::size_t i = k + 1; i < matrix.extent; ++i) {
      const double factor = matrix.at(i, k);
      for (std::size_t j = k + 1; j < std::min(last, i + 1); ++j) {
        matrix.at(i, j) -= factor * matrix.at(j, k);
      }
    }
  }
  return true;
}

/// Takes the products of a finished panel out of the columns behind it.
void leave(SquareMatrix& matrix, std::size_t first, std::size_t last) {
  const std::size_t n = matrix.extent, width = last - first;
  std::vector<double> across(width * n);
  for (std::size_t i = last; i < n; ++i) {
    for (std::size_t k = 0; k < width; ++k) across[k * n + i] = matrix.at(i, first + k);
  }
  parallel_for(
      n - last,
      [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = last + begin; i < last + end; ++i) {
          double* const row = matrix.row(i);
          for (std::size_t k = 0; k < width; ++k) {
            const double factor = row[first + k];
            const double* const column = across.data() + k * n;
            for (std::size_t j = last; j <= i; ++j) row[j] -= factor * column[j];
          }
        }
      },
      16);
}

}  // namespace

bool factor_lower(SquareMatrix& matrix) {
  const std::size_t n = matrix.extent;
  for (std::size_t first = 0; first < n; first += kPanel) {
    const std::size_t last = std::min(first + kPanel, n);
    if (!finish_panel(matrix, first, last)) return false;
    if (last < n) leave(matrix, first, last);
  }
  for (std::size_t i = 0; i < n; ++i) std::fill(matrix.row(i) + i + 1, matrix.row(i) + n, 0.0);
  return true;
}

SquareMatrix inverse_of_lower(const SquareMatrix& lower) {
  const std::size_t n = lower.extent;
  SquareMatrix inverse(n);
  // Columns of the inverse do not depend on each other; a strip of them keeps inner loops long.
  constexpr std::size_t kStrip = 64;
  parallel_for((n + kStrip - 1) / kStrip, [&](std::size_t begin, std::size_t end) {
    for (std::size_t first = begin * kStrip; first < std::min(end * kStrip, n); first += kStrip) {
      const std::size_t last = std::min(first + kStrip, n);
      for (std::size_t i = first; i < n; ++i) {
        double* const row = inverse.row(i);
        if (i < last) row[i] = 1;
        for (std::size_t k = first; k < i; ++k) {
          const double factor = lower.at(i, k);
          const double* const above = inverse.row(k);
          for (std::size_t j = first; j < std::min(last, k + 1); ++j) row[j] -= factor * above[j];
        }
        for (std::size_t j = first; j < std::min(last, i + 1); ++j) row[j] /= lower.at(i, i);
      }
    }
  });
  return inverse;
}

void solve_factored(const SquareMatrix& lower, std::span<double> b) {
  const std::size_t n = lower.extent;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = b[i];
    for (std::size_t k = 0; k < i; ++k) sum -= lower.at(i, k) * b[k];
    b[i] = sum / lower.at(i, i);
  }
  for (std::size_t i = n; i-- > 0;) {
    b[i] /= lower.at(i, i);
    for (std::size_t k = 0; k < i; ++k) b[k] -= lower.at(i, k) * b[i];
  }
}

SquareMatrix damped(SquareMatrix matrix, double share) {
  double mean = 0;
  for (std::size_t i = 0; i < matrix.extent; ++i) mean += matrix.at(i, i);
  mean /= static_cast<double>(std::max<std::size_t>(matrix.extent, 1));
  for (std::size_t i = 0; i < matrix.extent; ++i) {
    const bool silent = matrix.at(i, i) <= 0;
    matrix.at(i, i) += share * mean;
    if (silent) matrix.at(i, i) = mean > 0 ? mean : 1;
  }
  return matrix;
}

}  // namespace neurotool::compress
