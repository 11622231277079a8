// Which neurons of which population have sent what, in one sample: recorded by the same call on
// every target, and drawn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "ir/samples.hpp"
#include "ir/spike_graph.hpp"
#include "target/target.hpp"

namespace neurotool {

struct RasterEvent {
  std::uint64_t step = 0;
  std::int64_t neuron = 0;
  bool negative = false;  ///< of a signed neuron
};

struct RasterRow {
  std::string population;
  std::int64_t neurons = 0;
  std::vector<RasterEvent> events;
};

struct SpikeRaster {
  std::int64_t sample = 0;
  std::uint64_t steps = 0;
  std::vector<RasterRow> rows;  ///< populations that can fire, in graph order
};

/// Runs the first sample once more, with its spikes recorded. Errors: target.*, run.*.
Result<SpikeRaster> record_raster(const Program& program, const SpikeGraph& graph,
                                  const SampleSource& data, std::uint64_t steps, std::uint64_t seed,
                                  Progress& progress);

/// Steps from left to right, neurons from top to bottom; of a large population some neurons at
/// equal distances, and the drawing says how many. Empty without a population that can fire.
std::string raster_chart(const SpikeRaster& raster, std::string_view title);

/// How often each weight of each projection is there, as stored. Empty without weights.
std::string weights_chart(const SpikeGraph& graph, std::string_view title);

}  // namespace neurotool
