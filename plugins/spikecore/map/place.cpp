// Tiles to cores, and cores to ranges.
#include "mapping.hpp"

#include <algorithm>

namespace neurotool::spikecore {
namespace {

class Placer {
 public:
  explicit Placer(Mapping& map) : map_(map) {}

  /// Cores in order of level and neuron, in equal shares over the chips; what the partition pass
  /// has put on a chip goes there.
  void place() {
    const std::uint64_t share =
        std::max<std::uint64_t>(1, (map_.total_cores() + map_.chips - 1) / map_.chips);
    std::vector<std::uint32_t> used(map_.chips, 0);
    std::uint32_t current = 0;
    for (Layer& layer : map_.layers) {
      const std::int32_t wanted = layer.population().chip;
      if (wanted >= static_cast<std::int32_t>(map_.chips)) {
        no_room(layer.input.population, "spikecore.chip",
                quoted(layer.population().name) + " belongs on chip " +
                    number(static_cast<std::uint64_t>(wanted)) + "; there are " +
                    number(map_.chips),
                "chips: " + number(static_cast<std::uint64_t>(wanted) + 1));
      }
      for (const Tile& tile : layer.tiles) {
        layer.spots.emplace_back();
        for (std::size_t i = 0; i < 1 + tile.helpers.size(); ++i) {
          layer.spots.back().push_back(next_spot(layer, wanted, share, used, current));
        }
      }
    }
  }

 private:
  Spot next_spot(const Layer& layer, std::int32_t wanted, std::uint64_t share,
                 std::vector<std::uint32_t>& used, std::uint32_t& current) const {
    std::uint32_t chip = current;
    if (wanted >= 0) {
      chip = static_cast<std::uint32_t>(wanted);
    } else {
      while (used[current] >= share && current + 1 < map_.chips) ++current;
      chip = current;
      // The last chip is full of what had to go there: any other will do.
      for (std::uint32_t other = 0; used[chip] >= kCoresPerChip && other < map_.chips; ++other) {
        chip = other;
      }
    }
    if (used[chip] >= kCoresPerChip) {
      no_room(layer.input.population, "spikecore.cores",
              "chip " + number(chip) + " has no core left for " + quoted(layer.population().name),
              "put fewer populations on this chip");
    }
    return {static_cast<std::uint16_t>(chip), static_cast<std::uint16_t>(used[chip]++)};
  }

  Mapping& map_;
};

}  // namespace

void extend(std::vector<CoreRange>& ranges, Spot spot) {
  if (!ranges.empty() && ranges.back().chip == spot.chip && ranges.back().last + 1 == spot.core) {
    ranges.back().last = spot.core;
  } else {
    ranges.push_back({spot.chip, spot.core, spot.core});
  }
}

std::vector<CoreRange> ranges_of(const Layer& layer) {
  std::vector<CoreRange> ranges;
  for (const auto& spots : layer.spots) {
    for (const Spot spot : spots) extend(ranges, spot);
  }
  return ranges;
}

void place_tiles(Mapping& map) { Placer(map).place(); }

}  // namespace neurotool::spikecore
