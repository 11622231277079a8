// Reads a file where it can do no harm. Only for io/hdf5*.cpp; call under the lock, which the child
// inherits with the library as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "io/hdf5_tree.hpp"
#include "io/shared_values.hpp"

namespace neurotool::hdf5 {

struct GuardedFile {
  std::string where;        ///< its name in messages
  std::uint64_t bytes = 0;  ///< its size
};

/// The result of read(), which runs in a child with limits on time and memory and gets memory for
/// large values; or in this process, without it, where the limits ask for that. Errors: those of
/// read(), hdf5.crash, hdf5.limit, hdf5.process.
Result<Item> guarded(const GuardedFile& file, const ReadLimits& limits,
                     const std::function<Result<Item>(SharedValues*)>& read);

}  // namespace neurotool::hdf5
