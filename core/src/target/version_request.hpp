// ">=1.2": which versions of a plugin a pipeline file will do with. It only narrows the choice.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace neurotool {

/// Nothing when `version` satisfies `request` ("1.2", "==1.2", ">=1.2", ">1", "<=2.0", "<2"; empty:
/// any). Error: target.version.
Result<> check_version(std::string_view request, std::string_view version, std::string_view plugin,
                       const Location& at);

}  // namespace neurotool
