// The list of passes, in the order in which a pipeline usually names them. An explicit list: static
// initialisers vanish from static libraries and choose their own order.
#include "passes/registry.hpp"

#include <algorithm>
#include <array>

#include "passes/compress/compress_passes.hpp"
#include "passes/exact/exact_passes.hpp"
#include "passes/lower/lower_passes.hpp"
#include "passes/spike/clean_passes.hpp"
#include "passes/spike/spike_passes.hpp"
#include "passes/tensor/tensor_passes.hpp"
#include "passes/train/train_passes.hpp"

namespace neurotool {

std::span<const PassEntry> pass_registry() {
  static const std::array entries{
      infer_shapes_entry(),
      fold_constants_entry(),
      remove_identity_entry(),
      remove_dead_ops_entry(),
      merge_equal_ops_entry(),
      fold_batch_norm_entry(),
      equalize_layers_entry(),
      prune_entry(),
      quantize_weights_entry(),
      recognise_quantizers_entry(),
      tabulate_activations_entry(),
      tune_qcfs_entry(),
      tune_bptt_entry(),
      quantize_activations_entry(),
      rate_entry(),
      qcfs_entry(),
      exact_entry(),
      readout_entry(),
      encode_input_entry(),
      remove_dead_entry(),
      merge_equal_entry(),
      merge_relays_entry(),
      pack_silent_entry(),
      fuse_constant_input_entry(),
      quantize_entry(),
      certify_entry(),
  };
  return entries;
}

const PassEntry* find_pass(std::string_view name) {
  const auto entries = pass_registry();
  const auto found = std::ranges::find(entries, name, [](const auto& e) { return e.info.name; });
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace neurotool
