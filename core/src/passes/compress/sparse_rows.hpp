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
///
/// `cross`: mean of x y', x the inputs as they are now and y as they were in the network as it
/// came. The outputs wanted are then those that the old weights made of the old inputs: what
/// earlier layers got wrong is taken back too, also by a row that keeps all its weights.
void drop_weights(Rows& weights, const Mask& keep, const SquareMatrix* moments,
                  const SquareMatrix* cross = nullptr);

}  // namespace neurotool::compress
