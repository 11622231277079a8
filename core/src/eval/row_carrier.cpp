// One function for each kind of projection: convolutions and matrices through oneDNN, the others
// row by row.
#include "eval/row_carrier.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.hpp"

namespace neurotool {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

Shape batch_of(const Shape& shape, std::int64_t count) {
  Shape batch{count};
  batch.insert(batch.end(), shape.begin(), shape.end());
  return batch;
}

/// Sums of windows of one row of a pool.
void pool_row(const SumPool2d& pool, const Shape& source, const Shape& target, const float* from,
              float* to) {
  for (std::int64_t c = 0; c < target[0]; ++c) {
    const float weight = spread_at(pool.weight, c, target[0], 1.0f);
    for (std::int64_t y = 0; y < target[1]; ++y) {
      const std::int64_t top = y * pool.stride[0] - pool.padding[0];
      for (std::int64_t x = 0; x < target[2]; ++x) {
        const std::int64_t left = x * pool.stride[1] - pool.padding[1];
        float sum = 0;
        for (std::int64_t i = std::max<std::int64_t>(0, top);
             i < std::min(source[1], top + pool.kernel[0]); ++i) {
          const float* line = from + (c * source[1] + i) * source[2];
          for (std::int64_t j = std::max<std::int64_t>(0, left);
               j < std::min(source[2], left + pool.kernel[1]); ++j) {
            sum += line[j];
          }
        }
        to[(c * target[1] + y) * target[2] + x] = weight * sum;
      }
    }
  }
}

void sparse_row(const Sparse& sparse, const float* from, float* to) {
  const auto row_begin = sparse.row_begin.as<std::int64_t>();
  const auto targets = sparse.targets.as<std::int32_t>();
  const auto weights = sparse.weight.as<float>();
  for (std::size_t s = 0; s + 1 < row_begin.size(); ++s) {
    if (from[s] == 0) continue;
    for (std::size_t k = index(row_begin[s]); k < index(row_begin[s + 1]); ++k) {
      to[targets[k]] += weights[k] * from[s];
    }
  }
}

}  // namespace

void largest_of_windows(const MaxPool2d& pool, const Shape& source, const Shape& target,
                        const std::vector<float>& from, std::vector<float>& to) {
  for (std::int64_t c = 0; c < target[0]; ++c) {
    for (std::int64_t y = 0; y < target[1]; ++y) {
      const std::int64_t top = y * pool.stride[0] - pool.padding[0];
      for (std::int64_t x = 0; x < target[2]; ++x) {
        const std::int64_t left = x * pool.stride[1] - pool.padding[1];
        float largest = -std::numeric_limits<float>::infinity();
        for (std::int64_t i = std::max<std::int64_t>(0, top);
             i < std::min(source[1], top + pool.kernel[0]); ++i) {
          const float* line = from.data() + (c * source[1] + i) * source[2];
          for (std::int64_t j = std::max<std::int64_t>(0, left);
               j < std::min(source[2], left + pool.kernel[1]); ++j) {
            largest = std::max(largest, line[j]);
          }
        }
        to[index((c * target[1] + y) * target[2] + x)] = largest;
      }
    }
  }
}

Result<Tensor> RowCarrier::carry(std::vector<float> rows, std::int64_t count) const {
  return std::visit([&](const auto& kind) { return carry(kind, std::move(rows), count); },
                    projection_.connectivity);
}

TensorType RowCarrier::result(std::int64_t count) const {
  return {DType::kFloat32, batch_of(target_.shape, count), {}};
}

template <class Row>
Result<Tensor> RowCarrier::by_row(const std::vector<float>& rows, std::int64_t count,
                                  const Row& row) const {
  std::vector<float> carried(index(count * target_.size()), 0.0f);
  for (std::int64_t r = 0; r < count; ++r) {
    row(rows.data() + r * source_.size(), carried.data() + r * target_.size());
  }
  return Tensor::from<float>(batch_of(target_.shape, count), std::move(carried));
}

Result<Tensor> RowCarrier::carry(const Conv2d& kind, std::vector<float> rows,
                                 std::int64_t count) const {
  Conv op;
  op.strides.assign(kind.stride.begin(), kind.stride.end());
  op.dilations.assign(kind.dilation.begin(), kind.dilation.end());
  op.pads.assign(kind.padding.begin(), kind.padding.end());
  op.group = kind.groups;
  const Tensor inputs[] = {Tensor::from<float>(batch_of(source_.shape, count), std::move(rows)),
                           kind.weight};
  return cache_.run(op, inputs, result(count), true);
}

Result<Tensor> RowCarrier::carry(const Dense& kind, std::vector<float> rows,
                                 std::int64_t count) const {
  Gemm op;
  op.trans_b = true;
  const Tensor inputs[] = {Tensor::from<float>({count, source_.size()}, std::move(rows)),
                           kind.weight};
  TensorType type = result(count);
  type.shape = Shape{count, target_.size()};
  return cache_.run(op, inputs, type, true);
}

Result<Tensor> RowCarrier::carry(const SumPool2d& kind, std::vector<float> rows,
                                 std::int64_t count) const {
  return by_row(rows, count, [&](const float* from, float* to) {
    pool_row(kind, source_.shape, target_.shape, from, to);
  });
}

Result<Tensor> RowCarrier::carry(const MaxPool2d&, std::vector<float>, std::int64_t) const {
  check_failed(__FILE__, __LINE__, "carry", "a max pool remembers: deliver_largest()");
}

Result<Tensor> RowCarrier::carry(const OneToOne& kind, std::vector<float> rows,
                                 std::int64_t count) const {
  const auto weights = kind.weight.as<float>();
  const std::size_t inner = index(target_.size()) / weights.size();
  return by_row(rows, count, [&](const float* from, float* to) {
    for (std::size_t w = 0; w < weights.size(); ++w) {
      for (std::size_t i = w * inner; i < (w + 1) * inner; ++i) to[i] = weights[w] * from[i];
    }
  });
}

Result<Tensor> RowCarrier::carry(const Sparse& kind, std::vector<float> rows,
                                 std::int64_t count) const {
  return by_row(rows, count, [&](const float* from, float* to) { sparse_row(kind, from, to); });
}

}  // namespace neurotool
