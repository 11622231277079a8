// NIRData: recordings and stimuli beside a NIR graph, as nir 1.0.8 reads and writes them. A tree of
// nodes by name; each has observables, such as "spikes" or "v".
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "io/nir/nir_file.hpp"

namespace neurotool::nir {

/// One value for every sample, step and neuron: bool for spikes, a float type for traces.
struct TimeGridded {
  Tensor data;  ///< [samples, steps, neurons]
  double dt = 1;
  bool operator==(const TimeGridded&) const = default;
};

/// Events of each sample, padded to the same number: index -1 and time infinity mean none.
struct Events {
  Tensor idx;    ///< int64 [samples, events]
  Tensor time;   ///< float64 [samples, events]
  Tensor value;  ///< absent for events without a value
  std::int64_t neurons = 0;
  double t_max = 0;
  bool operator==(const Events&) const = default;
};

using Observable = std::variant<TimeGridded, Events>;

struct GraphData;
struct NodeData {
  std::map<std::string, Observable> observables;
  bool operator==(const NodeData&) const = default;
};

struct GraphData {
  std::map<std::string, NodeData> nodes;
  std::map<std::string, GraphData> graphs;  ///< of nested graphs; names are of both maps together
  bool operator==(const GraphData& other) const;
};

/// Codes: nir.data, hdf5.*, file.*
Result<GraphData> read_data(const std::filesystem::path& path, const hdf5::ReadLimits& limits = {});
Result<GraphData> read_data(std::string_view bytes, std::string_view where,
                            const hdf5::ReadLimits& limits = {});

/// The same data give the same bytes. Codes: nir.data.
Result<std::string> write_data(const GraphData& data);
Result<> write_data(const std::filesystem::path& path, const GraphData& data);

/// Events on a grid of steps: the step is floor(time / dt), the number of steps floor(t_max / dt).
/// Values are set, without values true. Events outside are refused (nir.data).
Result<TimeGridded> on_grid(const Events& events, double dt);

}  // namespace neurotool::nir
