// Work that may crash or hang, done by a child process: a broken plugin costs one line of output.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace neurotool::cli {

struct ChildResult {
  std::string output;   ///< what the work returned
  std::string failure;  ///< "crashed with signal 11 (Segmentation fault)"; empty: it ended well
};

/// Runs `work` in a copy of this process whose stdout and stderr lead nowhere, and kills it after
/// `limit`. To be called before this process has threads.
ChildResult run_in_child(const std::function<std::string()>& work, std::chrono::milliseconds limit);

}  // namespace neurotool::cli
