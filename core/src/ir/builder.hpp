// Small graphs in few lines, for frontends and tests.
#pragma once

#include <string>
#include <vector>

#include "ir/spike_graph.hpp"

namespace neurotool::build {

/// A binary IF population with threshold `threshold` and v(0) = `initial`, float or integer.
Population if_population(std::string name, Shape shape, float threshold, float initial = 0);
Population if_population(std::string name, Shape shape, std::int32_t threshold, std::int32_t initial = 0);
Population lif_population(std::string name, Shape shape, float threshold, float decay);
Population input_population(std::string name, Shape shape, bool held = true);
Population relay_population(std::string name, Shape shape);
/// A pure integrator marked as output.
Population readout_population(std::string name, Shape shape);

Dense dense(std::int64_t targets, std::int64_t sources, std::vector<float> weight);
Dense dense(std::int64_t targets, std::int64_t sources, std::vector<std::int8_t> weight);

}  // namespace neurotool::build
