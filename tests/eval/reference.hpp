// Straightforward loops to compare the evaluator with: one coordinate at a time, in double.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostic.hpp"
#include "base/random.hpp"
#include "eval/tensor_eval.hpp"

namespace neurotool::test {

using Index = std::vector<std::int64_t>;

/// Calls f(coordinates) for every element, row-major.
template <class F>
void for_each_index(const Shape& shape, const F& f) {
  const std::int64_t count = element_count(shape).value();
  for (std::int64_t flat = 0; flat < count; ++flat) {
    Index index(shape.size());
    std::int64_t rest = flat;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      index[axis] = rest % shape[axis];
      rest /= shape[axis];
    }
    f(index);
  }
}

/// The element at these coordinates.
inline double at(const Tensor& tensor, const Index& index) {
  std::int64_t flat = 0;
  for (std::size_t i = 0; i < index.size(); ++i) flat = flat * tensor.shape()[i] + index[i];
  return tensor.at(flat);
}

/// The element at the last coordinates that the tensor has; extents of 1 are repeated.
inline double at_broadcast(const Tensor& tensor, const Index& index) {
  Index own(index.end() - static_cast<std::ptrdiff_t>(tensor.rank()), index.end());
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (tensor.shape()[i] == 1) own[i] = 0;
  }
  return at(tensor, own);
}

/// A double tensor with f(coordinates) in each place.
template <class F>
Tensor computed(const Shape& shape, const F& f) {
  std::vector<double> values;
  for_each_index(shape, [&](const Index& index) { values.push_back(f(index)); });
  return Tensor::from<double>(shape, std::move(values));
}

/// Normal deviates, another stream for each seed.
inline Tensor random_tensor(Shape shape, std::uint64_t seed = 1) {
  RandomStream random(seed, "test", "tensor");
  std::vector<float> values;
  for (std::int64_t i = 0; i < element_count(shape).value(); ++i) {
    values.push_back(static_cast<float>(random.normal()));
  }
  return Tensor::from<float>(std::move(shape), std::move(values));
}

inline Tensor floats(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from<float>({count}, std::move(values));
}

inline Tensor integers(std::vector<std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from<std::int64_t>({count}, std::move(values));
}

/// The mean over axes, which are its second input.
inline Op mean_op(bool keep_dims) { return Reduce{.keep_dims = keep_dims}; }

/// What one op makes of these tensors; it must succeed.
inline Tensor run_op(const Op& op, const std::vector<Tensor>& inputs) {
  auto result = evaluate_op(op, inputs);
  if (!result) {
    ADD_FAILURE() << to_string(result.error());
    return {};
  }
  EXPECT_EQ(result->size(), 1u);
  return result->at(0);
}

/// "code: message" of an op that is refused.
inline std::string refusal_of(const Op& op, const std::vector<Tensor>& inputs) {
  const auto result = evaluate_op(op, inputs);
  if (result) return "accepted";
  return result.error().code + ": " + result.error().message;
}

/// Same shape, and elements that differ by `tolerance` times their size (or 1) at most; NaN and
/// infinities must be the same.
inline void expect_close(const Tensor& got, const Tensor& wanted, double tolerance = 1e-5) {
  ASSERT_TRUE(got.defined());
  ASSERT_EQ(got.shape(), wanted.shape());
  for (std::int64_t i = 0; i < wanted.size(); ++i) {
    const double value = wanted.at(i);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(got.at(i))) << "element " << i << " is " << got.at(i);
    } else if (std::isinf(value)) {
      ASSERT_EQ(got.at(i), value) << "element " << i;
    } else {
      ASSERT_NEAR(got.at(i), value, tolerance * std::max(1.0, std::abs(value))) << "element " << i;
    }
  }
}

}  // namespace neurotool::test
