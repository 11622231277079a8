// The options of the target, as a pipeline file writes them.
#pragma once

#include <cstdint>

#include "machine/counters.hpp"
#include "map/compile.hpp"

namespace neurotool::spikecore {

enum class EnergyPreset { kHorowitz, kNeurocuda };

struct PluginOptions {
  Schedule schedule = Schedule::kAuto;
  Profile profile = Profile::kV1;
  std::int64_t chips = 0, grid = 0, axons = 0, words = kDefaultWords;
  bool prefetch = false, strict_spikes = false;
  EnergyPreset energy = EnergyPreset::kHorowitz;
  double clock_mhz = 100;
};

inline EnergyModel energy_model(const PluginOptions& options) {
  EnergyModel model;
  model.clock_megahertz = options.clock_mhz;
  if (options.energy == EnergyPreset::kNeurocuda) {
    model.synapse = 0.9;
    model.graded_synapse = 4.6;
  }
  return model;
}

inline CompileOptions compile_options(const PluginOptions& options) {
  return {options.schedule, options.profile, static_cast<std::uint32_t>(options.chips),
          static_cast<std::uint32_t>(options.axons), static_cast<std::uint32_t>(options.words)};
}

}  // namespace neurotool::spikecore
