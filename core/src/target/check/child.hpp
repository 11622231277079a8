// Runs a function in a child process with a time limit, and tells how the child ended.
#pragma once

#include <functional>
#include <string>

#include "base/progress.hpp"
#include "base/result.hpp"

namespace neurotool::conformance {

struct ChildEnd {
  enum class How {
    kReturned,   ///< the function came back, and the process ended as it should
    kExited,     ///< somebody else ended the process; code is the exit status
    kSignalled,  ///< code is the signal
    kTimedOut,
    kCancelled,
  };
  How how = How::kReturned;
  int code = 0;
  double seconds = 0;
  std::string answer;  ///< what the function returned, also when the process ended badly after it
  std::string said;    ///< the last line of the child's stdout and stderr
};

/// How the child ends after its answer.
enum class Leave {
  kAtOnce,        ///< _exit(): nothing of the plugin runs any more
  kWithHandlers,  ///< exit(): destructors and exit handlers run, within the time limit
};

/// Forks; the child runs body() with stdin, stdout and stderr turned away. Errors: plugin.child
/// when the system has no process to give.
Result<ChildEnd> run_in_child(const std::function<std::string()>& body, Leave leave,
                              double timeout_seconds, const CancelFlag* cancel);

}  // namespace neurotool::conformance
