// A SpikeGraph as a NIR graph that other simulators run. NIR has no field for a soft reset, an
// initial potential or the comparison at the threshold; a profile says which encoding stands for
// them, and what it loses is reported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "eval/nir/discretization.hpp"
#include "ir/nir/nir.hpp"
#include "ir/spike_graph.hpp"

namespace neurotool::to_nir {

enum class Profile {
  kPlain,   ///< IF nodes, one threshold per layer; reset and v(0) are metadata
  kNative,  ///< I, Threshold and Scale in a loop: exact in the equations of NIR
  kNorse,   ///< CubaLIF nodes without leak: exact in norse as it is
  kHard,    ///< LIF nodes without leak: for readers that reset to zero only
};
std::optional<Profile> profile_named(std::string_view word);
std::string_view profile_name(Profile profile);

struct ExportOptions {
  Profile profile = Profile::kPlain;
  double dt_seconds = 0;   ///< 0: that of the graph, or the profile's
  std::string producer{};  ///< "neurotool 1.0.0"
  Location at{};           ///< where the export was asked for
  /// Poolings become convolutions: nir 1.0.5 reads no graph with a pooling.
  bool without_pooling = false;
};

/// Which node of the file sends a population's spikes.
struct ExportedLayer {
  std::string population, node;
  std::int64_t neurons = 0;  ///< of the population: the first ones of the node, if it has more
};

struct Exported {
  nir::Graph graph;
  double dt_seconds = 0;
  std::vector<ExportedLayer> layers;  ///< firing populations, in graph order
  std::string input, output;          ///< nodes; of the first of each
  bool sums_output = false;           ///< the readout is the sum of what the Output gets
  bool resets_by_subtraction = true;
  bool fires_above = false;  ///< not at the threshold itself
};

/// Every finding goes to `diagnostics`; the returned error is the first. Errors:
/// nir.cannot-express, with the population or projection by name. Warnings: nir.reset-lost. Notes:
/// nir.lowered.
Result<Exported> export_graph(const SpikeGraph& graph, const ExportOptions& options,
                              Diagnostics& diagnostics);

}  // namespace neurotool::to_nir
