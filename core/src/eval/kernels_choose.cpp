// The choice between two tensors, element by element.
#include <cstring>

#include "eval/kernel_tools.hpp"
#include "eval/kernels.hpp"

namespace neurotool::kernels {
namespace {

/// Steps through an operand along the axes of the result; 0 where it is repeated.
std::vector<std::int64_t> repeated_strides(const Shape& own, const Shape& out) {
  const auto strides = strides_of(own);
  const std::size_t missing = out.size() - own.size();
  std::vector<std::int64_t> result(out.size(), 0);
  for (std::size_t i = missing; i < out.size(); ++i) {
    if (own[i - missing] != 1) result[i] = strides[i - missing];
  }
  return result;
}

template <class Word>
Tensor choose(Inputs in, const TensorType& out) {
  const Shape& shape = *out.shape;
  const bool* holds = in[0].as<bool>().data();
  const std::byte *yes = in[1].data(), *no = in[2].data();
  const std::vector<std::int64_t> strides[] = {repeated_strides(in[0].shape(), shape),
                                               repeated_strides(in[1].shape(), shape),
                                               repeated_strides(in[2].shape(), shape)};
  Output<Word> result(shape);
  for_elements(result.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      std::int64_t at[3] = {0, 0, 0};
      auto rest = static_cast<std::int64_t>(i);
      for (std::size_t axis = shape.size(); axis-- > 0;) {
        const std::int64_t place = rest % shape[axis];
        for (std::size_t k = 0; k < 3; ++k) at[k] += place * strides[k][axis];
        rest /= shape[axis];
      }
      const std::byte* from = holds[at[0]] ? yes + at[1] * std::ptrdiff_t{sizeof(Word)}
                                           : no + at[2] * std::ptrdiff_t{sizeof(Word)};
      std::memcpy(result.data() + i, from, sizeof(Word));
    }
  });
  return std::move(result).finish(out.dtype);
}

}  // namespace

Result<Tensor> run(const Where&, Inputs in, const TensorType& out) {
  switch (byte_size(out.dtype)) {
    case 1:
      return choose<std::uint8_t>(in, out);
    case 2:
      return choose<std::uint16_t>(in, out);
    case 4:
      return choose<std::uint32_t>(in, out);
    default:
      return choose<std::uint64_t>(in, out);
  }
}

}  // namespace neurotool::kernels
