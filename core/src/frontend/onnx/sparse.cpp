// Zeros everywhere, and the stored elements at their indices: one number each, counted along the
// flattened tensor, or one row of coordinates.
#include "frontend/onnx/sparse.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "frontend/onnx/tensors.hpp"

namespace neurotool::from_onnx {
namespace {

/// Elements for each stored one, and for a tensor with none at all.
constexpr std::int64_t kMostPerStored = 64, kMostAnyway = 1024;

Error bad(std::string message) {
  return error("onnx.tensor", {}, "stored as a sparse tensor, " + std::move(message));
}

/// Where stored element `k` lies in the flattened tensor.
Result<std::int64_t> position(const Tensor& indices, std::int64_t k, const Shape& shape,
                              std::int64_t count) {
  const auto numbers = indices.as<std::int64_t>();
  if (indices.rank() == 1) {
    const std::int64_t at = numbers[static_cast<std::size_t>(k)];
    if (at >= 0 && at < count) return at;
    return bad(fmt::format("it has element {} of {}", at, to_string(shape)));
  }
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::int64_t at = 0;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    const std::int64_t index = numbers[static_cast<std::size_t>(k * rank + axis)];
    const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
    if (index < 0 || index >= extent) {
      return bad(fmt::format("it has index {} on axis {} of {}", index, axis, to_string(shape)));
    }
    at = at * extent + index;
  }
  return at;
}

}  // namespace

Result<Tensor> read_sparse(const ::onnx::SparseTensorProto& proto, const ExternalFolder& folder) {
  NT_TRY(const Tensor values, read_tensor(proto.values(), folder));
  NT_TRY(const Tensor indices, read_tensor(proto.indices(), folder));
  Shape shape(proto.dims().begin(), proto.dims().end());
  const auto count = element_count(shape);
  if (!count) return bad(fmt::format("its shape {} is none that a tensor has", to_string(shape)));
  const std::int64_t stored = values.size();
  const auto rank = static_cast<std::int64_t>(shape.size());
  const bool rows = indices.shape() == Shape{stored, rank};
  if (values.rank() != 1 || indices.dtype() != DType::kInt64 ||
      (indices.shape() != Shape{stored} && !rows)) {
    return bad(fmt::format("it has values of shape {} and indices of shape {} for {}",
                           to_string(values.shape()), to_string(indices.shape()),
                           to_string(shape)));
  }
  if (*count > kMostAnyway && *count / kMostPerStored > stored) {
    return bad(fmt::format("it has {} elements of {} only; store it densely", stored, *count));
  }
  const std::size_t width = byte_size(values.dtype());
  std::vector<std::byte> bytes(static_cast<std::size_t>(*count) * width);
  for (std::int64_t k = 0; k < stored; ++k) {
    NT_TRY(const std::int64_t at, position(indices, k, shape, *count));
    std::memcpy(bytes.data() + static_cast<std::size_t>(at) * width,
                values.data() + static_cast<std::size_t>(k) * width, width);
  }
  return Tensor::from_bytes(values.dtype(), std::move(shape), std::move(bytes));
}

}  // namespace neurotool::from_onnx
