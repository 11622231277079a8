// --explain: every value with its origin, every pass with what it does.
#pragma once

#include <string>

#include "session/session.hpp"

namespace neurotool::cli {

std::string explain_plan(const SessionResult& result);

}  // namespace neurotool::cli
