// The passes from spike graph to spike graph.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry quantize_entry();

}  // namespace neurotool
