// A result that nobody looks at is a failure that nobody sees.
#include "base/result.hpp"

neurotool::Result<> work();

void caller() {
#ifdef NT_RIGHT
  if (!work()) return;
#else
  work();
#endif
}
