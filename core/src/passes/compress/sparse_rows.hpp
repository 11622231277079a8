// Rows of weights of which some are to be 0, and the best values of those that stay.
#pragma once

#include <cstdint>
#include <vector>

#include "passes/compress/row_quantizer.hpp"

namespace neurotool::compress {

/// One flag for each weight, row-major: 1 where it stays.
using Mask = std::vector<std::uint8_t>;

/// Sets what the mask drops to 0. With moments of the inputs the weights that stay take over for
/// those that go, so that the mean square change of the output is least: for each row the least
/// squares solution (Hassibi and Stork 1993 for one weight; here for all at once), and where that
/// would take too long a sweep over the columns (Frantar and Alistarh 2023, SparseGPT).
void drop_weights(Rows& weights, const Mask& keep, const SquareMatrix* moments);

}  // namespace neurotool::compress
