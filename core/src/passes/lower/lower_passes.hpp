// The passes that make a spike graph out of a tensor graph, and those that finish its output.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry rate_entry();
PassEntry qcfs_entry();
PassEntry readout_entry();

}  // namespace neurotool
