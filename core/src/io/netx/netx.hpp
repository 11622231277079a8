// Lava's network files (`.net`, HDF5): a list of layers, each with a type, weights and one neuron
// model. netx.hpp is the file as it is; to_graph() and from_graph() know what Lava makes of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/hdf5_tree.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool::netx {

/// Every data set of the group by name; `type` beside them.
struct Neuron {
  std::string type;  ///< "CUBA", "LOIHI" (its older name), "SDNN", "RF", …
  hdf5::Group values;
  bool operator==(const Neuron&) const = default;

  /// A number or an array; undefined where it is absent or no number.
  Tensor number(std::string_view name) const;
};

struct Layer {
  std::string type;    ///< "input", "flatten", "dense", "dense_rec", "conv", "average", …
  Shape shape;         ///< [N] or [C,H,W] of what comes out
  hdf5::Group values;  ///< weight, bias, delay, stride, …
  std::optional<Neuron> neuron;
  bool operator==(const Layer&) const = default;

  Tensor number(std::string_view name) const;
};

struct Network {
  std::vector<Layer> layers;
  std::optional<double> step_ms;       ///< simulation/Ts
  std::optional<double> sample_steps;  ///< simulation/tSample
  bool operator==(const Network&) const = default;
};

/// True for a tree that is a Lava network: there is a /layer with an entry 0.
bool looks_like_netx(const hdf5::Group& root);

/// Codes: netx.format, hdf5.*, file.*
Result<Network> read(const std::filesystem::path& path, const hdf5::ReadLimits& limits = {});
Result<Network> read(std::string_view bytes, std::string_view where,
                     const hdf5::ReadLimits& limits = {});
Result<Network> from_tree(const hdf5::Group& root, std::string_view where);

/// The same network gives the same bytes.
Result<std::string> write(const Network& network);
Result<> write(const std::filesystem::path& path, const Network& network);

/// What Lava's fixed-point models compute, as an integer graph: a layer's synapses deliver one step
/// later, currents are shifted by six bits, a neuron fires above its threshold and is reset to 0.
/// Currents and membranes of more than 24 bits, which Lava wraps or cuts, are not looked after.
/// Everything that cannot be said is refused, layer by layer: sigma-delta and resonate-and-fire
/// neurons, pooling, average, concatenation, the old recurrent layer, biases behind a synaptic
/// current. Weights that Lava would clip are clipped, with a warning. Codes: netx.unsupported,
/// netx.value.
Result<SpikeGraph> to_graph(const Network& network, std::string_view where,
                            Diagnostics& diagnostics);

/// The network that gives an integer graph back, when Lava loads it. Refused, by population: a
/// reset by subtraction, more than one spike in a step, sums of several sources, pooling, and
/// numbers beyond what Lava holds. Codes: netx.unsupported, netx.value.
Result<Network> from_graph(const SpikeGraph& graph, Diagnostics& diagnostics);

}  // namespace neurotool::netx
