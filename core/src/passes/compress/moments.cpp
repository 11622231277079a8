// A block of rows is packed into panels of eight columns; pairs of panels give tiles of 4 x 8 sums
// that stay in registers. Tiles are shared out to threads, each written by one of them.
#include "passes/compress/moments.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "base/parallel.hpp"

namespace neurotool::compress {
namespace {

constexpr std::size_t kPanel = 8, kHalf = 4;
using Tile = std::array<std::array<float, kPanel>, kHalf>;

std::size_t panels_of(std::size_t inputs) { return (inputs + kPanel - 1) / kPanel; }

/// panel[p][row][8], zeros behind the last input.
std::vector<float> packed(std::span<const float> rows, std::size_t count, std::size_t inputs) {
  std::vector<float> panels(panels_of(inputs) * count * kPanel, 0.0f);
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t i = 0; i < inputs; ++i) {
      panels[(i / kPanel * count + r) * kPanel + i % kPanel] = rows[r * inputs + i];
    }
  }
  return panels;
}

/// Products of four columns of `a` with eight of `b`, summed over the rows of a block.
Tile products(const float* a, const float* b, std::size_t count) {
  Tile tile{};
  for (std::size_t r = 0; r < count; ++r, a += kPanel, b += kPanel) {
    for (std::size_t i = 0; i < kHalf; ++i) {
      for (std::size_t j = 0; j < kPanel; ++j) tile[i][j] += a[i] * b[j];
    }
  }
  return tile;
}

/// Adds a tile to the place in `sum` where it belongs.
void store(const Tile& tile, std::size_t row, std::size_t column, SquareMatrix& sum) {
  for (std::size_t i = 0; i < kHalf && row + i < sum.extent; ++i) {
    for (std::size_t j = 0; j < kPanel && column + j < sum.extent; ++j) {
      sum.at(row + i, column + j) += double{tile[i][j]};
    }
  }
}

}  // namespace

void CrossMoments::add(std::span<const float> x, std::span<const float> y) {
  const std::size_t n = sum_.extent;
  NT_CHECK(n > 0 && x.size() == y.size() && x.size() % n == 0, "rows do not come in pairs");
  for (std::size_t first = 0; first < x.size() / n; first += Moments::kBlock) {
    const std::size_t count = std::min(Moments::kBlock, x.size() / n - first);
    const std::vector<float> a = packed(x.subspan(first * n, count * n), count, n);
    const std::vector<float> b = packed(y.subspan(first * n, count * n), count, n);
    const std::size_t panels = panels_of(n);
    parallel_for(panels, [&](std::size_t begin, std::size_t end) {
      for (std::size_t p = begin; p < end; ++p) {
        for (std::size_t q = 0; q < panels; ++q) {
          for (std::size_t half = 0; half < kPanel; half += kHalf) {
            store(products(a.data() + p * count * kPanel + half, b.data() + q * count * kPanel,
                           count),
                  p * kPanel + half, q * kPanel, sum_);
          }
        }
      }
    });
    count_ += count;
  }
}

SquareMatrix CrossMoments::mean() const {
  SquareMatrix result = sum_;
  for (double& value : result.value) value /= static_cast<double>(std::max<std::size_t>(count_, 1));
  return result;
}

void Moments::add(std::span<const float> rows) {
  const std::size_t n = inputs();
  if (n == 0) return;
  NT_CHECK(rows.size() % n == 0, "a row of inputs is not whole");
  for (std::size_t first = 0; first < rows.size() / n; first += kBlock) {
    const std::size_t count = std::min(kBlock, rows.size() / n - first);
    add_block(rows.subspan(first * n, count * n), count);
  }
}

void Moments::add_block(std::span<const float> rows, std::size_t count) {
  const std::size_t n = inputs(), panels = panels_of(n);
  const std::vector<float> data = packed(rows, count, n);
  parallel_for(panels, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      for (std::size_t q = 0; q <= p; ++q) {
        for (std::size_t half = 0; half < kPanel; half += kHalf) {
          const float* const a = data.data() + p * count * kPanel + half;
          const float* const b = data.data() + q * count * kPanel;
          store(products(a, b, count), p * kPanel + half, q * kPanel, sum_);
        }
      }
    }
  });
  count_ += count;
}

SquareMatrix Moments::mean() const {
  SquareMatrix result(inputs());
  const double scale = count_ == 0 ? 0 : 1 / static_cast<double>(count_);
  for (std::size_t i = 0; i < inputs(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      result.at(i, j) = result.at(j, i) = sum_.at(i, j) * scale;
    }
  }
  return result;
}

}  // namespace neurotool::compress
