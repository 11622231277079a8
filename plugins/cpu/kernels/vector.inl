// Numbers side by side, as the compiler's own vector types, as many as a register of the level
// holds.
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/kernels.hpp"

#define NT_INLINE inline __attribute__((always_inline))

namespace neurotool::cpu::NT_CPU_LEVEL {
namespace {

/// Bytes of a register, and how many registers of sums fit beside what a loop needs.
#if defined(__AVX512F__)
constexpr std::size_t kBytes = 64;
constexpr int kSumVectors = 8;
#elif defined(__AVX2__)
constexpr std::size_t kBytes = 32;
constexpr int kSumVectors = 8;
#else
constexpr std::size_t kBytes = 16;
constexpr int kSumVectors = 8;
#endif
constexpr std::size_t kLanes = kBytes / 4;

template <class Number>
struct VectorOf {
  typedef Number Type __attribute__((vector_size(kBytes)));
  typedef Number Unaligned __attribute__((vector_size(kBytes), aligned(4), may_alias));
};
template <class Number>
using Vector = typename VectorOf<Number>::Type;
using Mask = Vector<std::int32_t>;  // 0 or -1 per lane

template <class Number>
NT_INLINE Vector<Number> load(const Number* from) {
  return *reinterpret_cast<const typename VectorOf<Number>::Unaligned*>(from);
}
template <class Number>
NT_INLINE void store(Number* to, Vector<Number> value) {
  *reinterpret_cast<typename VectorOf<Number>::Unaligned*>(to) = value;
}
template <class Number>
NT_INLINE Vector<Number> splat(Number value) {
  return value - Vector<Number>{};
}

/// The mask whose lane i is bit i; bits beyond the lanes are ignored.
NT_INLINE Mask mask_of(std::uint32_t bits) {
#if defined(__AVX512DQ__)
  return reinterpret_cast<Mask>(_mm512_movm_epi32(static_cast<__mmask16>(bits)));
#elif defined(__AVX2__)
  const Mask each = {1, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7};
  return (splat(static_cast<std::int32_t>(bits)) & each) != 0;
#else
  const Mask each = {1, 1 << 1, 1 << 2, 1 << 3};
  return (splat(static_cast<std::int32_t>(bits)) & each) != 0;
#endif
}

/// Bit i is lane i of the mask.
NT_INLINE std::uint32_t bits_of(Mask mask) {
#if defined(__AVX512DQ__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask));
#elif defined(__AVX2__)
  return static_cast<std::uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
#elif defined(__x86_64__)
  return static_cast<std::uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(mask)));
#else
  std::uint32_t bits = 0;
  for (std::uint32_t i = 0; i < kLanes; ++i)
    bits |= (static_cast<std::uint32_t>(mask[i]) & 1U) << i;
  return bits;
#endif
}

/// value where the mask is set, else 0.
NT_INLINE Vector<float> select(Mask mask, Vector<float> value) {
  return reinterpret_cast<Vector<float>>(reinterpret_cast<Mask>(value) & mask);
}
NT_INLINE Mask select(Mask mask, Mask value) { return value & mask; }

/// The sum, and in `left` the lanes in which it left its range. Once not finite, a float stays so.
NT_INLINE Vector<float> checked_sum(Vector<float> a, Vector<float> b, Mask& left) {
  const Vector<float> sum = a + b;
  left = (sum - sum) != Vector<float>{};
  return sum;
}
NT_INLINE Mask checked_sum(Mask a, Mask b, Mask& left) {
  using Unsigned = Vector<std::uint32_t>;  // whose sums wrap around
  const auto sum =
      reinterpret_cast<Mask>(reinterpret_cast<Unsigned>(a) + reinterpret_cast<Unsigned>(b));
  left |= (a ^ sum) & (b ^ sum);  // the sign bit: both parts have the other sign
  return sum;
}
/// True if checked_sum() marked a lane.
NT_INLINE bool any_left(Mask left) { return bits_of(left < 0) != 0; }

}  // namespace
}  // namespace neurotool::cpu::NT_CPU_LEVEL
