// Everything that cannot be lowered, said once for each reason: forty nodes of one kind are one
// finding that names all forty.
#pragma once

#include <string>
#include <vector>

#include "passes/lower/refusal.hpp"

namespace neurotool::lower {

struct RefusedOp {
  OpId op;
  Refusal refusal;
};

/// One error (lowering.unsupported-op) for each kind of op and reason, at the first node with notes
/// for the others. The list is complete: reasons beyond a dozen share the last error.
std::vector<Error> findings_of(const std::vector<RefusedOp>& refused, const TensorGraph& graph,
                               const std::string& model_path);

}  // namespace neurotool::lower
