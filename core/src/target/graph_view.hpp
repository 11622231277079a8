// A SpikeGraph as the opaque nt_graph of the ABI: count, then fill. Weights are views of the IR's
// own buffers; only names, settings and tables are made here.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "target/abi_values.hpp"
#include "target/parameters.hpp"

namespace neurotool {

class GraphView {
 public:
  /// The graph must be compact, outlive the view, and not change while the view lives.
  explicit GraphView(const SpikeGraph& graph);

  // The functions of nt_graph_api; they check every index.
  nt_code info(nt_graph_info* out) const;
  nt_code population(std::uint32_t index, nt_population* out) const;
  nt_code projection(std::uint32_t index, nt_projection* out) const;
  nt_code parameter(std::int32_t owner, std::uint32_t owner_index, std::uint32_t index,
                    nt_parameter* out) const;
  nt_code synapses(std::uint32_t projection, std::uint64_t source_neuron, nt_synapse* out,
                   std::size_t* count) const;

  const nt_graph* handle() const;

 private:
  struct Entry {
    GraphParameter parameter;
    Tensor scales;  ///< float64, where channels have scales of their own
  };
  static std::vector<Entry> entries(std::vector<GraphParameter> parameters);
  const std::string& fingerprint() const;

  const SpikeGraph& graph_;
  std::vector<std::vector<Entry>> population_parameters_, projection_parameters_;
  mutable std::once_flag hashed_;
  mutable std::string fingerprint_;
};

/// A view of the tensor's memory, good as long as `tensor` is.
nt_tensor abi_tensor(const Tensor& tensor);

/// nullptr where a plugin hands in no handle.
const GraphView* view_of(const nt_graph* handle);

}  // namespace neurotool
