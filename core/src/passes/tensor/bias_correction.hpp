// Keeps the means of a network while its activations are being rounded: what rounding and clipping
// take away on average comes back as one constant for each channel, in front of each activation and
// behind each output.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/tensor_graph.hpp"
#include "passes/pass.hpp"

namespace neurotool::tensor_passes {

class BiasCorrection {
 public:
  /// The means of the network as it is, over the first calibration samples, where the activations
  /// read and at the outputs. Values without a channel axis are left alone.
  static Result<BiasCorrection> measure(const TensorGraph& graph,
                                        const std::vector<OpId>& activations, std::int64_t samples,
                                        Context& context);

  /// Adds the constants to the changed graph, whose activations are still the same operations.
  Result<> apply(TensorGraph& graph, Context& context) const;

 private:
  struct Place {
    OpId reader;  ///< invalid: an output
    std::size_t output = 0;
    ValueId value;
    std::size_t rank = 0;  ///< of the value
    std::vector<double> mean;
  };
  std::vector<Place> places_;
  std::int64_t samples_ = 0;
};

}  // namespace neurotool::tensor_passes
