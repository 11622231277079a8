// One pass over the calibration samples, batch by batch.
#include "passes/spike/input_range.hpp"

#include <algorithm>

namespace neurotool {

Result<std::optional<InputRange>> calibrated_input_range(Context& context) {
  constexpr std::int64_t kBatch = 256;
  if (context.calibration == nullptr || context.calibration->size() == 0) return std::nullopt;
  const SampleSource& source = *context.calibration;
  std::optional<InputRange> range;
  for (std::int64_t first = 0; first < source.size(); first += kBatch) {
    const double done = static_cast<double>(first) / static_cast<double>(source.size());
    if (!context.progress.update(done, "reading the range of the input")) {
      return error("pass.cancelled", {}, "cancelled while reading the range of the input");
    }
    NT_TRY(const Tensor batch, source.batch(first, std::min(kBatch, source.size() - first)));
    const auto [low, high] = std::ranges::minmax(batch.as<float>());
    if (!range) range = InputRange{double{low}, double{high}};
    range->low = std::min(range->low, double{low});
    range->high = std::max(range->high, double{high});
  }
  return range;
}

}  // namespace neurotool
