// Ops that repeat elements, and ranges of numbers.
#include <algorithm>
#include <cstring>
#include <memory>
#include <type_traits>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"
#include "eval/pick_axes.hpp"

namespace neurotool::kernels {
namespace {

/// The place in an axis of `extent` elements that position `at` of a padding shows. extent > 0.
std::int64_t shown_at(PadMode mode, std::int64_t at, std::int64_t extent) {
  if (mode == PadMode::kEdge) return std::clamp<std::int64_t>(at, 0, extent - 1);
  if (mode == PadMode::kWrap) return ((at % extent) + extent) % extent;
  if (extent == 1) return 0;
  // There and back again: the edges come once.
  const std::int64_t period = 2 * (extent - 1);
  const std::int64_t place = ((at % period) + period) % period;
  return place < extent ? place : period - place;
}

}  // namespace

Tensor pick_axes(const Tensor& in, const std::vector<std::vector<std::int64_t>>& picks) {
  Shape shape;
  for (const auto& list : picks) shape.push_back(static_cast<std::int64_t>(list.size()));
  const std::size_t size = byte_size(in.dtype());
  const std::size_t bytes = product(shape) * size;
  // Words, so that the memory is aligned for any element type.
  const auto words = std::make_shared_for_overwrite<std::uint64_t[]>(bytes / 8 + 1);
  auto* const result = reinterpret_cast<std::byte*>(words.get());
  const auto strides = strides_of(in.shape());
  const std::size_t inner = picks.empty() ? 0 : picks.size() - 1;
  const std::size_t width = picks.empty() ? 1 : picks[inner].size();
  const std::size_t rows = product(shape) == 0 ? 0 : product(shape) / width;
  for_rows(rows, width, [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      std::int64_t from = 0;
      std::size_t rest = row;
      for (std::size_t i = inner; i-- > 0;) {
        from += picks[i][rest % picks[i].size()] * strides[i];
        rest /= picks[i].size();
      }
      std::byte* to = result + row * width * size;
      for (std::size_t i = 0; i < width; ++i) {
        const std::int64_t at = from + (picks.empty() ? 0 : picks[inner][i]);
        std::memcpy(to + i * size, in.data() + static_cast<std::size_t>(at) * size, size);
      }
    }
  });
  auto buffer = std::make_shared<const Buffer>(result, bytes, words);
  return Tensor(in.dtype(), std::move(shape), std::move(buffer));
}

Tensor pad_with_data(PadMode mode, const Tensor& in, std::span<const PadAmount> amounts,
                     const TensorType& out) {
  std::vector<std::vector<std::int64_t>> picks(in.rank());
  for (std::size_t i = 0; i < in.rank(); ++i) {
    // Negative amounts crop first; what is left is repeated.
    const std::int64_t cropped = std::max<std::int64_t>(0, -amounts[i].begin);
    const std::int64_t kept = in.shape()[i] - cropped + std::min<std::int64_t>(0, amounts[i].end);
    for (std::int64_t at = 0; at < (*out.shape)[i]; ++at) {
      const std::int64_t place = at - std::max<std::int64_t>(0, amounts[i].begin);
      picks[i].push_back(cropped + shown_at(mode, place, kept));
    }
  }
  return pick_axes(in, picks);
}

Result<Tensor> run(const Expand&, Inputs in, const TensorType& out) {
  const std::size_t missing = out.shape->size() - in[0].rank();
  Shape aligned(missing, 1);
  aligned.insert(aligned.end(), in[0].shape().begin(), in[0].shape().end());
  std::vector<std::vector<std::int64_t>> picks(aligned.size());
  for (std::size_t i = 0; i < aligned.size(); ++i) {
    for (std::int64_t at = 0; at < (*out.shape)[i]; ++at) {
      picks[i].push_back(aligned[i] == 1 ? 0 : at);
    }
  }
  return pick_axes(in[0].reshaped(aligned), picks);
}

Result<Tensor> run(const Tile&, Inputs in, const TensorType& out) {
  std::vector<std::vector<std::int64_t>> picks(in[0].rank());
  for (std::size_t i = 0; i < picks.size(); ++i) {
    for (std::int64_t at = 0; at < (*out.shape)[i]; ++at) {
      picks[i].push_back(at % in[0].shape()[i]);
    }
  }
  return pick_axes(in[0], picks);
}

Result<Tensor> run(const NumberRange&, Inputs in, const TensorType& out) {
  return with_number(out.dtype, "a range", [&]<class T>(T) -> Result<Tensor> {
    const T start = in[0].as<T>()[0], step = in[2].as<T>()[0];
    Output<T> result(*out.shape);
    // Integers step through 64 bits that wrap, so that no product on the way overflows.
    using Wide = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;
    for (std::size_t i = 0; i < result.size(); ++i) {
      const Wide way = static_cast<Wide>(i) * static_cast<Wide>(step);
      result.data()[i] = static_cast<T>(static_cast<Wide>(start) + way);
    }
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
