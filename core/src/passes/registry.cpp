// The list of passes, in the order in which a pipeline usually names them. An explicit list: static
// initialisers vanish from static libraries and choose their own order.
#include "passes/registry.hpp"

#include <algorithm>
#include <array>

#include "passes/exact/exact_passes.hpp"
#include "passes/lower/lower_passes.hpp"
#include "passes/spike/spike_passes.hpp"
#include "passes/tensor/tensor_passes.hpp"

namespace neurotool {

std::span<const PassEntry> pass_registry() {
  static const std::array entries{
      infer_shapes_entry(),
      fold_constants_entry(),
      remove_identity_entry(),
      fold_batch_norm_entry(),
      recognise_quantizers_entry(),
      quantize_activations_entry(),
      rate_entry(),
      qcfs_entry(),
      exact_entry(),
      certify_entry(),
      readout_entry(),
      encode_input_entry(),
      quantize_entry(),
  };
  return entries;
}

const PassEntry* find_pass(std::string_view name) {
  const auto entries = pass_registry();
  const auto found = std::ranges::find(entries, name, [](const auto& e) { return e.info.name; });
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace neurotool
