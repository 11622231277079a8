// The passes of the tensor level, for the registry.
#pragma once

#include "passes/pass.hpp"

namespace neurotool {

PassEntry infer_shapes_entry();
PassEntry fold_constants_entry();
PassEntry remove_identity_entry();
PassEntry fold_batch_norm_entry();
PassEntry recognise_quantizers_entry();
PassEntry quantize_activations_entry();
PassEntry tabulate_activations_entry();

}  // namespace neurotool
