// Where one neuron cannot follow a rounding rule, several can: each counts the rises of some
// levels, and the count is the sum. Levels that alternate (halves to even at steps of a power of
// two) go to two neurons by turns; a rule that drifts away from every line is cut into runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "passes/exact/certificate.hpp"

namespace neurotool::exact {

/// Every `stride`-th count from `first` to `last`.
struct LevelPart {
  std::int64_t first = 1, last = 1, stride = 1;

  std::int64_t levels() const { return (last - first) / stride + 1; }
};

/// The table of those counts alone, from 0 on.
ThresholdTable part_of(const ThresholdTable& table, const LevelPart& part);

/// The fewest parts of one kind (runs, or runs of every second level) so that in each of them every
/// channel has a certificate with `fraction_bits`; at most `most_parts`, or nothing. The tables
/// have equal counts, from 0 on.
std::optional<std::vector<LevelPart>> level_parts(std::span<const ThresholdTable> tables,
                                                  int fraction_bits, std::size_t most_parts);

}  // namespace neurotool::exact
