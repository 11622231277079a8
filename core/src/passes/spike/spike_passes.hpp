// The passes from spike graph to spike graph.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry encode_input_entry();
PassEntry quantize_entry();

}  // namespace neurotool
