// The passes that train.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry tune_qcfs_entry();
PassEntry tune_bptt_entry();

}  // namespace neurotool
