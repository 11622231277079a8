// The passes that make a trained network smaller before it is lowered.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry quantize_weights_entry();
PassEntry equalize_layers_entry();
PassEntry prune_entry();
PassEntry remove_dead_ops_entry();
PassEntry merge_equal_ops_entry();

}  // namespace neurotool
