// A tree, or why there is none, as the bytes that one process hands another. No format for files:
// both sides are the same program.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/hdf5_tree.hpp"
#include "io/shared_values.hpp"

namespace neurotool::hdf5 {

/// Tensors that lie in `shared` are named, all others are copied.
std::string to_bytes(const Result<Item>& tree, const SharedValues& shared);

/// Nothing where the bytes are not whole: the process that wrote them may have been damaged by the
/// file that it read, so all of them are checked.
std::optional<Result<Item>> from_bytes(std::string_view bytes,
                                       const std::shared_ptr<SharedValues>& shared);

}  // namespace neurotool::hdf5
