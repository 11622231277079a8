// Runs a function in a copy of this process, with limits on time and memory, and tells how the copy
// ended: what it destroys, allocates or waits for is its own. The copy has one thread, so the
// function must not need another one, nor a lock that another one may hold.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/progress.hpp"

namespace neurotool {

struct ChildLimits {
  double seconds = 0;            ///< by the clock; 0: any number
  double processor_seconds = 0;  ///< rounded up to whole seconds; 0: any number
  std::uint64_t memory = 0;      ///< bytes of address space beyond what we have; 0: any number
};

/// How the child ends after its answer.
enum class Leave {
  kAtOnce,        ///< _exit(): nothing that was loaded runs any more
  kWithHandlers,  ///< exit(): destructors and exit handlers run, within the limits
};

struct ChildEnd {
  enum class How {
    kReturned,   ///< the function came back, and the process ended as it should
    kExited,     ///< an exception, or somebody else's exit; code is the exit status
    kSignalled,  ///< code is the signal
    kTimedOut,   ///< code is SIGXCPU where that was processor time, else 0
    kCancelled,
    kNotStarted,  ///< the system has no process to give; `said` is its reason
  };
  How how = How::kReturned;
  int code = 0;
  double seconds = 0;
  std::string answer;  ///< what the function returned, also when the process ended badly after it
  std::string said;    ///< the last line of the child's stdout and stderr
};

/// The child runs body() with stdin, stdout and stderr turned away, and dies with its parent.
/// With AddressSanitizer the memory is not limited: its own address space is beyond any limit.
ChildEnd run_in_child(const std::function<std::string()>& body, const ChildLimits& limits,
                      Leave leave = Leave::kAtOnce, const CancelFlag* cancel = nullptr);

/// "SIGSEGV", or "signal 70".
std::string signal_name(int number);

}  // namespace neurotool
