// The two halves of a snapshot's description: a Model as JSON with numbered tensors, and back.
#pragma once

#include <functional>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "ir/model.hpp"

namespace neurotool {

struct SnapshotParts {
  Json description;
  std::vector<Tensor> tensors;  ///< named in the description by their index
};

/// Everything of a model, tombstones included.
SnapshotParts describe_snapshot(const Model& model);

/// Fetches tensor number `index`, which holds elements of `dtype`.
using TensorSource = std::function<Result<Tensor>(std::size_t index, DType dtype)>;

/// Errors: snapshot.format, with the place in the description; snapshot.inconsistent.
Result<Model> rebuild_snapshot(const Json& description, const TensorSource& tensors);

}  // namespace neurotool
