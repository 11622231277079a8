// From samples to what a coded input sends, step by step: docs/semantics.md, section 4. The encoder
// is the host's, so that all targets receive the same spikes.
#pragma once

#include <cstdint>

#include "ir/spike_graph.hpp"

namespace neurotool {

/// A run as an encoder sees it.
struct EncodedRun {
  std::uint64_t steps = 0, seed = 1;
  std::int64_t first = 0;  ///< number of the first sample of the batch: poisson draws by it
};

/// `samples` is float32 [count, values], or [count, frames, values] where the encoder takes frames;
/// values are those of the neurons over Encoder::copies(). Returns float32 [count, steps, neurons].
/// Errors: run.input-coding (the steps do not fit, or a value below 0 that cannot be sent).
Result<Tensor> encode_samples(const Population& input, const Tensor& samples,
                              const EncodedRun& run);

}  // namespace neurotool
