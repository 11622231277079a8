// Work split by index over one pool. Results are stored by index, so nothing depends on timing.
#pragma once

#include <cstddef>
#include <functional>

namespace neurotool {

/// Sets the number of threads for the whole process, 1024 at most; 0 means one per core. Call
/// before any work.
void set_thread_count(std::size_t threads);
std::size_t thread_count();

/// Calls body(first, last) over disjoint ranges that cover [0, count) and waits for all of them.
/// The ranges depend on count and grain, never on the number of threads. `grain` is the smallest
/// range worth a task; the last one may be shorter. An exception thrown by body is thrown here: of
/// several, the one of the lowest range. Calls may nest.
void parallel_for(std::size_t count,
                  const std::function<void(std::size_t first, std::size_t last)>& body,
                  std::size_t grain = 1);

}  // namespace neurotool
