// Bugs are loud: NT_CHECK throws InternalError, which session turns into a message, a reproducer
// folder and exit code 5. The library never aborts.
#pragma once

#include <stdexcept>
#include <string>

namespace neurotool {

class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);

}  // namespace neurotool

#define NT_CHECK(condition, message) \
  ((condition) ? void(0) : ::neurotool::check_failed(__FILE__, __LINE__, #condition, (message)))

#ifdef NDEBUG
#define NT_ASSERT(condition) void(sizeof(!(condition)))  // compiled, never run
#else
#define NT_ASSERT(condition) NT_CHECK(condition, "assertion")
#endif
