// Where passes and sessions get samples from, without knowing about files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/tensor.hpp"

namespace neurotool {

/// A fixed, ordered set of preprocessed samples. Functions may be called from any thread.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual std::string name() const = 0;
  virtual std::int64_t size() const = 0;
  virtual const Shape& sample_shape() const = 0;
  /// float32 [count, sample_shape…]; first + count <= size().
  virtual Result<Tensor> batch(std::int64_t first, std::int64_t count) const = 0;
  /// One class index per sample, or empty when there are no labels.
  virtual const std::vector<std::int32_t>& labels() const = 0;
};

}  // namespace neurotool
