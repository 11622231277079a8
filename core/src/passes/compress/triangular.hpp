// Triangular factors of symmetric positive matrices, blocked so that large layers finish and small
// ones stay in the cache. Every number is computed in a fixed order, whatever the threads.
#pragma once

#include "base/result.hpp"
#include "passes/compress/moments.hpp"

namespace neurotool::compress {

/// L with matrix = L L', in the lower triangle; the rest is 0. False when the matrix is not
/// positive definite.
bool factor_lower(SquareMatrix& matrix);

/// The inverse of a lower triangular matrix with no zero on its diagonal.
SquareMatrix inverse_of_lower(const SquareMatrix& lower);

/// Solves L L' x = b in place.
void solve_factored(const SquareMatrix& lower, std::span<double> b);

/// `matrix` with `share` of its mean diagonal added to the diagonal, and 1 where an input was never
/// anything but 0: what makes any matrix of moments positive definite.
SquareMatrix damped(SquareMatrix matrix, double share);

}  // namespace neurotool::compress
