// The table that neurotool offers to plugins.
#pragma once

#include <neurotool/plugin/abi.h>

namespace neurotool {

/// Static and constant; good for the life of the process.
const nt_host& host_table();

}  // namespace neurotool
