// Why an operation cannot be lowered, in the words of the messages.
#pragma once

#include <optional>
#include <string>

#include "ir/tensor_graph.hpp"

namespace neurotool::lower {

/// "'MaxPool_3' (max_pool) <reason>", and the way out, in which "{pass}" stands for the pass that
/// lowers.
struct Refusal {
  std::string reason, help;
};

/// What can be said from the kind of the op and from which inputs are constants, before anything is
/// known of their forms; nothing when the op may be lowered.
std::optional<Refusal> refusal_by_kind(const TensorGraph& graph, const OpNode& node);

/// The diagnostic lowering.unsupported-op, at the node's name in the model file.
Error unsupported(const std::string& model_path, const OpNode& node, const Refusal& refusal);

}  // namespace neurotool::lower
