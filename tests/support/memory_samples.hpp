// Sample sources without files.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ir/samples.hpp"

namespace neurotool::test {

class MemorySamples final : public SampleSource {
 public:
  /// `all` is float32 [count, …].
  MemorySamples(Tensor all, std::vector<std::int32_t> labels)
      : all_(std::move(all)),
        shape_(all_.shape().begin() + 1, all_.shape().end()),
        labels_(std::move(labels)) {}

  std::string name() const override { return "memory"; }
  std::int64_t size() const override { return all_.shape().front(); }
  const Shape& sample_shape() const override { return shape_; }
  Result<Tensor> batch(std::int64_t first, std::int64_t count) const override {
    const std::int64_t each = element_count(shape_).value();
    const auto values = all_.as<float>().subspan(static_cast<std::size_t>(first * each),
                                                 static_cast<std::size_t>(count * each));
    Shape shape = shape_;
    shape.insert(shape.begin(), count);
    return Tensor::from<float>(std::move(shape), {values.begin(), values.end()});
  }
  const std::vector<std::int32_t>& labels() const override { return labels_; }

 private:
  Tensor all_;
  Shape shape_;
  std::vector<std::int32_t> labels_;
};

/// Samples of zeros that cannot be read from number `broken_from` on.
class BrokenSamples final : public SampleSource {
 public:
  BrokenSamples(Shape shape, std::int64_t size, std::int64_t broken_from)
      : shape_(std::move(shape)),
        size_(size),
        broken_from_(broken_from),
        labels_(static_cast<std::size_t>(size)) {}

  std::string name() const override { return "broken"; }
  std::int64_t size() const override { return size_; }
  const Shape& sample_shape() const override { return shape_; }
  Result<Tensor> batch(std::int64_t first, std::int64_t count) const override {
    if (first + count > broken_from_) {
      return error("data.format", {},
                   fmt::format("sample {} is broken", std::max(first, broken_from_)));
    }
    Shape shape = shape_;
    shape.insert(shape.begin(), count);
    const auto values = static_cast<std::size_t>(element_count(shape).value());
    return Tensor::from<float>(std::move(shape), std::vector<float>(values));
  }
  const std::vector<std::int32_t>& labels() const override { return labels_; }

 private:
  Shape shape_;
  std::int64_t size_, broken_from_;
  std::vector<std::int32_t> labels_;
};

}  // namespace neurotool::test
