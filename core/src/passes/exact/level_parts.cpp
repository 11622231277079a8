// Each run goes as far as all channels allow: what is certified for a run is for a part of it.
#include "passes/exact/level_parts.hpp"

#include <algorithm>

namespace neurotool::exact {
namespace {

class Cutter {
 public:
  Cutter(std::span<const ThresholdTable> tables, int fraction_bits)
      : tables_(tables), fraction_bits_(fraction_bits) {}

  /// Appends the runs of one residue; false when there would be more than `most` parts.
  bool cut(std::int64_t first, std::int64_t stride, std::size_t most,
           std::vector<LevelPart>& parts) const {
    const std::int64_t high = tables_[0].high;
    while (first <= high) {
      if (parts.size() == most) return false;
      // One level alone always has a threshold.
      std::int64_t good = 1, bad = (high - first) / stride + 2;
      while (bad - good > 1) {
        const std::int64_t middle = good + (bad - good) / 2;
        (certified({first, first + (middle - 1) * stride, stride}) ? good : bad) = middle;
      }
      parts.push_back({first, first + (good - 1) * stride, stride});
      first += good * stride;
    }
    return true;
  }

 private:
  bool certified(const LevelPart& part) const {
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      if (!is_certifiable(part_of(tables_[c], part), fraction_bits_)) return false;
    }
    return true;
  }

  std::span<const ThresholdTable> tables_;
  int fraction_bits_;
};

}  // namespace

ThresholdTable part_of(const ThresholdTable& table, const LevelPart& part) {
  ThresholdTable result{
      .low = 0, .high = part.levels(), .least = table.least, .most = table.most, .rises = {}};
  for (std::int64_t k = part.first; k <= part.last; k += part.stride) {
    result.rises.push_back(table.rises[static_cast<std::size_t>(k - table.low - 1)]);
  }
  return result;
}

std::optional<std::vector<LevelPart>> level_parts(std::span<const ThresholdTable> tables,
                                                  int fraction_bits, std::size_t most_parts) {
  const Cutter cutter(tables, fraction_bits);
  std::optional<std::vector<LevelPart>> best;
  for (const std::int64_t stride : {1, 2}) {
    std::vector<LevelPart> parts;
    bool whole = true;
    for (std::int64_t first = 1; whole && first <= stride; ++first) {
      whole = cutter.cut(first, stride, best ? best->size() : most_parts, parts);
    }
    if (whole && (!best || parts.size() < best->size())) best = std::move(parts);
  }
  return best;
}

}  // namespace neurotool::exact
