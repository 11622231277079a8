// The quantised activation: one division, one rounding, one product per element, in the type of the
// data. That is how runtimes evaluate QuantizeLinear and DequantizeLinear, so the numbers agree.
#include <algorithm>
#include <cmath>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"

namespace neurotool::kernels {
namespace {

/// One channel of one sample. Not a number stays one.
template <class T>
void quantize(const QuantizedActivation& op, const T* x, T* y, std::size_t count, T scale) {
  const T offset = static_cast<T>(op.offset);
  const T low = static_cast<T>(op.low), high = static_cast<T>(op.high);
  const bool floors = op.rounding == LevelRounding::kFloor;
  for (std::size_t i = 0; i < count; ++i) {
    const T place = x[i] / scale + offset;
    const T level = floors ? std::floor(place) : std::nearbyint(place);
    y[i] = scale * (level < low ? low : high < level ? high : level);
  }
}

}  // namespace

Result<Tensor> run(const QuantizedActivation& op, Inputs in, const TensorType& out) {
  return with_real(out.dtype, "a quantised activation", [&]<class T>(T) -> Result<Tensor> {
    const Shape& shape = in[0].shape();
    const auto scale = in[1].as<T>();
    const bool one = scale.size() == 1;
    const std::size_t channels = one ? 1 : scale.size();
    const std::size_t rows = one ? 1 : static_cast<std::size_t>(shape[0]) * channels;
    Output<T> result(shape);
    const std::size_t inner = rows == 0 ? 0 : result.size() / rows;
    const T* x = in[0].as<T>().data();
    T* y = result.data();
    if (one) {
      for_elements(result.size(), [&](std::size_t first, std::size_t last) {
        quantize(op, x + first, y + first, last - first, scale[0]);
      });
    } else {
      for_rows(rows, inner, [&](std::size_t first, std::size_t last) {
        for (std::size_t row = first; row < last; ++row) {
          quantize(op, x + row * inner, y + row * inner, inner, scale[row % channels]);
        }
      });
    }
    return std::move(result).finish();
  });
}

}  // namespace neurotool::kernels
