// Rank, extents and strides come from the plugin: they are bounded before they are multiplied.
#include "target/tensor_copy.hpp"

#include <fmt/format.h>

#include <span>
#include <utility>
#include <vector>

namespace neurotool {
namespace {

constexpr std::int32_t kMostRank = 8;
constexpr std::int64_t kMostStride = std::int64_t{1} << 40;

tl::unexpected<std::string> misfit(std::string message) {
  return tl::unexpected<std::string>(std::move(message));
}

template <class T>
Tensor gather(const nt_tensor& pushed, const Shape& shape, std::int64_t count) {
  const auto* data = static_cast<const T*>(pushed.data);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t at = i;
    if (pushed.strides != nullptr) {
      std::int64_t rest = i;
      at = 0;
      for (std::int32_t axis = pushed.rank; axis-- > 0;) {
        at += rest % pushed.shape[axis] * pushed.strides[axis];
        rest /= pushed.shape[axis];
      }
    }
    values[static_cast<std::size_t>(i)] = data[at];
  }
  return Tensor::from<T>(shape, std::move(values));
}

bool strides_are_sane(const nt_tensor& pushed) {
  if (pushed.strides == nullptr) return true;
  for (std::int32_t axis = 0; axis < pushed.rank; ++axis) {
    if (pushed.strides[axis] < -kMostStride || pushed.strides[axis] > kMostStride) return false;
  }
  return true;
}

}  // namespace

tl::expected<Tensor, std::string> copied_tensor(const nt_tensor& pushed, const Shape& shape) {
  if (pushed.rank < 0 || pushed.rank > kMostRank) {
    return misfit(fmt::format("has rank {}, more than {}", pushed.rank, kMostRank));
  }
  if (pushed.rank > 0 && pushed.shape == nullptr) return misfit("has no shape");
  const auto extents = std::span(pushed.shape, static_cast<std::size_t>(pushed.rank));
  const auto count = element_count(extents);
  const std::int64_t wanted = element_count(shape).value_or(0);
  if (count != wanted) {
    return misfit(fmt::format("holds {} elements, not {}",
                              count ? fmt::format("{}", *count) : "too many", wanted));
  }
  if (pushed.data == nullptr && wanted > 0) return misfit("has no data");
  if (!strides_are_sane(pushed)) return misfit("has strides beyond all memory");
  const nt_dtype type = pushed.dtype;
  if (type.lanes == 1 && type.code == 2 && type.bits == 32)
    return gather<float>(pushed, shape, wanted);
  if (type.lanes == 1 && type.code == 0 && type.bits == 32) {
    return gather<std::int32_t>(pushed, shape, wanted);
  }
  if (type.lanes == 1 && type.code == 0 && type.bits == 64) {
    return gather<std::int64_t>(pushed, shape, wanted);
  }
  return misfit(
      fmt::format("is of type {}:{}; float32, int32 and int64 are taken", type.code, type.bits));
}

}  // namespace neurotool
