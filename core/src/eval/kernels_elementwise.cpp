// Ops that work element by element. Integers wrap where they overflow, as ONNX's other runtimes do;
// a division by zero of integers is an error.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "eval/broadcast_loop.hpp"
#include "eval/kernels.hpp"
#include "ir/words.hpp"

namespace neurotool::kernels {
namespace {

template <class T, class F>
Tensor map(const Tensor& in, const F& f) {
  const T* x = in.as<T>().data();
  Output<T> out(in.shape());
  T* y = out.data();
  for_elements(out.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) y[i] = f(x[i]);
  });
  return std::move(out).finish();
}

template <class T>
Result<Tensor> run_real(UnaryKind kind, const Tensor& in) {
  switch (kind) {
    case UnaryKind::kAbs:
      return map<T>(in, [](T x) { return std::abs(x); });
    case UnaryKind::kCeil:
      return map<T>(in, [](T x) { return std::ceil(x); });
    case UnaryKind::kCos:
      return map<T>(in, [](T x) { return std::cos(x); });
    case UnaryKind::kErf:
      return map<T>(in, [](T x) { return std::erf(x); });
    case UnaryKind::kExp:
      return map<T>(in, [](T x) { return std::exp(x); });
    case UnaryKind::kFloor:
      return map<T>(in, [](T x) { return std::floor(x); });
    case UnaryKind::kLog:
      return map<T>(in, [](T x) { return std::log(x); });
    case UnaryKind::kNeg:
      return map<T>(in, [](T x) { return -x; });
    case UnaryKind::kNot:
      break;
    // Not max(x, 0): a NaN must stay one.
    case UnaryKind::kRelu:
      return map<T>(in, [](T x) { return x < T{0} ? T{0} : x; });
    case UnaryKind::kRound:
      return map<T>(in, [](T x) { return std::nearbyint(x); });
    case UnaryKind::kSigmoid:
      return map<T>(in, [](T x) { return T{1} / (T{1} + std::exp(-x)); });
    case UnaryKind::kSign:
      return map<T>(in, [](T x) { return x > T{0} ? T{1} : x < T{0} ? T{-1} : x; });
    case UnaryKind::kSin:
      return map<T>(in, [](T x) { return std::sin(x); });
    case UnaryKind::kSqrt:
      return map<T>(in, [](T x) { return std::sqrt(x); });
    case UnaryKind::kTanh:
      return map<T>(in, [](T x) { return std::tanh(x); });
  }
  return unsupported("this function", kDTypeOf<T>);
}

/// Arithmetic on 64 unsigned bits wraps instead of being undefined.
template <class T, class F>
T wrapped(T a, T b, const F& f) {
  return static_cast<T>(f(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
}

template <class T>
Result<Tensor> run_integer(UnaryKind kind, const Tensor& in) {
  const auto negated = [](T x) { return wrapped(T{0}, x, std::minus<>()); };
  if (kind == UnaryKind::kNeg) return map<T>(in, negated);
  if (kind == UnaryKind::kAbs) return map<T>(in, [&](T x) { return x < T{0} ? negated(x) : x; });
  if (kind == UnaryKind::kRelu) return map<T>(in, [](T x) { return x < T{0} ? T{0} : x; });
  if (kind == UnaryKind::kSign) {
    return map<T>(in, [](T x) { return static_cast<T>((x > T{0} ? 1 : 0) - (x < T{0} ? 1 : 0)); });
  }
  return unsupported("this function", kDTypeOf<T>);
}

/// By squaring; wraps. A negative power of anything but 1 and -1 is cut off to 0.
template <class T>
T integer_power(T base, T exponent) {
  if (exponent < T{0}) {
    if (base == T{1}) return base;
    if (base == static_cast<T>(-1)) return exponent % 2 == 0 ? T{1} : base;
    return T{0};
  }
  T result{1};
  for (auto left = static_cast<std::uint64_t>(exponent); left != 0; left /= 2) {
    if (left % 2 == 1) result = wrapped(result, base, std::multiplies<>());
    base = wrapped(base, base, std::multiplies<>());
  }
  return result;
}

/// The rest of a division: with the sign of the divisor, or of the dividend. y is not 0 for
/// integers.
template <class T>
T rest(T x, T y, bool like_divisor) {
  T result;
  if constexpr (std::is_floating_point_v<T>) {
    result = std::fmod(x, y);
  } else {
    // The smallest integer divided by -1 overflows.
    result = std::is_signed_v<T> && y == static_cast<T>(-1) ? T{0} : static_cast<T>(x % y);
  }
  const bool other_sign = result != T{0} && (result < T{0}) != (y < T{0});
  return like_divisor && other_sign ? static_cast<T>(result + y) : result;
}

template <class T, class To = T, class F>
Tensor combine(const Tensor& a, const Tensor& b, const Shape& shape, const F& f) {
  const T* left = a.as<T>().data();
  const T* right = b.as<T>().data();
  Output<To> out(shape);
  To* result = out.data();
  if (out.size() == 0) return std::move(out).finish();
  for_broadcast(broadcast_axes(a.shape(), b.shape(), shape), [&](const BroadcastLine& line) {
    To* y = result + line.to;
    const T *x = left + line.at_a, *z = right + line.at_b;
    const std::int64_t extent = line.extent, step_a = line.step_a, step_b = line.step_b;
    // The three common cases, written so that the compiler sees their strides.
    if (step_a == 1 && step_b == 1) {
      for (std::int64_t i = 0; i < extent; ++i) y[i] = f(x[i], z[i]);
    } else if (step_a == 1 && step_b == 0) {
      for (std::int64_t i = 0; i < extent; ++i) y[i] = f(x[i], *z);
    } else {
      for (std::int64_t i = 0; i < extent; ++i) y[i] = f(x[i * step_a], z[i * step_b]);
    }
  });
  return std::move(out).finish();
}

template <class T>
bool has_zero(const Tensor& tensor) {
  return std::ranges::find(tensor.as<T>(), T{0}) != tensor.as<T>().end();
}

Error by_zero() { return error("eval.domain", {}, "a division of integers by zero"); }

template <class T>
Result<Tensor> run_binary(BinaryKind kind, const Tensor& a, const Tensor& b, const Shape& shape) {
  constexpr bool kReal = std::is_floating_point_v<T>;
  const auto arithmetic = [&](const auto& f) -> Result<Tensor> {
    return combine<T>(a, b, shape, [&](T x, T y) {
      if constexpr (kReal) return f(x, y);
      if constexpr (!kReal) return wrapped(x, y, f);
    });
  };
  switch (kind) {
    case BinaryKind::kAdd:
      return arithmetic(std::plus<>());
    case BinaryKind::kSub:
      return arithmetic(std::minus<>());
    case BinaryKind::kMul:
      return arithmetic(std::multiplies<>());
    case BinaryKind::kMin:
      return combine<T>(a, b, shape, [](T x, T y) { return y < x || is_nan(y) ? y : x; });
    case BinaryKind::kMax:
      return combine<T>(a, b, shape, [](T x, T y) { return x < y || is_nan(y) ? y : x; });
    case BinaryKind::kPow:
      return combine<T>(a, b, shape, [](T x, T y) {
        if constexpr (kReal) return std::pow(x, y);
        if constexpr (!kReal) return integer_power(x, y);
      });
    case BinaryKind::kMod:
    case BinaryKind::kFmod:
      if (!kReal && has_zero<T>(b)) return by_zero();
      return combine<T>(a, b, shape,
                        [=](T x, T y) { return rest(x, y, kind == BinaryKind::kMod); });
    case BinaryKind::kEqual:
      return combine<T, bool>(a, b, shape, [](T x, T y) { return x == y; });
    case BinaryKind::kLess:
      return combine<T, bool>(a, b, shape, [](T x, T y) { return x < y; });
    case BinaryKind::kLessOrEqual:
      return combine<T, bool>(a, b, shape, [](T x, T y) { return x <= y; });
    case BinaryKind::kAnd:
    case BinaryKind::kOr:
    case BinaryKind::kXor:
      break;
    case BinaryKind::kDiv:
      if constexpr (kReal) {
        return arithmetic(std::divides<>());
      } else {
        if (has_zero<T>(b)) return by_zero();
        return combine<T>(a, b, shape, [](T x, T y) {
          // The smallest integer divided by -1 has no representation: it wraps.
          if (std::is_signed_v<T> && y == static_cast<T>(-1)) {
            return wrapped(T{0}, x, std::minus<>());
          }
          return static_cast<T>(x / y);
        });
      }
  }
  return unsupported(word_of(kind), kDTypeOf<T>);
}

Result<Tensor> run_logic(BinaryKind kind, const Tensor& a, const Tensor& b, const Shape& shape) {
  if (kind == BinaryKind::kAnd) return combine<bool>(a, b, shape, std::logical_and<>());
  if (kind == BinaryKind::kOr) return combine<bool>(a, b, shape, std::logical_or<>());
  const bool equal = kind == BinaryKind::kEqual;
  return combine<bool>(a, b, shape, [=](bool x, bool y) { return (x == y) == equal; });
}

/// A float as an integer: cut off, held at the ends of the range, NaN as 0. Never undefined.
template <class To, class From>
To cut(From value) {
  constexpr auto kLeast = static_cast<double>(std::numeric_limits<To>::min());
  constexpr auto kMost = static_cast<double>(std::numeric_limits<To>::max());
  const auto wide = static_cast<double>(value);
  if (std::isnan(wide)) return To{0};
  if (wide <= kLeast) return std::numeric_limits<To>::min();
  if (wide >= kMost) return std::numeric_limits<To>::max();
  return static_cast<To>(wide);
}

}  // namespace

Result<Tensor> run(const Unary& op, Inputs in, const TensorType& out) {
  if (out.dtype == DType::kBool) return map<bool>(in[0], [](bool x) { return !x; });
  return with_number(out.dtype, op_name(Op(op)), [&]<class T>(T) -> Result<Tensor> {
    if constexpr (std::is_floating_point_v<T>) return run_real<T>(op.kind, in[0]);
    if constexpr (!std::is_floating_point_v<T>) return run_integer<T>(op.kind, in[0]);
  });
}

Result<Tensor> run(const Binary& op, Inputs in, const TensorType& out) {
  const DType dtype = in[0].dtype();
  if (dtype == DType::kBool) return run_logic(op.kind, in[0], in[1], *out.shape);
  return with_number(dtype, op_name(Op(op)), [&]<class T>(T) -> Result<Tensor> {
    return run_binary<T>(op.kind, in[0], in[1], *out.shape);
  });
}

Result<Tensor> run(const Clip&, Inputs in, const TensorType& out) {
  return with_number(out.dtype, "clipping", [&]<class T>(T) -> Result<Tensor> {
    const auto bound = [&](std::size_t index, T fallback) {
      const bool given = index < in.size() && in[index].defined();
      return given ? in[index].as<T>()[0] : fallback;
    };
    using Limits = std::numeric_limits<T>;
    const T least = bound(1, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
    const T most = bound(2, Limits::has_infinity ? Limits::infinity() : Limits::max());
    // Where the bounds cross, the upper one wins.
    return map<T>(in[0], [=](T x) {
      const T low = x < least ? least : x;
      return most < low ? most : low;
    });
  });
}

Result<Tensor> run(const Cast& op, Inputs in, const TensorType&) {
  const bool cuts = is_float(in[0].dtype()) && is_integer(op.to);
  if (!cuts) return in[0].converted(op.to);
  const Tensor wide = in[0].converted(DType::kFloat64);
  return with_number(op.to, "a cast", [&]<class T>(T) -> Result<Tensor> {
    const double* x = wide.as<double>().data();
    Output<T> out(wide.shape());
    for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] = cut<T>(x[i]);
    return std::move(out).finish();
  });
}

}  // namespace neurotool::kernels
