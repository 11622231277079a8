// What the stages of a compilation share: the layers of a network, their tiles and places, and the
// object as far as it is made. One file writes each stage; compile.cpp runs them in order.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compile.hpp"

namespace neurotool::spikecore {

struct Spot {
  std::uint16_t chip = 0, core = 0;
};

/// A population and where it went.
struct Layer {
  LayerInput input;
  SlotPlan slots;
  std::uint32_t level = 0;
  std::int64_t size = 1, least = 1, most = 1;  ///< neurons of a tile
  std::vector<Tile> tiles;
  std::vector<std::vector<Spot>> spots;  ///< owner and helpers of each tile

  const Population& population() const { return input.network->populations[input.population]; }
  std::uint64_t cores() const {
    std::uint64_t count = 0;
    for (const Tile& tile : tiles) count += 1 + tile.helpers.size();
    return count;
  }
};

/// Cores of one chip without a gap.
struct CoreRange {
  std::uint16_t chip = 0, first = 0, last = 0;
};
/// Lengthens the last range where the spot follows it.
void extend(std::vector<CoreRange>& ranges, Spot spot);
/// Owners and helpers.
std::vector<CoreRange> ranges_of(const Layer& layer);

struct Mapping {
  const Network& network;
  const CompileOptions& options;
  const Schedule schedule;
  const std::function<void()>& alive;
  std::vector<Layer> layers = {};  ///< by level
  std::uint32_t chips = 1;
  std::uint64_t axons = 1;  ///< of the core that hears most
  Compiled result = {};

  Object& object() { return result.object; }
  std::uint64_t total_cores() const {
    std::uint64_t total = 0;
    for (const Layer& layer : layers) total += layer.cores();
    return total;
  }
  bool strict() const { return options.profile == Profile::kStrict; }
};

std::string number(std::uint64_t value);
std::string quoted(const std::string& name);
/// A larger machine would do. Throws Refused.
[[noreturn]] void no_room(std::uint32_t population, std::string code, std::string message,
                          std::string help);

void make_layers(Mapping& map);  ///< levels, axons, and how large tiles may be
void make_tiles(
    Mapping& map);  ///< code, in tiles small enough for `words` and few enough for the chips
void place_tiles(Mapping& map);  ///< tiles to cores
void write_cores(Mapping& map);  ///< cores, routes, and the wires of inputs and outputs
void write_plan(Mapping& map);   ///< the sequencer

}  // namespace neurotool::spikecore
