// Values of small tensors that follow from constants and known shapes alone: what a condition is,
// before any pass has run.
#pragma once

#include <optional>
#include <unordered_map>

#include "frontend/onnx/builder.hpp"
#include "ir/tensor.hpp"

namespace neurotool::from_onnx {

class KnownValues {
 public:
  explicit KnownValues(GraphBuilder& builder) : builder_(builder) {}

  /// The tensor, or nothing when it depends on data, on a free extent, or on a long computation.
  std::optional<Tensor> of(ValueId id) { return find(id, 0); }

 private:
  std::optional<Tensor> find(ValueId id, int depth);
  std::optional<Tensor> compute(ValueId id, int depth);

  GraphBuilder& builder_;
  std::unordered_map<std::uint32_t, std::optional<Tensor>> found_;
};

}  // namespace neurotool::from_onnx
